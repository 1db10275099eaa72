"""What holds of every setting in every place: a value comes of it, or one error that says where it stands."""

from __future__ import annotations

import re
import string
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from secure_media import amounts
from secure_media.errors import ConfigurationError
from secure_media.settings.entries import Setting
from secure_media.settings.kinds import Bytes, Seconds
from secure_media.settings.places import Place
from secure_media.settings.table import TABLE, Settings, load
from tests.properties import ANY_TEXT, JSON, pieces_of

_PLACES = st.sampled_from([(setting, place) for setting in TABLE for place in setting.places])
_AMOUNTS = pieces_of("1", "30", ".5", "h", "m", "s", " ", "w", "MB", "GiB", "e3", "-", "nan", "inf", "0x", "_", most=5)
_ADDRESSES = pieces_of("10.0.0.1", "/8", ",", "::1", "unix:", "*", " ", "[", "%eth0", "/999", most=5)
_PATHS = pieces_of("/", "a", "..", "~", "~root", ":", "//", "https://", "streamlit", "login", "?", "\0", most=5)
_VALUES = (
    st.sampled_from([10**400, 10**5000])
    | _AMOUNTS
    | _ADDRESSES
    | _PATHS
    | JSON
    | st.floats()
    | st.integers()
    | st.binary(max_size=40)
)
#: As long as a secret, and like no path.
_SECRETS = st.text(string.ascii_letters + string.digits + "-_", min_size=40, max_size=80).filter(
    lambda text: not text.isdigit()
)


def _loaded(setting: Setting, place: Place, value: Any) -> Settings | str:
    """Return what comes of a value, or what is said of it. Raises what is no error of settings."""
    environ = {place.called(setting.name): value} if place is Place.ENVIRONMENT else {}
    section = {setting.name: value} if place is Place.SECRETS else {}
    given: dict[str, Any] = {setting.name: value} if place is Place.ARGUMENT else {}
    try:
        return load(environ=environ, secrets_section=section, **given)
    except ConfigurationError as error:
        return str(error)


def _as_in(place: Place, value: Any) -> Any:
    """Return `value` as it can stand there."""
    if place is not Place.ENVIRONMENT:
        return value
    text = "9" * 5000 if isinstance(value, int) and value > 10**4000 else str(value)  # what Python does not write out
    return text.replace("\0", "")


@given(_PLACES, _VALUES)
def test_value_is_taken_or_named_in_one_error(where: tuple[Setting, Place], value: Any) -> None:
    """Whatever is given, settings come of it or an error that begins with what the setting is called there."""
    setting, place = where
    found = _loaded(setting, place, _as_in(place, value))

    if isinstance(found, str):
        called = re.escape(place.called(setting.name))
        # Of two settings that do not go together, the error begins with the one that is to be changed.
        assert re.match(rf"{called}(, number \d+)?: |audit_required: ", found)


@given(_PLACES, _SECRETS)
def test_no_error_shows_what_may_be_a_secret(where: tuple[Setting, Place], secret: str) -> None:
    """A secret that was put into the wrong setting, or that will not do, is not in the error, nor a part of it."""
    setting, place = where
    for value in (secret, f"{secret},x", f"{secret}\n", f"x, {secret}", f"./x,{secret}"):
        found = _loaded(setting, place, value)
        shown = found if isinstance(found, str) else repr(found)
        if not isinstance(found, str) and setting.name not in {"secret", "secret_file"}:
            continue  # it was taken for a name or a path
        assert secret[:12] not in shown
        assert secret[-12:] not in shown


@given(_PLACES, st.integers(0, 2**50))
def test_amount_is_within_its_limits(where: tuple[Setting, Place], value: int) -> None:
    """An amount is what was written, if that lies between the limits, and else an error."""
    setting, place = where
    kind = setting.kind
    if isinstance(kind, (Seconds, Bytes)):
        found = _loaded(setting, place, _as_in(place, value))
        assert isinstance(found, Settings) is (kind.least <= value <= kind.most)
        if isinstance(found, Settings):
            assert getattr(found, setting.name) == value


@given(st.integers(1, 10**12))
def test_amount_that_is_shown_can_be_written(amount: int) -> None:
    """What an error or the documentation shows of a size is read as the same size."""
    shown = amounts.size(amount)
    assert amounts.bytes_in(shown.replace("bytes", "B").replace("byte", "B")) == amount


@given(_AMOUNTS | ANY_TEXT)
def test_text_is_an_amount_or_none(text: str) -> None:
    """Any text is a number that is not negative, or none; never an error."""
    for parse in (amounts.seconds_in, amounts.bytes_in):
        found = parse(text)
        assert found is None or 0 <= found < float("inf")
