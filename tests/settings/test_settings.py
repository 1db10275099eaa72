"""Settings: where each one may stand, which place wins, and what is refused with which words."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import queue
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from secure_media import allow_if, own_session, streamlit_login
from secure_media.core.keys import KeyRing
from secure_media.errors import ConfigurationError
from secure_media.settings.key_file import KeyFile
from secure_media.settings.misspelt import unknown_variables
from secure_media.settings.table import LONGEST_REFUSAL_PAGE, NAMES, TABLE, Settings, ledger_file, load

ONE = "one-secret-0123456789-abcdefghijklmnopqrst"
TWO = "two-secret-9876543210-zyxwvutsrqponmlkjihg"
THREE = "three-secret-5555544444-qwertyuiopasdfghj"
posix_only = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")


def _load(
    environ: Mapping[str, str] | None = None, section: Mapping[str, Any] | None = None, **arguments: Any
) -> Settings:
    return load(environ=environ or {}, secrets_section=section or {}, **arguments)


def _kids(*secrets: str | bytes) -> list[str]:
    return [key.kid for key in KeyRing(secrets)]


def _file(folder: Path, content: str | bytes, mode: int = 0o600) -> str:
    path = folder / "secret.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return str(path)


# --- defaults and places


def test_nothing_set_gives_the_defaults() -> None:
    """Without any setting there is a random key, the default policy and the default times."""
    settings = _load()

    assert settings.ephemeral
    assert len(settings.keys) == 1
    assert settings.keys.active.kid != _load().keys.active.kid
    assert repr(settings.policy) == "(own_session() | signed_url())"
    assert (settings.grace, settings.cookie_lifetime) == (30, 30 * 24 * 3600)
    assert settings.deployment == ""


def test_given_policy_is_the_policy() -> None:
    """A policy is taken as it is."""
    policy = own_session() & allow_if(lambda context: True)

    assert _load(policy=policy).policy is policy


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        pytest.param(ONE, [ONE], id="text"),
        pytest.param(ONE.encode(), [ONE], id="bytes"),
        pytest.param([ONE, TWO], [ONE, TWO], id="list"),
        pytest.param((TWO, ONE.encode()), [TWO, ONE], id="tuple-of-both"),
        pytest.param(iter([ONE, TWO]), [ONE, TWO], id="iterator"),
        pytest.param(f" {ONE}\n", [ONE], id="spaces-around"),
    ],
)
def test_secret_may_be_an_argument(secret: Any, expected: list[str]) -> None:
    """One secret or several, the newest first; spaces around text do not count."""
    settings = _load(secret=secret)

    assert [key.kid for key in settings.keys] == _kids(*expected)
    assert not settings.ephemeral


@pytest.mark.parametrize(
    ("environ", "section"),
    [
        pytest.param({"SECURE_MEDIA_SECRET": ONE}, {}, id="environment"),
        pytest.param({}, {"secret": ONE}, id="secrets"),
        pytest.param({"SECURE_MEDIA_SECRET": ONE}, {"secret": TWO}, id="environment-before-secrets"),
    ],
)
def test_secret_may_stand_outside(environ: dict[str, str], section: dict[str, Any]) -> None:
    """The environment wins over secrets.toml, and an argument over both."""
    settings = _load(environ, section)

    assert [key.kid for key in settings.keys] == _kids(ONE)
    assert not settings.ephemeral
    assert [key.kid for key in _load(environ, section, secret=THREE).keys] == _kids(THREE)


@pytest.mark.parametrize(
    ("environ", "section"),
    [
        pytest.param({"SECURE_MEDIA_SECRET": f"{ONE},{TWO}"}, {}, id="environment"),
        pytest.param({"SECURE_MEDIA_SECRET": f" {ONE} , {TWO}\n"}, {}, id="environment-with-spaces"),
        pytest.param({}, {"secret": f"{ONE},{TWO}"}, id="secrets-with-comma"),
        pytest.param({}, {"secret": [ONE, TWO]}, id="secrets-with-list"),
    ],
)
def test_several_secrets_may_stand_outside(environ: dict[str, str], section: dict[str, Any]) -> None:
    """Several secrets are separated by commas, or a list in secrets.toml; the first one signs."""
    assert [key.kid for key in _load(environ, section).keys] == _kids(ONE, TWO)


def test_comma_in_an_argument_is_part_of_the_secret() -> None:
    """Only text from outside is taken apart."""
    assert len(_load(secret=f"{ONE},{TWO}").keys) == 1


@pytest.mark.parametrize(
    ("name", "argument", "environment", "section", "expected"),
    [
        pytest.param("grace", 5, "6", 7, 5.0, id="grace-argument"),
        pytest.param("grace", None, "6", 7, 6.0, id="grace-environment"),
        pytest.param("grace", None, None, 7, 7.0, id="grace-secrets"),
        pytest.param("grace", 0, "6", 7, 0.0, id="grace-zero-is-an-argument"),
        pytest.param("grace", None, "0", 7, 0.0, id="grace-zero-in-the-environment"),
        pytest.param("grace", None, None, "2.5", 2.5, id="grace-as-text"),
        pytest.param("grace", 3600, None, None, 3600.0, id="grace-at-most"),
        pytest.param("cookie_lifetime", None, "3600", 60, 3600, id="cookie-lifetime-environment"),
        pytest.param("cookie_lifetime", None, None, 60, 60, id="cookie-lifetime-at-least"),
        pytest.param("cookie_lifetime", None, None, 400 * 24 * 3600, 34_560_000, id="cookie-lifetime-at-most"),
        pytest.param("deployment", "a", "b", "c", "a", id="deployment-argument"),
        pytest.param("deployment", None, "b", "c", "b", id="deployment-environment"),
        pytest.param("deployment", None, None, "c", "c", id="deployment-secrets"),
        pytest.param("deployment", "", "b", "c", "", id="deployment-empty-is-an-argument"),
        pytest.param("deployment", None, "", "c", "", id="deployment-empty-in-the-environment"),
        pytest.param("url_lifetime", None, None, None, 14_400.0, id="url-lifetime-by-default"),
        pytest.param("url_lifetime", 60, "70", 80, 60.0, id="url-lifetime-argument"),
        pytest.param("url_lifetime", None, "70", 80, 70.0, id="url-lifetime-environment"),
        pytest.param("url_lifetime", None, None, 80, 80.0, id="url-lifetime-secrets"),
        pytest.param("session_memory", None, None, None, 33_554_432, id="session-memory-by-default"),
        pytest.param("session_memory", 1_048_576, "2e6", 3_000_000, 1_048_576, id="session-memory-argument"),
        pytest.param("session_memory", None, "2e6", 3_000_000, 2_000_000, id="session-memory-environment"),
        pytest.param("session_memory", None, None, 3_000_000, 3_000_000, id="session-memory-secrets"),
        pytest.param("spool_limit", None, None, None, 8 * 1024**3, id="spool-limit-by-default"),
        pytest.param("spool_limit", 0, "70", 80, 0, id="spool-limit-argument"),
        pytest.param("spool_limit", None, "70", 80, 70, id="spool-limit-environment"),
        pytest.param("spool_limit", None, None, 1024**5, 1024**5, id="spool-limit-at-most"),
        pytest.param("embedded", None, None, None, False, id="embedded-by-default"),
        pytest.param("embedded", False, "true", True, False, id="embedded-argument"),
        pytest.param("embedded", None, "true", False, True, id="embedded-environment"),
        pytest.param("embedded", None, " TRUE ", False, True, id="embedded-in-capitals"),
        pytest.param("embedded", None, "1", False, True, id="embedded-one"),
        pytest.param("embedded", None, "0", True, False, id="embedded-zero"),
        pytest.param("embedded", None, "false", True, False, id="embedded-false-in-the-environment"),
        pytest.param("embedded", None, "", True, False, id="embedded-empty-in-the-environment"),
        pytest.param("embedded", None, None, True, True, id="embedded-secrets"),
        pytest.param("sign_media_urls", None, None, None, False, id="signing-by-default"),
        pytest.param("sign_media_urls", True, "false", False, True, id="signing-argument"),
        pytest.param("sign_media_urls", None, "true", False, True, id="signing-environment"),
        pytest.param("sign_media_urls", None, None, True, True, id="signing-secrets"),
        pytest.param("ledger", "a.db", "b.db", "c.db", Path("a.db").absolute(), id="ledger-argument"),
        pytest.param("ledger", Path("a.db"), "b.db", "c.db", Path("a.db").absolute(), id="ledger-path"),
        pytest.param("ledger", None, "b.db", "c.db", Path("b.db").absolute(), id="ledger-environment"),
        pytest.param("ledger", None, None, "c.db", Path("c.db").absolute(), id="ledger-secrets"),
        pytest.param("ledger", "memory", "b.db", "c.db", None, id="ledger-memory-argument"),
        pytest.param("ledger", None, "memory", "c.db", None, id="ledger-memory-environment"),
        pytest.param("ledger", None, None, "memory", None, id="ledger-memory-secrets"),
    ],
)
def test_argument_wins_over_environment_over_secrets(
    name: str, argument: object, environment: str | None, section: object, expected: object
) -> None:
    """The nearest place where a setting stands is the one that counts."""
    arguments = {} if argument is None else {name: argument}
    environ = {} if environment is None else {f"SECURE_MEDIA_{name.upper()}": environment}
    secrets = {} if section is None else {name: section}

    value = getattr(_load(environ, secrets, **arguments), name)

    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("argument", "environment", "section", "expected"),
    [
        pytest.param(None, None, None, None, id="none"),
        pytest.param("a.jsonl", "b.jsonl", "c.jsonl", "a.jsonl", id="argument"),
        pytest.param(Path("a.jsonl"), None, None, "a.jsonl", id="path"),
        pytest.param(None, "b.jsonl", "c.jsonl", "b.jsonl", id="environment"),
        pytest.param(None, None, "c.jsonl", "c.jsonl", id="secrets"),
        pytest.param(None, "-", None, "-", id="stderr"),
        pytest.param(None, None, "~/c.jsonl", str(Path("~/c.jsonl").expanduser()), id="home"),
    ],
)
def test_audit_log_is_a_file_or_stderr(argument: Any, environment: str | None, section: Any, expected: Any) -> None:
    """The audit log stands wherever a setting may; a path counts from the current directory."""
    environ = {} if environment is None else {"SECURE_MEDIA_AUDIT_LOG": environment}

    found = _load(environ, {} if section is None else {"audit_log": section}, audit_log=argument).audit_log

    assert found == (expected if expected in (None, "-") else str(Path(expected).absolute()))


@pytest.mark.parametrize(
    ("environ", "section", "argument", "where"),
    [
        pytest.param({}, {}, "", "audit_log", id="empty"),
        pytest.param({}, {}, ".", "audit_log", id="folder"),
        pytest.param({}, {}, "a\0b", "audit_log", id="nul"),
        pytest.param({}, {}, True, "audit_log", id="true"),
        pytest.param({"SECURE_MEDIA_AUDIT_LOG": ""}, {}, None, "SECURE_MEDIA_AUDIT_LOG", id="empty-variable"),
        pytest.param({}, {"audit_log": 1}, None, "secrets.toml: [secure_media] audit_log", id="number"),
    ],
)
def test_audit_log_that_cannot_be_a_file_is_refused(
    environ: dict[str, str], section: dict[str, Any], argument: Any, where: str
) -> None:
    """What cannot be the path of a file is an error with the setting's name."""
    with pytest.raises(ConfigurationError, match=re.escape(f"{where}: expected the path of a file, or '-' for stderr")):
        _load(environ, section, audit_log=argument)


