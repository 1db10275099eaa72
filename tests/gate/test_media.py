"""Requests for media: who has to wait for what, what the app's own code is run for, and what counts as delivered."""

from __future__ import annotations

import asyncio
import gzip
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from secure_media.content.bodies import FunctionBody, NoBody
from secure_media.content.sources import INLINE_LIMIT, MemorySource
from secure_media.content.turns import CODE, LEDGER, Turns
from secure_media.core.context import AccessContext
from secure_media.core.model import Action, short_hash
from secure_media.core.policy import Policy
from secure_media.core.rules import allow_if, own_session, signed_url
from secure_media.errors import BusyError, ClientGoneError
from secure_media.http.compression import COMPRESSING
from secure_media.http.request import Request
from secure_media.http.responses import Response
from secure_media.servers.asgi_send import write
from secure_media.stores.media_ids import CONDITION
from secure_media.stores.waiting import WAITING, WAITING_PER_BROWSER
from tests.gate import worlds
from tests.gate.worlds import CONTENT, FORBIDDEN, LIFETIME, RESUMABLE, Headers

NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
PRESS = {"Sec-Fetch-Site": "same-origin"}
NOT_FOUND = (404, b"Not Found\n")
ADDRESS = "192.0.2.1"


class Client:
    """
    Who asks, and stays.

    Args:
        seen: Is called when somebody looks whether it is still there.
    """

    def __init__(self, seen: Callable[[], object] = lambda: None) -> None:
        self.looks = 0
        #: Done once it has gone.
        self.gone: asyncio.Future[None] | None = None
        self._seen = seen

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[asyncio.Future[None]]:
        """Yield what is done once it has gone."""
        self.looks += 1
        self.gone = asyncio.get_running_loop().create_future()
        self._seen()
        yield self.gone


class Gone(Client):
    """One that goes as soon as it has asked."""

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[asyncio.Future[None]]:
        """Yield what is done."""
        async with super().watch() as gone:
            gone.set_result(None)
            yield gone


class Report:
    """
    What the app makes for whoever asks.

    Args:
        make: Makes it.
        size: How long it is going to be, if that is known.
    """

    def __init__(self, make: Callable[[], Any], size: int | None = None) -> None:
        self.made = 0
        self.size = size
        self._make = make

    def make(self) -> Any:
        """Make it."""
        self.made += 1
        return self._make()


class World(worlds.World):
    """The same, whose gate is asked by a client that may go."""

    def once(self, path: str, **terms: Any) -> str:
        """Return a link for one use."""
        return self.link(path, jti="the-id", max_uses=1, **terms)

    async def answer(
        self, path: str, headers: Headers | None = None, client: Client | None = None, address: str = ADDRESS
    ) -> Response:
        """Return what the gate answers to a client that watches."""
        path, _, query = path.partition("?")
        fields = [(name.lower(), str(value)) for name, value in (headers or {}).items()]
        answer = await self.gate.answer(Request("GET", path, query, fields, False, address), (client or Client()).watch)
        assert answer is not None
        return answer


async def sent(answer: Response) -> tuple[int, bytes]:
    """Send an answer, and return what leaves."""
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    async def receive() -> Any:
        return await asyncio.get_running_loop().create_future()

    await write(answer, receive, send)
    return messages[0]["status"], b"".join(bytes(message["body"]) for message in messages[1:])


@contextmanager
def busy(turns: Turns, *whose: Any, beyond: bool = False) -> Iterator[Callable[[], None]]:
    """
    Give `turns` work for each of these until what this yields is called, or this is over.

    Args:
        turns: Has the threads.
        whose: For whom.
        beyond: Whether to go on for the last of them until no more may wait.
    """
    go_on = threading.Event()
    with ExitStack() as stack:
        stack.callback(go_on.set)
        for each in whose:
            turns.submit(each, lambda: go_on.wait(60))
        with suppress(BusyError):
            while beyond:
                turns.submit(whose[-1], lambda: go_on.wait(60))
        yield go_on.set


