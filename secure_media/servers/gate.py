"""What the two adapters have in common: from the facts of a request to a plan for the response."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from secure_media import audit
from secure_media.core.guard import Guard
from secure_media.core.identity import Identified
from secure_media.core.model import AccessRequest, Action, Allow, Browser, Credentials, Decision, Resource, ResourceKind
from secure_media.errors import MediaNotFoundError
from secure_media.serving import plan
from secure_media.serving.store import MediaStore, media_id_in

logger = logging.getLogger(__name__)

#: The URL parameter that carries a token.
TOKEN_PARAMETER = "media_token"  # noqa: S105 - the name of a parameter

MEDIA = "/media/"
STATIC = "/app/static/"
UPLOAD = "/_stcore/upload_file/"
#: What the page fetches before it opens its WebSocket, also after a server restart.
_GREETINGS = frozenset({"/_stcore/health", "/_stcore/host-config"})
#: NAME_MAX of the usual file systems, in bytes.
_LONGEST_NAME = 255
#: Half of PATH_MAX, which is for the whole of it, in bytes.
_LONGEST_PATH = 2048
_PRIVATE = ("cache-control", "private, no-cache")
#: Streamlit opens these files to every site (``*``), and Tornado lets caches keep ``?v=...`` for ten years.
_PRIVATE_STATIC = (
    _PRIVATE,
    ("x-content-type-options", "nosniff"),
    ("cross-origin-resource-policy", "same-origin"),
    ("access-control-allow-origin", None),
    ("expires", None),
)
_DOCUMENTS = frozenset({"document", "embed", "fencedframe", "frame", "iframe", "object"})


@dataclass(frozen=True, slots=True)
class Incoming:
    """
    The facts of a request, in no framework's terms.

    Args:
        method: As sent.
        path: Decoded, below the mount point.
        query: Undecoded.
        headers: Names in lower case; one entry for each time a header was sent.
        secure: Whether the client came over HTTPS.
        client_ip: Where the connection came from.
    """

    method: str
    path: str
    query: str = field(repr=False)
    headers: Sequence[tuple[str, str]] = field(repr=False)
    secure: bool
    client_ip: str | None

    def all(self, name: str) -> list[str]:
        """Return every value of the header `name`."""
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str | None:
        """Return the value of the header `name`; None if it was not sent, or not just once."""
        values = self.all(name)
        return values[0] if len(values) == 1 else None


#: The HTTP request that opened the WebSocket which is being served, for the session that is made from it.
handshake: ContextVar[Incoming | None] = ContextVar("secure_media_handshake", default=None)


class Gate:
    """
    Asks the guard, and makes the plan that follows from its decision.

    Args:
        guard: Decides.
        store: Where media come from.
        base_path: ``server.baseUrlPath`` as ``/base``, or the empty string.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, *, guard: Guard, store: MediaStore, base_path: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._guard = guard
        self._store = store
        self._base_path = base_path
        self._clock = clock

    def answer(self, incoming: Incoming) -> plan.Plan | None:
        """Return the response, or None if the request may go on to Streamlit."""
        path = self._below_base(incoming.path)
        if path.startswith(MEDIA):
            return self._media(incoming, path.removeprefix(MEDIA))
        if "\0" in path or (path.startswith(STATIC) and (_has_trailers(incoming) or not _could_be_a_file(path))):
            return self._refusal(incoming, None, Action.VIEW)
        if incoming.method == "OPTIONS":
            return None  # a preflight carries no credentials and gets no content
        if path.startswith(STATIC):
            resource = Resource(ResourceKind.STATIC, path.removeprefix(STATIC))
        elif path.startswith(UPLOAD):
            if incoming.method == "PUT" and not incoming.all("content-type"):
                return self._refusal(incoming, None, Action.WRITE)  # Streamlit's Tornado handler would answer 500
            resource = Resource(ResourceKind.UPLOAD, path.removeprefix(UPLOAD).partition("/")[0])
        else:
            return None
        action = Action.WRITE if resource.kind is ResourceKind.UPLOAD else Action.VIEW
        return self._refusal(incoming, resource, action)

    def endpoint(self, incoming: Incoming) -> plan.Plan | None:
        """Return the refusal for a request to an endpoint of the user's own, or None if it may go on."""
        return self._refusal(incoming, Resource(ResourceKind.ENDPOINT, incoming.path), Action.VIEW)

    def browser(self, incoming: Incoming | None) -> str | None:
        """Return the id of the browser that sent `incoming`, if it showed a valid cookie."""
        if incoming is None:
            return None
        identified = self._guard.identity.identify(_credentials(incoming), now=self._clock())
        return identified.browser.id if isinstance(identified, Identified) else None

    def amendments(self, incoming: Incoming) -> tuple[tuple[str, str | None], ...]:
        """
        Return what to change in the headers of Streamlit's response: a name and its new value, or None to remove it.

        The names are in lower case. Nothing that is for one browser may stay in a shared cache.
        """
        if self._below_base(incoming.path).startswith(STATIC):
            return _PRIVATE_STATIC
        cookie = self._new_cookie(incoming)
        return () if cookie is None else (_PRIVATE, ("set-cookie", cookie))

    def _new_cookie(self, incoming: Incoming) -> str | None:
        """Return the ``Set-Cookie`` if this is a moment to set or renew the browser cookie."""
        if incoming.method != "GET" or not self._is_greeting(incoming):
            return None
        identified = self._guard.identity.identify(_credentials(incoming), now=self._clock())
        if isinstance(identified, Identified):
            return self._renewed_cookie(incoming)
        return self._cookie(incoming, self._guard.identity.new())

    def _renewed_cookie(self, incoming: Incoming) -> str | None:
        """Return the ``Set-Cookie`` that lets a known browser go on, if it is time for that."""
        identified = self._guard.identity.identify(_credentials(incoming), now=self._clock())
        if not isinstance(identified, Identified) or identified.fresh:
            return None
        return self._cookie(incoming, identified.browser)

    def _cookie(self, incoming: Incoming, browser: Browser) -> str:
        identity = self._guard.identity
        name, value = identity.cookie_name(secure=incoming.secure), identity.issue(browser, now=self._clock())
        attributes = ["Path=/", "HttpOnly", "SameSite=Lax"]
        if identity.lasting:
            attributes.append(f"Max-Age={identity.lifetime}")
        if incoming.secure:
            attributes.append("Secure")
        return "; ".join([f"{name}={value}", *attributes])

    def _is_greeting(self, incoming: Incoming) -> bool:
        if self._below_base(incoming.path) in _GREETINGS:
            return True
        destination = incoming.get("sec-fetch-dest")
        if destination is not None:
            return destination in _DOCUMENTS
        return "text/html" in (incoming.get("accept") or "")

    def _media(self, incoming: Incoming, name: str) -> plan.Plan:
        method = incoming.method
        if method not in {"GET", "HEAD"}:
            return plan.method_not_allowed(method)
        media_id = None if _has_trailers(incoming) else media_id_in(name)
        resource = None if media_id is None else Resource(ResourceKind.MEDIA, media_id)
        decision = self._decide(incoming, resource, Action.VIEW)
        if resource is None or not isinstance(decision, Allow):
            return plan.forbidden(method)
        try:
            media = self._store.get(resource.name)
        except MediaNotFoundError:
            return plan.not_found(method)
        conditions = plan.Conditions(
            range=incoming.get("range"),
            if_range=incoming.get("if-range"),
            if_none_match=", ".join(incoming.all("if-none-match")) or None,
        )
        answer = plan.serve(media, method, conditions)
        # A page that stays open for weeks asks for nothing but media.
        cookie = self._renewed_cookie(incoming)
        return answer if cookie is None else answer.with_header("Set-Cookie", cookie)

    def _refusal(self, incoming: Incoming, resource: Resource | None, action: Action) -> plan.Plan | None:
        if isinstance(self._decide(incoming, resource, action), Allow):
            return None
        return plan.forbidden(incoming.method)

    def _decide(self, incoming: Incoming, resource: Resource | None, action: Action) -> Decision:
        request = AccessRequest(
            resource=resource,
            action=action,
            credentials=_credentials(incoming),
            now=self._clock(),
            client_ip=incoming.client_ip,
        )
        decision = self._guard.decide(request)
        audit.record(decision, method=incoming.method, resource=resource, client_ip=incoming.client_ip)
        return decision

    def _below_base(self, path: str) -> str:
        """Return `path` without the base path; a path outside of it is looked at as it is, so that nothing slips by."""
        if self._base_path and path.startswith(f"{self._base_path}/"):
            return path[len(self._base_path) :]
        return path


