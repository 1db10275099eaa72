"""Uploads where Streamlit's XSRF cookie does not come: the browser's own word stands in for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gate.worlds import BEYOND, FORBIDDEN, World

PATH = "/base/_stcore/upload_file/anna-session/file"
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
ANOTHER_SITE = {"Sec-Fetch-Site": "cross-site"}
FORM = {"Content-Type": "multipart/form-data; boundary=x"}


def headers_beyond(world: World) -> list[tuple[bytes, bytes]]:
    """Return the headers of the request that was let go on last, as Streamlit gets them."""
    headers: list[tuple[bytes, bytes]] = world.beyond[-1]["headers"]
    return headers


def tokens(world: World) -> list[bytes]:
    """Return what Streamlit takes for the XSRF token: of the header, and of the last such cookie."""
    headers = headers_beyond(world)
    cookies = [part for name, value in headers if name == b"cookie" for part in value.split(b"; ")]
    of_cookies = [cookie.partition(b"=")[2] for cookie in cookies if cookie.startswith(b"_streamlit_xsrf=")]
    return [*(value for name, value in headers if name == b"x-xsrftoken"), *of_cookies[-1:]]


@pytest.fixture
def frame() -> World:
    """Return an app that is made for frames of other sites."""
    return World(cookieless=True)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("site", [OWN_PAGE, {"Origin": "http://localhost:8501"}])
def test_upload_of_the_own_page_counts_without_the_cookie(frame: World, method: str, site: dict[str, str]) -> None:
    """Streamlit sees a cookie and a header that agree, whatever the page could send, and a new token each time."""
    found = []
    for _ in range(2):
        asked = frame.ask(PATH, {**FORM, **site, "Cookie": frame.cookie(), "X-Xsrftoken": "of the page"}, method)
        assert asked.said == BEYOND
        of_header, of_cookie = tokens(frame)
        assert of_header == of_cookie
        assert len(of_header) == 32
        found.append(of_header)
    assert found[0] != found[1]


def test_everything_else_of_the_request_stays(frame: World) -> None:
    """The other headers, the other cookies and the rest of what the server says go on as they are."""
    cookies = [f"{frame.cookie()}; a=1", "b=2"]
    headers: dict[str, Any] = {**FORM, **OWN_PAGE, "X-Other": ["1", "2"], "Cookie": cookies}
    assert frame.ask(PATH, headers, "PUT", marked="as it is").said == BEYOND

    scope, (token, _) = frame.beyond[-1], tokens(frame)
    expected = [f"{cookies[0]}; b=2; _streamlit_xsrf=".encode() + token]
    assert [value for name, value in scope["headers"] if name == b"cookie"] == expected
    others = [(name, value) for name, value in scope["headers"] if name not in (b"cookie", b"x-xsrftoken")]
    assert others == [
        (b"host", b"localhost:8501"),
        (b"content-type", FORM["Content-Type"].encode()),
        (b"sec-fetch-site", b"same-origin"),
        (b"x-other", b"1"),
        (b"x-other", b"2"),
    ]
    assert (scope["path"], scope["method"], scope["marked"]) == (PATH, "PUT", "as it is")


@pytest.mark.parametrize(
    ("in_a_frame", "path", "site"),
    [
        pytest.param(True, PATH, ANOTHER_SITE, id="another-site"),
        pytest.param(True, PATH, {}, id="silence"),
        pytest.param(True, PATH, {"Origin": "https://evil.example"}, id="another-origin"),
        pytest.param(True, "/base/form", OWN_PAGE, id="no-upload"),
        pytest.param(True, f"/other{PATH}", OWN_PAGE, id="elsewhere"),
        pytest.param(False, PATH, OWN_PAGE, id="app-that-is-in-no-frame"),
    ],
)
def test_other_requests_are_left_to_streamlits_check(
    frame: World, in_a_frame: bool, path: str, site: dict[str, str]
) -> None:
    """Another site that has somebody's browser write is found out by the token that it cannot repeat."""
    assert frame.ask(PATH, {**FORM, **OWN_PAGE, "Cookie": frame.cookie()}, "PUT").said == BEYOND
    assert tokens(frame)

    world = frame if in_a_frame else World()
    headers = {**FORM, **site, "Cookie": f"{world.cookie()}; _streamlit_xsrf=1", "X-Xsrftoken": "2"}
    assert world.ask(path, headers, "PUT").said == BEYOND
    assert tokens(world) == [b"2", b"1"]


@pytest.mark.parametrize("browser", [None, "bert"])
def test_token_makes_nobody_the_owner_of_a_session(frame: World, browser: str | None) -> None:
    """The guard decides first: who may not write does not get so far."""
    assert frame.ask(PATH, {**FORM, **OWN_PAGE, "Cookie": frame.cookie()}, "PUT").said == BEYOND
    cookie = {} if browser is None else {"Cookie": frame.cookie(browser)}
    assert frame.ask(PATH, {**FORM, **OWN_PAGE, **cookie}, "PUT").said == FORBIDDEN
    assert len(frame.beyond) == 1