# --- what may be asked for


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get"])
def test_media_are_there_to_be_read(method: str) -> None:
    """Whoever may have it may read it, and do nothing else."""
    world, cookie = World(), {"Cookie": World().cookie()}
    assert world.ask(world.media["anna"], cookie).said == (200, CONTENT + b"anna")
    assert world.ask(world.media["anna"], cookie, "HEAD").said == (200, b"")

    refused = world.ask(world.media["anna"], cookie, method)
    assert refused.said == (405, b"Method Not Allowed\n")
    assert refused.header("allow") == "GET, HEAD"


def test_only_a_link_with_a_button_is_pressed() -> None:
    """A POST with the token of a link that has one leads to the file; with that of another link it does nothing."""
    world = World()
    path = world.media["anna"]
    assert world.ask(world.once(path, confirm=True), PRESS, "POST", body=b"").status == 303
    assert world.ask(world.once(path), PRESS, "POST", body=b"").status == 405
    assert world.ask(world.once(path, confirm=True), PRESS, "PUT", body=b"").status == 405


@pytest.mark.parametrize("name", ["", "x", "{}/", "{}/x.png", "x{}", "../media/{}", "{}\n", "{}.png/.."])
def test_what_is_no_name_of_a_medium_is_refused(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is made of what is almost one, with a cookie or with a link that is good for it."""
    world = World()
    media_id = world.media["anna"].rpartition("/")[2].partition(".")[0]
    for ending in ("", ".png", ".mp4"):
        assert world.ask(f"/base/media/{media_id}{ending}", {"Cookie": world.cookie()}).status == 200

    with caplog.at_level(logging.INFO, "secure_media.audit"):
        path = f"/base/media/{name.format(media_id)}"
        assert world.ask(path, {"Cookie": world.cookie()}).said == FORBIDDEN
    assert [vars(record)["reason"] for record in caplog.records] == ["malformed_resource"]


def test_nothing_is_for_a_request_that_may_have_trailers(caplog: pytest.LogCaptureFixture) -> None:
    """What may have come past a proxy proves nothing, be it a cookie or what stands beside a link."""
    world = World()
    link = world.once(world.media["anna"])
    assert world.ask(link, method="HEAD").status == 200

    with caplog.at_level(logging.INFO, "secure_media.audit"):
        assert world.ask(link, {"Transfer-Encoding": "chunked"}).said == FORBIDDEN
    reasons = [vars(record)["reason"] for record in caplog.records if record.name == "secure_media.audit"]
    assert reasons == ["malformed_resource"]


def test_link_to_show_is_none_to_save() -> None:
    """What a URL asks for beside the path has to be what was granted."""
    world = World()
    for action, other in ((Action.VIEW, "?download=1&"), (Action.DOWNLOAD, "?")):
        link = world.link(world.media["anna"], action)
        assert world.ask(link).status == 200
        assert world.ask(f"{link.partition('?')[0]}{other}{link[link.index('media_token') :]}").said == FORBIDDEN


@pytest.mark.parametrize("navigates", [True, False])
def test_refusal_has_words_for_a_person(navigates: bool) -> None:
    """A person who waits for a page gets one, with the way to the app; all else gets a line."""
    world = World()
    assert world.ask(world.media["anna"], {"Cookie": world.cookie(), **NAVIGATION}).status == 200

    refused = world.ask(world.media["bert"], {"Cookie": world.cookie(), **(NAVIGATION if navigates else {})})
    assert refused.status == 403
    assert (b'<a href="/base/"' in refused.body) is navigates


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_was_allowed_and_is_gone_is_not_found(method: str) -> None:
    """A link may be good for longer than the app keeps what it is for; nothing is told to who has none."""
    world = World()
    path = f"/base/media/{'0' * 40}.png"
    assert world.ask(world.link(path), method=method).said == (404, b"" if method == "HEAD" else b"Not Found\n")
    assert world.ask(path, method=method).status == 403


def test_condition_is_asked_besides_whatever_allows_it() -> None:
    """What is shown on a condition of its own needs that as well, on the page of whoever was shown it too."""
    world = World()
    said: dict[str, bool] = {"anna": True}

    def condition(context: AccessContext) -> bool:
        return said.get(context.browser.id if context.browser else "", False)

    media_id = world.store.put(b"content", "image/png", None, f"terms{CONDITION}it")
    world.store.require(media_id, allow_if(condition))
    link = world.link(f"/base/media/{media_id}.png", session=short_hash("anna-session"))
    assert world.ask(link, {"Cookie": world.cookie()}).said == (200, b"content")

    assert world.ask(link, {"Cookie": world.cookie("bert")}).said == FORBIDDEN
    said.clear()
    assert world.ask(link, {"Cookie": world.cookie()}).said == FORBIDDEN


def anyone() -> Policy:
    """Return a policy that lets in whoever asks."""
    return allow_if(lambda _: True)


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(lambda: signed_url() | anyone(), id="link-first"),
        pytest.param(lambda: anyone() | signed_url(), id="link-last"),
        pytest.param(lambda: own_session() | anyone() & signed_url() | anyone(), id="link-between"),
    ],
)
@pytest.mark.parametrize("terms", ["terms", f"terms{CONDITION}it"])
def test_what_is_on_terms_needs_its_link_whatever_else_would_do(policy: Callable[[], Policy], terms: str) -> None:
    """A rule that lets people in without a link opens what is shown, and nothing that is shown on terms."""
    world = World(policy())
    media_id = world.store.put(b"content", "image/png", None, terms)
    world.store.require(media_id, anyone())
    path = f"/base/media/{media_id}.png"
    link, once = world.link(path, session=short_hash("anna-session")), world.once(path)
    assert world.ask(world.media["anna"]).said[0] == 200
    assert [world.ask(each).said for each in (link, link, once)] == [(200, b"content")] * 3

    assert [world.ask(each).said for each in (path, once, path)] == [FORBIDDEN] * 3
    assert world.ask(path, method="HEAD").status == 403
    lost(world)
    assert world.ask(link).said == FORBIDDEN
    world.now += 601
    assert world.ask(link).said == FORBIDDEN


# --- pages that may be back in a moment


def lost(world: World, browser: str = "anna") -> None:
    """Let the page of a browser break off, so long ago that it does not count any more."""
    world.shown.end(f"{browser}-session")
    world.up += RESUMABLE + 1
    world.shown.settle()


def back(world: World, browser: str = "anna") -> None:
    """Let it come back."""
    world.shown.begin("another-session", browser, named=f"{browser}-session")


async def waiting(world: World, count: int = 1, browser: str = "anna") -> tuple[list[asyncio.Task[Response]], Client]:
    """Let a browser whose page has broken off ask so many times, and return what waits, and the last one who asks."""
    tasks = []
    for _ in range(count):
        client = Client()
        path, cookie = world.media["anna"], {"Cookie": world.cookie(browser)}
        tasks.append(asyncio.ensure_future(world.answer(path, cookie, client)))
        while not client.looks and not tasks[-1].done():
            await asyncio.sleep(0)
    for _ in range(10):  # whoever has no room goes on
        await asyncio.sleep(0)
    return tasks, client


def test_request_waits_for_a_page_that_broke_off() -> None:
    """A film goes on when the page is back; what the browser asks for before that waits for it."""
    world = World()
    lost(world)

    async def scene() -> list[tuple[int, bytes]]:
        tasks, _ = await waiting(world, 2)
        assert not any(task.done() for task in tasks)
        back(world)
        return [await sent(await task) for task in tasks]

    assert asyncio.run(scene()) == [(200, CONTENT + b"anna")] * 2


def test_page_that_is_back_at_once_is_not_waited_for() -> None:
    """One that comes back while a request only begins to wait for it lets that go on, and not after a while."""
    world = World()
    lost(world)

    async def scene() -> Response:
        headers = {"Cookie": world.cookie()}
        asked = asyncio.ensure_future(world.answer(world.media["anna"], headers, Client(lambda: back(world))))
        for _ in range(10):
            await asyncio.sleep(0)
        assert asked.done()
        return await asked

    assert asyncio.run(scene()).status == 200


def test_what_is_decided_when_the_page_is_back_is_decided_anew() -> None:
    """The page alone is not enough where something else is needed besides, for what was asked for."""
    asked: list[Action] = []

    def condition(context: AccessContext) -> bool:
        asked.append(context.action)
        return len(asked) == 1

    world = World(own_session() & allow_if(condition))
    path = world.media["anna"] = f"{world.media['anna']}?download=1"
    assert world.ask(path, {"Cookie": world.cookie()}).status == 200
    lost(world)

    async def scene() -> Response:
        tasks, _ = await waiting(world)
        back(world)
        return await tasks[0]

    assert asyncio.run(scene()).status == 403
    assert asked == [Action.DOWNLOAD] * 2


def test_refusal_is_decided_once() -> None:
    """Where no page is expected there is nothing to decide anew: the app's own condition is asked once."""
    said = [True, False, True]
    world = World(allow_if(lambda _: said.pop(0)))
    for status in (200, 403):
        assert world.ask(world.media["anna"], {"Cookie": world.cookie()}).status == status
    assert said == [True]


@pytest.mark.parametrize("cookie", ["bert", None], ids=["another", "nobody"])
def test_nobody_waits_for_the_page_of_another(cookie: str | None) -> None:
    """Who has lost nothing is refused at once, whatever others wait for."""
    world = World()
    lost(world)
    client = Client()

    async def scene() -> Response:
        tasks, _ = await waiting(world)
        headers = {} if cookie is None else {"Cookie": world.cookie(cookie)}
        refused = await world.answer(world.media["anna"], headers, client)
        back(world)
        assert (await tasks[0]).status == 200
        return refused

    assert asyncio.run(scene()).status == 403
    assert client.looks == 0


def test_what_is_allowed_waits_for_nothing() -> None:
    """A link holds without the page, and a page that is there needs not come back."""
    world = World()
    assert asyncio.run(world.answer(world.media["anna"], {"Cookie": world.cookie()}, client := Client())).status == 200
    lost(world)
    link = world.link(world.media["anna"])
    assert asyncio.run(world.answer(link, {"Cookie": world.cookie()}, client)).status == 200
    assert client.looks == 0


def test_one_browser_waits_so_many_times_and_no_more() -> None:
    """Beyond that it is refused at once; once it does not wait any more, it may again."""
    world = World()
    lost(world)

    async def scene() -> tuple[int, int]:
        tasks, client = await waiting(world, WAITING_PER_BROWSER)
        refused = await world.answer(world.media["anna"], {"Cookie": world.cookie()})
        assert client.gone is not None
        client.gone.set_result(None)
        with pytest.raises(ClientGoneError):
            await tasks.pop()
        tasks += (await waiting(world))[0]
        assert not any(task.done() for task in tasks)
        back(world)
        return refused.status, len([task for task in tasks if (await task).status == 200])

    assert asyncio.run(scene()) == (403, WAITING_PER_BROWSER)


def test_one_address_cannot_fill_the_room() -> None:
    """With any number of browsers that have lost a page: somebody at another address takes the place of one of them."""
    world = World()
    for number in range(WAITING):
        world.shown.begin(f"{number}-session", str(number))
        media_id = world.media["anna"].rpartition("/")[2].partition(".")[0]
        world.shown.registered(f"{number}-session", media_id)
        world.shown.sent(f"{number}-session", media_id, [media_id])
        world.shown.end(f"{number}-session")
    lost(world)

    async def scene() -> tuple[int, int]:
        crowd = [
            asyncio.ensure_future(world.answer(world.media["anna"], {"Cookie": world.cookie(str(number))}, Client()))
            for number in range(WAITING)
        ]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        cookie = {"Cookie": world.cookie()}
        anna = asyncio.ensure_future(world.answer(world.media["anna"], cookie, Client(), address="192.0.2.2"))
        done, _ = await asyncio.wait(crowd, return_when=asyncio.FIRST_COMPLETED)
        assert not anna.done()
        back(world)
        status = (await anna).status
        for each in crowd:
            each.cancel()
        await asyncio.wait(crowd)
        return status, len(done)

    assert asyncio.run(scene()) == (200, 1)


# --- what is stored


def test_page_with_a_button_tells_what_there_is() -> None:
    """Its name, as the link has it, and its size, where that is known before it is made."""
    world = World()
    stored = world.show("anna", "anna-session", b"x" * 3000, "text/csv", "a.csv")
    page = world.ask(world.once(stored, confirm=True)).body
    assert b"a.csv" in page
    assert b"<dt>Size</dt><dd>3" in page
    assert b"b.csv" in world.ask(world.once(stored, confirm=True, filename="b.csv")).body

    report = Report(lambda: MemorySource(b"x" * 7000), size=7000)
    for supply, size in ((report, b"<dt>Size</dt><dd>7"), (FunctionBody(lambda: b"x"), None)):
        page = world.ask(world.once(world.offer(supply), confirm=True)).body
        assert b"r.csv" in page
        assert (b"<dt>Size" in page) is (size is not None)
        assert size is None or size in page
    assert not report.made


def test_button_leads_to_what_is_made_once() -> None:
    """The page makes nothing; who has pressed gets it, and nobody after them."""
    world = World()
    report = Report(lambda: MemorySource(b"the report"))
    link = world.once(world.offer(report), confirm=True)
    for _ in range(2):
        assert b"<form" in world.ask(link).body
    pressed = world.ask(link, PRESS, "POST", body=b"")

    cookie = {"Cookie": str(pressed.header("set-cookie")).partition(";")[0]}
    assert world.ask(link, cookie).said == (200, b"the report")
    assert world.ask(link, cookie).said == FORBIDDEN
    assert report.made == 1


def test_browser_goes_on_with_whatever_it_fetches() -> None:
    """A page that asks for nothing but media for weeks keeps its cookie, by what is stored and by what is made."""
    world = World()
    made, cookie = world.offer(lambda: b"made"), {"Cookie": world.cookie()}
    paths = (world.media["anna"], made)
    assert [world.ask(path, cookie).header("set-cookie") for path in paths] == [None, None]

    world.now += LIFETIME * 0.6
    for path in paths:
        answer = world.ask(path, cookie)
        assert answer.status == 200
        assert "Max-Age" in str(answer.header("set-cookie"))
    assert world.ask(world.media["bert"], cookie).header("set-cookie") is None


TEXT = b"a line like all others\n" * 500


def test_text_is_compressed_for_who_takes_that() -> None:
    """The whole of it, for a browser; not where its bytes are counted."""
    world = World()
    path = world.show("anna", "anna-session", TEXT, "text/csv")
    headers = {"Cookie": world.cookie(), "Accept-Encoding": "gzip"}

    for _ in range(2):
        answer = world.ask(path, headers)
        assert answer.header("content-encoding") == "gzip"
        assert gzip.decompress(answer.body) == TEXT
    assert world.ask(path, {"Cookie": world.cookie()}).said == (200, TEXT)
    assert world.ask(world.once(path), {"Accept-Encoding": "gzip"}).said == (200, TEXT)


def test_what_a_link_calls_text_is_compressed_as_text() -> None:
    """The type that counts is the one that is answered."""
    world = World()
    path = world.show("anna", "anna-session", TEXT, "application/x-unknown")
    for kind, coding in ((None, None), ("text/csv", "gzip")):
        link = world.link(path, content_type=kind)
        assert world.ask(link, {"Accept-Encoding": "gzip"}).header("content-encoding") == coding


def test_nobody_waits_for_others_texts_to_be_compressed() -> None:
    """Who has one compressed gets the next as it is; somebody else's is compressed meanwhile."""
    world = World()
    path = world.show("anna", "anna-session", TEXT, "text/csv")
    world.show("bert", "bert-session", TEXT, "text/csv")
    asked = {name: {"Cookie": world.cookie(name), "Accept-Encoding": "gzip"} for name in ("anna", "bert")}

    with busy(COMPRESSING, short_hash("anna")):
        plain = world.ask(path, asked["anna"])
        assert (plain.said, plain.header("content-encoding")) == ((200, TEXT), None)
        assert world.ask(path, asked["bert"]).header("content-encoding") == "gzip"


def test_nothing_is_compressed_for_a_client_that_has_gone() -> None:
    """There is nobody left to answer, for what takes its time."""
    world = World()
    path = world.show("anna", "anna-session", TEXT, "text/csv")
    headers = {"Cookie": world.cookie(), "Accept-Encoding": "gzip"}
    with pytest.raises(ClientGoneError):
        asyncio.run(world.answer(path, headers, Gone()))
    assert asyncio.run(world.answer(path, headers)).status == 200


def test_large_file_is_read_in_the_turns_of_who_asks(tmp_path: Path) -> None:
    """What is on the disk is waited for by its browser; what is in memory has no turns."""
    world = World()
    (tmp_path / "film").write_bytes(bytes(INLINE_LIMIT + 1))
    media_id = world.store.put_file(str(tmp_path / "film"), "video/mp4", None)
    world.shown.registered("anna-session", media_id)
    world.shown.sent("anna-session", media_id, [media_id])
    cookie = {"Cookie": world.cookie()}

    assert asyncio.run(world.answer(f"/base/media/{media_id}.mp4", cookie)).whose == short_hash("anna")
    assert asyncio.run(world.answer(world.media["anna"], cookie)).whose is None


# --- what the app's own code makes


def test_code_runs_for_each_who_asks_and_for_nobody_else() -> None:
    """Once for each GET that is allowed; a HEAD tells what a GET would have, and needs none of it."""
    world = World()
    report = Report(lambda: MemorySource(b"the report"), size=10)
    path, cookie = world.offer(report), {"Cookie": world.cookie()}
    got = world.ask(path, cookie)
    assert got.said == (200, b"the report")
    assert got.header("content-disposition") == 'attachment; filename="r.csv"'
    assert got.header("content-type") == "text/csv; charset=utf-8"
    assert world.ask(path, cookie) == got
    assert report.made == 2

    head = world.ask(path, cookie, "HEAD")
    assert (head.status, head.headers, head.body) == (200, got.headers, b"")
    for question in ({"Sec-Purpose": "prefetch"}, {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"}):
        assert world.ask(path, {**cookie, **question}).said == (204, b"")
    assert world.ask(path, {**cookie, "Accept": "*/*", "Referer": "http://localhost:8501/"}).status == 409
    assert world.ask(path, {"Cookie": world.cookie("bert")}).said == FORBIDDEN
    assert report.made == 2


def test_link_names_what_is_made() -> None:
    """A link has its own name and type for it, as for what is stored."""
    world = World()
    path = world.offer(lambda: b"made", name=None)
    got = world.ask(world.link(path, Action.DOWNLOAD, filename="b.txt", content_type="text/plain"))
    assert got.said == (200, b"made")
    assert got.header("content-disposition") == 'attachment; filename="b.txt"'
    assert got.header("content-type") == "text/plain; charset=utf-8"
    assert world.ask(world.link(path)).header("content-disposition") is None


def test_stream_is_read_in_the_turns_of_who_asks() -> None:
    """What comes piece by piece is made by the app's code as long as it lasts."""
    world = World()
    path = world.offer(lambda: iter([b"a,", b"b"]))
    cookie = {"Cookie": world.cookie()}
    assert world.ask(path, cookie).said == (200, b"a,b")

    async def scene() -> Any:
        answer = await world.answer(path, cookie)
        assert answer.stream is not None
        await answer.abandon()
        return answer.whose, answer.stream.whose

    assert asyncio.run(scene()) == (short_hash("anna"), short_hash("anna"))


def test_one_who_asks_for_too_much_is_told_to_come_again() -> None:
    """What waits for one browser has a bound; others have theirs made meanwhile."""
    world = World()
    report = Report(lambda: MemorySource(b"the report"))
    path = world.offer(report)
    media_id = path.rpartition("/")[2].partition(".")[0]
    world.shown.registered("bert-session", media_id)
    world.shown.sent("bert-session", media_id, [media_id])

    with busy(CODE, short_hash("anna"), beyond=True):
        refused = world.ask(path, {"Cookie": world.cookie()})
        assert refused.said == (503, b"Service Unavailable\n")
        assert refused.header("retry-after") == "10"
        assert report.made == 0
        assert world.ask(path, {"Cookie": world.cookie("bert")}).said == (200, b"the report")


def test_nothing_is_made_for_a_client_that_has_gone() -> None:
    """While it waits for its turn; its link is good for somebody who stays."""
    world = World()
    report = Report(lambda: MemorySource(b"the report"))
    link = world.once(world.offer(report))

    with busy(CODE, *(object() for _ in range(32))), pytest.raises(ClientGoneError):
        asyncio.run(world.answer(link, {}, Gone()))

    assert report.made == 0
    assert world.ask(link).said == (200, b"the report")
    assert world.ask(link).said == FORBIDDEN


@pytest.mark.parametrize("audited", [False, True])
@pytest.mark.parametrize("make", [lambda: b"the report", lambda: iter([b"the ", b"report"])], ids=["bytes", "stream"])
def test_use_is_what_was_made_and_arrived(
    make: Callable[[], Any], audited: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """One use of a link is one whole report; what came of it is written down, where anybody wants to know."""
    caplog.set_level(logging.INFO if audited else logging.WARNING, "secure_media.audit")
    world = World()
    link = world.once(world.offer(make))

    assert world.ask(link).said == (200, b"the report")
    assert world.ask(link).said == FORBIDDEN

    LEDGER.submit("the-id", lambda: None).result(60)
    delivered = [vars(record) for record in caplog.records if record.message.startswith("media.delivered")]
    size = 10 if make() == b"the report" else None
    names = ("by", "status", "start", "length", "size", "sent", "complete", "client_ip")
    wanted = ("signed_url", 200, 0, size, size, 10, True, ADDRESS)
    assert [tuple(event[name] for name in names) for event in delivered] == ([wanted] if audited else [])


def test_delivery_by_a_cookie_is_written_down(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever got it and by what, also where nothing is counted; where nobody wants to know nobody watches."""
    world = World()
    path, cookie = world.offer(lambda: b"made"), {"Cookie": world.cookie()}
    assert asyncio.run(world.answer(path, cookie)).delivery is None

    with caplog.at_level(logging.INFO, "secure_media.audit"):
        assert world.ask(path, cookie).said == (200, b"made")
    (event,) = [vars(record) for record in caplog.records if record.message.startswith("media.delivered")]
    assert (event["by"], event["browser"], event["sent"]) == ("session", short_hash("anna")[:8], 4)


def test_what_breaks_off_is_no_use() -> None:
    """A client that goes before anything has left has used nothing."""
    world = World()
    link = world.once(world.offer(lambda: iter([b"the ", b"report"])))

    async def scene() -> None:
        await (await world.answer(link)).abandon()

    asyncio.run(scene())
    assert world.ask(link).said == (200, b"the report")
    assert world.ask(link).said == FORBIDDEN


def test_end_of_a_delivery_is_written_down_beside_the_event_loop() -> None:
    """In the ledger's thread, in its turn: nobody else waits for a disk meanwhile."""
    world = World()
    link = world.once(world.offer(lambda: b"the report"))
    grant = world.codec.verify_signature(link.rpartition("=")[2])

    async def scene() -> tuple[int, int]:
        answer = await world.answer(link)
        assert answer.delivery is not None
        await answer.delivery.checked()
        answer.delivery.sent(10)
        with busy(LEDGER, "another"):
            answer.delivery.over()
            meanwhile = world.ledger.used(grant)
        await LEDGER.run("the-id", lambda: None)
        return meanwhile, world.ledger.used(grant)

    assert asyncio.run(scene()) == (0, 1)


def failing(error: Exception) -> Callable[[], Any]:
    """Return what fails the first time, and makes a report after that."""
    errors = [error]

    def make() -> bytes:
        if errors:
            raise errors.pop()
        return b"the report"

    return make


def test_code_that_fails_spends_no_use(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody got anything; the log has what the app's own code raised, and the client hears nothing of it."""
    world = World()
    link = world.once(world.offer(failing(ValueError("a secret"))))

    assert world.ask(link).said == (500, b"Internal Server Error\n")
    (record,) = caplog.records
    assert record.message == "media.not_made"
    assert record.exc_info is not None
    assert repr(record.exc_info[1]) == "ValueError('a secret')"

    assert world.ask(link).said == (200, b"the report")
    assert world.ask(link).said == FORBIDDEN


def test_failure_without_a_cause_is_in_the_log_itself(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever makes it may fail by itself as well."""
    world = World()
    path = world.offer(Report(failing(OSError("no disk"))))
    assert world.ask(path, {"Cookie": world.cookie()}).status == 500
    (record,) = caplog.records
    assert record.exc_info is not None
    assert repr(record.exc_info[1]) == "OSError('no disk')"


def test_what_is_not_offered_any_more_is_not_found_and_no_use() -> None:
    """What was taken out of the app meanwhile is gone; once it is back, the link is still good."""
    world = World()
    link = world.once(world.offer(NoBody()))
    assert world.ask(link).said == NOT_FOUND
    assert world.ask(world.offer(NoBody()), {"Cookie": world.cookie()}).said == NOT_FOUND

    world.offer(lambda: b"the report")
    assert world.ask(link).said == (200, b"the report")
    assert world.ask(link).said == FORBIDDEN


def test_use_is_taken_before_the_code_runs() -> None:
    """Of two who come for the last use at the same moment one gets it, and for the other no code runs."""
    world = World()
    begun, go_on = threading.Event(), threading.Event()

    def make() -> Any:
        begun.set()
        assert go_on.wait(60)
        return MemorySource(b"the report")

    report = Report(make)
    link = world.once(world.offer(report))

    async def scene() -> tuple[Response, tuple[int, bytes]]:
        first = asyncio.ensure_future(world.answer(link))
        await asyncio.to_thread(begun.wait, 60)
        second = await world.answer(link, NAVIGATION)
        go_on.set()
        return second, await sent(await first)

    try:
        second, first = asyncio.run(scene())
    finally:
        go_on.set()
    assert first == (200, b"the report")
    assert report.made == 1
    assert second.status == 403
    assert second.source is not None
    assert b'<a href="/base/"' in second.source.read(0, second.source.size)


def test_nothing_is_made_that_cannot_be_counted(tmp_path: Path) -> None:
    """Where the ledger goes while a request waits for its turn, that is refused, and no code runs."""
    report = Report(lambda: MemorySource(b"the report"))

    def ask(seen: Callable[[], object]) -> tuple[int, bytes]:
        world = World(ledger=tmp_path / "ledger")
        link = world.once(world.offer(report))

        async def scene() -> tuple[int, bytes]:
            return await sent(await world.answer(link, {}, Client(seen)))

        return asyncio.run(scene())

    with busy(CODE, *(object() for _ in range(32))) as let_go:
        assert ask(let_go) == (200, b"the report")
    (tmp_path / "ledger").unlink()

    def lose() -> None:
        (tmp_path / "ledger").unlink()
        let_go()

    (tmp_path / "ledger").touch()
    with busy(CODE, *(object() for _ in range(32))) as let_go:
        assert ask(lose) == FORBIDDEN
    assert report.made == 1


def test_what_can_no_longer_be_counted_does_not_leave(tmp_path: Path) -> None:
    """Where the ledger goes while the code runs, a person gets the page of a refusal in place of what was made."""
    world = World(ledger=tmp_path / "ledger")
    made = world.offer(lambda: b"the report")
    assert world.ask(world.link(made, jti="another", max_uses=1), NAVIGATION).status == 200

    def make() -> bytes:
        (tmp_path / "ledger").unlink()
        return b"the report"

    refused = world.ask(world.once(world.offer(make)), NAVIGATION)
    assert refused.status == 403
    assert b'<a href="/base/"' in refused.body
