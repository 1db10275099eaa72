"""What the two adapters have in common: from the facts of a request to a plan for the response."""

from __future__ import annotations

import time
from collections.abc import Callable

from secure_media.core.context import Visitor
from secure_media.core.guard import Guard, named
from secure_media.core.login_policy import LoginRules
from secure_media.core.model import Action, Browser, Deny, Resource, ResourceKind
from secure_media.core.policy import Policy
from secure_media.core.principal import Principal
from secure_media.core.redemptions import Redemptions
from secure_media.core.sign_in_grants import SignInGrants
from secure_media.errors import DenialReason
from secure_media.gate.admission import Admission
from secure_media.gate.agents import AGENT, Agents
from secure_media.gate.amending import HeaderChange, header_changes, kept_from_shared_caches
from secure_media.gate.answers import Answers
from secure_media.gate.attendance import Attendance
from secure_media.gate.back_channel import BackChannel, back_channel
from secure_media.gate.canary import Canary
from secure_media.gate.cookies import Cookies
from secure_media.gate.entrance import Entrance, Protection
from secure_media.gate.files import FileRequests
from secure_media.gate.media import MediaRequests
from secure_media.gate.opening import Watch
from secure_media.gate.redeeming import Redeeming
from secure_media.gate.refusals import Refusals
from secure_media.gate.sending import Sending
from secure_media.gate.shortcut import Shortcut
from secure_media.gate.signing_in import SESSION, SigningIn
from secure_media.gate.signing_out import SigningOut
from secure_media.gate.uploads import Uploads
from secure_media.http import responses
from secure_media.http.forwarded import Proxies
from secure_media.http.request import Connection, Request
from secure_media.http.urls import MEDIA, OWN, STATIC, UPLOAD
from secure_media.stores.absence import LostPages
from secure_media.stores.collections import Collections
from secure_media.stores.media import MediaStore

#: When to try again if the server has just begun to listen, in seconds.
_RETRY_AT_START = 1
#: NAME_MAX of the usual file systems, in bytes.
_LONGEST_NAME = 255
#: Half of PATH_MAX, which is for the whole of it, in bytes.
_LONGEST_PATH = 2048


#: What answers at an address of ours by itself.
_Own = SigningIn | BackChannel