@pytest.mark.parametrize(
    ("argument", "environment", "section", "expected"),
    [
        pytest.param(None, None, None, None, id="none"),
        pytest.param("a", "b", "c", "<p>a", id="argument"),
        pytest.param(Path("a"), None, None, "<p>a", id="path"),
        pytest.param(None, "b", "c", "<p>b", id="environment"),
        pytest.param(None, None, "c", "<p>größer", id="secrets"),
        pytest.param(None, "d", None, "<p>" + "d" * (LONGEST_REFUSAL_PAGE - 3), id="longest"),
    ],
)
def test_refusal_page_is_read_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    argument: Any,
    environment: str | None,
    section: Any,
    expected: str | None,
) -> None:
    """The page stands wherever a setting may; a path counts from the current directory, a mark at its start goes."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"a": "a", "b": "b", "c": "größer", "d": "d" * (LONGEST_REFUSAL_PAGE - 3)}.items():
        Path(name).write_text(f"<p>{text}", "utf-8-sig" if name == "c" else "utf-8")
    environ = {} if environment is None else {"SECURE_MEDIA_REFUSAL_PAGE": environment}

    found = _load(environ, {} if section is None else {"refusal_page": section}, refusal_page=argument)

    assert found.refusal_page == expected


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        pytest.param("", "expected the path of an HTML file", id="empty"),
        pytest.param(".", "expected the path of an HTML file", id="folder"),
        pytest.param("a\0b", "expected the path of an HTML file", id="nul"),
        pytest.param(True, "expected the path of an HTML file", id="true"),
        pytest.param("absent", "cannot read", id="absent"),
        pytest.param("pipe", "is not a file", id="pipe"),
        pytest.param("blank", "is empty", id="blank"),
        pytest.param("latin", "is not text in UTF-8", id="latin-1"),
        pytest.param("long", "has more than 256 KiB", id="long"),
    ],
)
def test_refusal_page_that_will_not_do_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: Any, message: str
) -> None:
    """A page that people could not be shown is an error at start, with the setting's name."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    for name, content in {"blank": b" \n", "latin": b"gr\xf6\xdfer", "long": b"x" * (LONGEST_REFUSAL_PAGE + 1)}.items():
        Path(name).write_bytes(content)

    with pytest.raises(ConfigurationError, match=f"^refusal_page: .*{re.escape(message)}"):
        _load({}, {}, refusal_page=argument)


