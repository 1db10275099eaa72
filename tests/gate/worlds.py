"""A whole gate in this process, behind the ASGI adapter: Anna at her page that shows a picture, and Bert at his."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from secure_media.content.bodies import BodySource, FunctionBody
from secure_media.core.guard import Guard
from secure_media.core.identity import BrowserIdentity
from secure_media.core.keys import KeyRing
from secure_media.core.model import Action, Browser, Grant, Resource, ResourceKind
from secure_media.core.policy import Policy
from secure_media.core.questions import Name
from secure_media.core.redemptions import Redemptions
from secure_media.core.rules import own_session, signed_url
from secure_media.core.sign_in_grants import SignInGrants
from secure_media.core.tokens import GrantCodec
from secure_media.errors import LedgerUnavailableError
from secure_media.gate.answers import Answers
from secure_media.gate.gate import Gate
from secure_media.http.request import Connection, Request, connection
from secure_media.http.urls import TOKEN_PARAMETER
from secure_media.servers.asgi import GuardMiddleware
from secure_media.servers.asgi_scope import request_of
from secure_media.stores.collections import Collections
from secure_media.stores.media import MediaStore
from secure_media.stores.playback import PlaybackLeases
from secure_media.stores.published_keys import PublishedKeys
from secure_media.stores.shown import ShownLedger
from secure_media.stores.sqlite import SqliteLedger
from tests import people

SECRET = "test-secret-0123456789-abcdefghijklmnop"
DEPLOYMENT = "d"
NOW, LIFETIME = 1_800_000_000.0, 1000
GRACE, RESUMABLE = 30.0, 120.0
CONTENT = bytes(range(256)) * 4
FORBIDDEN = (403, b"Forbidden\n")
#: What Streamlit, behind the gate, answers to anything.
BEYOND = (200, b"Streamlit")

Headers = Mapping[str, "str | list[str]"]


class Answer(NamedTuple):
    """What a client gets."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def said(self) -> tuple[int, bytes]:
        """Status and body."""
        return self.status, self.body

    def header(self, name: str) -> str | None:
        """Return the value of a header; None if it is not there just once."""
        values = self.all(name)
        return values[0] if len(values) == 1 else None

    def all(self, name: str) -> list[str]:
        """Return all values of a header."""
        wanted = name.lower().encode()
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == wanted]


