"""Everything in the package that can grow has a bound, and does not grow beyond it."""

from __future__ import annotations

import asyncio
import atexit
import dataclasses
import gc
import hashlib
import logging
import os
import re
import resource
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from secure_media.audit.repeats import MOST_TOLD, Repeats, Told
from secure_media.audit.trail import FileTrail
from secure_media.audit.writer import Writer
from secure_media.content import sources
from secure_media.content.sources import INLINE_LIMIT, MemorySource
from secure_media.content.spool import UNIT, Spool, SpooledSource
from secure_media.content.turns import Turns, _DaemonThreads
from secure_media.core.context import AccessContext, Visitor
from secure_media.core.identity import BrowserIdentity, Identified
from secure_media.core.jwt_policy import jwt
from secure_media.core.key_sources import KeySource
from secure_media.core.keys import Key, KeyRing, Purpose
from secure_media.core.model import Action, Allow, Browser, Credentials, Deny, Grant, Resource, ResourceKind
from secure_media.core.questions import answered
from secure_media.core.rules import allow_if
from secure_media.core.tokens import GrantCodec
from secure_media.errors import BusyError, DenialReason, KeysUnavailableError, MediaNotFoundError, ScriptError
from secure_media.gate.admission import Admitted
from secure_media.gate.attendance import Attendance
from secure_media.gate.hung import MOST_OF_ALL, Hung
from secure_media.gate.shortcut import Shortcut
from secure_media.host import entry
from secure_media.host.allowing import MOST_KNOWN, Conditions, _Keeping
from secure_media.host.given import Given
from secure_media.host.issuing import Issuer, SessionBinding
from secure_media.host.notices import MOST_HIDEABLE, Notices
from secure_media.host.sessions import Sessions
from secure_media.host.terms import GrantTerms, PendingTerms
from secure_media.http import forwarded, origins, scheme
from secure_media.http.compression import Compressed
from secure_media.http.forwarded import Proxies
from secure_media.http.representation import Presentation
from secure_media.http.request import Connection, Request
from secure_media.servers import asgi_scope
from secure_media.stores.absence import REMEMBERED_BROWSERS, LostPages
from secure_media.stores.collections import Collections
from secure_media.stores.linked import LinkedContents
from secure_media.stores.media import MediaStore
from secure_media.stores.media_ids import CONDITION
from secure_media.stores.pages import MOST_UNSENT, REMEMBERED, InUse
from secure_media.stores.pem_keys import AT_ONCE, EACH, PemKeys
from secure_media.stores.pem_keys import MOST as MOST_PEM
from secure_media.stores.playback import PlaybackLeases
from secure_media.stores.recollection import Recollection
from secure_media.stores.references import References
from secure_media.stores.shares import Shares
from secure_media.stores.shown import ShownLedger
from secure_media.stores.sign_ins import PendingSignIn, PendingSignIns
from secure_media.stores.sqlite import SqliteLedger
from secure_media.stores.visits import MOST_ENDED, MOST_ENDED_OF_ONE
from secure_media.stores.waiting import WaitingRoom
from tests import people
from tests.containers import growing

SECRET = "a-secret-for-tests-0123456789-abcdefghij"
NOW = 1_800_000_000.0
MEDIA = Resource(ResourceKind.MEDIA, "0" * 40)
GRANT = Grant(MEDIA, Action.VIEW, iat=NOW, exp=int(NOW) + 600, jti="an-id", max_uses=1)


@dataclass
class Fill:
    """
    How to fill a container.

    Args:
        holder: Has it, as the attribute of its name.
        add: Adds to it, for the n-th time.
        most: How many there are at most.
        times: How often to add; None for somewhat more often than there can be.
    """

    holder: Any
    add: Callable[[int], object]
    most: int
    times: int | None = None


@dataclass(frozen=True)
class Bound:
    """
    What bounds a container.

    Args:
        by: What does, in words.
        fill: Fills it.
    """

    by: str
    fill: Callable[[Path], Fill]


# --- core


def _cookies(_: Path) -> Fill:
    identity = BrowserIdentity(KeyRing([SECRET]), deployment="d", lifetime=1000)
    name = identity.cookie_name(secure=False)

    def show(number: int) -> None:
        identity.identify(Credentials(((name, identity.issue(Browser(f"b{number}"), now=NOW)),)), now=NOW)

    return Fill(identity, show, 4096)


def _verified_tokens(_: Path) -> Fill:
    codec = GrantCodec(KeyRing([SECRET]), deployment="d")
    return Fill(
        codec, lambda number: codec.verify_signature(codec.issue(dataclasses.replace(GRANT, jti=f"{number}"))), 2048
    )