# --- what is refused


@pytest.mark.parametrize(
    ("environ", "section", "arguments", "message"),
    [
        pytest.param({}, {"polcy": 1}, {}, "secrets.toml: [secure_media] has no setting 'polcy'", id="unknown-setting"),
        pytest.param(
            {}, {"grce": 1, "secret": ONE}, {}, "no setting 'grce'; did you mean 'grace'?", id="misspelt-setting"
        ),
        pytest.param({}, {"QQQ": 1}, {}, "no setting 'QQQ'; there are secret, secret_file,", id="nothing-like-it"),
        pytest.param({}, {"url-lifetime": 1}, {}, "did you mean 'url_lifetime'?", id="spelt-as-an-option"),
        pytest.param({}, {"SECURE_MEDIA_GRACE": 1}, {}, "did you mean 'grace'?", id="spelt-as-a-variable"),
        pytest.param(
            {}, {"policy": "own_session()"}, {}, "no setting 'policy'; policy is an argument of", id="policy-outside"
        ),
        pytest.param({}, {}, {"secret": ""}, "secret: has 0 bytes", id="empty-argument"),
        pytest.param({}, {}, {"secret": []}, "secret: the list of secrets is empty", id="empty-list"),
        pytest.param({}, {}, {"secret": [ONE, "x"]}, "secret, number 2: has 1 bytes", id="second-argument-short"),
        pytest.param({}, {}, {"secret": 5}, "secret: ", id="argument-is-a-number"),
        pytest.param({}, {}, {"secret": [5]}, "secret: expected str or bytes, got int", id="argument-has-a-number"),
        pytest.param({"SECURE_MEDIA_SECRET": ""}, {}, {}, "SECURE_MEDIA_SECRET: has 0 bytes", id="empty-variable"),
        pytest.param({"SECURE_MEDIA_SECRET": "short"}, {}, {}, "SECURE_MEDIA_SECRET: has 5 bytes", id="short-variable"),
        pytest.param(
            {"SECURE_MEDIA_SECRET": f"{ONE},"}, {}, {}, "SECRET, number 2: has 0 bytes", id="comma-at-the-end"
        ),
        pytest.param(
            {"SECURE_MEDIA_SECRET": "a" * 40}, {}, {}, "SECURE_MEDIA_SECRET: repeats", id="repetitive-variable"
        ),
        pytest.param(
            {}, {"secret": "short"}, {}, "secrets.toml: [secure_media] secret: has 5 bytes", id="short-in-secrets"
        ),
        pytest.param({}, {"secret": []}, {}, "[secure_media] secret: the list of secrets is empty", id="empty-secrets"),
        pytest.param({}, {"secret": [5]}, {}, "[secure_media] secret: expected str or bytes", id="number-in-a-list"),
        pytest.param({}, {"secret": 5}, {}, "secrets.toml: [secure_media] secret: ", id="number-in-secrets"),
        pytest.param(
            {"SECURE_MEDIA_SECRET": ONE, "SECURE_MEDIA_SECRET_FILE": "x"},
            {},
            {},
            "SECURE_MEDIA_SECRET and SECURE_MEDIA_SECRET_FILE are both set",
            id="secret-and-file",
        ),
        pytest.param(
            {"SECURE_MEDIA_SECRET_FILE": "x"},
            {"secret": ONE},
            {},
            "secrets.toml: [secure_media] secret and SECURE_MEDIA_SECRET_FILE are both set",
            id="secret-and-file-in-two-places",
        ),
        pytest.param({}, {}, {"policy": "own_session()"}, "policy: expected a policy", id="policy-is-text"),
        pytest.param({}, {}, {"policy": own_session}, "got function", id="policy-was-not-called"),
        pytest.param({}, {}, {"policy": lambda context: True}, "got function", id="policy-is-a-lambda"),
        pytest.param({}, {}, {"policy": False}, "got bool", id="policy-is-false"),
        pytest.param({}, {}, {"grace": -1}, "grace: expected a number of seconds from 0 to 3600", id="negative-grace"),
        pytest.param({}, {}, {"grace": 3601}, "grace: expected a number", id="long-grace"),
        pytest.param({}, {}, {"grace": float("nan")}, "grace: expected a number", id="grace-is-nan"),
        pytest.param({}, {}, {"grace": float("inf")}, "grace: expected a number", id="endless-grace"),
        pytest.param({}, {}, {"grace": 10**400}, "grace: expected a number", id="grace-beyond-floats"),
        pytest.param({}, {}, {"grace": True}, "grace: expected a number", id="grace-is-true"),
        pytest.param({}, {}, {"grace": [5]}, "grace: expected a number", id="grace-is-a-list"),
        pytest.param({"SECURE_MEDIA_GRACE": "soon"}, {}, {}, "SECURE_MEDIA_GRACE: expected", id="grace-is-a-word"),
        pytest.param({"SECURE_MEDIA_GRACE": ""}, {}, {}, "SECURE_MEDIA_GRACE: expected", id="grace-is-empty"),
        pytest.param({"SECURE_MEDIA_GRACE": "nan"}, {}, {}, "SECURE_MEDIA_GRACE: expected", id="grace-is-nan-as-text"),
        pytest.param({"SECURE_MEDIA_GRACE": "30x"}, {}, {}, "SECURE_MEDIA_GRACE: expected", id="grace-with-a-unit"),
        pytest.param({}, {"grace": False}, {}, "[secure_media] grace: expected", id="grace-is-false-in-secrets"),
        pytest.param(
            {}, {"cookie_lifetime": 59}, {}, "[secure_media] cookie_lifetime: expected", id="short-cookie-lifetime"
        ),
        pytest.param(
            {"SECURE_MEDIA_COOKIE_LIFETIME": str(401 * 24 * 3600)},
            {},
            {},
            "SECURE_MEDIA_COOKIE_LIFETIME: expected a number of seconds from 60 to",
            id="long-cookie-lifetime",
        ),
        pytest.param({}, {}, {"deployment": 7}, "deployment: expected a string, got int", id="deployment-is-a-number"),
        pytest.param(
            {},
            {},
            {"url_lifetime": 59},
            "url_lifetime: expected a number of seconds from 60 to",
            id="short-url-lifetime",
        ),
        pytest.param(
            {"SECURE_MEDIA_URL_LIFETIME": "4 hours"},
            {},
            {},
            "SECURE_MEDIA_URL_LIFETIME: expected",
            id="url-lifetime-a-word",
        ),
        pytest.param({}, {"url_lifetime": True}, {}, "[secure_media] url_lifetime: ", id="url-lifetime-is-true"),
        pytest.param(
            {},
            {},
            {"session_memory": 32},
            "session_memory: expected a number of bytes from 1048576 (1 MiB) to 1125899906842624 (1 PiB)",
            id="little-session-memory",
        ),
        pytest.param(
            {"SECURE_MEDIA_SESSION_MEMORY": "32 M"},
            {},
            {},
            "SECURE_MEDIA_SESSION_MEMORY: ",
            id="session-memory-a-word",
        ),
        pytest.param({}, {"session_memory": True}, {}, "[secure_media] session_memory: ", id="session-memory-is-true"),
        pytest.param(
            {"SECURE_MEDIA_SPOOL_LIMIT": "8 GBit"},
            {},
            {},
            "SECURE_MEDIA_SPOOL_LIMIT: expected a number of bytes from 0 to",
            id="spool-limit-with-a-unit",
        ),
        pytest.param({}, {}, {"spool_limit": -1}, "spool_limit: expected a number of bytes", id="negative-spool-limit"),
        pytest.param({}, {}, {"embedded": 1}, "embedded: expected true or false, got 1", id="embedded-is-a-number"),
        pytest.param({}, {}, {"embedded": "true"}, "embedded: expected true or false", id="embedded-argument-is-text"),
        pytest.param({}, {"embedded": "true"}, {}, "[secure_media] embedded: expected", id="embedded-secret-is-text"),
        pytest.param(
            {"SECURE_MEDIA_EMBEDDED": "yes"}, {}, {}, "SECURE_MEDIA_EMBEDDED: expected true or false", id="embedded-yes"
        ),
        pytest.param(
            {"SECURE_MEDIA_SIGN_MEDIA_URLS": "2"}, {}, {}, "SECURE_MEDIA_SIGN_MEDIA_URLS: expected", id="signing-two"
        ),
        pytest.param({}, {}, {"sign_media_urls": "no"}, "sign_media_urls: expected true", id="signing-is-text"),
        pytest.param({}, {}, {"ledger": ""}, "ledger: expected the path of a file, or 'memory'", id="empty-ledger"),
        pytest.param({"SECURE_MEDIA_LEDGER": ""}, {}, {}, "SECURE_MEDIA_LEDGER: expected", id="empty-ledger-variable"),
        pytest.param({}, {"ledger": 5}, {}, "[secure_media] ledger: expected the path", id="ledger-is-a-number"),
        pytest.param({}, {"ledger": False}, {}, "[secure_media] ledger: expected the path", id="ledger-is-false"),
        pytest.param({}, {}, {"ledger": "a\0b"}, "ledger: expected the path", id="ledger-with-nul"),
        pytest.param({}, {}, {"ledger": b"a.db"}, "ledger: expected the path", id="ledger-is-bytes"),
        pytest.param({}, {}, {"ledger": "."}, "ledger: expected the path", id="ledger-is-a-folder"),
        pytest.param({}, {}, {"ledger": Path(".")}, "ledger: expected the path", id="ledger-path-is-a-folder"),
        pytest.param(
            {"SECURE_MEDIA_LEDGER": "~nobody-of-that-name/a.db"}, {}, {}, "LEDGER: expected", id="ledger-of-nobody"
        ),
        pytest.param({}, {}, {"ledger": "x" * 5000}, "ledger: expected the path", id="ledger-with-a-long-name"),
        pytest.param(
            {}, {"deployment": ["a"]}, {}, "[secure_media] deployment: expected a string", id="deployment-is-a-list"
        ),
    ],
)
def test_wrong_setting_is_refused_by_name(
    environ: dict[str, str], section: dict[str, Any], arguments: dict[str, Any], message: str
) -> None:
    """A setting that is wrong stops the start, and the error calls it what it is called where it stands."""
    assert isinstance(_load(), Settings)

    with pytest.raises(ConfigurationError, match=re.escape(message)) as caught:
        _load(environ, section, **arguments)

    assert ONE not in str(caught.value)


