"""
The short way: the same answer as the long way, whatever is asked for and however often it was asked before.

Each check runs against the short way as it is, and against broken ones: a check that lets its breakage pass is none.
"""

from __future__ import annotations

import dataclasses
import logging
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from secure_media.audit import sinks
from secure_media.content.sources import MemorySource
from secure_media.core.context import Visitor
from secure_media.core.model import Action, Allow, Browser, Credentials, Grant, Resource, ResourceKind
from secure_media.core.policy import Policy
from secure_media.core.questions import Name
from secure_media.core.rules import allow_if, own_session, signed_url
from secure_media.gate import gate as gates
from secure_media.gate import shortcut as shortcuts
from secure_media.gate.admission import Admitted
from secure_media.http.representation import Presentation
from secure_media.http.request import Request
from tests import people
from tests.gate import worlds
from tests.gate.worlds import CONTENT, FORBIDDEN, GRACE, LIFETIME, NOW, SECRET, Answer

NEW = "another-secret-0123456789-abcdefghijkl"


class World(worlds.World):
    """
    The same, with the requests counted that go the long way.

    Args:
        short: The module of the short way.
        policy: The rule.
    """

    def __init__(self, short: types.ModuleType = shortcuts, policy: Policy | None = None) -> None:
        kept, vars(gates)["Shortcut"] = shortcuts.Shortcut, short.Shortcut
        try:
            super().__init__(policy)
        finally:
            vars(gates)["Shortcut"] = kept
        self.long = 0
        answer = self.gate.answer

        async def counted(*args: Any) -> Any:
            self.long += 1
            return await answer(*args)

        self.gate.answer = counted  # type: ignore[method-assign, assignment]

    def warm(self, path: str, headers: Mapping[str, str | list[str]]) -> Answer:
        """Ask twice, and make sure that the second answer is the first one, by the short way."""
        first = self.ask(path, headers)
        long = self.long
        second = self.ask(path, headers)
        assert second == first
        assert first.status == 200
        assert self.long == long
        return second


# --- the same answer

#: Requests for Anna's picture: method, headers beside the cookie, and whether the short way has the answer.
REQUESTS: tuple[tuple[str, dict[str, str | list[str]], bool], ...] = (
    ("GET", {}, True),
    ("HEAD", {}, True),
    ("GET", {"Range": "bytes=0-9"}, True),
    ("GET", {"Range": "bytes=5-"}, True),
    ("GET", {"Range": "bytes=-7"}, True),
    ("GET", {"Range": "bytes=0-0"}, True),
    ("GET", {"Range": "BYTES= 1-2 "}, True),
    ("GET", {"Range": "bytes=0-99999999"}, True),
    ("HEAD", {"Range": "bytes=0-9"}, False),
    ("GET", {"Range": "bytes=99999999-"}, False),
    ("GET", {"Range": "bytes=-0"}, False),
    ("GET", {"Range": "bytes=9-1"}, False),
    ("GET", {"Range": "bytes=0-1,3-4"}, False),
    ("GET", {"Range": "pages=1-2"}, False),
    ("GET", {"Range": ""}, False),
    ("GET", {"Range": ["bytes=0-1", "bytes=3-4"]}, False),
    ("GET", {"Range": "bytes=0-9", "If-Range": '"another"'}, False),
    ("GET", {"If-None-Match": "*"}, False),
    ("GET", {"If-Match": '"another"'}, False),
    ("GET", {"If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"}, False),
    ("GET", {"If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"}, False),
    ("GET", {"Transfer-Encoding": "chunked"}, False),
    ("GET", {"Trailer": "Cookie"}, False),
    ("GET", {"Accept-Encoding": "gzip", "User-Agent": "x", "Accept": "image/*", "Authorization": "Basic x"}, True),
    ("POST", {}, False),
    ("PUT", {}, False),
    ("OPTIONS", {}, False),
)


@pytest.mark.parametrize(("method", "headers", "is_short"), REQUESTS)
def test_answer_is_the_same_on_both_ways(method: str, headers: dict[str, str | list[str]], is_short: bool) -> None:
    """Status, headers and bytes of a request do not depend on what was asked for before it."""
    cold, warm = World(policy=signed_url() | own_session()), World()
    cookie = warm.cookie()
    wanted = cold.ask(cold.media["anna"], {**headers, "Cookie": cookie}, method)
    assert cold.ask(cold.media["anna"], {**headers, "Cookie": cookie}, method) == wanted
    assert cold.long == 2

    warm.warm(warm.media["anna"], {"Cookie": cookie})
    long = warm.long
    for _ in range(3):
        assert warm.ask(warm.media["anna"], {**headers, "Cookie": cookie}, method) == wanted
    assert (warm.long == long) is is_short


