"""What changes in the headers of Streamlit's own responses: no copy of what is for one browser is kept by others."""

from __future__ import annotations

import pytest

from secure_media.gate.entrance import Protection
from tests.gate.worlds import BEYOND, LIFETIME, NOW, World

STATIC = "/base/app/static/plot.png"
PRIVATE = "private, no-cache"


@pytest.mark.parametrize(
    ("path", "headers", "greets"),
    [
        pytest.param("/base/_stcore/health", {}, True, id="health"),
        pytest.param("/base/_stcore/host-config", {"Accept": "*/*"}, True, id="host-config"),
        pytest.param("/base/", {"Accept": "text/html"}, True, id="page"),
        pytest.param("/base/a-page", {"Accept": "application/xml, text/html;q=0.9"}, True, id="page-among-others"),
        pytest.param("/base/", {"Sec-Fetch-Dest": "document"}, True, id="document"),
        pytest.param("/base/", {"Sec-Fetch-Dest": "iframe"}, True, id="frame"),
        pytest.param("/base/", {"Sec-Fetch-Dest": "embed"}, True, id="embed"),
        pytest.param("/base/", {"Sec-Fetch-Dest": "fencedframe"}, True, id="fenced-frame"),
        pytest.param("/base/", {"Sec-Fetch-Dest": "frame"}, True, id="frame-of-a-frameset"),
        pytest.param("/base/", {"Sec-Fetch-Dest": "object"}, True, id="object"),
        pytest.param("/base/", {"Sec-Fetch-Dest": "script", "Accept": "text/html"}, False, id="script"),
        pytest.param("/base/_stcore/health", {"Sec-Fetch-Dest": "empty"}, True, id="health-of-a-page"),
        pytest.param("/base/static/js/index.js", {"Accept": "*/*"}, False, id="frontend"),
        pytest.param("/base/", {}, False, id="program"),
        pytest.param("/base/_stcore/metrics", {}, False, id="another-path"),
        pytest.param("/other/_stcore/health", {}, False, id="outside-of-the-app"),
    ],
)
def test_browser_is_greeted_where_it_begins(path: str, headers: dict[str, str], greets: bool) -> None:
    """The cookie is there before the WebSocket, and no shared cache gives it to somebody else."""
    world = World()
    answer = world.ask(path, headers)

    assert answer.said == BEYOND
    assert len(answer.all("set-cookie")) == (1 if greets else 0)
    assert answer.header("cache-control") == (PRIVATE if greets else None)
    assert world.ask(path, {**headers, "Cookie": world.cookie()}).headers == ()
    past, world.now = world.cookie(), NOW + LIFETIME + 1
    assert bool(world.ask(path, {**headers, "Cookie": past}).all("set-cookie")) is greets


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "OPTIONS"])
@pytest.mark.parametrize("path", ["/base/", "/base/_stcore/health"])
def test_only_a_get_is_greeted(method: str, path: str) -> None:
    """Nothing else is a page that begins."""
    world = World()
    assert len(world.ask(path, {"Accept": "text/html"}).all("set-cookie")) == 1
    assert world.ask(path, {"Accept": "text/html"}, method).headers == ()


@pytest.mark.parametrize("protected", [True, False])
def test_static_file_is_kept_by_nobody_else(protected: bool) -> None:
    """Streamlit opens these to every site, and lets caches keep them for years; nothing of that is left."""
    world = World(protection=Protection("back")) if protected else World()
    headers = world.signed_in() if protected else {"Cookie": world.cookie()}
    loose = [
        (b"Cache-Control", b"public, max-age=315360000"),
        (b"X-Content-Type-Options", b"other"),
        (b"Cross-Origin-Resource-Policy", b"cross-origin"),
        (b"Access-Control-Allow-Origin", b"*"),
        (b"Expires", b"Thu, 01 Jan 2037 00:00:00 GMT"),
        (b"ETag", b'"1"'),
    ]
    answer = world.ask(f"{STATIC}?v=1", {**headers, "Accept": "text/html"}, streamlit_headers=loose)

    assert answer.said == BEYOND
    assert sorted(answer.headers) == [
        (b"ETag", b'"1"'),
        (b"cache-control", PRIVATE.encode()),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"x-content-type-options", b"nosniff"),
    ]
    assert world.ask(STATIC, headers, "HEAD", streamlit_headers=loose).headers == answer.headers


@pytest.mark.parametrize(
    ("path", "is_kept"),
    [
        pytest.param("/base/", False, id="page"),
        pytest.param("/base/_stcore/health", False, id="greeting"),
        pytest.param("/base/component/x/index.html", False, id="component"),
        pytest.param("/base/staticx", False, id="name-that-begins-alike"),
        pytest.param("/base/static/js/index.js", True, id="frontend"),
    ],
)
def test_response_of_a_protected_app_is_for_the_browser_only(path: str, is_kept: bool) -> None:
    """But for Streamlit's frontend, which is the same for everybody, and stays as Streamlit has it."""
    headers = [(b"Cache-Control", b"public")]
    world = World(protection=Protection("back"))
    for name in ("anna", "bert"):
        found = world.ask(path, world.signed_in(name), streamlit_headers=headers)
        assert found.said == BEYOND
        assert found.header("cache-control") == ("public" if is_kept else PRIVATE)
        assert found.all("set-cookie") == []
    other = World()
    assert other.ask(path, {"Cookie": other.cookie()}, streamlit_headers=headers).header("cache-control") == "public"


def test_cookie_and_cache_are_told_once() -> None:
    """Where a protected app greets somebody, both are there, and neither twice."""
    world = World(protection=Protection("back"))
    headers = {"Accept": "text/html", **world.signed_in()}
    world.now += 2000
    answer = world.ask("/base/", headers)

    assert [name for name, _ in answer.headers] == [b"cache-control", b"set-cookie"]
    assert answer.header("cache-control") == PRIVATE
