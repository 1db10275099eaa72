"""Sending what was allowed: what is counted, what is written down, and what is not sent after all."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from secure_media.audit.events import pseudonym
from secure_media.content.turns import LEDGER
from secure_media.core.model import Action, short_hash
from secure_media.core.redemptions import LIFETIME
from secure_media.errors import ClientGoneError
from secure_media.gate import files
from secure_media.stores.collections import Collection
from secure_media.stores.playback import PLAYBACK
from secure_media.stores.transfers import Transfer
from tests.gate.clients import Client, delivered
from tests.gate.worlds import CONTENT, FORBIDDEN, Answer, World

REPORT = b"what the report says"
PATH = "/base/secure-media/files/files/report.txt"
FETCH = {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a gate before a collection with a report in it."""
    (tmp_path / "report.txt").write_bytes(REPORT)
    return World(collections={"files": tmp_path})


def _grant_of(world: World, link: str) -> Any:
    return world.codec.verify_signature(link.partition("media_token=")[2])


def _uses_left(world: World, link: str, most: int) -> int:
    """Return how many uses of a link are left, once all that is on its way to the ledger is there."""
    grant = _grant_of(world, link)
    LEDGER.submit(grant.jti, lambda: None).result(60)
    return most - world.ledger.used(grant)


# --- what is counted


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-"}], ids=["whole", "range"])
@pytest.mark.parametrize("what", ["file", "medium"])
def test_link_delivers_as_often_as_it_may(world: World, what: str, headers: dict[str, str]) -> None:
    """Each delivery of the whole is a use; after the last one there is a refusal, for ranges as well."""
    path, content = (PATH, REPORT) if what == "file" else (world.media["anna"], CONTENT + b"anna")
    link = world.link(path, jti="twice", max_uses=2)
    status = 206 if headers else 200

    for left in (1, 0):
        assert world.ask(link, headers).said == (status, content)
        assert _uses_left(world, link, 2) == left
    assert world.ask(link, headers).said == FORBIDDEN


def test_look_at_a_counted_link_is_no_use(world: World) -> None:
    """HEAD, and a condition that ends in 304 or 412, deliver nothing."""
    link = world.link(PATH, jti="once", max_uses=1)
    etag = world.ask(link, method="HEAD").header("ETag")
    assert etag is not None

    for headers, method, status in (
        ({}, "HEAD", 200),
        ({"If-None-Match": etag}, "GET", 304),
        ({"If-Match": '"another"'}, "GET", 412),
        ({"Range": "bytes=1000-"}, "GET", 416),
    ):
        assert world.ask(link, headers, method).status == status
        assert _uses_left(world, link, 1) == 1
    assert world.ask(link).said == (200, REPORT)
    assert _uses_left(world, link, 1) == 0


def test_parts_make_up_one_use(world: World) -> None:
    """What is fetched in pieces counts when all of it has left."""
    link = world.link(PATH, jti="once", max_uses=1)

    assert world.ask(link, {"Range": "bytes=0-9"}).said == (206, REPORT[:10])
    assert _uses_left(world, link, 1) == 1
    assert world.ask(link, {"Range": "bytes=10-"}).said == (206, REPORT[10:])
    assert _uses_left(world, link, 1) == 0


@pytest.mark.parametrize(("terms", "stored"), [({"jti": "j", "max_uses": 3}, "no-store"), ({"jti": "j"}, "no-cache")])
def test_what_is_counted_is_kept_by_nobody(world: World, terms: dict[str, Any], stored: str) -> None:
    """What a browser has kept it would show again, uncounted. Anything else it may keep, and ask about."""
    assert world.ask(world.link(PATH, **terms)).header("Cache-Control") == f"private, {stored}"


def test_player_that_seeks_takes_the_place_of_its_request_before(world: World) -> None:
    """A range takes over the use of a transfer under way; a second request for the whole does not."""
    link = world.link(PATH, jti="once", max_uses=1)
    before = world.ledger.reserve(_grant_of(world, link), 0, len(REPORT), len(REPORT), continues=False)
    assert before is not None
    assert before.may_go_on(1)

    assert world.ask(link).said == FORBIDDEN
    assert before.may_go_on(1)
    assert world.ask(link, {"Range": "bytes=2-5"}).said == (206, REPORT[2:6])
    assert not before.may_go_on(2)


def test_use_that_goes_to_somebody_else_meanwhile_is_refused(world: World) -> None:
    """Of two who were allowed the last use, the one gets it whose use is written down first."""
    link = world.link(world.media["anna"], jti="once", max_uses=1)
    size = len(CONTENT) + 4

    class Slow(Client):
        """Is overtaken between the decision and the delivery."""

        def watch(self) -> Any:
            assert world.ledger.reserve(_grant_of(world, link), 0, size, size, continues=False) is not None
            return super().watch()

    async def scene() -> Answer:
        return await delivered(await Slow().response(world, link))

    assert asyncio.run(scene()).said == FORBIDDEN