@pytest.mark.parametrize(
    ("kind", "name", "is_short"),
    [
        pytest.param("image/png", None, True, id="picture"),
        pytest.param("video/mp4", None, True, id="film"),
        pytest.param("application/pdf", None, True, id="pdf"),
        pytest.param("image/png", "a picture.png", True, id="download"),
        pytest.param("text/csv", None, False, id="what-is-compressed"),
        pytest.param("text/html", "page.html", False, id="download-that-is-compressed"),
    ],
)
def test_every_kind_is_answered_as_on_the_long_way(kind: str, name: str | None, is_short: bool) -> None:
    """Type, policy of content, name and validator are those of the medium."""
    cold, warm = World(policy=signed_url() | own_session()), World()
    content, cookie = b"0123456789" * 500, warm.cookie()
    path = cold.show("anna", "anna-session", content, kind, name)
    assert warm.show("anna", "anna-session", content, kind, name) == path
    wanted = cold.ask(path, {"Cookie": cookie})

    found = [warm.ask(path, {"Cookie": cookie}) for _ in range(3)]

    assert found == [wanted] * 3
    assert warm.long == (1 if is_short else 3)


@pytest.mark.parametrize(
    ("policy", "is_short"),
    [
        pytest.param(own_session(), True, id="own-session"),
        pytest.param(own_session() | signed_url(), True, id="default"),
        pytest.param((own_session() | signed_url()) | allow_if(lambda _: True), True, id="three"),
        pytest.param(signed_url() | own_session(), False, id="link-first"),
        pytest.param(own_session() & allow_if(lambda _: True), False, id="both"),
        pytest.param(allow_if(lambda _: True), False, id="condition"),
    ],
)
def test_only_a_policy_that_begins_with_the_own_session_has_a_short_way(policy: Policy, is_short: bool) -> None:
    """Where anything else is to be looked at, or first, it is looked at each time."""
    world = World(policy=policy)
    found = [world.ask(world.media["anna"], {"Cookie": world.cookie()}).status for _ in range(3)]

    assert found == [200] * 3
    assert world.long == (1 if is_short else 3)


def test_two_pieces_of_a_long_film_are_written() -> None:
    """What is too long for one write leaves in pieces, also on the short way."""
    world, content = World(), bytes(range(256)) * 10_000
    path = world.show("anna", "anna-session", content, "video/mp4")

    assert world.warm(path, {"Cookie": world.cookie()}).body == content


@pytest.mark.parametrize(
    ("headers", "is_short"),
    [
        pytest.param({"Referer": f"http://localhost:8501/?{'x' * 1000}"}, True, id="usual"),
        pytest.param({"Referer": f"http://localhost:8501/?{'x' * 2000}"}, False, id="one-long-header"),
        pytest.param({"Referer": f"http://localhost:8501/{'x' * 1000}", "Origin": "o" * 1000}, False, id="two-of-them"),
    ],
)
def test_what_is_remembered_of_a_request_is_limited(headers: dict[str, str], is_short: bool) -> None:
    """However long the headers are that anyone makes up: what says who asks fits into 2 KiB, or is looked at anew."""
    world = World()
    headers = {**headers, "Cookie": world.cookie()}

    found = [world.ask(world.media["anna"], headers).status for _ in range(3)]

    assert found == [200] * 3
    assert world.long == (1 if is_short else 3)
    room = 2048 - len(world.cookie()) - len("localhost:8501")
    for length in (room, room + 1):
        for _ in range(2):
            long = world.long
            world.ask(world.media["anna"], {"Referer": "x" * length, "Cookie": world.cookie()})
        assert (world.long == long) is (length == room)


# --- what is remembered


