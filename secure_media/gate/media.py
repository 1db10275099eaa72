"""Requests for media: what the app has shown."""

from __future__ import annotations

import asyncio
import functools
import logging
from contextlib import suppress

from secure_media.content.bodies import BodySource
from secure_media.content.delivery import Delivery, Watcher
from secure_media.content.turns import CODE
from secure_media.core.model import Action, Allow, Decision, Resource, ResourceKind
from secure_media.core.rules import signed_url
from secure_media.errors import BusyError, ClientGoneError, LedgerUnavailableError, MediaNotFoundError
from secure_media.gate.admission import Admission, Admitted
from secure_media.gate.bookkeeping import whose
from secure_media.gate.codings import Codings
from secure_media.gate.cookies import Cookies
from secure_media.gate.opening import Watch, in_turn
from secure_media.gate.presentation import presented_as
from secure_media.gate.probes import answer_to_a_probe
from secure_media.gate.redeeming import Redeeming, may_be_pressed
from secure_media.gate.refusals import Refusals
from secure_media.gate.sending import Sending, auditors
from secure_media.gate.shortcut import Shortcut
from secure_media.http import responses, serving
from secure_media.http.compression import COMPRESSING
from secure_media.http.navigation import is_ahead_of_time
from secure_media.http.representation import Presentation
from secure_media.http.request import Request
from secure_media.http.urls import action_in
from secure_media.stores.absence import LostPages
from secure_media.stores.ledger import GrantLedger, reserve_whole
from secure_media.stores.media import Media, MediaStore
from secure_media.stores.media_ids import is_grant_only, media_id_in

logger = logging.getLogger(__name__)

#: When to try again if one browser asks for too much at once, in seconds.
BUSY_RETRY_AFTER = 10
#: What is asked besides for what is shown on terms.
_LINK = signed_url()