class World:
    """
    The gate, the clocks that it is told the time by, and whoever asks it for something.

    Args:
        policy: The rule. Default: that of `secure_run`.
        ledger: Where grants are kept; None for in memory.
        collections: The named roots of files.
        keys: Which keys of others are published; None for none.
        more: Further arguments of the gate.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        ledger: Path | None = None,
        collections: Mapping[str, Any] | None = None,
        keys: PublishedKeys | None = None,
        **more: Any,
    ) -> None:
        self.now, self.up = NOW, 0.0
        self.keys = KeyRing([SECRET])
        self.identity = BrowserIdentity(self.keys, deployment=DEPLOYMENT, lifetime=LIFETIME)
        self.shown = ShownLedger(grace=GRACE, resumable=RESUMABLE, limit=1_000_000, clock=lambda: self.up)
        self.store = MediaStore(self.keys, on_screen=self.shown.on_screen, grace=0, clock=lambda: self.up)
        self.ledger = SqliteLedger(ledger, clock=lambda: self.now)
        self.answers = Answers(self.shown, PlaybackLeases(), self.ledger, keys)
        self.codec = GrantCodec(self.keys, deployment=DEPLOYMENT)
        self.sign_in_grants = SignInGrants(self.keys, deployment=DEPLOYMENT)
        self.gate = Gate(
            guard=Guard(policy=policy or own_session() | signed_url(), identity=self.identity, grants=self.codec),
            answers=self.answers,
            store=self.store,
            collections=Collections(collections or {}),
            lost=self.shown.lost,
            redemptions=Redemptions(self.keys, deployment=DEPLOYMENT),
            sign_in_grants=self.sign_in_grants,
            clock=lambda: self.now,
            **{"base_path": "/base", **more},
        )
        self.media = {name: self.show(name, f"{name}-session", CONTENT + name.encode()) for name in ("anna", "bert")}
        #: The scopes of what the gate has let go on to Streamlit.
        self.beyond: list[dict[str, Any]] = []
        #: The WebSockets that it has let open, and what stands for those of agents.
        self.pages: list[Connection] = []
        self._middleware = GuardMiddleware(
            self._streamlit,
            self.gate,
            is_public=lambda scope: bool(scope.get("public")),
            is_streamlits=lambda scope: bool(scope.get("streamlits", True)),
        )

    def show(
        self,
        browser: str,
        session: str,
        content: bytes,
        kind: str = "image/png",
        name: str | None = None,
        person: str | None = None,
    ) -> str:
        """Show something in a session of a browser, which a person has open if that is known, and return its path."""
        media_id = self.store.put(content, kind, name)
        self.shown.begin(session, browser, person=person)
        self.shown.registered(session, media_id, size=len(content))
        self.shown.sent(session, media_id, [media_id])
        return f"/base/media/{media_id}.png"

    def link(self, path: str, action: Action = Action.VIEW, **terms: Any) -> str:
        """Return `path`, of a medium or a file, with the token of a grant that anybody may use for ten minutes."""
        place, _, name = path.removeprefix("/base/").partition("/")
        if place == "media":
            resource = Resource(ResourceKind.MEDIA, name.partition(".")[0])
        else:
            resource = Resource(ResourceKind.FILE, name.removeprefix("files/"))
        grant = dataclasses.replace(Grant(resource, action, iat=self.now, exp=int(self.now) + 600), **terms)
        download = "download=1&" if action is Action.DOWNLOAD else ""
        return f"{path}?{download}{TOKEN_PARAMETER}={self.codec.issue(grant)}"

    def cookie(self, browser: str = "anna", *, secure: bool = False) -> str:
        """Return the Cookie header of a browser."""
        value = self.identity.issue(Browser(browser), now=self.now)
        return f"{self.identity.cookie_name(secure=secure)}={value}"

    def signed_in(self, name: str = "anna") -> dict[str, str]:
        """Return the header of a browser in which somebody of its name signed in a moment ago."""
        browser = dataclasses.replace(people.browser(name, name), sign_in=people.sign_in(name, at=self.now - 1))
        value = self.identity.issue(browser, now=self.now)
        return {"Cookie": f"{self.identity.cookie_name(secure=False)}={value}"}

    def ask(
        self, path: str, headers: Headers | None = None, method: str = "GET", *, body: bytes | None = None, **scope: Any
    ) -> Answer:
        """
        Return what a request gets.

        Args:
            path: The path, and the query if there is one.
            headers: The headers, a list where one is sent more than once.
            method: The method.
            body: What is sent behind the headers; None for nothing, from a client that stays.
            scope: What else the server says of the request; ``public`` of an endpoint that is marked so, ``streamlits``
                of what Streamlit answers, which is the default, and with which ``streamlit_headers``.
        """
        full = _scope(path, headers, type="http", method=method, **scope)
        sent: list[Any] = []
        received = [] if body is None else [{"type": "http.request", "body": body, "more_body": False}]

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            if received:
                return received.pop()
            return await asyncio.get_running_loop().create_future()

        asyncio.run(self._middleware(full, receive, send))
        content = b"".join(bytes(message["body"]) for message in sent[1:])
        return Answer(sent[0]["status"], tuple(sent[0]["headers"]), content)

    def connect(
        self, path: str = "/base/_stcore/stream", headers: Headers | None = None, **scope: Any
    ) -> Connection | int:
        """Open the WebSocket of a page and return it; the code with which it is closed if it may not be opened."""
        before, sent = len(self.pages), []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        asyncio.run(self._middleware(_scope(path, headers, type="websocket", **scope), receive, send))
        if sent:
            assert len(self.pages) == before
            assert sent[0]["type"] == "websocket.close"
            return int(sent[0]["code"])
        return self.pages[-1]

    def request(self, path: str, headers: Headers | None = None, method: str = "GET", **scope: Any) -> Request:
        """Return a request as the gate takes it, for what servers ask it about one."""
        return request_of(_scope(path, headers, type="http", method=method, **scope), self.gate.proxies)

    def notes_of_ends(self) -> list[tuple[list[Name], float | None]]:
        """Return what the ledger is told to end from now on, by what names and until when it has to remember that."""
        noted: list[tuple[list[Name], float | None]] = []
        end = self.ledger.end

        def note(names: Sequence[Name], *, until: float | None) -> None:
            noted.append((list(names), until))
            end(names, until=until)

        self.ledger.end = note  # type: ignore[method-assign]
        return noted

    def lose_the_ledger(self, method: str, kind: str) -> None:
        """Have a method of the ledger fail from now on, where it is about names that begin with one of that kind."""
        works = getattr(self.ledger, method)

        def fail(names: Sequence[Name], **until: float | None) -> Any:
            if names[0].kind == kind:
                raise LedgerUnavailableError("ledger: the disk is full")
            return works(names, **until)

        setattr(self.ledger, method, fail)

    async def _streamlit(self, scope: Any, receive: Any, send: Any) -> None:
        page = connection.get()
        if page is not None:
            self.pages.append(page)
        if scope["type"] == "websocket":
            return
        self.beyond.append(scope)
        status, body = BEYOND
        await send({"type": "http.response.start", "status": status, "headers": scope.get("streamlit_headers", [])})
        await send({"type": "http.response.body", "body": body})

    def offer(self, supply: BodySource | Callable[[], Any], kind: str = "text/csv", name: str | None = "r.csv") -> str:
        """Show what `supply` makes for whoever asks on Anna's page, and return its path."""
        body = FunctionBody(supply) if callable(supply) else supply
        media_id = self.store.put_supply(body, b"a place", kind, name)
        self.shown.registered("anna-session", media_id)
        self.shown.sent("anna-session", media_id, [media_id])
        return f"/base/media/{media_id}.csv"


def decided(trail: pytest.LogCaptureFixture, resource: str) -> list[tuple[str, str]]:
    """Return what was decided about a resource, and by what or for which reason."""
    found = [vars(record) for record in trail.records if vars(record).get("resource") == resource]
    return [(each["msg"].split()[0], each.get("reason") or each["by"]) for each in found]


def _scope(path: str, headers: Headers | None, **more: Any) -> dict[str, Any]:
    """Return what a server says of a request: `path` with the query, if there is one, and `more` than is usual."""
    lines = [
        (name.lower().encode(), each.encode("latin-1"))
        for name, value in (headers or {}).items()
        for each in ([value] if isinstance(value, str) else value)
    ]
    path, _, query = path.partition("?")
    return {
        "scheme": "http",
        "path": path,
        "query_string": query.encode(),
        "headers": [(b"host", b"localhost:8501"), *lines],
        "client": ("192.0.2.1", 1),
        **more,
    }