def plain(world: World, **changed: Any) -> tuple[Admitted, Presentation]:
    """Return Anna's request for her picture as it was allowed on the long way, with that changed, and what she got."""
    media = world.store.get(world.media["anna"].rpartition("/")[2].partition(".")[0])
    name, _, value = world.cookie().partition("=")
    shown = Credentials(cookies=((name, value),))
    visitor = Visitor(shown, world.identity.identify(shown, now=world.now))
    request = Request("GET", world.media["anna"], changed.get("query", ""), [], False, None)
    request.trailers = changed.get("trailers", False)
    decision = changed.get("decision", Allow("session", of_session=True))
    asked = Admitted(request, visitor, Resource(ResourceKind.MEDIA, media.media_id), Action.VIEW, decision)
    what = {name: value for name, value in changed.items() if name in {"source", "varies", "encoding"}}
    return asked, dataclasses.replace(Presentation.of(media), **what)


class Disk(MemorySource):
    """Bytes that have to be waited for."""

    blocking = True


_GRANT = Grant(Resource(ResourceKind.MEDIA, "0" * 40), Action.VIEW, iat=NOW, exp=int(NOW) + 60)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"decision": Allow("signed_url", grant=_GRANT)}, id="by-a-link"),
        pytest.param({"decision": Allow("condition")}, id="by-a-condition"),
        pytest.param({"decision": Allow("session", grant=_GRANT)}, id="with-a-grant"),
        pytest.param({"source": Disk(CONTENT)}, id="on-a-disk"),
        pytest.param({"varies": True}, id="others-get-it-compressed"),
        pytest.param({"encoding": "gzip"}, id="compressed"),
        pytest.param({"query": "x=1"}, id="with-a-query"),
        pytest.param({"trailers": True}, id="with-trailers"),
    ],
)
def test_nothing_is_remembered_of_what_is_not_plain(changed: dict[str, Any]) -> None:
    """Only what a session was shown, in memory, for a request that says nothing beside whose it is."""
    world = World()
    shortcut = world.gate.shortcut
    assert shortcut is not None
    glances = [shortcut.glance(world.media["anna"], each, [("Cookie", world.cookie())]) for each in "ab"]

    for glance, said in zip(glances, (changed, {}), strict=True):
        assert glance is not None
        assert shortcut.response(glance, "GET") is None
        asked, what = plain(world, **said)
        shortcut.remember(glance, asked, what)
        answer = shortcut.response(glance, "GET")
        assert (answer is None) is bool(said)


def test_ranges_are_read_as_each_server_writes_them() -> None:
    """Headers are text for one of them, and bytes for the other."""
    world = World()
    shortcut = world.gate.shortcut
    assert shortcut is not None
    glance = shortcut.glance(world.media["anna"], "line", [("Cookie", world.cookie())])
    assert glance is not None
    shortcut.remember(glance, *plain(world))
    for wanted in ("bytes=2-5", b"bytes=2-5"):
        answer = shortcut.response(glance._replace(range=wanted), "GET")
        assert answer is not None
        assert (answer.status, answer.body) == (206, CONTENT[2:6])
        assert answer.headers[-2:] == (("Content-Length", "4"), ("Content-Range", f"bytes 2-5/{len(CONTENT) + 4}"))


def test_request_without_a_cookie_is_not_looked_at() -> None:
    """Nothing of it can be known. One that names no host, as HTTP/1.0 has it, is known by its cookie."""
    shortcut = World().gate.shortcut
    assert shortcut is not None
    assert shortcut.glance("path", "line", [("Cookie", "x")]) is not None
    assert shortcut.glance("path", "line", [("Host", "localhost")]) is None


