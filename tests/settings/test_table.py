"""The table of settings: every entry in every place, and that signatures and documents are the table's."""

from __future__ import annotations

import ast
import datetime
import functools
import inspect
import re
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import secure_media
from secure_media import own_session
from secure_media.errors import ConfigurationError
from secure_media.settings import arguments, reference
from secure_media.settings.choices import Choice, SignInPlace
from secure_media.settings.entries import Setting
from secure_media.settings.kinds import Bytes, File, Flag, Instance, Page, Seconds, SecretFile, Secrets, Text
from secure_media.settings.misspelt import refuse_unknown_arguments
from secure_media.settings.places import Place
from secure_media.settings.proxies import ProxyList
from secure_media.settings.table import ARGUMENTS, NAMES, TABLE, Settings, load

SECRET = "one-secret-0123456789-abcdefghijklmnopqrst"
#: What a secret that was put into the wrong setting looks like.
PRIVATE = "do-not-print-0123456789-abcdefghijklmnopqrs"

#: For each kind: what is wrong in any place, and what in the environment, where everything is text.
WRONG: dict[type, tuple[list[Any], list[str]]] = {
    Seconds: (
        [
            True,
            [5],
            {},
            b"x",
            "",
            "soon",
            "30x",
            "1h30",
            float("nan"),
            float("inf"),
            -1,
            10**400,
            PRIVATE,
            f"{PRIVATE}\n",
        ],
        ["", " ", "soon", "nan", "inf", "-1", "1 h", "1e400", "0x10", PRIVATE],
    ),
    Bytes: (
        [True, [5], {}, b"x", "", "much", "8G", "8 GBit", float("nan"), float("inf"), -1, 10**400, PRIVATE],
        ["", " ", "much", "nan", "8G", "8 gigabytes", "-1", "-8 GiB", PRIVATE],
    ),
    Flag: ([1, 0, "true", "", "yes", [], PRIVATE], ["yes", "on", "2", "tru", PRIVATE]),
    Text: ([5, True, ["a"], b"a"], []),
    File: ([5, True, ["a"], b"a", "", ".", "a\0b", "x" * 5000], ["", ".", "~nobody-of-that-name/a", "x" * 5000]),
    Page: (
        [5, True, ["a"], b"a", "", ".", "a\0b", "absent", PRIVATE, f"{PRIVATE}\n"],
        ["", ".", "absent", "~nobody-of-that-name/a", PRIVATE],
    ),
    Secrets: ([5, True, [], "", "short", "a" * 40, [5]], ["", "short", "a" * 40, f"{SECRET},", ","]),
    SecretFile: (
        [5, True, "", ".", "absent", "a\0b", PRIVATE, f"{PRIVATE}\n", f"{PRIVATE}, {PRIVATE}"],
        ["", ".", "absent", "a\0b", PRIVATE, f"{PRIVATE}\n"],
    ),
    ProxyList: (
        [5, True, b"10.0.0.1", {"10.0.0.1": 1}, "", " , ", [""], [5], [None], [["10.0.0.1"]], "localhost", PRIVATE],
        ["10.0.0.1,", "proxy.example", "10.0.0.1:80", "http://10.0.0.1", "10.0.0.1/8", "10.0.0.0/33", "**", PRIVATE],
    ),
    Instance: ([5, True, "own_session()", own_session, [], PRIVATE], []),
    Choice: ([5, True, [], "", "all", "media,app", b"app", PRIVATE], ["", "all", "true", PRIVATE]),
    SignInPlace: (
        [
            5,
            True,
            [],
            b"/x",
            "",
            "x",
            "//x",
            "/\\x",
            "/a/../b",
            "javascript:x",
            "https://",
            "https:///x",
            "http:x",
            "ftp://x",
            "https://a@b/",
            "https://x/#y",
            "https://x\r\ny",
            "https://x:port/",
            "streamlit:",
            "streamlit: x",
        ],
        ["", "x", "//x", "https://", "Streamlit:a b"],
    ),
}
#: For each kind: what is right in any place, and what it is read as.
RIGHT: dict[type, list[tuple[Any, Any]]] = {
    Seconds: [(90, 90), ("90", 90), ("90s", 90), (" 1h \n", 3600), ("0.5h", 1800), ("1e2", 100)],
    Choice: [("app", "app"), (" App\n", "app"), ("media", "media")],
    Bytes: [(2**21, 2**21), ("2097152", 2**21), ("2 MiB", 2**21), (" 2mib\n", 2**21), ("3 MB", 3_000_000)],
}