def _verified_jwts(_: Path) -> Fill:
    by_jwt = jwt(cookie="sso", key=SECRET, algorithms=["HS256"], issuer="i", audience="a")

    def show(number: int) -> None:
        claims = {"iss": "i", "aud": "a", "exp": int(NOW) + 60, "number": number}
        cookies = (("sso", pyjwt.encode(claims, SECRET, "HS256")),)
        visitor = Visitor(Credentials(cookies), DenialReason.NO_CREDENTIAL)
        context = AccessContext(MEDIA, Action.VIEW, visitor, NOW)
        codec = GrantCodec(KeyRing([SECRET]), deployment="d")
        assert isinstance(answered(by_jwt.evaluate(context, codec), lambda _: None), Allow)

    return Fill(by_jwt, show, 1024)


def _shortcut(_: Path) -> Fill:
    identity = BrowserIdentity(KeyRing([SECRET]), deployment="d", lifetime=1000)
    shortcut = Shortcut(identity, _ledger(), _store(lambda: 0.0), ended=lambda _: (0.0,) * 3, clock=lambda: NOW)
    identified = Identified(people.browser("anna", "anna"), fresh=True, fresh_until=NOW + 500)
    visitor = Visitor(Credentials(), identified)
    what = Presentation(MemorySource(b"content"), '"etag"', "image/png")

    def ask(number: int) -> None:
        glance = shortcut.glance(f"/media/{number}", "http", [("cookie", f"cookie {number}")])
        assert glance is not None
        request = Request("GET", f"/media/{number}", "", (), False, None)
        shortcut.remember(glance, Admitted(request, visitor, MEDIA, Action.VIEW, Allow("session")), what)

    return Fill(shortcut, ask, 4096)


def _recollection(_: Path) -> Fill:
    recollection = Recollection(clock=lambda: NOW, monotonic=lambda: 0.0, shared=True)
    return Fill(recollection, lambda number: recollection.is_good(dataclasses.replace(GRANT, jti=f"{number}")), 4096)


def _pending_sign_ins(_: Path) -> Fill:
    pending, sign_in = PendingSignIns(), people.sign_in("anna")
    return Fill(pending, lambda number: pending.put(f"{number}", PendingSignIn("a-grant", sign_in)), 1024)


def _rotated_keys(_: Path) -> Fill:
    ring = KeyRing([SECRET])
    identity = BrowserIdentity(ring, deployment="d", lifetime=1000)

    def rotate(number: int) -> None:
        ring.rotate([f"secret-{number:04}-abcdefghijklmnopqrstuvwxyz"])
        identity.cookie_name(secure=False)
        gc.collect(0)

    return Fill(identity, rotate, 3, 50)


def _derived(_: Path) -> Fill:
    key = Key(SECRET.encode())
    purposes = list(Purpose)
    return Fill(key, lambda number: key.derive(purposes[number % len(purposes)]), len(purposes), 100)


# --- host


def _tokens(_: Path) -> Fill:
    holder = SessionBinding("session", Browser("anna"), "http://localhost")
    issuer = Issuer(GrantCodec(KeyRing([SECRET]), deployment="d"), SqliteLedger(None))
    return Fill(
        holder,
        lambda number: issuer.for_session(holder, Resource(ResourceKind.MEDIA, f"{number:040}"), GrantTerms(600.0)),
        20_000,
    )


def _holders(_: Path) -> Fill:
    sessions = Sessions(
        gate=_NoGate(),  # type: ignore[arg-type]
        guard=None,  # type: ignore[arg-type]
        answers=None,  # type: ignore[arg-type]
        shown=_ledger(),
        store=_store(lambda: 0.0),
        issuer=None,  # type: ignore[arg-type]
        sign_all=None,
        embedded=False,
        sign_in_page=None,
    )
    return Fill(sessions, lambda number: sessions.opened(_StreamlitSession(), f"session {number}"), 1, 100)


class _NoGate:
    base_path = ""

    def browser(self, _: object) -> None:
        return None

    def shows_a_cookie(self, _: object) -> bool:
        return False


class _StreamlitSession:
    pass


def _arguments(_: Path) -> Fill:
    given = Given({"grace": 30, "ledger": None})
    return Fill(given, lambda number: given.changed({"grace": number}), 2, 100)


def _notices(most: int) -> Fill:
    def yes(_: object) -> bool:
        return True

    notices = Notices(is_its_own=yes, lacks_cookie=yes, text=str, tell=lambda: None)

    def show(number: int) -> None:
        tab, picture = ForwardMsg(), ForwardMsg()
        tab.metadata.delta_path.extend((0, number))
        tab.delta.add_block.tab.label = "tab"
        picture.metadata.delta_path.extend((0, number, 0))
        query = f"?media_token={number}" if number % 2 else ""
        picture.delta.new_element.imgs.imgs.add().url = f"/media/{number:040}.png{query}"
        notices.put(tab)
        notices.put(picture)

    return Fill(notices, show, most)