class MediaRequests:
    """
    Answers requests for media.

    Args:
        admission: Decides who may have what.
        store: Where media come from.
        lost: Knows which pages may come back.
        ledger: Counts what the app's own code makes, in the thread in which that runs.
        cookies: Lets browsers go on.
        redeeming: The steps before a counted link delivers.
        sending: Makes responses that carry something.
        refusals: Refuses.
        shortcut: Answers the same requests the next time, if there is one.
    """

    def __init__(
        self,
        *,
        admission: Admission,
        store: MediaStore,
        lost: LostPages,
        ledger: GrantLedger,
        cookies: Cookies,
        redeeming: Redeeming,
        sending: Sending,
        refusals: Refusals,
        shortcut: Shortcut | None,
    ) -> None:
        self._admission = admission
        self._store = store
        self._lost = lost
        self._ledger = ledger
        self._cookies = cookies
        self._redeeming = redeeming
        self._sending = sending
        self._refusals = refusals
        self._codings = Codings()
        self._shortcut = shortcut

    async def answer(self, request: Request, name: str, watch: Watch) -> responses.Response:
        """
        Return the response.

        Args:
            request: The request.
            name: What follows ``/media/`` in its path.
            watch: Watches the client.

        Raises:
            ClientGoneError: There is nobody left to answer.
        """
        if request.method not in {"GET", "HEAD"} and not may_be_pressed(request):
            return responses.method_not_allowed(request.method)
        media_id = None if request.trailers else media_id_in(name)
        resource = None if media_id is None else Resource(ResourceKind.MEDIA, media_id)
        action = action_in(request.query)
        decision = await self._decided(request, resource, action)
        if not isinstance(decision, Allow) and resource is not None and await self._is_back(request, resource, watch):
            decision = await self._decided(request, resource, action)
        asked = await self._admission.admit(decision, request, resource, action)
        return self._refusals.response(request) if asked is None else await self._allowed(asked, watch)

    async def _decided(self, request: Request, resource: Resource | None, action: Action) -> Decision:
        """Return what the policy says, and the terms and the condition that the item is shown on."""
        also = None if resource is None else self._store.condition(resource.name)
        decision = await self._admission.decide(request, resource, action, also=also)
        needs_link = resource is not None and is_grant_only(resource.name)
        if not needs_link or not isinstance(decision, Allow) or decision.grant is not None:
            return decision
        # Another rule of the policy would do without the link, and so without the terms, which stand in it.
        also = _LINK if also is None else _LINK & also
        return await self._admission.decide(request, resource, action, also=also)

    async def _is_back(self, request: Request, resource: Resource, watch: Watch) -> bool:
        """Wait for a page that showed this before an outage, if one may come back in a moment; return whether."""
        browser = self._admission.visitor(request).browser
        if browser is None or not self._lost.expects(browser.id, resource.name):
            return False
        waiting = asyncio.ensure_future(self._lost.wait(browser.id, resource.name, address=request.client_ip))
        try:
            async with watch() as gone:
                await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    raise ClientGoneError("the client has gone")
        finally:
            if not waiting.done():
                waiting.cancel()
                with suppress(asyncio.CancelledError):
                    await waiting
        return True

    async def _allowed(self, asked: Admitted, watch: Watch) -> responses.Response:
        request, grant = asked.request, asked.grant
        answer = await self._redeeming.at_once(asked)
        if answer is not None:
            return answer
        try:
            media = self._store.get(asked.resource.name)
        except MediaNotFoundError:
            return responses.not_found(request.method)
        if self._redeeming.comes_first(asked):
            size = media.source.size if media.supply is None else media.supply.size
            return await self._redeeming.page(asked, presented_as(media, grant, asked.action), size)
        # A page that stays open for weeks asks for nothing but media.
        cookie = self._cookies.renewed(asked.visitor)
        answer = await (
            self._stored(asked, media, watch) if media.supply is None else self._made(asked, media, media.supply, watch)
        )
        return answer if cookie is None else answer.with_header("Set-Cookie", cookie)

    async def _stored(self, asked: Admitted, media: Media, watch: Watch) -> responses.Response:
        presented = presented_as(media, asked.grant, asked.action)
        what, better = self._codings.of(media, presented, asked.request, asked.grant)
        if better is not None:
            with suppress(BusyError):
                what = await in_turn(better, turns=COMPRESSING, whose=asked.whose, watch=watch)
        answer = await self._sending.send(asked, what, watch)
        if self._shortcut is not None and asked.request.glance is not None and what is presented:
            self._shortcut.remember(asked.request.glance, asked, presented)
        return answer.of(asked.whose) if what.source.blocking else answer

    async def _made(self, asked: Admitted, media: Media, supply: BodySource, watch: Watch) -> responses.Response:
        request = asked.request
        # What nobody has asked for yet is no reason to run the app's code.
        probed = responses.no_content() if is_ahead_of_time(request) else answer_to_a_probe(request, asked.decision)
        if probed is not None:
            return probed
        presented = presented_as(media, asked.grant, asked.action)
        if request.method == "HEAD":
            return serving.made(presented, None, supply.size)
        make = functools.partial(self._make, asked, supply, presented)
        try:
            answer = await in_turn(make, turns=CODE, whose=asked.whose, watch=watch)
        except BusyError:
            return responses.unavailable("GET", BUSY_RETRY_AFTER)
        return answer.of(asked.whose)

    def _make(self, asked: Admitted, supply: BodySource, presented: Presentation) -> responses.Response:
        """Return the response to a request for what the app's own code has to make. May take its time."""
        request, counted = asked.request, asked.counted
        turn = None if counted is None else whose(counted)
        watchers: list[Watcher] = []
        if counted is not None:
            try:
                transfer = reserve_whole(self._ledger, counted)
            except LedgerUnavailableError:  # it has said why, once
                transfer = None
            if transfer is None:
                return self._refusals.response(request)
            watchers.append(transfer)
        body = None
        try:
            body = supply.make()
            answer = serving.made(presented, body, body.size)
        except MediaNotFoundError:
            answer = responses.not_found(request.method)
        except Exception as error:
            logger.exception("media.not_made", exc_info=error.__cause__ or error)
            answer = responses.failed(request.method)
        if body is None:
            Delivery(None, *watchers, whose=turn).over()  # it was no use
            return answer
        watchers += auditors(asked, answer, body.size)
        if not watchers:
            return answer
        return answer.watched(Delivery(body.size, *watchers, whose=turn), self._refusals.response(request))
