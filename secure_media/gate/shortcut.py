"""
The short way: a page's own media from memory, for a cookie that was seen before, without anything that this needs not.

It is most of what pages ask for. The long way decides the first time and leaves two notes: whose cookie that was, and
what the response looks like. With both notes there, what may have changed since is asked on every request as the long
way asks it: whether the cookie is still fresh, whether the keys are the same, whether the sign-in that it holds has
ended (where the ledger can tell at once), whether a session of that browser was shown this, whether it is still stored.
Any doubt, and any request that is not as plain as that, goes the long way. So
nothing is allowed here that the long way would not allow, and nothing is ever refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple

from secure_media.audit import events, sinks
from secure_media.content.sources import MemorySource
from secure_media.core.guard import names_of
from secure_media.core.identity import BrowserIdentity, Identified
from secure_media.core.questions import Name
from secure_media.errors import MediaNotFoundError, RangeNotSatisfiableError
from secure_media.gate.admission import Admitted
from secure_media.http import fields, responses, serving
from secure_media.http.conditions import Conditions
from secure_media.http.representation import Presentation
from secure_media.http.request import Request
from secure_media.stores.media import MediaStore
from secure_media.stores.shown import ShownLedger

#: How many cookies and how many media have notes, the last ones.
_MOST = 4096
#: Requests whose headers that say who asks are longer, all together, have none, in characters: so the notes of all
#: cookies stay below 8 MiB.
_LONGEST = 2048

#: The headers that say who asks: the cookie, and all by which it is told whether the client came over HTTPS.
_WHO = ("cookie", "host", "origin", "referer", "sec-fetch-site", "x-forwarded-proto")
_RANGE = len(_WHO)
#: With one of these a request is not as plain as that.
_NOT_PLAIN = (
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "trailer",
    "transfer-encoding",
)
_PLACES: dict[str | bytes, int] = {}
for _names, _start, _step in (((*_WHO, "range"), 0, 1), (_NOT_PLAIN, -1, 0)):
    for _position, _name in enumerate(_names):
        for _spelling in (_name, _name.title()):
            _PLACES[_spelling] = _PLACES[_spelling.encode("ascii")] = _start + _step * _position


class Glance(NamedTuple):
    """
    What a plain request says, as its server has it.

    Args:
        path: The path, and what it is mounted under.
        who: By what it is told who asks.
        range: The value of ``Range``, if there is one.
    """

    path: Hashable
    who: tuple[Any, ...]
    range: str | bytes | None


class Prepared:
    """
    The head of the response to a GET of one medium.

    Args:
        media_id: The medium.
        headers: All headers of the whole.
    """

    __slots__ = ("headers", "media_id", "native")

    def __init__(self, media_id: str, headers: fields.Headers) -> None:
        self.media_id = media_id
        self.headers = headers
        #: The headers in the form that the server takes, once its adapter has made it.
        self.native: Any = None


class Quick(NamedTuple):
    """
    A response on the short way.

    Args:
        prepared: The head of the whole.
        content: The bytes of the whole.
        start: Position of the first byte of the body.
        stop: Position after the last one.
        part: The headers that the response has in place of the last one of the whole; None if it is the whole.
    """

    prepared: Prepared
    content: bytes
    start: int
    stop: int
    part: tuple[tuple[str, str], tuple[str, str]] | None = None

    @property
    def status(self) -> int:
        """The status code."""
        return 200 if self.part is None else 206

    @property
    def headers(self) -> fields.Headers:
        """All headers."""
        return self.prepared.headers if self.part is None else (*self.prepared.headers[:-1], *self.part)

    @property
    def body(self) -> bytes:
        """The body."""
        content, start, stop = self.content, self.start, self.stop
        return content if stop - start == len(content) else content[start:stop]

    def response(self) -> responses.Response:
        """Return the same response in the form of all others."""
        return responses.Response(self.status, self.headers, MemorySource(self.content), self.start, self.stop)


class _Known(NamedTuple):
    browser: str
    until: float
    generation: int
    names: tuple[Name, ...]
    at: float


class Shortcut:
    """
    Answers plain requests for a page's own media in memory.

    Args:
        identity: Whose cookies these are.
        shown: Knows what was shown to whom.
        store: Where media come from.
        ended: Returns up to when everything by each of some names has ended, if that is known at once.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        identity: BrowserIdentity,
        shown: ShownLedger,
        store: MediaStore,
        *,
        ended: Callable[[tuple[Name, ...]], tuple[float, ...] | None],
        clock: Callable[[], float],
    ) -> None:
        self._identity = identity
        self._ended = ended
        self._shown = shown
        self._store = store
        self._clock = clock
        self._known: dict[tuple[Any, ...], _Known] = {}
        self._prepared: dict[Hashable, Prepared] = {}

    def glance(self, path: Hashable, line: Hashable, headers: Iterable[tuple[Any, Any]]) -> Glance | None:
        """
        Return what a GET or HEAD without a query says, if it is plain; read in one pass.

        Args:
            path: Its path, and what it is mounted under.
            line: What else tells how it came here: the scheme of the connection, and who is connected.
            headers: Names in lower case, or as Tornado writes them.
        """
        found: list[Any] = [None] * (_RANGE + 1)
        for name, value in headers:
            place = _PLACES.get(name)
            if place is not None:
                if place < 0 or found[place] is not None:
                    return None
                found[place] = value
        if found[0] is None:
            return None
        wanted = found[_RANGE]
        found[_RANGE] = line
        return Glance(path, tuple(found), wanted)

    def response(self, glance: Glance, method: str) -> Quick | None:
        """Return the response, if it is allowed and known; None for the long way."""
        known = self._known.get(glance.who)
        if known is None or sinks.listens(logging.INFO) or events.is_asked_for_all():
            return None
        if self._clock() >= known.until or known.generation != self._identity.generation:
            del self._known[glance.who]
            return None
        if known.names and not self._holds(known):
            return None
        prepared = self._prepared.get(glance.path)
        # Asked also where there is nothing to show: how long a refusal takes must not tell whether there is.
        shown = self._shown.was_shown(known.browser, "" if prepared is None else prepared.media_id)
        if prepared is None or shown is not True:
            return None
        try:
            media = self._store.get(prepared.media_id)
        except MediaNotFoundError:
            return None
        source = media.source
        if type(source) is not MemorySource or media.supply is not None:
            return None
        content = source.content
        if glance.range is None:
            return Quick(prepared, content, 0, 0 if method == "HEAD" else len(content))
        return None if method == "HEAD" else _part(prepared, content, glance.range)

    def remember(self, glance: Glance, asked: Admitted, what: Presentation) -> None:
        """
        Note who has got what on the long way.

        Args:
            glance: What the request said.
            asked: The request, as it was allowed.
            what: What it has got.
        """
        visitor, decision, request = asked.visitor, asked.decision, asked.request
        identified = visitor.identified
        # One of two cookies of a name is never fresh.
        if not isinstance(identified, Identified) or not identified.fresh:
            return
        if sum(len(value) for value in glance.who[:_RANGE] if value is not None) > _LONGEST:
            return
        if decision.by != "session" or decision.grant is not None or not self._is_plain(request, what):
            return
        whole = serving.serve(what, "GET", Conditions())
        self._prepared[glance.path] = Prepared(asked.resource.name, whole.headers)
        browser = identified.browser
        names, at = ((), 0.0) if browser.sign_in is None else (names_of(browser.sign_in), browser.sign_in.at)
        self._known[glance.who] = _Known(browser.id, identified.fresh_until, self._identity.generation, names, at)
        if len(self._prepared) > _MOST:
            del self._prepared[next(iter(self._prepared))]
        if len(self._known) > _MOST:
            del self._known[next(iter(self._known))]

    def _holds(self, known: _Known) -> bool:
        """Return whether it is known at once that the sign-in has not ended."""
        ended = self._ended(known.names)
        return ended is not None and len(ended) == len(known.names) and all(known.at > moment for moment in ended)

    def _is_plain(self, request: Request, what: Presentation) -> bool:
        """Return whether the response depends on nothing that a glance does not see."""
        return not (what.source.blocking or what.varies or what.encoding or request.query or request.trailers)


def _part(prepared: Prepared, content: bytes, wanted: str | bytes) -> Quick | None:
    """Return the response to a request for one range; None where it asks for anything else."""
    size = len(content)
    try:
        selected = fields.parse_range(wanted if isinstance(wanted, str) else wanted.decode("latin-1"), size)
    except RangeNotSatisfiableError:
        return None
    if selected is None:
        return None
    start, stop = selected
    length = ("Content-Length", str(stop - start))
    return Quick(prepared, content, start, stop, (length, ("Content-Range", f"bytes {start}-{stop - 1}/{size}")))