def _pending_terms(_: Path) -> Fill:
    pending = PendingTerms(clock=lambda: 0.0)
    return Fill(pending, lambda number: pending.put(f"m{number}", GrantTerms(600.0)), 20_000)


# --- servers


def _proxies(_: Path) -> Fill:
    known = Proxies("127.0.0.1")
    return Fill(known, lambda number: known.client(f"2001:db8::{number:x}", []), 1024)


def _said(_: Path) -> Fill:
    known = Proxies("127.0.0.1")
    headers = ("x-forwarded-for", "forwarded")
    return Fill(known, lambda number: known.client("127.0.0.1", [(headers[number % 2], f"garbage {number}")]), 2, 100)


def _lists_of_proxies(_: Path) -> Fill:
    return Fill(forwarded, lambda number: forwarded.proxies(f"192.0.2.{number}"), 16)


def _hosts(_: Path) -> Fill:
    return Fill(scheme, lambda number: scheme.is_this_machine(f"host-{number}.example"), 256)


def _authorities(_: Path) -> Fill:
    return Fill(origins, lambda number: origins.address(f"host-{number}.example", "https"), 256)


def _said_of_the_proxy(_: Path) -> Fill:
    return Fill(scheme, lambda _: scheme._name_what_the_proxy_lacks(), 1)


def _said_of_the_server(_: Path) -> Fill:
    return Fill(asgi_scope, lambda _: asgi_scope._name_what_the_server_lacks(), 1)


# --- serving


def _warned(folder: Path) -> Fill:
    (folder / "file").touch()
    (folder / "link").symlink_to("file")
    collections = Collections({"files": folder})

    def ask(number: int) -> None:
        with pytest.raises(MediaNotFoundError):
            collections.open(("files/link", "files/none", f"files/{number}")[number % 3])

    return Fill(collections._roots["files"], ask, 3, 300)


def _plays(_: Path) -> Fill:
    leases = PlaybackLeases()
    return Fill(leases, lambda number: leases.begin(GRANT, f"player {number}"), 10_000)


def _open_pages(_: Path) -> Fill:
    async def nobody(_: Request) -> Deny:
        return Deny(DenialReason.EXPIRED)

    attendance = Attendance(nobody)

    async def come_and_go(number: int) -> None:
        page = Connection(Request("GET", f"/{number}", "", (), False, None))
        attendance.entered(page)
        attendance.left(page)

    return Fill(attendance, lambda number: asyncio.run(come_and_go(number)), 0, 50)


def _transfers(_: Path) -> Fill:
    ledger = SqliteLedger(None, clock=lambda: NOW)

    def deliver(number: int) -> None:
        transfer = ledger.reserve(dataclasses.replace(GRANT, jti=f"id-{number}"), 0, 10, 10, continues=False)
        assert transfer is not None
        transfer.ended(number % 11, complete=number % 11 == 10)

    return Fill(ledger._transfers, deliver, 0, 300)


def _forms(_: Path) -> Fill:
    forms = Compressed()
    noise = MemorySource(hashlib.shake_256(b"noise").digest(50))
    return Fill(forms, lambda number: forms.make(f"m{number}", noise), 10_000)


def _being_made(_: Path) -> Fill:
    forms = Compressed()
    return Fill(forms, lambda number: forms.make(f"m{number}", MemorySource(b"x" * 1000)), 0, 100)


def _linked(_: Path) -> Fill:
    contents = LinkedContents(KeyRing([SECRET]), Spool(4 * UNIT, later=_never), later=_never)

    def share(number: int) -> None:
        with suppress(ScriptError):
            contents.put(b"%d" % number, "text/csv", 3600)

    return Fill(contents, share, 32 * 1024 + 4)


def _never(seconds: float, do: Callable[[], None]) -> None:
    """Let no time pass."""


def _free_room(_: Path) -> Fill:
    spool = Spool(64 * UNIT, later=_never)
    held: list[SpooledSource] = []

    def scatter(number: int) -> None:
        if len(held) == 64:
            del held[number % 2 :: 2]
            gc.collect(0)
        held.append(spool.put([b"x"]))

    return Fill(spool, scatter, 33, 2000)


def _open_files(folder: Path) -> Fill:
    store = _store(lambda: 0.0)
    gc.collect()
    most = len(sources._open) + 150

    def show(number: int) -> None:
        path = folder / f"film {number}"
        path.touch()
        os.truncate(path, INLINE_LIMIT + 1)
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (2 * most, limit[1]))
        try:
            with suppress(MediaNotFoundError):
                store.put_file(str(path), "video/mp4", None)
            path.read_bytes()  # connections and other files still can be opened
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
            path.unlink()

    return Fill(SimpleNamespace(_open=sources._open), show, most)


