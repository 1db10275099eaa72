"""Whether the parser of cookies agrees with the one of the server that the app runs on."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from secure_media.http.request import cookies_in
from tests.properties import HEADER_VALUE, pieces_of


def _parser() -> Callable[[str], dict[str, Any]]:
    """Return the server's own: Starlette's where it is installed, else Tornado's."""
    try:
        parser = importlib.import_module("starlette.requests").cookie_parser
    except ModuleNotFoundError:
        parser = importlib.import_module("tornado.httputil").parse_cookie
    return parser  # type: ignore[no-any-return]


#: All that may stand in a cookie (RFC 6265 section 4.1.1): servers take quotes and backslashes for more than that.
_NAME = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=8)
_VALUE = st.text("abcXYZ019!#$%&'()*+-./:<=>?@[]^_`{|}~", max_size=12)


@given(st.lists(st.tuples(_NAME, _VALUE, st.sampled_from(["; ", ";", " ;\t"])), max_size=5))
def test_server_sees_the_cookies_that_the_guard_sees(cookies: list[tuple[str, str, str]]) -> None:
    """Of each name the server sees a value that the guard sees as well: the last one, where there are several."""
    header = "".join(f"{name}={value}{separator}" for name, value, separator in cookies)

    assert _parser()(header).items() - {("", "")} == dict(cookies_in(header)).items()


@given(HEADER_VALUE | pieces_of("a=1", ";", " ", "=", "sm", "_streamlit_user=", '"', "\\", "\t", ","))
def test_no_cookie_is_seen_by_the_server_alone(header: str) -> None:
    """Whatever the server takes for a cookie is in the list for the guard, but for what is left out around a name."""
    seen = {name.strip() for name, _ in cookies_in(header)}
    assert {name for name, value in _parser()(header).items() if value and name} <= seen