def _loaded(setting: Setting, place: Place, value: Any) -> Settings:
    """Return the settings with this one where `place` says."""
    environ = {place.called(setting.name): value} if place is Place.ENVIRONMENT else {}
    section = {setting.name: value} if place is Place.SECRETS else {}
    given: dict[str, Any] = {setting.name: value} if place is Place.ARGUMENT else {}
    return load(environ=environ, secrets_section=section, **given)


def _cases(values: Callable[[Setting, Place], list[Any]]) -> list[Any]:
    return [
        pytest.param(setting, place, value, id=f"{setting.name}-{place.name.lower()}-{position}")
        for setting in TABLE
        for place in setting.places
        for position, value in enumerate(values(setting, place))
    ]


def _wrong(setting: Setting, place: Place) -> list[Any]:
    """Return what is wrong there: a number that Python does not write out is, wherever there may be a number."""
    objects, texts = WRONG[type(setting.kind)]
    return texts if place is Place.ENVIRONMENT else [*objects, 10**5000, [10**5000]]


@pytest.mark.parametrize(("setting", "place", "value"), _cases(_wrong))
def test_wrong_value_is_refused_in_every_place(
    setting: Setting, place: Place, value: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong is an error that begins with what the setting is called there, and shows no secret."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigurationError) as caught:
        _loaded(setting, place, value)

    assert re.match(rf"{re.escape(place.called(setting.name))}(, number \d+)?: ", str(caught.value))
    assert PRIVATE not in str(caught.value)
    assert not re.search(r"\de[+-]?\d", str(caught.value).split(", got ")[0])


@pytest.mark.parametrize(
    ("setting", "place", "value"), _cases(lambda setting, place: RIGHT.get(type(setting.kind), []))
)
def test_amount_is_read_in_every_place(setting: Setting, place: Place, value: tuple[Any, Any]) -> None:
    """An amount may be a number or text, with a unit or without; in the environment it is always text."""
    written, expected = value

    found = getattr(_loaded(setting, place, str(written) if place is Place.ENVIRONMENT else written), setting.name)

    assert found == expected
    assert type(found) is type(setting.default)


@pytest.mark.parametrize("setting", [pytest.param(entry, id=entry.name) for entry in TABLE])
def test_setting_stands_only_where_the_table_says(setting: Setting) -> None:
    """A name in the wrong place is refused, or changes nothing, and the message says where it may stand."""
    for place in set(Place) - set(setting.places) - {Place.ENVIRONMENT}:
        with pytest.raises(ConfigurationError, match=re.escape(setting.name)) as caught:
            _loaded(setting, place, SECRET)
        where = "is an argument of secure_run" if Place.ARGUMENT in setting.places else "set SECURE_MEDIA_"
        assert where in str(caught.value)
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("grcae", "did you mean 'grace'?", id="letters-swapped"),
        pytest.param("url-lifetime", "did you mean 'url_lifetime'?", id="spelt-as-an-option"),
        pytest.param("SECURE_MEDIA_GRACE", "did you mean 'grace'?", id="spelt-as-a-variable"),
        pytest.param("colections", "did you mean 'collections'?", id="no-setting"),
        pytest.param("secret_file", "set SECURE_MEDIA_SECRET_FILE, or secret_file in", id="only-outside"),
        pytest.param("cookie_lifetime", "set SECURE_MEDIA_COOKIE_LIFETIME, or", id="only-outside-and-like-another"),
        pytest.param("qqq", "there are secret, policy, grace", id="nothing-like-it"),
    ],
)
def test_argument_that_is_none_is_refused(name: str, hint: str) -> None:
    """An unknown argument is refused with the one that may have been meant, or with the place where it may stand."""
    refuse_unknown_arguments(TABLE, ["grace", "collections"], function="guard", others=["collections"])

    with pytest.raises(ConfigurationError) as caught:
        refuse_unknown_arguments(TABLE, ["grace", name], function="guard", others=["collections"])

    assert str(caught.value).startswith(f"guard(): got an unexpected keyword argument {name!r}; {hint}")


def test_timedelta_is_a_duration() -> None:
    """An argument may be a timedelta, as the lifetime of a link may."""
    found = load(environ={}, secrets_section={}, grace=datetime.timedelta(minutes=2))

    assert found.grace == 120


def test_limits_are_shown_as_people_write_them() -> None:
    """An error has its limits in digits, and in words where these are long."""
    for arguments_, expected in (
        ({"session_memory": 32}, "from 1048576 (1 MiB) to 1125899906842624 (1 PiB), such as 512 MB or 8 GiB, got 32"),
        ({"url_lifetime": 59}, "from 60 to 34560000 (400 days), such as 90, 15m, 1h30m or 7d, got 59"),
    ):
        given: dict[str, Any] = dict(arguments_)
        with pytest.raises(ConfigurationError, match=re.escape(expected)):
            load(environ={}, secrets_section={}, **given)