def _returned_room(_: Path) -> Fill:
    spool = Spool(64 * UNIT, later=_never)
    return Fill(spool, lambda _: spool.put([b"x"]), 64, 2000)


def _ledger(clock: Callable[[], float] = lambda: 0.0) -> ShownLedger:
    ledger = ShownLedger(grace=30, resumable=120, limit=1_000_000, clock=clock)
    ledger.begin("tab", "anna")
    return ledger


def _come_and_go(whose: Callable[[int], str], most: int) -> Fill:
    ledger = _ledger()

    def come_and_go(number: int) -> None:
        ledger.begin(f"session {number}", whose(number))
        ledger.end(f"session {number}")

    return Fill(ledger._visits, come_and_go, most)


def _sessions_of_all(_: Path) -> Fill:
    return _come_and_go(lambda number: f"browser {number}", MOST_ENDED + 1)


def _sessions_of_one(_: Path) -> Fill:
    return _come_and_go(lambda _: "anna", MOST_ENDED_OF_ONE + 1)


def _ended_sessions(_: Path) -> Fill:
    return _come_and_go(lambda number: f"browser {number}", MOST_ENDED)


def _closed_sessions(_: Path) -> Fill:
    ledger = _ledger()

    def close(number: int) -> None:
        ledger.begin(f"session {number}", f"browser {number}")
        ledger.goodbye(f"session {number}")
        ledger.end(f"session {number}")

    return Fill(ledger._visits, close, MOST_ENDED)


def _lost_pages(_: Path) -> Fill:
    pages = LostPages(clock=lambda: 0.0)
    return Fill(pages, lambda number: pages.lost(f"browser {number}", "tab", ["film"]), REMEMBERED_BROWSERS)


def _lost_ids(count: Callable[[int], tuple[str, ...]], most: int) -> Fill:
    pages = LostPages(clock=lambda: 0.0)
    pages.lost("anna", "tab", ["film"])
    return Fill(pages._lost["anna"], lambda number: pages.lost("anna", f"tab {number}", count(number)), most, 60)


def _waiting_requests(_: Path) -> Fill:
    """Fill it with requests that wait, each for a browser of its own."""
    room = WaitingRoom()

    def ask(number: int) -> None:
        asyncio.run(room.wait(f"browser {number}", "film", address=f"{number % 9}", seconds=0))

    return Fill(room, ask, 0, 700)


def _shares(_: Path) -> Fill:
    shares = Shares()

    def come_and_go(number: int) -> None:
        shares.take(f"name {number}")
        if number > 3:
            shares.give(f"name {number - 4}")

    return Fill(shares, come_and_go, 5, 300)


def _browsers_that_were_shown(_: Path) -> Fill:
    ledger = _ledger()

    def come_and_go(number: int) -> None:
        ledger.begin(f"session {number}", f"browser {number}")
        ledger.registered(f"session {number}", "m")
        ledger.sent(f"session {number}", (0, 0), ["m"])
        ledger.end(f"session {number}")

    return Fill(ledger._visits.showings, come_and_go, MOST_ENDED + 1, MOST_ENDED + 50)


def _in_session(add: Callable[[ShownLedger, int], object]) -> Fill:
    ledger = _ledger()
    # And what is on the page, however long ago it was shown.
    return Fill(ledger._visits._by_id["tab"], lambda number: add(ledger, number), REMEMBERED + 1)


def _of_page(add: Callable[[ShownLedger, int], object], most: int, times: int | None = None) -> Fill:
    ledger = _ledger()
    return Fill(ledger._visits._by_id["tab"].page, lambda number: add(ledger, number), most, times)


def _noted_ids(note: Callable[[InUse, str], None]) -> Fill:
    in_use = InUse()
    return Fill(in_use, lambda number: note(in_use, f"m{number}"), REMEMBERED)


def _needed_ids(_: Path) -> Fill:
    ledger = _ledger()
    return Fill(ledger._visits.in_use, lambda number: _run(ledger, number), 3, 1000)


def _register(ledger: ShownLedger, number: int) -> None:
    ledger.registered("tab", f"m{number}", size=1000)


def _show(ledger: ShownLedger, number: int, *, prefix: str = "7f") -> None:
    ledger.registered("tab", f"{prefix}{number:038}")
    ledger.sent("tab", (0, 0), [f"{prefix}{number:038}"])


def _grant(ledger: ShownLedger, number: int) -> None:
    _show(ledger, number, prefix="7e")


