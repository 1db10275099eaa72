"""What the two adapters have in common: from the facts of a request to a plan for the response."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Hashable
from typing import Any

from secure_media import audit
from secure_media.core.guard import Guard
from secure_media.core.model import AccessRequest, Action, Allow, Browser, Decision, Deny, Grant, Resource, ResourceKind
from secure_media.core.policy import Policy
from secure_media.core.redemptions import Redemptions
from secure_media.errors import DenialReason, LedgerUnavailableError, MediaNotFoundError, StoreUnavailableError
from secure_media.servers.bait import Bait
from secure_media.servers.codings import Codings
from secure_media.servers.cookies import Cookies
from secure_media.servers.incoming import Incoming, conditions, credentials, player
from secure_media.servers.navigation import is_ahead_of_time
from secure_media.servers.opening import Opening, whose
from secure_media.servers.presentation import plays_on, presented_as
from secure_media.servers.probes import answer_to_a_probe
from secure_media.servers.redeeming import Redeeming, may_be_pressed
from secure_media.servers.refusals import Refusals
from secure_media.servers.returning import Returning
from secure_media.servers.uploads import Uploads
from secure_media.servers.urls import MEDIA, OWN, STATIC, UPLOAD, action_in, file_name
from secure_media.serving import plan
from secure_media.serving.absence import LostPages
from secure_media.serving.collections import Collections, StoredFile
from secure_media.serving.compression import COMPRESSING
from secure_media.serving.delivery import Delivery, Watcher
from secure_media.serving.leases import PlaybackLeases
from secure_media.serving.ledger import GrantLedger, reserve_whole
from secure_media.serving.media_ids import media_id_in
from secure_media.serving.names import parse_name
from secure_media.serving.offload import offload
from secure_media.serving.store import MediaStore
from secure_media.serving.streams import Supply
from secure_media.serving.turns import CODE

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
    Asks the guard, and makes the plan that follows from its decision.

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
        self.bait: Bait | None = None
        #: Whether it is still to be proved that media are refused; until then, only the bait is answered.
        self.unproved = False

    def not_yet(self, incoming: Incoming) -> plan.Plan | None:
        """Return the response to a request that comes too early, or None."""
        if not self.unproved or (self.bait is not None and self.bait.media_id in incoming.path):
            return None
        return plan.unavailable(incoming.method, _RETRY_AT_START)

    def answer(self, incoming: Incoming) -> plan.Plan | Opening | Returning | None:
        """Return the response, or None if the request may go on to Streamlit."""
        self._refresh()
        path = self._below_base(incoming.path)
        if path.startswith(MEDIA):
            return self._shown(incoming, path.removeprefix(MEDIA))
        if path.startswith(OWN):
            return self._file(incoming, path if incoming.exact is None else self._below_base(incoming.exact))
        if "\0" in path or (path.startswith(STATIC) and (incoming.trailers or not _could_be_a_file(path))):
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

    def browser(self, incoming: Incoming | None) -> Browser | None:
        """Return the browser that sent `incoming`, if it showed a valid cookie."""
        if incoming is None:
            return None
        self._refresh()
        return self._cookies.browser(incoming)

    def shows_a_cookie(self, incoming: Incoming | None) -> bool:
        """Return whether `incoming` has a cookie of our name, be it one that holds or not."""
        return incoming is not None and self._cookies.shown(incoming)

    def vouches_for(self, incoming: Incoming) -> bool:
        """Return whether Streamlit's XSRF check may pass over `incoming`, an upload that was let go on."""
        return self._below_base(incoming.path).startswith(UPLOAD) and self._uploads.vouches_for(incoming)

    def amendments(self, incoming: Incoming) -> tuple[tuple[str, str | None], ...]:
        """
        Return what to change in the headers of Streamlit's response: a name and its new value, or None to remove it.

        The names are in lower case. Nothing that is for one browser may stay in a shared cache.
        """
        if self._below_base(incoming.path).startswith(STATIC):
            return _PRIVATE_STATIC
        if incoming.method != "GET" or not self._is_greeting(incoming):
            return ()
        cookies = self._cookies.greet(incoming)
        return (_PRIVATE, *(("set-cookie", cookie) for cookie in cookies)) if cookies else ()

    def _is_greeting(self, incoming: Incoming) -> bool:
        """Return whether this is a moment to set the browser cookie."""
        if self._below_base(incoming.path) in _GREETINGS:
            return True
        destination = incoming.get("sec-fetch-dest")
        if destination is not None:
            return destination in _DOCUMENTS
        return "text/html" in (incoming.get("accept") or "")

    def _shown(self, incoming: Incoming, name: str) -> plan.Plan | Opening | Returning:
        if incoming.method not in {"GET", "HEAD"} and not may_be_pressed(incoming):
            return plan.method_not_allowed(incoming.method)
        media_id = None if incoming.trailers else media_id_in(name)
        resource = None if media_id is None else Resource(ResourceKind.MEDIA, media_id)
        action = action_in(incoming.query)
        decision = self._ask(incoming, resource, action)
        browser = self.browser(incoming) if resource is not None and isinstance(decision, Deny) else None
        if resource is not None and browser is not None and self._lost.expects(browser.id, resource.name):
            wait = functools.partial(self._lost.wait, browser.id, resource.name)
            return Returning(
                wait, lambda: self._media(incoming, resource, action, self._ask(incoming, resource, action))
            )
        return self._media(incoming, resource, action, decision)

    def _media(
        self, incoming: Incoming, resource: Resource | None, action: Action, decision: Decision
    ) -> plan.Plan | Opening:
        method = incoming.method
        decision = self._recorded(decision, incoming, resource)
        if resource is None or not isinstance(decision, Allow):
            return self._refusals.plan(incoming)
        grant = decision.grant
        answer = self._redeeming.at_once(incoming, grant, resource)
        if answer is not None:
            return answer
        try:
            media = self._store.get(resource.name)
        except MediaNotFoundError:
            return plan.not_found(method)
        if grant is not None and self._redeeming.comes_first(incoming, grant):
            size = media.source.size if media.supply is None else media.supply.size
            presented = presented_as(media, grant, action)
            page = functools.partial(self._redeeming.page, incoming, grant, presented, size)
            return Opening(page, _as_it_is, whose=self._whose(incoming, decision))
        # A page that stays open for weeks asks for nothing but media.
        cookie = self._cookies.renewed(incoming)

        def renewing(answer: plan.Plan) -> plan.Plan:
            return answer if cookie is None else answer.with_header("Set-Cookie", cookie)

        def stored(what: plan.Representation) -> plan.Plan:
            answer = renewing(self._serve(incoming, what, decision, resource, action))
            return answer.of(self._whose(incoming, decision)) if what.source.blocking else answer

        presented = presented_as(media, grant, action)
        supply = media.supply
        if supply is None:
            at_once, better = self._codings.of(media, presented, incoming, grant)
            if better is None:
                return stored(at_once)
            return Opening(better, stored, COMPRESSING, self._whose(incoming, decision), at_once)
        # What nobody has asked for yet is no reason to run the app's code.
        probed = plan.no_content() if is_ahead_of_time(incoming) else answer_to_a_probe(incoming, decision)
        if probed is not None:
            return renewing(probed)
        if method == "HEAD":
            return renewing(plan.made(presented, None, supply.size))
        make = functools.partial(self._make, supply, presented, incoming, decision, resource, action)
        return Opening(make, renewing, CODE, self._whose(incoming, decision))

    def _make(
        self,
        supply: Supply,
        presented: plan.Presentation,
        incoming: Incoming,
        decision: Allow,
        resource: Resource,
        action: Action,
    ) -> plan.Plan:
        """Return the response to a request for what the app's own code has to make. May take its time."""
        watchers: list[Watcher] = []
        if decision.grant is not None and decision.grant.max_uses is not None:
            try:
                transfer = reserve_whole(self._ledger, decision.grant)
            except LedgerUnavailableError:  # it has said why, once
                transfer = None
            if transfer is None:
                return self._refusals.plan(incoming)
            watchers.append(transfer)
        body = None
        try:
            body = supply.make()
            answer = plan.made(presented, body, body.size)
        except MediaNotFoundError:
            answer = plan.not_found(incoming.method)
        except Exception as error:
            logger.exception("media.not_made", exc_info=error.__cause__ or error)
            answer = plan.failed(incoming.method)
        if body is None:
            Delivery(None, *watchers).end()  # it was no use
            return answer
        watchers += self._auditors(incoming, decision, resource, action, answer, body.size)
        return answer.watched(Delivery(body.size, *watchers), self._refusals.plan(incoming)) if watchers else answer

    def _file(self, incoming: Incoming, path: str) -> plan.Plan | Opening:
        method = incoming.method
        if method not in {"GET", "HEAD"} and not may_be_pressed(incoming):
            return plan.method_not_allowed(method)
        name = "" if incoming.trailers else file_name(path)
        resource = None if parse_name(name) is None else Resource(ResourceKind.FILE, name)
        action = action_in(incoming.query)
        decision = self._decide(incoming, resource, action, self._collections.policy(name))
        if resource is None or not isinstance(decision, Allow):
            return self._refusals.plan(incoming)
        grant = decision.grant
        at_once = self._redeeming.at_once(incoming, grant, resource)
        if at_once is not None:
            return at_once
        comes_first = self._redeeming.comes_first(incoming, grant)

        def open_file() -> Any:
            try:
                opened = self._collections.open(name)
                if grant is not None and comes_first:
                    presented, size = presented_as(opened, grant, action), opened.source.size
                    opened.close()
                    return self._redeeming.page(incoming, grant, presented, size)
                return opened, self._offloaded(opened, method, grant, action)
            except MediaNotFoundError:
                return plan.not_found(method)
            except StoreUnavailableError as error:
                logger.error("store.unavailable %s", error)
                return plan.unavailable(method, _RETRY_AFTER)
            except Exception:
                logger.exception("store.failed")
                return plan.unavailable(method, _RETRY_AFTER)

        def answer(opened: Any) -> plan.Plan:
            if isinstance(opened, plan.Plan):
                return opened
            stored, offloaded = opened
            return self._serve(incoming, stored, decision, resource, action, offloaded)

        return Opening(open_file, answer, whose=self._whose(incoming, decision))

    def _serve(
        self,
        incoming: Incoming,
        what: plan.Representation,
        decision: Allow,
        resource: Resource,
        action: Action,
        offloaded: plan.Plan | None = None,
    ) -> plan.Plan:
        """Return the response to a request that was allowed; `offloaded` is that, if somebody else sends the bytes."""
        grant, player = decision.grant, decision.player
        counted = grant is not None and grant.max_uses is not None
        probed = answer_to_a_probe(incoming, decision) if counted else None
        if probed is not None:
            return probed
        presented = presented_as(what, grant, action)
        if grant is not None and player is not None and plays_on(grant, presented.content_type):
            self._leases.begin(grant, player)
        if offloaded is not None:
            if incoming.method == "GET" and audit.listens(logging.INFO):
                audit.offloaded(
                    decision,
                    resource=resource,
                    action=action,
                    browser=self.browser(incoming),
                    client_ip=incoming.client_ip,
                    size=what.source.size,
                )
            return offloaded
        answer = plan.serve(presented, incoming.method, conditions(incoming), storable=not counted)
        if answer.status not in {200, 206} or incoming.method != "GET":
            return answer
        watchers = self._auditors(incoming, decision, resource, action, answer, what.source.size)
        if not counted or grant is None:
            return answer.watched(Delivery(answer.stop - answer.start, *watchers)) if watchers else answer
        try:
            transfer = self._ledger.reserve(
                grant,
                answer.start,
                answer.stop,
                what.source.size,
                continues=incoming.get("range") is not None,
            )
        except LedgerUnavailableError:  # it has said why, once
            transfer = None
        if transfer is None:
            return self._refusals.plan(incoming)
        delivery = Delivery(answer.stop - answer.start, transfer, *watchers)
        return self._redeeming.renewed(incoming, grant, answer).watched(delivery, self._refusals.plan(incoming))

    def _offloaded(self, stored: StoredFile, method: str, grant: Grant | None, action: Action) -> plan.Plan | None:
        """Return the response that lets somebody else send the bytes, if it may. May wait for the network."""
        if grant is not None and grant.max_uses is not None:
            return None  # uses are counted by the bytes that leave here
        return offload(stored, presented_as(stored, grant, action), method)

    def _auditors(
        self,
        incoming: Incoming,
        decision: Allow,
        resource: Resource,
        action: Action,
        answer: plan.Plan,
        size: int | None,
    ) -> list[Watcher]:
        """Return who writes down what becomes of `answer`: nobody, at no cost, where nobody wants to know."""
        if not audit.listens(logging.INFO):
            return []
        delivered = audit.Delivered(
            decision,
            resource=resource,
            action=action,
            browser=self.browser(incoming),
            client_ip=incoming.client_ip,
            status=answer.status,
            start=answer.start,
            length=size if answer.stream is not None else answer.stop - answer.start,
            size=size,
        )
        return [delivered]

    def _whose(self, incoming: Incoming, decision: Allow) -> Hashable:
        """Return by whom an allowed request is sent, to take turns by."""
        return whose(decision, self.browser(incoming), incoming.client_ip)

    def _refusal(self, incoming: Incoming, resource: Resource | None, action: Action) -> plan.Plan | None:
        if isinstance(self._decide(incoming, resource, action), Allow):
            return None
        return self._refusals.plan(incoming)

    def _decide(
        self, incoming: Incoming, resource: Resource | None, action: Action, policy: Policy | None = None
    ) -> Decision:
        return self._recorded(self._ask(incoming, resource, action, policy), incoming, resource)

    def _ask(
        self, incoming: Incoming, resource: Resource | None, action: Action, policy: Policy | None = None
    ) -> Decision:
        request = AccessRequest(
            resource=resource,
            action=action,
            credentials=credentials(incoming),
            now=self._clock(),
            client_ip=incoming.client_ip,
            player=player(incoming),
        )
        return self._guard.decide(request, policy)

    def _recorded(self, decision: Decision, incoming: Incoming, resource: Resource | None) -> Decision:
        """Return `decision`, written down; a denial if it has to be and cannot."""
        written = audit.record(
            decision,
            method=incoming.method,
            resource=resource,
            client_ip=incoming.client_ip,
            path=incoming.path,
            self_check=self.bait is not None and self.bait.takes(resource, decision),
        )
        return decision if written or isinstance(decision, Deny) else Deny(DenialReason.AUDIT_UNAVAILABLE)

    def _below_base(self, path: str) -> str:
        """Return `path` without the base path; a path outside of it is looked at as it is, so that nothing slips by."""
        if self.base_path and path.startswith(f"{self.base_path}/"):
            return path[len(self.base_path) :]
        return path


def _as_it_is(answer: plan.Plan) -> plan.Plan:
    return answer


def _could_be_a_file(path: str) -> bool:
    """Return whether the file system could take `path`: Streamlit answers 500 where it cannot."""
    raw = path.encode("utf-8", "replace")
    return len(raw) <= _LONGEST_PATH and all(len(part) <= _LONGEST_NAME for part in raw.split(b"/"))