def test_last_ones_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there is room for; one more takes the place of the one that was remembered first."""
    monkeypatch.setattr(shortcuts, "_MOST", 2)
    for another_browser in (False, True):
        world = World()
        pages = []
        for number in range(3):
            browser = f"browser-{number}" if another_browser else "anna"
            path = world.media["anna"] if another_browser else world.show("anna", "s", b"%d" % number)
            if another_browser:
                world.show(browser, f"session-{number}", CONTENT + b"anna")
            pages.append((path, {"Cookie": world.cookie(browser)}))
        for page in pages:
            world.warm(*page)
        for page, is_short in ((pages[2], True), (pages[1], True), (pages[0], False)):
            long = world.long
            assert world.ask(*page).status == 200
            assert (world.long == long) is is_short


def test_stranger_who_is_let_in_by_something_else_is_not_remembered() -> None:
    """A cookie that is none of ours says nothing, whoever may have it."""
    world = World(policy=own_session() | allow_if(lambda _: True))
    for cookie in ("x=1", f"{world.identity.cookie_name(secure=False)}=x"):
        found = [world.ask(world.media["anna"], {"Cookie": cookie}).status for _ in range(3)]
        assert found == [200] * 3
    assert world.long == 6


def test_known_browser_is_refused_what_nobody_has_asked_for() -> None:
    """What is not there, and what another was shown and has not fetched, are refused as to anybody else."""
    world = World()
    headers = {"Cookie": world.cookie()}
    world.warm(world.media["anna"], headers)
    for path in (world.media["bert"], f"/base/media/{'0' * 40}.png", "/base/media/x"):
        for method in ("GET", "HEAD"):
            assert world.ask(path, headers, method).status == 403


# --- what may have changed since


def expired(world: World) -> None:
    """A cookie is good until its end."""
    headers = {"Cookie": world.cookie()}
    world.warm(world.media["anna"], headers)
    world.now += LIFETIME + 1
    assert world.ask(world.media["anna"], headers).said == FORBIDDEN


def past_half(world: World) -> None:
    """Past half of its life a cookie is renewed."""
    headers = {"Cookie": world.cookie()}
    world.warm(world.media["anna"], headers)
    world.now += LIFETIME * 0.6
    assert any(name == b"set-cookie" for name, _ in world.ask(world.media["anna"], headers).headers)


def shown_to_another(world: World) -> None:
    """What only Bert was shown is not for Anna, whose cookie is known as well."""
    for name in ("anna", "bert"):
        world.warm(world.media[name], {"Cookie": world.cookie(name)})
    assert world.ask(world.media["bert"], {"Cookie": world.cookie("anna")}).said == FORBIDDEN


def forged(world: World) -> None:
    """A cookie with the claims of a known one and another signature is none."""
    cookie = world.cookie()
    world.warm(world.media["anna"], {"Cookie": cookie})
    changed = cookie[:-2] + ("A" if cookie[-2] != "A" else "B") + cookie[-1]
    assert world.ask(world.media["anna"], {"Cookie": changed}).said == FORBIDDEN


def rotated(world: World) -> None:
    """A cookie ends with its key."""
    headers = {"Cookie": world.cookie()}
    world.warm(world.media["anna"], headers)
    world.keys.rotate([NEW])
    assert world.ask(world.media["anna"], headers).said == FORBIDDEN


def key_added(world: World) -> None:
    """With a new key in front the cookie is issued anew."""
    headers = {"Cookie": world.cookie()}
    world.warm(world.media["anna"], headers)
    world.keys.rotate([NEW, SECRET])
    assert any(name == b"set-cookie" for name, _ in world.ask(world.media["anna"], headers).headers)


def key_retired(world: World) -> None:
    """A cookie of a retired key is issued anew for as long as it comes."""
    headers = {"Cookie": world.cookie()}
    world.warm(world.media["anna"], headers)
    world.keys.rotate([NEW, SECRET])
    for _ in range(3):
        assert any(name == b"set-cookie" for name, _ in world.ask(world.media["anna"], headers).headers)


def ended(world: World) -> None:
    """What a session was shown ends with it."""
    headers = {"Cookie": world.cookie()}
    world.warm(world.media["anna"], headers)
    world.shown.goodbye("anna-session")
    world.shown.end("anna-session")
    world.up += GRACE + 1
    assert world.ask(world.media["anna"], headers).said == FORBIDDEN


def signed_out(world: World) -> None:
    """What was shown to somebody who is signed in ends with the sign-in, by whatever name that is ended."""
    for name in (Name("sign-in", "sign-in"), Name("sub", "anna"), Name("sign-ins", "anna")):
        headers = world.signed_in()
        world.warm(world.media["anna"], headers)
        world.ledger.end([name], until=None)
        assert world.ask(world.media["anna"], headers).said == FORBIDDEN
        world.now += 5


def ended_at_once(world: World) -> None:
    """A sign-in does not outlive what ended in the very millisecond in which it began, also once that is known."""
    browser = Browser("anna", people.sign_in("anna", at=world.now))
    headers = {"Cookie": f"{world.identity.cookie_name(secure=False)}={world.identity.issue(browser, now=world.now)}"}
    world.warm(world.media["anna"], headers)
    world.ledger.end([Name("sub", "anna")], until=None)
    for _ in range(3):
        assert world.ask(world.media["anna"], headers).said == FORBIDDEN


def slid_out(world: World) -> None:
    """A sign-in is renewed past half of its idle time, and ends with it."""
    headers = world.signed_in()
    world.warm(world.media["anna"], headers)
    world.now += 2000
    assert any(name == b"set-cookie" for name, _ in world.ask(world.media["anna"], headers).headers)
    world.now += 1700
    assert world.ask(world.media["anna"], headers).said == FORBIDDEN


def unknown_at_once(world: World) -> None:
    """While only a look at the ledger tells whether a sign-in has ended, it is looked at."""
    headers = world.signed_in()
    world.warm(world.media["anna"], headers)
    world.ledger.end([Name("sub", "bert")], until=None)  # everything that was recalled is forgotten
    long = world.long
    assert world.ask(world.media["anna"], headers).status == 200
    assert world.long == long + 1


def gone(world: World) -> None:
    """What is no longer stored is not found."""
    headers = {"Cookie": world.cookie()}
    world.warm(world.media["anna"], headers)
    world.store._remove(world.media["anna"].rpartition("/")[2].partition(".")[0])
    assert world.ask(world.media["anna"], headers).status == 404


def over_https(world: World) -> None:
    """A cookie that anyone in the neighbourhood could have planted does not count over HTTPS."""
    headers: dict[str, str | list[str]] = {"Cookie": world.cookie()}
    world.warm(world.media["anna"], headers)
    assert world.ask(world.media["anna"], {**headers, "X-Forwarded-Proto": "https"}).said == FORBIDDEN
    assert world.ask(world.media["anna"], headers, scheme="https").said == FORBIDDEN
    page = {"Sec-Fetch-Site": "same-origin", "Referer": "https://app.example/"}
    assert world.ask(world.media["anna"], {**headers, **page}).said == FORBIDDEN


def twice(world: World) -> None:
    """Of two cookies of one name nothing tells which was planted."""
    cookie, other = world.cookie(), world.cookie("bert")
    world.warm(world.media["anna"], {"Cookie": cookie})
    assert world.ask(world.media["anna"], {"Cookie": [cookie, other]}).said == FORBIDDEN
    assert world.ask(world.media["anna"], {"Cookie": [other, cookie]}).said == FORBIDDEN
    assert world.ask(world.media["anna"], {"Cookie": f"{cookie}; {other}"}).said == FORBIDDEN


def part_of_another(world: World) -> None:
    """A range is of what was shown, too."""
    for name in ("anna", "bert"):
        world.warm(world.media[name], {"Cookie": world.cookie(name)})
    headers = {"Cookie": world.cookie("anna"), "Range": "bytes=0-9"}
    assert world.ask(world.media["anna"], headers).said == (206, CONTENT[:10])
    assert world.ask(world.media["bert"], headers).said == FORBIDDEN


def in_trailers(world: World) -> None:
    """A cookie that may have come after the body, past what a proxy removes, does not count."""
    headers = {"Cookie": world.cookie()}
    world.warm(world.media["anna"], headers)
    assert world.ask(world.media["anna"], {**headers, "Transfer-Encoding": "chunked"}).said == FORBIDDEN


def unproved(world: World) -> None:
    """Until it is proved that media are refused, nothing is answered."""
    headers = {"Cookie": world.cookie()}
    world.warm(world.media["anna"], headers)
    world.gate.unproved = True
    assert world.ask(world.media["anna"], headers).status == 503


def with_a_query(world: World) -> None:
    """What a URL says beside the path counts: a download is one, and a token that does not hold is looked at."""
    headers = {"Cookie": world.cookie()}
    world.warm(world.media["anna"], headers)
    asked = world.ask(f"{world.media['anna']}?download=1", headers)
    assert (b"cache-control", b"private, no-store") in asked.headers


CHECKS: tuple[Callable[[World], None], ...] = (
    expired,
    past_half,
    shown_to_another,
    forged,
    rotated,
    key_added,
    key_retired,
    ended,
    signed_out,
    ended_at_once,
    slid_out,
    unknown_at_once,
    gone,
    over_https,
    twice,
    part_of_another,
    in_trailers,
    unproved,
    with_a_query,
)


@pytest.mark.parametrize("check", CHECKS, ids=[check.__name__ for check in CHECKS])
def test_what_has_changed_since_is_heeded(check: Callable[[World], None]) -> None:
    """Nothing that was allowed a moment ago is allowed for that reason."""
    check(World())


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Path]:
    """Return a file that gets the events."""
    sinks.write_to(str(tmp_path / "audit.jsonl"))
    yield tmp_path / "audit.jsonl"
    sinks.write_to(None)


def test_every_delivery_is_written_down(trail: Path) -> None:
    """Where anyone wants to know, each request is in the trail, known before or not."""
    world = World()
    for _ in range(3):
        world.ask(world.media["anna"], {"Cookie": world.cookie()})
    sinks.flush()

    assert trail.read_text().count("media.allowed") == 3
    assert trail.read_text().count("media.delivered") == 3


def test_listener_hears_of_every_delivery(caplog: pytest.LogCaptureFixture) -> None:
    """So does a handler of the logger, from the moment in which it is there."""
    world = World()
    world.warm(world.media["anna"], {"Cookie": world.cookie()})
    with caplog.at_level(logging.INFO, "secure_media.audit"):
        for _ in range(3):
            world.ask(world.media["anna"], {"Cookie": world.cookie()})

    assert [record.getMessage().split()[0] for record in caplog.records] == ["media.delivered"] * 3


# --- breakages

#: What is broken on purpose: in the source of the short way, and what then has to fail.
#: The question whether it was shown, and two ways to leave it out.
SHOWN = "if prepared is None or shown is not True:"
NEVER = "if prepared is None:"
NOT_FOR_RANGES = "if prepared is None or (glance.range is None and shown is not True):"
#: Where the value of a header is noted, and a way to take only the claims of a cookie.
NOTED, CLAIMS = "found[place] = value", 'found[place] = value.rpartition(b".")[0] if place == 0 else value'
TIME, GENERATION = "self._clock() >= known.until or ", " or known.generation != self._identity.generation"
#: Where it is asked whether a sign-in has ended, and a way to ask for less.
HOLDS, FIRST = "if known.names and not self._holds(known):", "names_of(browser.sign_in)[:1]"
KNOWN_NOT = "return ended is not None and"
BREAKAGES: tuple[tuple[str, str, str, Callable[[World], None]], ...] = (
    ("the expiry is skipped", TIME, "", expired),
    ("what is past half of its life counts as fresh", TIME, "", past_half),
    ("was shown is skipped", SHOWN, NEVER, shown_to_another),
    ("a range is served unchecked", SHOWN, NOT_FOR_RANGES, part_of_another),
    ("the end of the session is skipped", SHOWN, NEVER, ended),
    ("the end of the sign-in is skipped", HOLDS, "if False:", signed_out),
    ("only the first name of a sign-in is asked for", "names_of(browser.sign_in)", FIRST, signed_out),
    ("what is not known counts as not ended", KNOWN_NOT, "return ended is None or", unknown_at_once),
    ("what is past its idle time counts as fresh", TIME, "", slid_out),
    ("what ended in the same moment counts as earlier", "known.at > moment", "known.at >= moment", ended_at_once),
    ("a cookie that is to be issued anew is remembered", " or not identified.fresh", "", key_retired),
    ("the notes are kept by the browser's claims", NOTED, CLAIMS, forged),
    ("a note is kept over a rotation", GENERATION, "", rotated),
    ("a note is kept over a new key", GENERATION, "", key_added),
    ("how it came here does not count", "found[_RANGE] = line", 'found[_RANGE] = ""', over_https),
    ("what a proxy says of the scheme does not count", ', "x-forwarded-proto")', ")", over_https),
    ("where the page is does not count", '"referer", "sec-fetch-site", ', "", over_https),
    ("the last of two cookies counts", " or found[place] is not None", "", twice),
    ("trailers do not matter", '    "trailer",\n    "transfer-encoding",\n', "", in_trailers),
)


@pytest.mark.parametrize(("old", "new", "check"), [each[1:] for each in BREAKAGES], ids=[each[0] for each in BREAKAGES])
def test_breakage_is_found(old: str, new: str, check: Callable[[World], None]) -> None:
    """With the short way broken so, that check fails."""
    source = Path(shortcuts.__file__).read_text("utf-8")
    assert old in source
    broken = types.ModuleType(shortcuts.__name__)
    exec(compile(source.replace(old, new), "broken", "exec"), vars(broken))  # noqa: S102 - it is our own

    with pytest.raises(AssertionError):
        check(World(broken))