def _run(ledger: ShownLedger, number: int) -> None:
    ledger.run_started("tab")
    ledger.registered("tab", f"m{number}")
    ledger.sent("tab", (0, number), [f"m{number}"])
    ledger.run_finished("tab")


def _show_in_a_thread(ledger: ShownLedger, number: int) -> None:
    ledger._visits._by_id["tab"].page.expect(f"m{number}", size=1, thread=number, now=0.0)
    ledger.sent("tab", (0, 0), [f"m{number}"])


def _waiting_sessions(_: Path) -> Fill:
    time = [0.0]
    ledger = _ledger(lambda: time[0])

    def come_and_go(number: int) -> None:
        time[0] += 60.0
        ledger.begin(f"session {number}", "anna")
        ledger.registered(f"session {number}", "m")
        ledger.end(f"session {number}")
        ledger.settle()

    return Fill(ledger._visits, come_and_go, 4, 500)


def _references(_: Path) -> Fill:
    references = References()
    return Fill(references, lambda number: references.remember(f"r{number}", ("m",)), 1000)


def _store(clock: Callable[[], float]) -> MediaStore:
    return MediaStore(KeyRing([SECRET]), on_screen=set, grace=30, clock=clock)


def _media(_: Path) -> Fill:
    time = [0.0]
    store = _store(lambda: time[0])

    def come_and_go(number: int) -> None:
        time[0] += 1.0
        content = hashlib.shake_256(b"%d" % number).digest(70_000)
        store.discard(store.put(content, "image/png", None))
        store.sweep()

    # Whatever Streamlit refers to and pages show, and of the rest what the grace is not over for.
    return Fill(store, come_and_go, 31, 200)


def _conditional_media(folder: Path) -> Fill:
    fill = _media(folder)
    store = fill.holder

    def come_and_go(number: int) -> None:
        media_id = store.put(b"%d" % number, "image/png", None, f"terms{CONDITION}{number}")
        store.require(media_id, allow_if(bool))
        store.discard(media_id)
        fill.add(number)

    return Fill(store, come_and_go, 31, 200)


def _conditions(_: Path) -> Fill:
    conditions = Conditions()

    def known(number: int) -> None:
        conditions.name(allow_if(lambda context: context.now > number))

    return Fill(conditions, known, MOST_KNOWN)


def _kept_functions(_: Path) -> Fill:
    keeping = _Keeping()  # for one condition: it is gone when that is kept
    functions = [lambda: 1, lambda: 2]
    return Fill(keeping, lambda number: keeping.keep(functions[number % 2]), 2)


def _media_as_alike() -> Fill:
    fill = _media(Path())
    return Fill(fill.holder._alike, fill.add, fill.most, fill.times)


