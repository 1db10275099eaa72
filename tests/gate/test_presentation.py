"""What is allowed presents itself as what it is, as the action asks, and as the grant has signed; and who plays on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from secure_media.core.model import Action, Disposition, short_hash
from secure_media.core.rules import signed_url
from tests.gate.worlds import FORBIDDEN, World

FILM = b"0123456789" * 100


def presented(world: World, url: str, headers: dict[str, str] | None = None) -> tuple[str | None, str | None]:
    """Return the Content-Type and the Content-Disposition of something that is allowed."""
    answer = world.ask(url, headers)
    assert answer.status == 200
    return answer.header("content-type"), answer.header("content-disposition")


@pytest.mark.parametrize(
    ("kind", "name", "query", "expected"),
    [
        pytest.param("image/png", None, "", ("image/png", None), id="picture"),
        pytest.param("image/png", None, "?download", ("image/png", 'attachment; filename="download"'), id="saved"),
        pytest.param("image/png", "a.png", "", ("image/png", 'attachment; filename="a.png"'), id="download"),
        pytest.param("image/png", "a.png", "?download", ("image/png", 'attachment; filename="a.png"'), id="both"),
        pytest.param("nonsense", None, "", ("application/octet-stream", None), id="no-type"),
    ],
)
def test_medium_presents_itself(kind: str, name: str | None, query: str, expected: tuple[str, str | None]) -> None:
    """By its own type and name; to be saved if it is a download, or if the URL asks for that."""
    world = World()
    path = world.show("anna", "anna-session", b"content", kind, name)
    assert presented(world, f"{path}{query}", {"Cookie": world.cookie()}) == expected


@pytest.mark.parametrize(
    ("action", "terms", "expected"),
    [
        (Action.VIEW, {}, ("text/html; charset=utf-8", 'inline; filename="page.html"')),
        (Action.DOWNLOAD, {}, ("text/html; charset=utf-8", 'attachment; filename="page.html"')),
        (Action.VIEW, {"filename": "b.html"}, ("text/html; charset=utf-8", 'inline; filename="b.html"')),
        (Action.DOWNLOAD, {"filename": "b.html"}, ("text/html; charset=utf-8", 'attachment; filename="b.html"')),
        (Action.VIEW, {"content_type": "text/plain"}, ("text/plain; charset=utf-8", 'inline; filename="page.html"')),
        (
            Action.VIEW,
            {"disposition": Disposition.ATTACHMENT},
            ("text/html; charset=utf-8", 'attachment; filename="page.html"'),
        ),
        (
            Action.DOWNLOAD,
            {"disposition": Disposition.INLINE},
            ("text/html; charset=utf-8", 'inline; filename="page.html"'),
        ),
        (
            Action.VIEW,
            {"disposition": Disposition.ATTACHMENT, "filename": "c.bin", "content_type": "application/x-c"},
            ("application/x-c", 'attachment; filename="c.bin"'),
        ),
    ],
)
def test_file_presents_itself_as_the_link_says(
    tmp_path: Path, action: Action, terms: dict[str, Any], expected: tuple[str, str]
) -> None:
    """Its name, type and disposition are its own but for what the link has signed in their place."""
    (tmp_path / "page.html").write_bytes(b"<p>page</p>")
    world = World(collections={"files": tmp_path})
    assert presented(world, world.link("/base/secure-media/files/files/page.html", action, **terms)) == expected


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({}, ("image/png", 'attachment; filename="a.png"')),
        ({"filename": "b.png"}, ("image/png", 'attachment; filename="b.png"')),
        ({"disposition": Disposition.INLINE}, ("image/png", 'inline; filename="a.png"')),
        ({"disposition": Disposition.INLINE, "filename": "b.png"}, ("image/png", 'inline; filename="b.png"')),
    ],
)
def test_link_to_a_download_is_one_unless_it_says_otherwise(terms: dict[str, Any], expected: tuple[str, str]) -> None:
    """What the app offers to be saved is saved from a link as well; a link for showing has its name along."""
    world = World()
    path = world.show("anna", "anna-session", b"content", "image/png", "a.png")
    assert presented(world, world.link(path, **terms)) == expected


@pytest.mark.parametrize(
    ("kind", "bound_to", "plays_on"),
    [
        pytest.param("video/mp4", "browser", True, id="film-in-a-browser"),
        pytest.param("audio/mpeg", "browser", True, id="sound-in-a-browser"),
        pytest.param("video/mp4", "session", True, id="film-on-a-page"),
        pytest.param("video/mp4", "sub", True, id="film-for-somebody"),
        pytest.param("image/png", "browser", False, id="picture"),
        pytest.param("text/plain", "browser", False, id="text"),
        pytest.param("video/mp4", None, False, id="film-for-anyone"),
    ],
)
def test_play_outlasts_the_link_of_somebody(kind: str, bound_to: str | None, plays_on: bool) -> None:
    """A film that has begun is fetched to its end, past that of its link; not so where anyone may use the link."""
    world = World(signed_url())
    url = world.show("anna", "anna-session", FILM, kind)
    names = {"browser": short_hash("anna"), "session": short_hash("anna-session"), "sub": "anna"}
    terms: dict[str, Any] = {} if bound_to is None else {bound_to: names[bound_to]}
    link = world.link(url, jti="id", **terms)
    piece = {**world.signed_in(), "Range": "bytes=0-9"}
    assert world.ask(link, piece).said == (206, FILM[:10])

    world.now += 601
    later = world.ask(link, piece).said

    assert later == ((206, FILM[:10]) if plays_on else FORBIDDEN)
    assert world.ask(link, {"Range": "bytes=0-9"}, client=("192.0.2.2", 1)).said == FORBIDDEN


def test_film_whose_link_calls_it_something_else_is_no_play() -> None:
    """What counts is the type that the link has signed, as that is what a player gets."""
    world = World(signed_url())
    path = world.show("anna", "anna-session", FILM, "image/png")
    for content_type, status in (("video/mp4", 206), (None, 403)):
        link = world.link(path, jti=str(status), browser=short_hash("anna"), content_type=content_type)
        piece = {"Cookie": world.cookie(), "Range": "bytes=0-9"}
        assert world.ask(link, piece).status == 206
        world.now += 601
        assert world.ask(link, piece).status == status
        world.now -= 601
