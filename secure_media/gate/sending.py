"""Sending what was allowed: the response, who counts it, and who writes down what becomes of it."""

from __future__ import annotations

import logging

from secure_media.audit import events, sinks
from secure_media.content.delivery import Delivery, Watcher
from secure_media.errors import ClientGoneError
from secure_media.gate.admission import Admitted
from secure_media.gate.bookkeeping import Bookkeeping, whose
from secure_media.gate.opening import Watch
from secure_media.gate.presentation import plays_on, presented_as
from secure_media.gate.probes import answer_to_a_probe
from secure_media.gate.redeeming import Redeeming
from secure_media.gate.refusals import Refusals
from secure_media.http import responses, serving
from secure_media.http.representation import Representation
from secure_media.http.request import conditions
from secure_media.stores.playback import PlaybackLeases


class Sending:
    """
    Makes the responses that carry something.

    Args:
        books: Counts the uses of grants.
        leases: Is told who begins to play.
        redeeming: Knows what a browser has to show for a link whose button was pressed.
        refusals: Refuses.
    """

    def __init__(self, books: Bookkeeping, leases: PlaybackLeases, redeeming: Redeeming, refusals: Refusals) -> None:
        self._books = books
        self._leases = leases
        self._redeeming = redeeming
        self._refusals = refusals

    async def send(
        self, asked: Admitted, what: Representation, watch: Watch, offloaded: responses.Response | None = None
    ) -> responses.Response:
        """
        Return the response to a request that was allowed.

        Args:
            asked: The request.
            what: What there is to send.
            watch: Watches the client.
            offloaded: The response if somebody else sends the bytes.
        """
        request, grant, player = asked.request, asked.grant, asked.decision.player
        counted = asked.counted
        probed = None if counted is None else answer_to_a_probe(request, asked.decision)
        if probed is not None:
            return probed
        presented = presented_as(what, grant, asked.action)
        if grant is not None and player is not None and plays_on(grant, presented.content_type):
            self._leases.begin(grant, player)
        if offloaded is not None:
            if request.method == "GET":
                _note_offloaded(asked, what.source.size)
            return offloaded
        answer = serving.serve(presented, request.method, conditions(request), storable=counted is None)
        if answer.status not in {200, 206} or request.method != "GET":
            return answer
        watchers = auditors(asked, answer, what.source.size)
        if counted is None:
            return answer.watched(Delivery(answer.stop - answer.start, *watchers)) if watchers else answer
        transfer = await self._reserve(asked, answer, what.source.size, watch)
        if transfer is None:
            return self._refusals.response(request)
        delivery = Delivery(answer.stop - answer.start, transfer, *watchers, whose=whose(counted))
        return self._redeeming.renewed(asked, answer).watched(delivery, self._refusals.response(request))

    async def _reserve(self, asked: Admitted, answer: responses.Response, size: int, watch: Watch) -> Watcher | None:
        """Reserve what `answer` is going to send; return None if no use is left for it, or nobody knows."""
        grant = asked.counted
        if grant is None:
            return None
        continues = asked.request.get("range") is not None
        async with watch() as gone:
            transfer = await self._books.reserve(grant, answer.start, answer.stop, size, continues=continues)
            if transfer is not None and gone.done():
                Delivery(None, transfer, whose=whose(grant)).over()  # it was no use
                raise ClientGoneError("the client has gone")
        return transfer


def auditors(asked: Admitted, answer: responses.Response, size: int | None) -> list[Watcher]:
    """Return who writes down what becomes of `answer`: nobody, at no cost, where nobody wants to know."""
    if not sinks.listens(logging.INFO):
        return []
    delivered = events.Delivered(
        asked.decision,
        resource=asked.resource,
        action=asked.action,
        browser=asked.browser,
        client_ip=asked.request.client_ip,
        status=answer.status,
        start=answer.start,
        length=size if answer.stream is not None else answer.stop - answer.start,
        size=size,
    )
    return [delivered]


def _note_offloaded(asked: Admitted, size: int) -> None:
    if sinks.listens(logging.INFO):
        events.offloaded(
            asked.decision,
            resource=asked.resource,
            action=asked.action,
            browser=asked.browser,
            client_ip=asked.request.client_ip,
            size=size,
        )