@pytest.mark.parametrize("what", ["file", "medium"])
def test_use_that_was_reserved_for_somebody_who_left_is_given_back(
    world: World, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written down in the ledger's thread, so that nobody else waits for the disk; the link is as good as new."""
    monkeypatch.setattr(files, "_PROMPT", 60.0)  # so that nobody looks at the client before that, however busy the disk
    link = world.link(PATH if what == "file" else world.media["anna"], jti="once", max_uses=1)
    threads: set[str] = set()
    ended = Transfer.ended

    def noted(self: Transfer, count: int, *, complete: bool) -> None:
        threads.add(threading.current_thread().name.rpartition("_")[0])
        ended(self, count, complete=complete)

    monkeypatch.setattr(Transfer, "ended", noted)

    with pytest.raises(ClientGoneError):
        asyncio.run(Client(has_gone=True).response(world, link))
    assert _uses_left(world, link, 1) == 1
    assert threads == {"secure_media.ledger"}
    assert world.ask(link).status == 200
    assert _uses_left(world, link, 1) == 0
    assert threads == {"secure_media.ledger"}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param({}, b"Forbidden\n", id="program"),
        pytest.param({"Accept": "text/html"}, b'<a href="/base/"', id="person"),
    ],
)
def test_who_loses_the_use_at_the_last_moment_is_refused_as_others_are(
    world: World, headers: dict[str, str], body: bytes
) -> None:
    """Where another request takes it before the first byte leaves, a person gets the page and a program the line."""
    link = world.link(PATH, jti="once", max_uses=1)
    grant = _grant_of(world, link)

    async def scene() -> Answer:
        response = await Client().response(world, link, headers)
        assert response.status == 200
        assert world.ledger.reserve(grant, 0, len(REPORT), len(REPORT), continues=True) is not None
        return await delivered(response)

    answer = asyncio.run(scene())
    assert answer.status == 403
    assert body in answer.body
    assert REPORT not in answer.body
    assert answer.body == world.ask("/base/media/nothing.png", headers).body


def test_confirmed_link_goes_on_delivering_past_its_first_cookie(world: World) -> None:
    """A browser that still fetches past half of the time of its cookie gets the next one with what it fetches."""
    link = world.link(PATH, jti="confirmed", max_uses=9, confirm=True, exp=int(world.now) + 10 * LIFETIME)
    assert REPORT not in world.ask(link).body
    pressed = world.ask(link, {"Sec-Fetch-Site": "same-origin"}, "POST", body=b"")
    assert pressed.status == 303
    cookie = (pressed.header("Set-Cookie") or "").partition(";")[0]

    first = world.ask(link, {"Cookie": cookie})
    assert (first.said, first.header("Set-Cookie")) == ((200, REPORT), None)
    world.now += LIFETIME * 0.6
    second = world.ask(link, {"Cookie": cookie, "Range": "bytes=0-3"})
    assert second.said == (206, REPORT[:4])
    renewed = (second.header("Set-Cookie") or "").partition(";")[0]
    world.now += LIFETIME * 0.6
    assert world.ask(link, {"Cookie": renewed}).said == (200, REPORT)
    assert REPORT not in world.ask(link, {"Cookie": cookie}).body


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        pytest.param({"jti": "counted", "max_uses": 1}, (204, b""), id="counted"),
        pytest.param({}, (200, REPORT), id="uncounted"),
    ],
)
def test_check_of_the_page_costs_no_use(world: World, terms: dict[str, Any], said: tuple[int, bytes]) -> None:
    """Streamlit's page asks for a link before anybody clicks: where that would be a use, it gets nothing for it."""
    link = world.link(PATH, **terms)

    assert world.ask(link, FETCH).said == said
    assert world.ask(link).said == (200, REPORT)


# --- who plays on

FILM = bytes(range(200))


@pytest.mark.parametrize(
    ("kind", "terms", "plays_on"),
    [
        pytest.param("video/mp4", {"session": short_hash("anna-session")}, True, id="film-of-a-session"),
        pytest.param("audio/mpeg", {"session": short_hash("anna-session")}, True, id="sound-of-a-session"),
        pytest.param("image/png", {"session": short_hash("anna-session")}, False, id="picture"),
        pytest.param("video/mp4", {"jti": "anyone"}, False, id="film-for-anyone"),
        pytest.param(
            "application/octet-stream",
            {"session": short_hash("anna-session"), "content_type": "video/mp4"},
            True,
            id="film-by-its-grant",
        ),
    ],
)
def test_play_outlasts_its_grant(kind: str, terms: dict[str, Any], plays_on: bool) -> None:
    """Who has begun a film while a bound grant held may go on fetching it, for a while; nobody who begins later may."""
    world = World()
    link = world.link(world.show("anna", "anna-session", FILM, kind), **terms)
    ann, other = ({"Range": "bytes=0-9", "User-Agent": name} for name in ("ann", "other"))
    assert world.ask(link, ann).said == (206, FILM[:10])
    assert world.ask(link).said == (200, FILM)
    world.now += 601

    assert world.ask(link, ann).said == ((206, FILM[:10]) if plays_on else FORBIDDEN)
    assert world.ask(link, other).said == FORBIDDEN
    assert world.ask(link).said == FORBIDDEN
    world.now += PLAYBACK
    assert world.ask(link, ann).said == FORBIDDEN