# --- one table, and what comes from it


def _documented() -> dict[str, str]:
    """Return what stands below each argument in its module, as editors read it."""
    (cls,) = (node for node in ast.parse(inspect.getsource(arguments)).body if isinstance(node, ast.ClassDef))
    found = {}
    for field, text in zip(cls.body[1:], cls.body[2:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            found[ast.unparse(field.target)] = " ".join(ast.literal_eval(text.value).split())
    return found


def test_arguments_are_the_tables() -> None:
    """The typed arguments are the settings that may be arguments, in order, with the table's words for each."""
    assert tuple(typing.get_type_hints(arguments.SettingArguments)) == ARGUMENTS
    assert _documented() == {
        setting.name: setting.documentation for setting in TABLE if Place.ARGUMENT in setting.places
    }


@pytest.mark.parametrize("function", [secure_media.secure_run, secure_media.guard])
def test_signature_and_docstring_show_the_settings(function: Callable[..., Any]) -> None:
    """`help` shows each setting by its name, with its type and what it is for, and nothing that takes any name."""
    signature, docstring = inspect.signature(function), " ".join((function.__doc__ or "").split())

    assert [kind for kind in signature.parameters.values() if kind.kind is inspect.Parameter.VAR_KEYWORD] == []
    assert tuple(signature.parameters)[1 : 1 + len(ARGUMENTS)] == ARGUMENTS
    hints = typing.get_type_hints(function)
    for setting in TABLE:
        if Place.ARGUMENT in setting.places:
            assert signature.parameters[setting.name].default is None
            assert type(None) in typing.get_args(hints[setting.name])
            assert f"{setting.name}: {setting.documentation}" in docstring


def test_reference_has_every_argument_and_every_name() -> None:
    """The reference has a line for every setting and every other argument, and says what stands in one place only."""
    lines = reference.markdown().splitlines()[2:]
    row = re.compile(r"\| `(\w+)`(?:<br>`SECURE_MEDIA_(\w+)`)? \| (Argument only\. |Not an argument\. |)[^|]+\. \|")
    rows = [match.groups(default="") for line in lines if (match := row.fullmatch(line))]

    assert len(rows) == len(lines)
    parameters = set(inspect.signature(secure_media.secure_run).parameters) - {"script"}
    assert {name for name, _, _ in rows} == {*parameters, *NAMES}
    for name, variable, only in rows:
        assert variable == (name.upper() if name in NAMES else "")
        assert only == (
            "Argument only. " if name not in NAMES else "Not an argument. " if name not in parameters else ""
        )


def test_table_has_a_sentence_and_a_default_for_each() -> None:
    """Every entry says what it is for in whole sentences, and its default can be loaded."""
    settings = load(environ={}, secrets_section={}, secret=SECRET)

    for setting in TABLE:
        assert setting.about.endswith(".")
        if setting.name != "secret" and setting.derived is None:
            assert getattr(settings, setting.name) == setting.default


@pytest.mark.parametrize(
    "place", ["/sign-in", "/a/b?x=1", "https://login.example", "http://[::1]:8080/x?y=z", "streamlit", "streamlit:acme"]
)
def test_place_to_sign_in_is_taken_as_it_is(place: str) -> None:
    """A path of this host, a URL, and Streamlit's own login are where people may be sent."""
    assert load(environ={}, secrets_section={}, protect="app", sign_in=place).sign_in == place


def page() -> None:
    """Stand for the page of an app."""


async def page_later() -> None:
    """Stand for one that Streamlit would never run."""


class Pages:
    """Stands for an object that shows a page."""

    def __call__(self) -> None:
        """Show it."""


@pytest.mark.parametrize("function", [page, Pages(), Pages().__call__, functools.partial(print, "a")])
def test_page_to_sign_in_is_a_function(function: Callable[[], object]) -> None:
    """What can be called without arguments shows the page, and is kept as it is."""
    assert load(environ={}, secrets_section={}, protect="app", sign_in=function).sign_in is function


@pytest.mark.parametrize("function", [lambda name: name, page_later, Pages, dict.get])
def test_what_cannot_show_a_page_is_refused(function: Callable[..., object]) -> None:
    """A function that wants arguments, a coroutine function and a class show nothing."""
    with pytest.raises(ConfigurationError, match=r"^sign_in: expected a function that takes no arguments"):
        load(environ={}, secrets_section={}, protect="app", sign_in=function)