def _has_trailers(incoming: Incoming) -> bool:
    """
    Return whether headers may have come after the body, past a proxy that removes or sets them before.

    uvicorn adds such trailers to the others. No GET of a browser has a body.
    """
    return any(name in {"transfer-encoding", "trailer"} for name, _ in incoming.headers)


def _could_be_a_file(path: str) -> bool:
    """Return whether the file system could take `path`: Streamlit answers 500 where it cannot."""
    raw = path.encode("utf-8", "replace")
    return len(raw) <= _LONGEST_PATH and all(len(part) <= _LONGEST_NAME for part in raw.split(b"/"))


def came_over_https(scheme: str, headers: Sequence[tuple[str, str]]) -> bool:
    """
    Return whether the client's own connection was HTTPS, be it to us or to a proxy that says so.

    A client that lies about it harms nobody: this only chooses the name and attributes of its own cookie.
    """
    forwarded = [value for name, value in headers if name == "x-forwarded-proto"]
    schemes = {scheme, *(value.split(",")[0].strip().lower() for value in forwarded[:1])}
    return bool(schemes & {"https", "wss"})


def _credentials(incoming: Incoming) -> Credentials:
    return Credentials(
        cookies=tuple(_cookies("; ".join(incoming.all("cookie")))),
        tokens=_tokens(incoming.query),
        authorization=tuple(incoming.all("authorization")),
        secure=incoming.secure,
    )


def _cookies(header: str) -> list[tuple[str, str]]:
    """Split a ``Cookie`` header (RFC 6265 section 4.2.1), keeping duplicates for the guard to see."""
    pairs = []
    for part in header.split(";"):
        name, separator, value = part.strip(" \t").partition("=")
        if separator:
            pairs.append((name, value))
    return pairs


def _tokens(query: str) -> tuple[str, ...]:
    if TOKEN_PARAMETER not in query:
        return ()
    try:
        fields = parse_qsl(query, keep_blank_values=True, max_num_fields=100, errors="surrogateescape")
    except ValueError:
        return ("",)  # too many parameters to be honest: a token that cannot hold
    return tuple(value for name, value in fields if name == TOKEN_PARAMETER)