class _Queues:
    """What waits for threads, as containers."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    @property
    def _tasks(self) -> range:
        assert isinstance(self._turns._pool, _DaemonThreads)
        return range(self._turns._pool._tasks.qsize())

    @property
    def _waiting(self) -> range:
        return range(sum(map(len, self._turns._waiting.values())))


def _turns() -> tuple[Turns, Callable[[int], None]]:
    turns = Turns(2, "bounds", most_waiting=5)

    def ask(number: int) -> None:
        turns.submit(f"browser {number % 7}", lambda: None).result(60)

    return turns, ask


def _pool(_: Path) -> Fill:
    turns, ask = _turns()
    return Fill(_Queues(turns), ask, 2, 300)


def _running(_: Path) -> Fill:
    turns, ask = _turns()
    return Fill(turns, ask, 2, 300)


def _under_way(_: Path) -> Fill:
    turns, ask = _turns()
    return Fill(turns, ask, 2, 300)


def _hung(_: Path) -> Fill:
    turns = Turns(2, "bounds")
    hung = Hung(turns)

    def hang(number: int) -> None:
        condition = eval(compile(f"lambda: {number}", "made-up", "eval"))  # noqa: S307
        hung.add(condition, number, turns.submit(number, lambda: threading.Event().wait(60)))

    return Fill(hung, hang, MOST_OF_ALL)


def _waiting(_: Path) -> Fill:
    turns = Turns(2, "bounds", most_waiting=5)
    turns._free = 0

    def ask(number: int) -> None:
        with suppress(BusyError):
            future = turns.submit("anna", lambda: None)
            if number % 3 == 0:
                future.cancel()

    return Fill(_Queues(turns), ask, 5)


# --- what is told


def _told(most: int) -> Fill:
    repeats = Repeats(lambda level, text, /, **fields: None, clock=lambda: 0.0, later=lambda seconds, function: None)

    def tell(number: int) -> None:
        level = (logging.INFO, logging.WARNING)[number % 2]
        repeats.tell(Told(level, f"from client {number}", "no cookie"), "a line")

    return Fill(repeats, tell, most, 1000)


def _events(folder: Path) -> Fill:
    writer = Writer(FileTrail(str(folder / "audit.jsonl")), most=1000)
    writer._thread = threading.current_thread()  # nothing is written
    atexit.unregister(writer.close)
    return Fill(writer, lambda _: writer.put(b"0123456789"), 101, 200)


def _refused(_: Path) -> Fill:
    return Fill(entry, lambda number: entry.say_once(f"reason {number}"), 64)


def _pem_keys(most: int, *, published: bool) -> Fill:
    private = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = private.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def fetch(source: KeySource, kid: str) -> bytes:
        if published:
            return pem
        raise KeysUnavailableError("it is not there")

    now = [0.0]
    keys = PemKeys(KeySource("http://127.0.0.1/{kid}", ("ES256",)), fetch, lambda: now[0])

    def ask(number: int) -> None:
        now[0] += EACH
        looking = keys.look_for(f"key-{number}", "ES256")
        assert looking is not None
        looking.result(30)

    return Fill(keys, ask, most)


def _looks_for_keys(_: Path) -> Fill:
    going_on = threading.Event()

    def fetch(source: KeySource, kid: str) -> bytes:
        going_on.wait(30)
        return b""

    keys = PemKeys(KeySource("http://127.0.0.1/{kid}", ("ES256",)), fetch, lambda: 0.0)

    def ask(number: int) -> None:
        keys.look_for(f"key-{number}", "ES256")
        if number == 99:
            going_on.set()

    return Fill(keys, ask, AT_ONCE, 100)


BOUNDS = {
    "audit.repeats:Repeats._counts": Bound("20 of each level", lambda _: _told(2 * MOST_TOLD)),
    "audit.repeats:Repeats._rest": Bound("the levels that there are", lambda _: _told(2)),
    "audit.writer:Writer._waiting": Bound("8 MiB of lines, and one note of what was lost", _events),
    "core.tokens:GrantCodec._genuine": Bound("the last 2,048 tokens", _verified_tokens),
    "core.jwt_policy:_Jwt._genuine": Bound("the last 1,024 JWTs of a policy", _verified_jwts),
    "gate.attendance:Attendance._pages": Bound("the WebSockets that are open", _open_pages),
    "gate.shortcut:Shortcut._known": Bound("the last 4,096 cookies", _shortcut),
    "gate.shortcut:Shortcut._prepared": Bound("the last 4,096 media", _shortcut),
    "stores.pem_keys:PemKeys._keys": Bound("64", lambda _: _pem_keys(MOST_PEM, published=True)),
    "stores.pem_keys:PemKeys._missing": Bound("64", lambda _: _pem_keys(MOST_PEM, published=False)),
    "stores.pem_keys:PemKeys._looking": Bound("six, and one more every ten seconds", _looks_for_keys),
    "stores.recollection:Recollection._known": Bound("the last 4,096 grants and names", _recollection),
    "core.identity:BrowserIdentity._genuine": Bound("the last 4,096 cookies", _cookies),
    "core.identity:BrowserIdentity._known": Bound("the keys that are in use", _rotated_keys),
    "core.keys:Key._derived": Bound("the purposes that there are", _derived),
    "host.allowing:_Keeping._functions": Bound("the functions of a script", _kept_functions),
    "host.allowing:_Keeping._originals": Bound("the functions of a script", _kept_functions),
    "host.allowing:Conditions._names": Bound("the last 1,000", _conditions),
    "host.allowing:Conditions._policies": Bound("the last 1,000", _conditions),
    "host.entry:say_once": Bound("the last 64 sentences", _refused),
    "host.given:Given._seen": Bound("the parameters of `secure_run`", _arguments),
    "host.given:Given._told": Bound("the parameters of `secure_run`", _arguments),
    "host.issuing:SessionBinding.tokens": Bound("the last 20,000 of a session", _tokens),
    "host.notices:Notices._hideable": Bound("the first 500 of a run", lambda _: _notices(MOST_HIDEABLE)),
    "host.notices:Notices._known": Bound("with a query, and without one", lambda _: _notices(2)),
    "host.notices:Notices._places": Bound(
        "one of each of these, and of what is around them", lambda _: _notices(MOST_HIDEABLE + 1)
    ),
    "host.sessions:Sessions._holders": Bound("Streamlit's sessions: it is weak", _holders),
    "host.terms:PendingTerms._pending": Bound("the last 20,000", _pending_terms),
    "servers.asgi_scope:_name_what_the_server_lacks": Bound("once", _said_of_the_server),
    "http.forwarded:Proxies._known": Bound("the last 1,024 addresses", _proxies),
    "http.forwarded:Proxies._said": Bound("the kinds that there are, and ten of each", _said),
    "http.forwarded:proxies": Bound("the last 16 settings", _lists_of_proxies),
    "http.scheme:_name_what_the_proxy_lacks": Bound("once", _said_of_the_proxy),
    "http.origins:_read": Bound("the last 256 names", _authorities),
    "http.scheme:is_this_machine": Bound("the last 256 names", _hosts),
    "content.directory:Directory._warned": Bound("the reasons that there are", _warned),
    "stores.absence:LostPages._lost": Bound("the last 1,000 browsers", _lost_pages),
    "stores.absence:_Lost.media": Bound(
        "50,000 of a browser, and 500,000 in all",
        lambda _: _lost_ids(lambda number: tuple(f"{number} {each}" for each in range(7_000)), 49_001),
    ),
    "stores.absence:_Lost.pages": Bound(
        "that each has shown something", lambda _: _lost_ids(lambda number: ("film",) * (number % 2), 31)
    ),
    "stores.absence:_Lost.nobodys": Bound(
        "as the pages", lambda _: _lost_ids(lambda number: ("film",) * (number % 2), 31)
    ),
    "stores.playback:PlaybackLeases._plays": Bound("10,000 plays", _plays),
    "stores.shares:Shares._counts": Bound("those that have something", _shares),
    "stores.shares:Shares._having": Bound("as those that have something", _shares),
    "stores.showings:Showings._of_browser": Bound("the browsers with sessions", _browsers_that_were_shown),
    "stores.waiting:WaitingRoom._browsers": Bound(
        "512 requests; see `test_equal_shares_are_left_alone`", _waiting_requests
    ),
    "stores.waiting:WaitingRoom._for": Bound("512 requests; see `test_equal_shares_are_left_alone`", _waiting_requests),
    "stores.waiting:WaitingRoom._here": Bound(
        "512 requests; see `test_equal_shares_are_left_alone`", _waiting_requests
    ),
    "stores.sign_ins:PendingSignIns._pending": Bound("the last 1,024 sessions", _pending_sign_ins),
    "stores.transfers:Transfers._here": Bound("the deliveries that are under way", _transfers),
    "http.compression:Compressed._being_made": Bound("the threads there are", _being_made),
    "http.compression:Compressed._sources": Bound("64 MiB, and 10,000", _forms),
    "stores.linked:LinkedContents._ends": Bound("the room in memory and in the spool", _linked),
    "stores.linked:LinkedContents._media": Bound("the room in memory and in the spool", _linked),
    "stores.linked:LinkedContents._until": Bound("the room in memory and in the spool", _linked),
    "stores.pages:InUse._overtaken": Bound("the last 20,000", lambda _: _noted_ids(InUse.overtaken)),
    "stores.pages:InUse._pages": Bound("what the pages need", _needed_ids),
    "stores.pages:InUse._replaced": Bound("the last 20,000", lambda _: _noted_ids(InUse.replaced)),
    "stores.pages:Page._places": Bound("the places of the page", lambda _: _of_page(_run, 1, 1000)),
    "stores.pages:Page._threads": Bound("the last 64", lambda _: _of_page(_show_in_a_thread, 64)),
    "stores.pages:Page.needs": Bound("what is on the page and on its way", lambda _: _of_page(_register, MOST_UNSENT)),
    "stores.pages:Page.unsent": Bound("the last 100,000", lambda _: _of_page(_register, MOST_UNSENT)),
    "stores.references:References._media": Bound("the last 1,000", _references),
    "stores.shown:ShownLedger._deferred": Bound(
        "the last 20,000",
        lambda _: Fill(ledger := _ledger(), lambda number: ledger.registered(None, f"m{number}"), REMEMBERED),
    ),
    "stores.visits:Visits._unsent": Bound("the sessions that there are", _waiting_sessions),
    "content.sources:_open": Bound("half of the files that the process may have open", _open_files),
    "content.spool:Spool._free": Bound("half of the room there is", _free_room),
    "content.spool:Spool._returned": Bound("the room there is", _returned_room),
    "stores.alike:AlikeContents._by_object": Bound("as the media", lambda _: _media_as_alike()),
    "stores.alike:AlikeContents._by_sample": Bound("as the media", lambda _: _media_as_alike()),
    "stores.media:MediaStore._conditions": Bound("the media in the store", _conditional_media),
    "stores.media:MediaStore._held": Bound("the grace", _media),
    "stores.media:MediaStore._media": Bound("what pages show and Streamlit refers to, and the grace", _media),
    "content.turns:_DaemonThreads._tasks": Bound("the threads there are", _pool),
    "content.turns:Turns._running": Bound("the threads there are", _running),
    "content.turns:Turns._under_way": Bound("the threads there are, and those in place of others", _under_way),
    "gate.hung:Hung._calls": Bound("64 calls that hang", _hung),
    "content.turns:Turns._waiting": Bound("128 of a browser, and open connections", _waiting),
    "stores.visit:Visit.granted": Bound("the last 20,000", lambda _: _in_session(_grant)),
    "stores.visit:Visit.placeholders": Bound(
        "the last 20,000", lambda _: _in_session(lambda ledger, number: ledger.offered("tab", f"p{number}"))
    ),
    "stores.visit:Visit.shown": Bound("the last 20,000", lambda _: _in_session(_show)),
    "stores.visits:Visits._by_id": Bound(
        "open connections, and of those that have ended the last 256 of a browser", _sessions_of_one
    ),
    "stores.visits:Visits._by_tag": Bound("as the sessions", _sessions_of_all),
    "stores.visits:Visits._ended": Bound("the last 10,000", _ended_sessions),
    "stores.visits:Visits._ended_of": Bound("as the sessions that have ended", _ended_sessions),
    "stores.visits:Visits._broken": Bound("as the sessions that have ended", _ended_sessions),
    "stores.visits:Visits._in_grace": Bound("as the sessions that have ended", _closed_sessions),
    "stores.visits:Visits._of_browser": Bound("as the sessions", _sessions_of_all),
    "stores.visits:Visits._nobodys": Bound("as the sessions", _sessions_of_all),
}
#: What belongs to one request and goes with it, and how large that gets.
OF_ONE_REQUEST = {
    "core.principal:Principal.claims": "what fits into a JWT of 8 KiB, or into a cookie",
    "core.context:AccessContext.claims": "what fits into a JWT of 8 KiB",
    "core.model:Allow.claims": "what fits into a JWT of 8 KiB",
    "http.request:Request._by_name": "the headers that the server takes",
    "content.directory:_Way._folders": "the parts of a key of 1,024 characters, and of 40 links",
    "content.directory:_Way.names": "the parts of a key of 1,024 characters, and of 40 links",
    "servers.tornado_media:SecureMediaFileHandler._transforms": "always empty",
    "servers.tornado_guarded:GuardedUpload._received": "server.maxUploadSize, which Tornado heeds",
    "servers.tornado_media:WithMessage._received": "the longest message and one chunk of Tornado's",
}


def test_everything_that_can_grow_is_known() -> None:
    """A new container needs a bound, and a place in this list with a way to fill it."""
    assert growing() == {*BOUNDS, *OF_ONE_REQUEST}


@pytest.mark.parametrize("name", BOUNDS)
def test_bound_holds(name: str, tmp_path: Path) -> None:
    """However much is added, there is never more than the bound; and something is added at all."""
    fill = BOUNDS[name].fill(tmp_path)
    attribute = re.split(r"[.:]", name)[-1]
    seen = 0

    for number in range(fill.most + 50 if fill.times is None else fill.times):
        fill.add(number)
        seen = max(seen, _size(getattr(fill.holder, attribute)))
        assert seen <= fill.most

    if fill.times is None:
        assert seen == fill.most


def _size(container: Any) -> int:
    return int(container.cache_info().currsize) if hasattr(container, "cache_info") else len(container)


WALKED = """
import functools
from collections import OrderedDict, deque
from dataclasses import dataclass, field