# --- secret files


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(ONE, [ONE], id="one-line"),
        pytest.param(f"{ONE}\n", [ONE], id="newline-at-the-end"),
        pytest.param(f"{ONE}\r\n{TWO}\r\n", [ONE, TWO], id="windows"),
        pytest.param(f"# newest first\n{ONE}\n\n   \n# until May\n{TWO}\n", [ONE, TWO], id="comments-and-blanks"),
        pytest.param(f"  {ONE}\t\n", [ONE], id="spaces-around"),
        pytest.param(f"{ONE},{TWO}", [f"{ONE},{TWO}"], id="comma-is-part-of-it"),
        pytest.param(f"{ONE}#{TWO}", [f"{ONE}#{TWO}"], id="hash-inside-is-part-of-it"),
    ],
)
@posix_only
def test_secret_file_has_one_secret_a_line(tmp_path: Path, content: str, expected: list[str]) -> None:
    """A file holds a secret on each line, the newest first; blank lines and comments do not count."""
    path = _file(tmp_path, content)

    for environ, section in (({"SECURE_MEDIA_SECRET_FILE": path}, {}), ({}, {"secret_file": path})):
        settings = _load(environ, section)
        assert [key.kid for key in settings.keys] == _kids(*expected)
        assert not settings.ephemeral