# --- what is written down

FIELDS = (
    *("resource", "action", "by", "subject", "browser", "jti", "client_ip"),
    *("status", "start", "length", "size", "sent", "complete"),
)


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """Return what gives the fields of the events of deliveries since the last time, each with its name."""
    caplog.set_level(logging.INFO, logger="secure_media.audit")

    def events() -> list[dict[str, Any]]:
        found = [
            {"event": record.message.split()[0], **{name: getattr(record, name, None) for name in FIELDS}}
            for record in caplog.records
            if record.message.startswith(("media.delivered", "media.offloaded"))
        ]
        caplog.clear()
        return found

    return events


def test_delivery_to_a_browser_is_written_down(world: World, written: Callable[[], list[dict[str, Any]]]) -> None:
    """Who got what, which part of it, and whether all of that has left; of a look that delivers nothing, nothing."""
    headers = world.signed_in("anna")
    path, size = world.media["anna"], len(CONTENT) + 4
    whole = {
        "event": "media.delivered",
        "resource": f"media/{path.rpartition('/')[2].partition('.')[0]}",
        "action": "view",
        "by": "session",
        "subject": pseudonym("anna"),
        "browser": short_hash("anna")[:8],
        "jti": None,
        "client_ip": "192.0.2.1",
        "status": 200,
        "start": 0,
        "length": size,
        "size": size,
        "sent": size,
        "complete": True,
    }

    assert world.ask(path, headers).status == 200
    assert written() == [whole]
    assert world.ask(path, {**headers, "Range": "bytes=5-14"}).status == 206
    assert written() == [{**whole, "status": 206, "start": 5, "length": 10, "sent": 10}]
    etag = world.ask(path, headers, "HEAD").header("ETag") or ""
    assert world.ask(path, {**headers, "If-None-Match": etag}).status == 304
    assert world.ask(world.media["bert"], headers).status == 403
    assert written() == []


@pytest.mark.parametrize("terms", [{"jti": "the-id-of-it"}, {"jti": "the-id-of-it", "max_uses": 2}])
def test_delivery_by_a_link_is_written_down(
    world: World, written: Callable[[], list[dict[str, Any]]], terms: dict[str, Any]
) -> None:
    """With the beginning of its id and what it was for, counted or not."""
    link = world.link(PATH, Action.DOWNLOAD, **terms)
    assert world.ask(link, {"Range": "bytes=-4"}).said == (206, REPORT[-4:])
    LEDGER.submit("the-id-of-it", lambda: None).result(60)

    [event] = written()
    assert event == {
        "event": "media.delivered",
        "resource": "file/files/report.txt",
        "action": "download",
        "by": "signed_url",
        "subject": None,
        "browser": None,
        "jti": "the-id-o",
        "client_ip": "192.0.2.1",
        "status": 206,
        "start": len(REPORT) - 4,
        "length": 4,
        "size": len(REPORT),
        "sent": 4,
        "complete": True,
    }


def test_what_somebody_else_sends_is_written_down_as_that(
    tmp_path: Path, written: Callable[[], list[dict[str, Any]]]
) -> None:
    """How much of it leaves is not known here; and a HEAD has nothing leave."""
    (tmp_path / "report.txt").write_bytes(REPORT)
    world = World(collections={"files": Collection(tmp_path, offload="/internal/")})
    link = world.link(PATH, Action.DOWNLOAD, jti="the-id-of-it")

    assert world.ask(link, {"Cookie": world.cookie()}).header("X-Accel-Redirect") == "/internal/report.txt"
    [event] = written()
    assert {name: value for name, value in event.items() if value is not None} == {
        "event": "media.offloaded",
        "resource": "file/files/report.txt",
        "action": "download",
        "by": "signed_url",
        "browser": short_hash("anna")[:8],
        "jti": "the-id-o",
        "client_ip": "192.0.2.1",
        "size": len(REPORT),
    }
    assert world.ask(link, method="HEAD").header("X-Accel-Redirect") == "/internal/report.txt"
    assert written() == []


@pytest.mark.parametrize(
    ("made", "length"),
    [
        pytest.param(lambda: iter([b"one", b"two"]), None, id="unknown-length"),
        pytest.param(lambda: b"onetwo", 6, id="known-length"),
    ],
)
def test_length_of_what_the_app_makes_is_written_down_if_it_is_known(
    written: Callable[[], list[dict[str, Any]]], made: Callable[[], Any], length: int | None
) -> None:
    """Of what comes bit by bit, nobody can say before how much it will be; at the end, all of it has left."""
    world = World()
    path = world.offer(made)

    assert world.ask(path, {"Cookie": world.cookie()}).said == (200, b"onetwo")
    [event] = written()
    assert (event["length"], event["size"], event["sent"], event["complete"]) == (length, length, 6, True)