TABLE = {"a": 1}
_seen = set()
_once: dict[str, int] = {}

def note(name):
    _seen.add(name)
    _once[name] = 1

@functools.lru_cache(maxsize=None)
def slow(name):
    return TABLE[name]

class Holder:
    def __init__(self, names):
        self.fixed = {name: 1 for name in names}
        self.fixed["x"] = 2
        self.by_item, self.by_method = {}, []
        self.queue: deque[int] = deque()
        self.anew = OrderedDict()
        self.remembered = functools.lru_cache()(slow)

    def use(self):
        self.by_item["a"] = 1
        self.by_method.append(2)
        self.queue.extend([3])
        self.anew = dict(a=1)
        return self.fixed["x"]

@dataclass
class Record:
    names: list[str] = field(default_factory=list)
    label: str = field(default_factory=str)
"""


def test_walk_sees_what_can_grow(tmp_path: Path) -> None:
    """The walk finds containers of each kind that are added to, and leaves out what is made once."""
    (tmp_path / "walked.py").write_text(WALKED)

    assert growing(tmp_path) == {
        f"walked:{name}"
        for name in (
            "_seen",
            "_once",
            "slow",
            "Holder.by_item",
            "Holder.by_method",
            "Holder.queue",
            "Holder.anew",
            "Holder.remembered",
            "Record.names",
        )
    }