def test_secret_file_may_be_below_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tilde stands for the home directory."""
    _file(tmp_path, ONE)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))

    settings = _load({"SECURE_MEDIA_SECRET_FILE": "~/secret.txt"})

    assert [key.kid for key in settings.keys] == _kids(ONE)


def test_argument_makes_the_secret_file_unimportant(tmp_path: Path) -> None:
    """A file that does not count is not read."""
    missing = str(tmp_path / "missing")
    with pytest.raises(ConfigurationError):
        _load({"SECURE_MEDIA_SECRET_FILE": missing})

    settings = _load({"SECURE_MEDIA_SECRET_FILE": missing}, secret=ONE)

    assert [key.kid for key in settings.keys] == _kids(ONE)


def test_environment_names_the_file_that_counts(tmp_path: Path) -> None:
    """The file in the environment wins over the one in secrets.toml."""
    path = _file(tmp_path, ONE)

    settings = _load({"SECURE_MEDIA_SECRET_FILE": path}, {"secret_file": str(tmp_path / "missing")})

    assert [key.kid for key in settings.keys] == _kids(ONE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "the list of secrets is empty", id="empty"),
        pytest.param("\n\n# nothing\n", "the list of secrets is empty", id="only-comments"),
        pytest.param("short\n", "has 5 bytes", id="short"),
        pytest.param(f"{ONE}\nshort\n", "has 5 bytes", id="second-line-short"),
        pytest.param(b"\xff\xfe" + ONE.encode(), "is not a text file", id="not-text"),
        pytest.param(bytes(range(128, 192)), "is not a text file", id="raw-key"),
    ],
)
def test_secret_file_with_another_content_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    """A file without good secrets stops the start, and the error names the setting and no secret."""
    path = _file(tmp_path, content)

    with pytest.raises(ConfigurationError, match=re.escape(message)) as caught:
        _load({"SECURE_MEDIA_SECRET_FILE": path})

    assert str(caught.value).startswith("SECURE_MEDIA_SECRET_FILE")
    assert ONE not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("missing", "cannot read", id="missing"),
        pytest.param("", "is not a file", id="directory"),
        pytest.param("secret.txt/below", "cannot read", id="below-a-file"),
        pytest.param("x" * 5000, "cannot read", id="long-name"),
        pytest.param("nul\x00byte", "SECURE_MEDIA_SECRET_FILE: ", id="nul-byte"),
    ],
)
def test_secret_file_that_is_no_file_is_refused(tmp_path: Path, name: str, message: str) -> None:
    """A path to no file stops the start, with the setting's name."""
    good = _file(tmp_path, ONE)
    assert len(_load({"SECURE_MEDIA_SECRET_FILE": good}).keys) == 1

    with pytest.raises(ConfigurationError, match=re.escape(message)) as caught:
        _load({"SECURE_MEDIA_SECRET_FILE": f"{tmp_path}/{name}"})

    assert str(caught.value).startswith("SECURE_MEDIA_SECRET_FILE: ")


def test_secret_file_of_an_unknown_user_is_refused() -> None:
    """A home directory that cannot be found stops the start, with the setting's name."""
    with pytest.raises(ConfigurationError, match="SECURE_MEDIA_SECRET_FILE: "):
        _load({"SECURE_MEDIA_SECRET_FILE": "~nobody-of-that-name/secret.txt"})


@posix_only
@pytest.mark.parametrize(
    ("mode", "accepted"),
    [
        pytest.param(0o400, True, id="owner-reads"),
        pytest.param(0o600, True, id="owner-writes"),
        pytest.param(0o640, True, id="group-reads"),
        pytest.param(0o644, False, id="everyone-reads"),
        pytest.param(0o604, False, id="others-read"),
    ],
)
def test_secret_file_that_everyone_can_read_is_refused(tmp_path: Path, mode: int, accepted: bool) -> None:
    """A secret that every account on the machine can read is none, and the error says how to close the file."""
    path = _file(tmp_path, ONE, mode)

    if accepted:
        assert [key.kid for key in _load({"SECURE_MEDIA_SECRET_FILE": path}).keys] == _kids(ONE)
    else:
        with pytest.raises(ConfigurationError, match="chmod 600"):
            _load({"SECURE_MEDIA_SECRET_FILE": path})


@posix_only
def test_symbolic_link_is_judged_by_what_it_points_to(tmp_path: Path) -> None:
    """A mounted secret is a link to a file, and the file's permissions count."""
    link = tmp_path / "link"
    link.symlink_to(_file(tmp_path, ONE))
    assert len(_load({"SECURE_MEDIA_SECRET_FILE": str(link)}).keys) == 1

    _file(tmp_path, ONE, 0o644)

    with pytest.raises(ConfigurationError, match="chmod 600"):
        _load({"SECURE_MEDIA_SECRET_FILE": str(link)})


# --- keys that change while the app runs


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Rotation:
    """A file with secrets, and the ring that was read from it."""

    def __init__(self, folder: Path, clock: Clock, *secrets: str) -> None:
        self.clock = clock
        self.path = Path(_file(folder, "\n".join(secrets)))
        self.file = KeyFile("SECURE_MEDIA_SECRET_FILE", str(self.path), clock=clock)

    def write(self, content: str, mode: int = 0o600) -> None:
        """Replace the file as a careful administrator does: another one is moved into its place."""
        new = self.path.with_name("new")
        new.write_text(content)
        new.chmod(mode)
        new.replace(self.path)

    def settled(self) -> list[str]:
        """Return the names of the keys after two looks at the file, between which nobody has written it."""
        self.kids_after(1)
        return self.kids_after(1)

    def kids_after(self, seconds: float) -> list[str]:
        """Return the names of the keys after a look at the file some seconds later."""
        self.clock.now += seconds
        self.file.refresh()
        return [key.kid for key in self.file.ring]


