"""Settings: where each one may stand, which place wins, and what is refused with which words."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import re
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from secure_media import allow_if, own_session
from secure_media.core.keys import KeyRing
from secure_media.errors import ConfigurationError
from secure_media.settings import DEFAULT_COOKIE_LIFETIME, DEFAULT_GRACE, Settings, load

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
    assert (settings.grace, settings.cookie_lifetime) == (DEFAULT_GRACE, DEFAULT_COOKIE_LIFETIME)
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


# --- what is refused


@pytest.mark.parametrize(
    ("environ", "section", "arguments", "message"),
    [
        pytest.param({}, {"polcy": 1}, {}, "secrets.toml: [secure_media] has no setting 'polcy'", id="unknown-setting"),
        pytest.param({}, {"grce": 1, "secret": ONE}, {}, "no setting 'grce'; there are secret,", id="misspelt-setting"),
        pytest.param({}, {"policy": "own_session()"}, {}, "no setting 'policy'", id="policy-outside"),
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
        pytest.param({"SECURE_MEDIA_GRACE": "30s"}, {}, {}, "SECURE_MEDIA_GRACE: expected", id="grace-with-a-unit"),
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


def test_worker_process_needs_a_secret() -> None:
    """A process that another one has started as its worker does not make a secret up."""
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
