"""The one refusal: a page for whoever waits for one, a line for everything else, the same whatever was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gate.worlds import FORBIDDEN, World

NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
UNKNOWN = f"/base/media/{'0' * 40}.png"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers", [{}, NAVIGATION, {"Accept": "text/html"}, {"Accept": "image/*"}])
def test_refusal_follows_from_how_it_is_asked_and_not_for_what(method: str, headers: dict[str, str]) -> None:
    """Nobody learns from it whether there is something, whose it is, or what is wrong with a cookie."""
    world = World()
    cookies = {
        "cookie": world.cookie(),
        "cookie of Bert": world.cookie("bert"),
        "broken": world.cookie()[:-2],
        "no": "",
    }
    allowed = world.ask(world.media["bert"], {**headers, "Cookie": world.cookie("bert")}, method)
    assert allowed.status == 200

    paths = [world.media["bert"], UNKNOWN, "/base/media/..", "/base/secure-media/files/x/y", "/base/app/static/a\0"]
    found = {
        world.ask(path, {**headers, **({"Cookie": cookie} if cookie else {})}, method)
        for path in paths
        for cookie in cookies.values()
        if (path, cookie) != (world.media["bert"], world.cookie("bert"))
    }

    (refused,) = found
    assert refused.status == 403
    assert refused.header("cache-control") == "private, no-store"
    assert refused.header("x-content-type-options") == "nosniff"
    is_page = refused.header("content-type") == "text/html; charset=utf-8"
    assert is_page is (headers in (NAVIGATION, {"Accept": "text/html"}))
    assert (refused.body == b"") is (method == "HEAD")
    if not is_page:
        assert refused.said in (FORBIDDEN, (403, b""))
        assert refused.header("content-length") == str(len(FORBIDDEN[1]))


@pytest.mark.parametrize(
    ("base", "scope", "app"),
    [
        pytest.param("/base", {}, "/base/", id="base-path"),
        pytest.param("", {}, "/", id="none"),
        pytest.param("/base", {"root_path": "/mounted"}, "/mounted/base/", id="mounted"),
        pytest.param("", {"root_path": "/m\u00f6unted at"}, "/m%C3%B6unted%20at/", id="to-be-encoded"),
        pytest.param('/"><script>', {}, "/%22%3E%3Cscript%3E/", id="that-could-be-markup"),
    ],
)
def test_page_leads_to_the_app(base: str, scope: dict[str, Any], app: str) -> None:
    """Wherever that is: the page is ours, or in the app's own words."""
    root = scope.get("root_path", "")
    path = f"{root}{base}{UNKNOWN.removeprefix('/base')}"
    ours = World(base_path=base).ask(path, NAVIGATION, **scope)
    theirs = World(base_path=base, refusal_page='<a href="{app}">Zur\u00fcck</a>').ask(path, NAVIGATION, **scope)

    assert f'<a href="{app}"' in ours.body.decode()
    assert (ours.status, theirs.status) == (403, 403)
    assert theirs.body.decode() == f'<a href="{app}">Zur\u00fcck</a>'


def test_page_of_the_app_is_for_people_only() -> None:
    """What is no navigation gets the same line as without it; neither page runs a script or loads anything."""
    world = World(refusal_page="<h1>No</h1>")
    assert world.ask(UNKNOWN).said == FORBIDDEN
    assert world.ask(UNKNOWN, {**NAVIGATION, "Sec-Fetch-Dest": "embed"}).said == FORBIDDEN
    for answer in (world.ask(UNKNOWN, NAVIGATION), World().ask(UNKNOWN, NAVIGATION)):
        assert (answer.header("content-security-policy") or "").startswith("default-src 'none'; ")