@pytest.fixture
def rotation(tmp_path: Path) -> Rotation:
    """Return a file with one secret, which was just read."""
    return Rotation(tmp_path, Clock(), ONE)


@posix_only
def test_keys_are_rotated_without_a_restart(rotation: Rotation, caplog: pytest.LogCaptureFixture) -> None:
    """A new secret in front signs, the old one verifies until it is dropped, and the log tells of it without either."""
    ring = rotation.file.ring

    with caplog.at_level(logging.INFO, "secure_media"):
        rotation.write(f"{TWO}\n{ONE}\n")
        assert rotation.settled() == _kids(TWO, ONE)
        rotation.write(f"{TWO}\n")
        assert rotation.settled() == _kids(TWO)

    assert rotation.file.ring is ring
    assert [record.getMessage() for record in caplog.records] == [
        "SECURE_MEDIA_SECRET_FILE: keys rotated: {} signs; {} still verifies".format(*_kids(TWO, ONE)),
        "SECURE_MEDIA_SECRET_FILE: keys rotated: {} signs; {} was dropped".format(*_kids(TWO, ONE)),
    ]
    assert ONE not in caplog.text
    assert TWO not in caplog.text


@posix_only
def test_settings_hold_the_keys_that_change(tmp_path: Path) -> None:
    """Whoever has the settings' keys has the new ones; there is a file to look at only if the keys came from one."""
    path = _file(tmp_path, ONE)
    settings = _load({"SECURE_MEDIA_SECRET_FILE": path})

    assert settings.secret_file is not None
    assert settings.secret_file.ring is settings.keys
    for other in (_load(), _load(secret=ONE), _load({"SECURE_MEDIA_SECRET": ONE})):
        assert other.secret_file is None


@posix_only
def test_file_is_looked_at_once_a_second(rotation: Rotation) -> None:
    """However many requests come, the disk is asked once a second."""
    rotation.write(f"{TWO}\n")

    assert rotation.kids_after(0) == _kids(ONE)
    assert rotation.kids_after(1.999) == _kids(ONE)
    assert rotation.kids_after(0.999) == _kids(ONE)
    assert rotation.kids_after(0.001) == _kids(TWO)
    rotation.write(f"{THREE}\n")
    assert rotation.kids_after(0.999) == _kids(TWO)
    assert rotation.kids_after(0.001) == _kids(TWO)
    assert rotation.kids_after(1) == _kids(THREE)


@posix_only
def test_file_that_was_only_touched_changes_nothing(rotation: Rotation, caplog: pytest.LogCaptureFixture) -> None:
    """The same secrets in another file, with other comments, are the same keys, and nothing to tell of."""
    key = rotation.file.ring.active

    with caplog.at_level(logging.INFO, "secure_media"):
        rotation.write(f"# written anew\n{ONE}\n")
        assert rotation.settled() == _kids(ONE)

    assert rotation.file.ring.active is key
    assert caplog.records == []


def _empty(rotation: Rotation) -> None:
    rotation.write("")


def _short(rotation: Rotation) -> None:
    rotation.write(f"{TWO}\nshort\n")


def _removed(rotation: Rotation) -> None:
    rotation.path.unlink()


def _folder(rotation: Rotation) -> None:
    rotation.path.unlink()
    rotation.path.mkdir()


def _no_text(rotation: Rotation) -> None:
    rotation.path.write_bytes(bytes(range(128, 192)))


def _readable_by_everyone(rotation: Rotation) -> None:
    rotation.path.chmod(0o644)


def _replaced_by_what_everyone_can_read(rotation: Rotation) -> None:
    rotation.write(TWO, 0o644)


@posix_only
@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        pytest.param(_empty, "the list of secrets is empty", id="empty"),
        pytest.param(_short, "has 5 bytes", id="short-secret"),
        pytest.param(_removed, "cannot read", id="removed"),
        pytest.param(_folder, "is not a file", id="folder"),
        pytest.param(_no_text, "is not a text file", id="no-text"),
        pytest.param(_readable_by_everyone, "everyone on this machine can read", id="permissions-loosened"),
        pytest.param(_replaced_by_what_everyone_can_read, "everyone on this machine can read", id="replaced-too-open"),
    ],
)
def test_file_that_will_not_do_changes_nothing(
    rotation: Rotation, caplog: pytest.LogCaptureFixture, spoil: Callable[[Rotation], None], why: str
) -> None:
    """The keys stay as they were, the log says why, once, and a good file is taken as soon as there is one."""
    spoil(rotation)
    with caplog.at_level(logging.INFO, "secure_media"):
        for _ in range(5):
            assert rotation.settled() == _kids(ONE)

    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith("keys.not_rotated SECURE_MEDIA_SECRET_FILE")
    assert why in record.getMessage()
    assert record.exc_info is None
    for secret in (ONE, TWO, "short"):
        assert secret not in record.getMessage()
    if rotation.path.is_dir():
        rotation.path.rmdir()
    rotation.write(f"{TWO}\n{ONE}\n")
    assert rotation.settled() == _kids(TWO, ONE)


@posix_only
def test_file_of_a_mounted_secret_is_followed(tmp_path: Path) -> None:
    """Kubernetes puts the new secret into another folder and moves a symbolic link to it into place."""
    for name, content in (("first", ONE), ("second", f"{TWO}\n{ONE}")):
        (tmp_path / name).mkdir()
        _file(tmp_path / name, content, 0o400)
    (tmp_path / "data").symlink_to("first")
    (tmp_path / "secret").symlink_to("data/secret.txt")
    clock = Clock()
    file = KeyFile("SECURE_MEDIA_SECRET_FILE", str(tmp_path / "secret"), clock=clock)
    assert [key.kid for key in file.ring] == _kids(ONE)

    (tmp_path / "new").symlink_to("second")
    (tmp_path / "new").replace(tmp_path / "data")
    for _ in range(2):
        clock.now += 1
        file.refresh()

    assert [key.kid for key in file.ring] == _kids(TWO, ONE)


