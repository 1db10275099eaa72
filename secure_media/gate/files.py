"""Requests for files of collections."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple, TypeVar

from secure_media.content.names import parse_name
from secure_media.content.sources import MemorySource
from secure_media.content.turns import FILES
from secure_media.core.model import Resource, ResourceKind
from secure_media.errors import BusyError, MediaError, MediaNotFoundError, StoreUnavailableError
from secure_media.gate.admission import Admission, Admitted
from secure_media.gate.media import BUSY_RETRY_AFTER
from secure_media.gate.offload import offload
from secure_media.gate.opening import Watch, in_turn
from secure_media.gate.presentation import presented_as
from secure_media.gate.redeeming import Redeeming, may_be_pressed
from secure_media.gate.refusals import Refusals
from secure_media.gate.sending import Sending
from secure_media.http import responses, serving
from secure_media.http.representation import Presentation
from secure_media.http.request import Request, conditions
from secure_media.http.urls import action_in, file_name
from secure_media.stores.collections import Collections, StoredFile

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: How long a disk may take before anybody looks whether the client is still there, in seconds.
_PROMPT = 0.05
#: When to try again if an object store cannot be reached, in seconds.
_RETRY_AFTER = 30


class _Begun(NamedTuple):
    """
    A file whose response has begun.

    Args:
        stored: The file, opened.
        offloaded: The response that lets somebody else send its bytes, if that may be.
        body: The body of the response, if it is short.
    """

    stored: StoredFile
    offloaded: responses.Response | None = None
    body: bytes | None = None


class FileRequests:
    """
    Answers requests for files.

    Args:
        admission: Decides who may have what.
        collections: Where files come from.
        redeeming: The steps before a counted link delivers.
        sending: Makes responses that carry something.
        refusals: Refuses.
    """

    def __init__(
        self,
        *,
        admission: Admission,
        collections: Collections,
        redeeming: Redeeming,
        sending: Sending,
        refusals: Refusals,
    ) -> None:
        self._admission = admission
        self._collections = collections
        self._redeeming = redeeming
        self._sending = sending
        self._refusals = refusals

    async def answer(self, request: Request, path: str, watch: Watch) -> responses.Response:
        """
        Return the response.

        Args:
            request: The request.
            path: Its path, below the base path.
            watch: Watches the client.

        Raises:
            ClientGoneError: There is nobody left to answer.
        """
        method = request.method
        if method not in {"GET", "HEAD"} and not may_be_pressed(request):
            return responses.method_not_allowed(method)
        name = "" if request.trailers else file_name(path)
        resource = None if parse_name(name) is None else Resource(ResourceKind.FILE, name)
        asked = await self._admission.admitted(
            request, resource, action_in(request.query), self._collections.policy(name)
        )
        if asked is None:
            return self._refusals.response(request)
        answer = await self._redeeming.at_once(asked)
        return await self._opened(asked, watch) if answer is None else answer

    async def _opened(self, asked: Admitted, watch: Watch) -> responses.Response:
        if self._redeeming.comes_first(asked):
            described = await self._in_turn(asked, self._described, watch)
            if isinstance(described, responses.Response):
                return described
            return await self._redeeming.page(asked, *described)
        opened = await self._in_turn(asked, self._begun, watch)
        if isinstance(opened, responses.Response):
            return opened
        answer = await self._sending.send(asked, opened.stored, watch, opened.offloaded)
        if opened.body is not None and answer.source is opened.stored.source:
            return replace(answer, source=MemorySource(opened.body), start=0, stop=len(opened.body))
        return answer.of(asked.whose)

    async def _in_turn(
        self, asked: Admitted, use: Callable[[Admitted, StoredFile], T], watch: Watch
    ) -> T | responses.Response:
        """Return what `use` makes of the file, opened; or the response that there is instead."""
        try:
            return await in_turn(
                lambda: self._open(asked, use), turns=FILES, whose=asked.whose, watch=watch, unwatched=_PROMPT
            )
        except BusyError:
            return responses.unavailable(asked.request.method, BUSY_RETRY_AFTER)

    def _open(self, asked: Admitted, use: Callable[[Admitted, StoredFile], T]) -> T | responses.Response:
        """Do that. May wait for a disk or for the network."""
        method = asked.request.method
        try:
            return use(asked, self._collections.open(asked.resource.name))
        except MediaNotFoundError:
            return responses.not_found(method)
        except StoreUnavailableError as error:
            logger.error("store.unavailable %s", error)
            return responses.unavailable(method, _RETRY_AFTER)
        except Exception:
            logger.exception("store.failed")
            return responses.unavailable(method, _RETRY_AFTER)

    def _described(self, asked: Admitted, stored: StoredFile) -> tuple[Presentation, int]:
        """Return how the file presents itself and its size in bytes, and close it."""
        described = presented_as(stored, asked.grant, asked.action), stored.source.size
        stored.close()
        return described

    def _begun(self, asked: Admitted, stored: StoredFile) -> _Begun:
        """Return the file, with whatever of the response has to be waited for, so that this is done once."""
        if asked.counted is not None:
            return _Begun(stored)  # uses are counted by the bytes that leave here
        request, presented = asked.request, presented_as(stored, asked.grant, asked.action)
        offloaded = offload(stored, presented, request.method)
        if offloaded is not None:
            return _Begun(stored, offloaded)
        answer = serving.serve(presented, request.method, conditions(request))
        if answer.source is not stored.source or not answer.is_one_piece:
            return _Begun(stored)
        with suppress(MediaError, OSError):  # it is met again, and told, where the body is sent
            return _Begun(stored, body=stored.source.read(answer.start, answer.stop - answer.start))
        return _Begun(stored)
