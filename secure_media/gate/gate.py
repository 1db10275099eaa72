"""What the two adapters have in common: from the facts of a request to a response."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Hashable
from typing import Any

from secure_media.audit import events
from secure_media.content.delivery import Delivery, Watcher
from secure_media.content.names import parse_name
from secure_media.content.streams import BodySource
from secure_media.content.turns import CODE
from secure_media.core.guard import Guard
from secure_media.core.model import AccessRequest, Action, Allow, Browser, Decision, Deny, Grant, Resource, ResourceKind
from secure_media.core.policy import Policy
from secure_media.core.redemptions import Redemptions
from secure_media.errors import DenialReason, LedgerUnavailableError, MediaNotFoundError, StoreUnavailableError
from secure_media.gate.canary import Canary
from secure_media.gate.codings import Codings
from secure_media.gate.cookies import Cookies
from secure_media.gate.offload import offload
from secure_media.gate.opening import PendingResponse, whose
from secure_media.gate.presentation import plays_on, presented_as
from secure_media.gate.probes import answer_to_a_probe
from secure_media.gate.redeeming import Redeeming, may_be_pressed
from secure_media.gate.refusals import Refusals
from secure_media.gate.returning import Returning
from secure_media.gate.uploads import Uploads
from secure_media.http import responses
from secure_media.http.compression import COMPRESSING
from secure_media.http.navigation import is_ahead_of_time
from secure_media.http.request import Request, conditions, credentials, player
from secure_media.http.urls import MEDIA, OWN, STATIC, UPLOAD, action_in, file_name
from secure_media.stores.absence import LostPages
from secure_media.stores.collections import Collections, StoredFile
from secure_media.stores.ledger import GrantLedger, reserve_whole
from secure_media.stores.media import MediaStore
from secure_media.stores.media_ids import media_id_in
from secure_media.stores.playback import PlaybackLeases

logger = logging.getLogger(__name__)

#: When to try again if an object store cannot be reached, in seconds.
_RETRY_AFTER = 30
#: The same if the server has just begun to listen.
_RETRY_AT_START = 1
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


class Gate:
    """
    Asks the guard, and makes the response that follows from its decision.

    Args:
        guard: Decides.
        store: Where media come from.
        collections: Where files come from.
        ledger: Counts the uses of grants.
        leases: Is told who begins to play.
        lost: Knows which pages may come back.
        redemptions: Tells in which browsers the button of a link was pressed.
        base_path: ``server.baseUrlPath`` as ``/base``, or the empty string.
        refusal_page: The page for refused navigations, as HTML; None for ours.
        cookieless: Whether the app is made for places where Streamlit's cookies do not come.
        refresh: Takes a look at whether the keys have changed.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        *,
        guard: Guard,
        store: MediaStore,
        collections: Collections,
        ledger: GrantLedger,
        leases: PlaybackLeases,
        lost: LostPages,
        redemptions: Redemptions,
        base_path: str,
        refusal_page: str | None = None,
        cookieless: bool = False,
        refresh: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._guard = guard
        self._store = store
        self._collections = collections
        self._ledger = ledger
        self._leases = leases
        self._lost = lost
        self._codings = Codings()
        self.base_path = base_path
        self._refresh = refresh
        self._clock = clock
        self._cookies = Cookies(guard.identity, clock)
        self._refusals = Refusals(base_path, refusal_page)
        self._uploads = Uploads(cookieless=cookieless)
        self._redeeming = Redeeming(redemptions, ledger, self._refusals, clock=clock)
        #: What the server asks itself for, while it does.
        self.canary: Canary | None = None
        #: Whether it is still to be proved that media are refused; until then, only the canary is answered.
        self.unproved = False

    def not_yet(self, request: Request) -> responses.Response | None:
        """Return the response to a request that comes too early, or None."""
        if not self.unproved or (self.canary is not None and self.canary.media_id in request.path):
            return None
        return responses.unavailable(request.method, _RETRY_AT_START)

    def answer(self, request: Request) -> responses.Response | PendingResponse | Returning | None:
        """Return the response, or None if the request may go on to Streamlit."""
        self._refresh()
        path = self._below_base(request.path)
        if path.startswith(MEDIA):
            return self._shown(request, path.removeprefix(MEDIA))
        if path.startswith(OWN):
            return self._file(request, path if request.exact is None else self._below_base(request.exact))
        if "\0" in path or (path.startswith(STATIC) and (request.trailers or not _could_be_a_file(path))):
            return self._refusal(request, None, Action.VIEW)
        if request.method == "OPTIONS":
            return None  # a preflight carries no credentials and gets no content
        if path.startswith(STATIC):
            resource = Resource(ResourceKind.STATIC, path.removeprefix(STATIC))
        elif path.startswith(UPLOAD):
            if request.method == "PUT" and not request.all("content-type"):
                return self._refusal(request, None, Action.WRITE)  # Streamlit's Tornado handler would answer 500
            resource = Resource(ResourceKind.UPLOAD, path.removeprefix(UPLOAD).partition("/")[0])
        else:
            return None
        action = Action.WRITE if resource.kind is ResourceKind.UPLOAD else Action.VIEW
        return self._refusal(request, resource, action)

    def endpoint(self, request: Request) -> responses.Response | None:
        """Return the refusal for a request to an endpoint of the user's own, or None if it may go on."""
        return self._refusal(request, Resource(ResourceKind.ENDPOINT, request.path), Action.VIEW)

    def browser(self, request: Request | None) -> Browser | None:
        """Return the browser that sent `request`, if it showed a valid cookie."""
        if request is None:
            return None
        self._refresh()
        return self._cookies.browser(request)

    def shows_a_cookie(self, request: Request | None) -> bool:
        """Return whether `request` has a cookie of our name, be it one that holds or not."""
        return request is not None and self._cookies.shown(request)

    def vouches_for(self, request: Request) -> bool:
        """Return whether Streamlit's XSRF check may pass over `request`, an upload that was let go on."""
        return self._below_base(request.path).startswith(UPLOAD) and self._uploads.vouches_for(request)

    def header_changes(self, request: Request) -> tuple[tuple[str, str | None], ...]:
        """
        Return what to change in the headers of Streamlit's response: a name and its new value, or None to remove it.

        The names are in lower case. Nothing that is for one browser may stay in a shared cache.
        """
        if self._below_base(request.path).startswith(STATIC):
            return _PRIVATE_STATIC
        if request.method != "GET" or not self._is_greeting(request):
            return ()
        cookies = self._cookies.greet(request)
        return (_PRIVATE, *(("set-cookie", cookie) for cookie in cookies)) if cookies else ()

    def _is_greeting(self, request: Request) -> bool:
        """Return whether this is a moment to set the browser cookie."""
        if self._below_base(request.path) in _GREETINGS:
            return True
        destination = request.get("sec-fetch-dest")
        if destination is not None:
            return destination in _DOCUMENTS
        return "text/html" in (request.get("accept") or "")

    def _shown(self, request: Request, name: str) -> responses.Response | PendingResponse | Returning:
        if request.method not in {"GET", "HEAD"} and not may_be_pressed(request):
            return responses.method_not_allowed(request.method)
        media_id = None if request.trailers else media_id_in(name)
        resource = None if media_id is None else Resource(ResourceKind.MEDIA, media_id)
        action = action_in(request.query)
        decision = self._ask(request, resource, action)
        browser = self.browser(request) if resource is not None and isinstance(decision, Deny) else None
        if resource is not None and browser is not None and self._lost.expects(browser.id, resource.name):
            wait = functools.partial(self._lost.wait, browser.id, resource.name)
            return Returning(wait, lambda: self._media(request, resource, action, self._ask(request, resource, action)))
        return self._media(request, resource, action, decision)

    def _media(
        self, request: Request, resource: Resource | None, action: Action, decision: Decision
    ) -> responses.Response | PendingResponse:
        method = request.method
        decision = self._recorded(decision, request, resource)
        if resource is None or not isinstance(decision, Allow):
            return self._refusals.response(request)
        grant = decision.grant
        answer = self._redeeming.at_once(request, grant, resource)
        if answer is not None:
            return answer
        try:
            media = self._store.get(resource.name)
        except MediaNotFoundError:
            return responses.not_found(method)
        if grant is not None and self._redeeming.comes_first(request, grant):
            size = media.source.size if media.supply is None else media.supply.size
            presented = presented_as(media, grant, action)
            page = functools.partial(self._redeeming.page, request, grant, presented, size)
            return PendingResponse(page, _as_it_is, whose=self._whose(request, decision))
        # A page that stays open for weeks asks for nothing but media.
        cookie = self._cookies.renewed(request)

        def renewing(answer: responses.Response) -> responses.Response:
            return answer if cookie is None else answer.with_header("Set-Cookie", cookie)

        def stored(what: responses.Representation) -> responses.Response:
            answer = renewing(self._serve(request, what, decision, resource, action))
            return answer.of(self._whose(request, decision)) if what.source.blocking else answer

        presented = presented_as(media, grant, action)
        supply = media.supply
        if supply is None:
            at_once, better = self._codings.of(media, presented, request, grant)
            if better is None:
                return stored(at_once)
            return PendingResponse(better, stored, COMPRESSING, self._whose(request, decision), at_once)
        # What nobody has asked for yet is no reason to run the app's code.
        probed = responses.no_content() if is_ahead_of_time(request) else answer_to_a_probe(request, decision)
        if probed is not None:
            return renewing(probed)
        if method == "HEAD":
            return renewing(responses.made(presented, None, supply.size))
        make = functools.partial(self._make, supply, presented, request, decision, resource, action)
        return PendingResponse(make, renewing, CODE, self._whose(request, decision))

    def _make(
        self,
        supply: BodySource,
        presented: responses.Presentation,
        request: Request,
        decision: Allow,
        resource: Resource,
        action: Action,
    ) -> responses.Response:
        """Return the response to a request for what the app's own code has to make. May take its time."""
        watchers: list[Watcher] = []
        if decision.grant is not None and decision.grant.max_uses is not None:
            try:
                transfer = reserve_whole(self._ledger, decision.grant)
            except LedgerUnavailableError:  # it has said why, once
                transfer = None
            if transfer is None:
                return self._refusals.response(request)
            watchers.append(transfer)
        body = None
        try:
            body = supply.make()
            answer = responses.made(presented, body, body.size)
        except MediaNotFoundError:
            answer = responses.not_found(request.method)
        except Exception as error:
            logger.exception("media.not_made", exc_info=error.__cause__ or error)
            answer = responses.failed(request.method)
        if body is None:
            Delivery(None, *watchers).end()  # it was no use
            return answer
        watchers += self._auditors(request, decision, resource, action, answer, body.size)
        return answer.watched(Delivery(body.size, *watchers), self._refusals.response(request)) if watchers else answer

    def _file(self, request: Request, path: str) -> responses.Response | PendingResponse:
        method = request.method
        if method not in {"GET", "HEAD"} and not may_be_pressed(request):
            return responses.method_not_allowed(method)
        name = "" if request.trailers else file_name(path)
        resource = None if parse_name(name) is None else Resource(ResourceKind.FILE, name)
        action = action_in(request.query)
        decision = self._decide(request, resource, action, self._collections.policy(name))
        if resource is None or not isinstance(decision, Allow):
            return self._refusals.response(request)
        grant = decision.grant
        at_once = self._redeeming.at_once(request, grant, resource)
        if at_once is not None:
            return at_once
        comes_first = self._redeeming.comes_first(request, grant)

        def open_file() -> Any:
            try:
                opened = self._collections.open(name)
                if grant is not None and comes_first:
                    presented, size = presented_as(opened, grant, action), opened.source.size
                    opened.close()
                    return self._redeeming.page(request, grant, presented, size)
                return opened, self._offloaded(opened, method, grant, action)
            except MediaNotFoundError:
                return responses.not_found(method)
            except StoreUnavailableError as error:
                logger.error("store.unavailable %s", error)
                return responses.unavailable(method, _RETRY_AFTER)
            except Exception:
                logger.exception("store.failed")
                return responses.unavailable(method, _RETRY_AFTER)

        def answer(opened: Any) -> responses.Response:
            if isinstance(opened, responses.Response):
                return opened
            stored, offloaded = opened
            return self._serve(request, stored, decision, resource, action, offloaded)

        return PendingResponse(open_file, answer, whose=self._whose(request, decision))

    def _serve(
        self,
        request: Request,
        what: responses.Representation,
        decision: Allow,
        resource: Resource,
        action: Action,
        offloaded: responses.Response | None = None,
    ) -> responses.Response:
        """Return the response to a request that was allowed; `offloaded` is that, if somebody else sends the bytes."""
        grant, player = decision.grant, decision.player
        counted = grant is not None and grant.max_uses is not None
        probed = answer_to_a_probe(request, decision) if counted else None
        if probed is not None:
            return probed
        presented = presented_as(what, grant, action)
        if grant is not None and player is not None and plays_on(grant, presented.content_type):
            self._leases.begin(grant, player)
        if offloaded is not None:
            if request.method == "GET" and events.listens(logging.INFO):
                events.offloaded(
                    decision,
                    resource=resource,
                    action=action,
                    browser=self.browser(request),
                    client_ip=request.client_ip,
                    size=what.source.size,
                )
            return offloaded
        answer = responses.serve(presented, request.method, conditions(request), storable=not counted)
        if answer.status not in {200, 206} or request.method != "GET":
            return answer
        watchers = self._auditors(request, decision, resource, action, answer, what.source.size)
        if not counted or grant is None:
            return answer.watched(Delivery(answer.stop - answer.start, *watchers)) if watchers else answer
        try:
            transfer = self._ledger.reserve(
                grant,
                answer.start,
                answer.stop,
                what.source.size,
                continues=request.get("range") is not None,
            )
        except LedgerUnavailableError:  # it has said why, once
            transfer = None
        if transfer is None:
            return self._refusals.response(request)
        delivery = Delivery(answer.stop - answer.start, transfer, *watchers)
        return self._redeeming.renewed(request, grant, answer).watched(delivery, self._refusals.response(request))

    def _offloaded(
        self, stored: StoredFile, method: str, grant: Grant | None, action: Action
    ) -> responses.Response | None:
        """Return the response that lets somebody else send the bytes, if it may. May wait for the network."""
        if grant is not None and grant.max_uses is not None:
            return None  # uses are counted by the bytes that leave here
        return offload(stored, presented_as(stored, grant, action), method)

    def _auditors(
        self,
        request: Request,
        decision: Allow,
        resource: Resource,
        action: Action,
        answer: responses.Response,
        size: int | None,
    ) -> list[Watcher]:
        """Return who writes down what becomes of `answer`: nobody, at no cost, where nobody wants to know."""
        if not events.listens(logging.INFO):
            return []
        delivered = events.Delivered(
            decision,
            resource=resource,
            action=action,
            browser=self.browser(request),
            client_ip=request.client_ip,
            status=answer.status,
            start=answer.start,
            length=size if answer.stream is not None else answer.stop - answer.start,
            size=size,
        )
        return [delivered]

    def _whose(self, request: Request, decision: Allow) -> Hashable:
        """Return by whom an allowed request is sent, to take turns by."""
        return whose(decision, self.browser(request), request.client_ip)

    def _refusal(self, request: Request, resource: Resource | None, action: Action) -> responses.Response | None:
        if isinstance(self._decide(request, resource, action), Allow):
            return None
        return self._refusals.response(request)

    def _decide(
        self, request: Request, resource: Resource | None, action: Action, policy: Policy | None = None
    ) -> Decision:
        return self._recorded(self._ask(request, resource, action, policy), request, resource)

    def _ask(
        self, request: Request, resource: Resource | None, action: Action, policy: Policy | None = None
    ) -> Decision:
        asked = AccessRequest(
            resource=resource,
            action=action,
            credentials=credentials(request),
            now=self._clock(),
            client_ip=request.client_ip,
            player=player(request),
        )
        return self._guard.decide(asked, policy)

    def _recorded(self, decision: Decision, request: Request, resource: Resource | None) -> Decision:
        """Return `decision`, written down; a denial if it has to be and cannot."""
        written = events.record(
            decision,
            method=request.method,
            resource=resource,
            client_ip=request.client_ip,
            path=request.path,
            self_check=self.canary is not None and self.canary.takes(resource, decision),
        )
        return decision if written or isinstance(decision, Deny) else Deny(DenialReason.AUDIT_UNAVAILABLE)

    def _below_base(self, path: str) -> str:
        """Return `path` without the base path; a path outside of it is looked at as it is, so that nothing slips by."""
        if self.base_path and path.startswith(f"{self.base_path}/"):
            return path[len(self.base_path) :]
        return path


def _as_it_is(answer: responses.Response) -> responses.Response:
    return answer


def _could_be_a_file(path: str) -> bool:
    """Return whether the file system could take `path`: Streamlit answers 500 where it cannot."""
    raw = path.encode("utf-8", "replace")
    return len(raw) <= _LONGEST_PATH and all(len(part) <= _LONGEST_NAME for part in raw.split(b"/"))