@posix_only
def test_half_written_file_is_not_read(rotation: Rotation, caplog: pytest.LogCaptureFixture) -> None:
    """While a file is written in place, piece by piece, the keys stay; half of a secret would be a key too."""
    with caplog.at_level(logging.INFO, "secure_media"), rotation.path.open("w") as file:
        for piece in (TWO[:34], TWO[34:], "\n", ONE[:33], ONE[33:]):
            file.write(piece)
            file.flush()
            assert rotation.kids_after(1) == _kids(ONE)
    assert caplog.records == []

    assert rotation.kids_after(1) == _kids(TWO, ONE)


@posix_only
@pytest.mark.parametrize("old", [pytest.param("", id="alone"), pytest.param(f"{ONE}\n", id="behind-the-old-one")])
def test_new_secret_that_stays_half_written_is_not_taken(rotation: Rotation, old: str) -> None:
    """Whoever writes a new secret in two pieces, some seconds apart, never has the first piece for a key."""
    for piece in (TWO[:34], TWO[34:]):
        with rotation.path.open("a" if piece in TWO[34:] else "w") as file:
            file.write(f"{old if piece in TWO[:34] else ''}{piece}")
        for _ in range(10):
            assert rotation.kids_after(1) == _kids(ONE)

    with rotation.path.open("a") as file:
        file.write("\n")
    rotation.kids_after(1)
    assert rotation.kids_after(1) == _kids(*([ONE] if old else []), TWO)


@posix_only
def test_secret_whose_line_does_not_end_is_taken_in_the_end(rotation: Rotation) -> None:
    """A file that is meant to end within a line is taken when nobody has written to it for half a minute."""
    rotation.write(TWO)

    assert rotation.kids_after(1) == _kids(ONE)
    assert rotation.kids_after(29) == _kids(ONE)
    assert rotation.kids_after(1) == _kids(TWO)
    rotation.write(f"{THREE}\n{TWO}")  # known as it stands, so it is whole
    assert rotation.settled() == _kids(THREE, TWO)


@posix_only
def test_copy_that_broke_off_is_refused(rotation: Rotation, caplog: pytest.LogCaptureFixture) -> None:
    """A file that stays cut off in a secret that is known changes nothing, and the log says so without the secret."""
    rotation.path.write_text(f"{TWO}\n{ONE[:33]}")

    assert rotation.settled() == _kids(ONE)
    assert "only the beginning of the one before" in caplog.text
    assert ONE[:33] not in caplog.text
    rotation.path.write_text(f"{TWO}\n{ONE}")
    assert rotation.settled() == _kids(TWO, ONE)


@posix_only
def test_file_that_was_written_long_ago_is_read_at_the_first_look(tmp_path: Path) -> None:
    """An app that nobody asked for a while drops a key with the first request, not with the second."""
    path, clock = Path(_file(tmp_path, ONE)), Clock()
    file = KeyFile("SECURE_MEDIA_SECRET_FILE", str(path), clock=clock, wall=lambda: path.stat().st_ctime + 6)
    path.write_text(f"{TWO}\n")  # of another size: the clock of the disk may not have moved on

    clock.now += 3600
    file.refresh()

    assert [key.kid for key in file.ring] == _kids(TWO)


@posix_only
def test_file_is_watched_while_nobody_asks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A key that was dropped is gone before anyone asks; a look that fails is on record, and the next one follows."""
    path, clock = Path(_file(tmp_path, ONE)), Clock()
    walls: Iterator[float] = iter([float("inf")])
    file = KeyFile("SECURE_MEDIA_SECRET_FILE", str(path), clock=clock, wall=lambda: next(walls))
    waits, goes_on = queue.Queue[float](), queue.Queue[None]()

    def wait(seconds: float) -> None:
        waits.put(seconds)
        goes_on.get()

    def look() -> None:
        clock.now += 10
        goes_on.put(None)
        assert waits.get(timeout=60) == 1.0

    file.watch(wait)
    assert waits.get(timeout=60) == 1.0
    path.write_text(f"{TWO}\n")
    look()
    assert [key.kid for key in file.ring] == _kids(TWO)
    path.write_text(f"{ONE}\n\n")
    look()
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == ["keys.not_read"]
    look()
    assert len(waits.queue) == 0


@posix_only
def test_secret_of_the_same_length_is_noticed(rotation: Rotation) -> None:
    """A file that was written in place counts as changed, though its size is the same."""
    before = rotation.path.stat()
    other = ONE[::-1]

    rotation.path.write_text(other)
    os.utime(rotation.path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))

    assert rotation.path.stat().st_size == before.st_size
    rotation.settled()
    assert rotation.kids_after(30) == _kids(other)


# --- what the new settings depend on


def test_embedded_app_signs_its_urls() -> None:
    """A frame of another site may get no cookie, so every URL has a grant unless that is switched off."""
    assert _load(embedded=True).sign_media_urls
    assert _load({"SECURE_MEDIA_EMBEDDED": "true"}).sign_media_urls
    assert not _load(embedded=True, sign_media_urls=False).sign_media_urls
    assert not _load({"SECURE_MEDIA_SIGN_MEDIA_URLS": "false"}, {"embedded": True}).sign_media_urls


def test_ledger_is_a_file_unless_the_keys_end_with_the_process() -> None:
    """Grants that outlive the process need a ledger that does; a random key needs none."""
    default = Path(".streamlit", "secure_media.sqlite3").absolute()

    assert _load(secret=ONE).ledger == default
    assert _load().ledger is None
    assert _load(policy=own_session() & streamlit_login()).ledger == default  # whose cookies are Streamlit's
    assert _load(policy=own_session() & streamlit_login(), ledger="memory").ledger is None
    assert _load(ledger="a.db").ledger == Path("a.db").absolute()


def test_ledger_may_be_below_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tilde stands for the home directory, as it does for the secret's file."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))

    assert _load({"SECURE_MEDIA_LEDGER": "~/a.db"}).ledger == tmp_path / "a.db"


def test_ledger_does_not_move_with_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that changes the current directory does not change where revocations are."""
    monkeypatch.chdir(tmp_path)
    settings = _load(secret=ONE, ledger="a.db")
    (tmp_path / "elsewhere").mkdir()

    monkeypatch.chdir(tmp_path / "elsewhere")

    assert settings.ledger == tmp_path / "a.db"