class Gate:
    """
    Tells what a request is for, has it decided, and answers it or lets it go on to Streamlit.

    Nothing of this waits on the event loop for a disk, a network or a lock that others hold while they wait.

    Args:
        guard: Decides.
        answers: Knows what decisions depend on.
        store: Where media come from.
        collections: Where files come from.
        lost: Knows which pages may come back.
        redemptions: Tells in which browsers the button of a link was pressed.
        sign_in_grants: Issues and verifies what pages show that come for the cookie of somebody who signs in.
        base_path: ``server.baseUrlPath`` as ``/base``, or the empty string.
        proxies: The proxies of `trusted_proxies`; None if it is not set.
        refusal_page: The page for refused navigations, as HTML; None for ours.
        cookieless: Whether the app is made for places where Streamlit's cookies do not come.
        logins: The rules for Streamlit's logins; None if no policy is for them.
        agents: The rule for programs that use the app by Streamlit's agent API; None if that is off.
        protection: How the app itself is for known people only; None if its media alone are guarded.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        *,
        guard: Guard,
        answers: Answers,
        store: MediaStore,
        collections: Collections,
        lost: LostPages,
        redemptions: Redemptions,
        sign_in_grants: SignInGrants,
        base_path: str,
        proxies: Proxies | None = None,
        refusal_page: str | None = None,
        cookieless: bool = False,
        logins: LoginRules | None = None,
        agents: Policy | None = None,
        protection: Protection | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.base_path, self.proxies = base_path, proxies
        self._admission = admission = Admission(guard, answers, clock=clock)
        self._cookies, self._uploads = Cookies(guard.identity, clock), Uploads(cookieless=cookieless)
        self._refusals = refusals = Refusals(base_path, refusal_page)
        redeeming = Redeeming(redemptions, answers.books, refusals, record=admission.recorded, clock=clock)
        sending = Sending(answers.books, answers.leases, redeeming, refusals)
        self._agents = None if agents is None else Agents(agents, admission)
        self._entrance = None if protection is None else Entrance(protection, admission, refusals, base_path)
        self._shortcut = None if protection is not None else _short_way(guard, answers, store, clock)
        #: The pages that are open, where somebody has to be known for that.
        self.attendance = None if protection is None else Attendance(self.principal)
        self._media = MediaRequests(
            admission=admission,
            store=store,
            lost=lost,
            ledger=answers.books.ledger,
            cookies=self._cookies,
            redeeming=redeeming,
            sending=sending,
            refusals=refusals,
            shortcut=self._shortcut,
        )
        self._files = FileRequests(
            admission=admission, collections=collections, redeeming=redeeming, sending=sending, refusals=refusals
        )
        self._signing_out = None if logins is None else SigningOut(logins, answers.books, clock)
        #: Signs people in.
        self.signing_in = SigningIn(sign_in_grants, guard.identity, admission, answers, self._cookies, refusals, clock)
        self._own: dict[str, _Own] = {SESSION: self.signing_in, **back_channel(logins, admission, answers, clock)}
        #: Whether it is still to be proved that media are refused; until then, only the bait is answered.
        self.unproved = False

    @property
    def canary(self) -> Canary | None:
        """What the server asks itself for, while it does."""
        return self._admission.canary

    @canary.setter
    def canary(self, canary: Canary | None) -> None:
        self._admission.canary = canary

    @property
    def shortcut(self) -> Shortcut | None:
        """What answers most requests; None while nothing is proved, and where a policy begins with something else."""
        return None if self.unproved else self._shortcut

    def not_yet(self, request: Request) -> responses.Response | None:
        """Return the response to a request that comes too early, or None."""
        if not self.unproved or (self.canary is not None and self.canary.is_meant(request.path, request.query)):
            return None
        return responses.unavailable(request.method, _RETRY_AT_START)

    async def answer(
        self,
        request: Request,
        watch: Watch,
        is_public: Callable[[], bool] = lambda: False,
        is_streamlits: Callable[[], bool] = lambda: False,
    ) -> responses.Response | None:
        """
        Return the response, or None if the request may go on to Streamlit.

        Args:
            request: The request.
            watch: Watches the client. Not for a request that may go on: what follows needs its body.
            is_public: Tells whether this is for an endpoint that is marked as open to everyone.
            is_streamlits: Tells whether it is Streamlit that answers a request which may go on.

        Raises:
            ClientGoneError: There is nobody left to answer.
        """
        await self._admission.settle(request)
        path = self._below_base(request.path)
        if self._agents is not None and path.startswith(AGENT):
            return None if await self._agents.admits(request, path) else self._refusals.response(request)
        if self._entrance is not None:
            refusal = await self._entrance.refusal(request, path, is_public, is_streamlits)
            if refusal is not None:
                return refusal
        if path.startswith(MEDIA):
            return await self._media.answer(request, path.removeprefix(MEDIA), watch)
        if path in self._own:
            return await self._own[path].answer(request)
        if path.startswith(OWN):
            path = path if request.exact is None else self._below_base(request.exact)
            return await self._files.answer(request, path, watch)
        if self._signing_out is not None and self._signing_out.is_for(request, path):
            await self._signing_out.end(request, self.visitor(request))
            return None
        if "\0" in path or (path.startswith(STATIC) and (request.trailers or not _could_be_a_file(path))):
            return await self._refusal(request, None, Action.VIEW)
        if request.method == "OPTIONS":
            return None  # a preflight carries no credentials and gets no content
        if path.startswith(STATIC):
            return await self._refusal(request, Resource(ResourceKind.STATIC, path.removeprefix(STATIC)), Action.VIEW)
        if not path.startswith(UPLOAD):
            return None
        if request.method == "PUT" and not request.all("content-type"):
            return await self._refusal(request, None, Action.WRITE)  # Streamlit's Tornado handler would answer 500
        session_id = path.removeprefix(UPLOAD).partition("/")[0]
        return await self._refusal(request, Resource(ResourceKind.UPLOAD, session_id), Action.WRITE)

    async def enter(self, request: Request, *, is_streamlits: bool = False) -> responses.Response | None:
        """Return the response to a request that has no principal and needs one; None if it may go on."""
        await self._admission.settle(request)
        if self._entrance is None:
            return None
        path = self._below_base(request.path)
        return await self._entrance.refusal(request, path, lambda: False, lambda: is_streamlits)

    async def endpoint(self, request: Request) -> responses.Response | None:
        """Return the refusal for a request to an endpoint of the user's own, or None if it may go on."""
        await self._admission.settle(request)
        return await self._refusal(request, Resource(ResourceKind.ENDPOINT, request.path), Action.VIEW)

    async def settle(self, request: Request) -> None:
        """Find out whether anyone who signed in there still is. Comes first for what is not answered here."""
        await self._admission.settle(request)

    async def principal(self, request: Request) -> Principal | Deny:
        """Return who opens the app with `request`, or why nobody does."""
        await self._admission.settle(request)
        return await self._admission.principal(request, self._below_base(request.path))

    async def admits(
        self,
        page: Connection,
        is_public: Callable[[], bool] = lambda: False,
        is_streamlits: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Find out who opens a WebSocket, note it there, and return whether it may be opened at all."""
        path, entrance = self._below_base(page.request.path), self._entrance
        await self._admission.settle(page.request)
        claimant = await self._admission.claimant(page.request, path)
        if isinstance(claimant, Principal):
            page.person = claimant.person
        found = named(claimant)
        if isinstance(found, Principal):
            page.principal = found
            return True
        if entrance is None or is_public():
            return True
        if entrance.lets_strangers_connect(page.request, path) and is_streamlits():
            return True
        await entrance.refused(found, page.request, path)
        return False

    def visitor(self, request: Request) -> Visitor:
        """Return who sent `request`."""
        return self._admission.visitor(request)

    def browser(self, request: Request | None) -> Browser | None:
        """Return the browser that sent `request`, if it showed a valid cookie."""
        return None if request is None else self._admission.visitor(request).browser

    def shows_a_cookie(self, request: Request | None) -> bool:
        """Return whether `request` has a cookie of our name, be it one that holds or not."""
        if request is None:
            return False
        return self._admission.visitor(request).identified is not DenialReason.NO_CREDENTIAL

    def vouches_for(self, request: Request) -> bool:
        """Return whether Streamlit's XSRF check may pass over `request`, an upload that was let go on."""
        return self._below_base(request.path).startswith(UPLOAD) and self._uploads.vouches_for(request)

    def header_changes(self, request: Request) -> tuple[HeaderChange, ...]:
        """Return what to change in the headers of Streamlit's response to `request`."""
        path, leaving = self._below_base(request.path), self._signing_out
        if leaving is not None and leaving.is_for(request, path) and leaving.shows_a_login(self.visitor(request)):
            # What this browser was shown was for the one who leaves, and not for anyone who signs in there next.
            lines = self._cookies.another(self.visitor(request))
            return kept_from_shared_caches(path, tuple(("set-cookie", line) for line in lines))
        changes = header_changes(request, path, self._cookies, self._admission.visitor)
        return changes if self._entrance is None else kept_from_shared_caches(path, changes)

    async def _refusal(self, request: Request, resource: Resource | None, action: Action) -> responses.Response | None:
        admitted = await self._admission.admitted(request, resource, action)
        return self._refusals.response(request) if admitted is None else None

    def _below_base(self, path: str) -> str:
        """Return `path` without the base path; a path outside of it is looked at as it is, so that nothing slips by."""
        if self.base_path and path.startswith(f"{self.base_path}/"):
            return path[len(self.base_path) :]
        return path


def _short_way(guard: Guard, answers: Answers, store: MediaStore, clock: Callable[[], float]) -> Shortcut | None:
    """Return what answers most requests for media; None where the policy begins with something else."""
    if not guard.begins_with_own_session:
        return None
    return Shortcut(guard.identity, answers.shown, store, ended=answers.books.ledger.recall_ended_at, clock=clock)


def _could_be_a_file(path: str) -> bool:
    """Return whether the file system could take `path`: Streamlit answers 500 where it cannot."""
    raw = path.encode("utf-8", "replace")
    return len(raw) <= _LONGEST_PATH and all(len(part) <= _LONGEST_NAME for part in raw.split(b"/"))