@posix_only
def test_commands_find_what_the_app_does(tmp_path: Path) -> None:
    """A command without an app has the same keys and the same ledger as the app, from the same places."""
    path = _file(tmp_path, ONE)
    for environ, section in (
        ({"SECURE_MEDIA_SECRET": ONE, "SECURE_MEDIA_LEDGER": "a.db"}, {}),
        ({}, {"secret": ONE, "ledger": "a.db"}),
        ({"SECURE_MEDIA_SECRET_FILE": path}, {"ledger": "a.db"}),
    ):
        settings = _load(environ, section)

        assert [key.kid for key in settings.keys] == _kids(ONE)
        assert ledger_file(environ=environ, secrets_section=section) == settings.ledger == Path("a.db").absolute()


def test_commands_look_for_the_ledger_of_an_app_with_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a secret here, the ledger is where an app with one in its script has it; a wrong setting is an error."""
    assert ledger_file(environ={}, secrets_section={}) == Path(".streamlit", "secure_media.sqlite3").absolute()
    assert ledger_file(environ={}, secrets_section={"ledger": "memory"}) is None
    with pytest.raises(ConfigurationError, match="SECURE_MEDIA_LEDGER: expected"):
        ledger_file(environ={"SECURE_MEDIA_LEDGER": str(tmp_path)}, secrets_section={})
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".streamlit" / "secure_media.sqlite3").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="ledger: expected the path of a file"):
        ledger_file(environ={}, secrets_section={})
    with pytest.raises(ConfigurationError, match="ledger: expected the path of a file"):
        _load(secret=ONE)


# --- several processes


@pytest.mark.parametrize(
    ("workers", "several"),
    [
        pytest.param("2", True, id="two"),
        pytest.param("16", True, id="sixteen"),
        pytest.param("1", False, id="one"),
        pytest.param("0", False, id="zero"),
        pytest.param("", False, id="empty"),
        pytest.param("auto", True, id="a-word"),
        pytest.param(" +2", True, id="with-a-sign"),
    ],
)
def test_several_processes_need_a_secret_they_agree_on(workers: str, several: bool) -> None:
    """A secret is made up only where one process serves the app; a given one does for any number."""
    environ = {"WEB_CONCURRENCY": workers}
    assert not _load(environ, secret=ONE).ephemeral

    if several:
        with pytest.raises(ConfigurationError, match=r"several processes .* SECURE_MEDIA_SECRET"):
            _load(environ)
    else:
        assert _load(environ).ephemeral


def _outcome(secret: str | None) -> str:
    try:
        return _load(secret=secret).keys.active.kid
    except ConfigurationError as error:
        return str(error)


def test_worker_process_needs_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that another one has started as its worker does not make a secret up."""
    # The worker would run the main module again, and that may be whatever script Streamlit has run in this process.
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as worker:
        made_up, given = worker.map(_outcome, [None, ONE])

    assert given == _kids(ONE)[0]
    assert made_up.startswith("secret: several processes")


# --- what it shows


def test_settings_show_no_secret_and_cannot_be_written_down() -> None:
    """The settings can be logged, and cannot leave the process."""
    settings = _load(secret=[ONE, TWO], deployment="shop")

    assert ONE not in repr(settings)
    assert f"keys={settings.keys!r}" in repr(settings)
    with pytest.raises(TypeError):
        pickle.dumps(settings)


def test_settings_do_not_change() -> None:
    """Whoever holds the settings cannot turn one of them off."""
    settings = _load(secret=ONE)

    with pytest.raises(AttributeError):
        settings.grace = 0  # type: ignore[misc]


def test_audit_log_may_be_required() -> None:
    """What cannot be written down is refused only if somebody asks for that, and there is something to write to."""
    assert not _load(audit_log="-").audit_required
    assert _load(audit_log="-", audit_required=True).audit_required
    assert _load({"SECURE_MEDIA_AUDIT_LOG": "-", "SECURE_MEDIA_AUDIT_REQUIRED": "true"}).audit_required
    with pytest.raises(ConfigurationError, match=r"^audit_required: there is no audit log"):
        _load(audit_required=True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("SECURE_MEDIA_GRCAE", "did you mean SECURE_MEDIA_GRACE?", id="letters-swapped"),
        pytest.param("SECURE_MEDIA_SECRETS", "did you mean SECURE_MEDIA_SECRET?", id="plural"),
        pytest.param("SECURE_MEDIA_AUDITLOG", "did you mean SECURE_MEDIA_AUDIT_LOG?", id="run-together"),
        pytest.param("SECURE_MEDIA_grace", "did you mean SECURE_MEDIA_GRACE?", id="lower-case"),
        pytest.param("SECURE_MEDIA_URL-LIFETIME", "did you mean SECURE_MEDIA_URL_LIFETIME?", id="dash"),
        pytest.param("SECURE_MEDIA_POLICY", "policy is an argument of secure_run and guard", id="argument-only"),
        pytest.param("SECURE_MEDIA_QQQ", "there are secret, secret_file, grace", id="nothing-like-it"),
    ],
)
def test_name_that_is_no_setting_is_told(name: str, expected: str) -> None:
    """A misspelt variable is named, with the setting that may have been meant, and never with its value."""
    (sentence,) = unknown_variables(TABLE, {name: ONE, "SECURE_MEDIA_GRACE": "5", "OTHER_MEDIA_GRCAE": "5"})

    assert sentence.startswith(f"{name}: there is no such setting")
    assert expected in sentence
    assert ONE not in sentence


def test_names_of_a_service_are_nobodys_mistake() -> None:
    """Kubernetes tells each container of a service that is called secure-media where that is."""
    environ = {
        "SECURE_MEDIA_SERVICE_HOST": "192.0.2.1",
        "SECURE_MEDIA_SERVICE_PORT": "80",
        "SECURE_MEDIA_SERVICE_PORT_HTTP": "80",
        "SECURE_MEDIA_PORT": "tcp://192.0.2.1:80",
        "SECURE_MEDIA_PORT_80_TCP_ADDR": "192.0.2.1",
    }

    assert unknown_variables(TABLE, environ) == []
    assert unknown_variables(TABLE, {f"SECURE_MEDIA_{name.upper()}": "" for name in NAMES}) == []
