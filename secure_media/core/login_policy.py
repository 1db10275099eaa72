"""The policy for Streamlit's own login: who is signed in by ``st.login``, and has not signed out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from secure_media.core.context import AccessContext
from secure_media.core.login_cookies import Login, LoginCookies
from secure_media.core.logout_tokens import Provider
from secure_media.core.model import Allow, Credentials, Decision, Deny
from secure_media.core.policy import IdentityPolicy, Policy
from secure_media.core.questions import Asking, EndedAt, Name
from secure_media.core.requirements import Requirement, in_words, requirement, unmet
from secure_media.core.tokens import GrantCodec
from secure_media.errors import ConfigurationError, DenialReason

#: For how long browsers keep the cookie, in seconds.
DEFAULT_MAX_AGE = 30 * 24 * 3600
#: For how long Streamlit takes it, in seconds. What has ended has to be remembered for so long.
LONGEST_AGE = 31 * 24 * 3600
#: How far the clock of another server of the app may be ahead, in seconds.
_LEEWAY = 60


@dataclass(frozen=True, slots=True)
class Logins:
    """
    Streamlit's logins at one deployment.

    Args:
        cookies: Reads them.
        origin: Where people sign in (``redirect_uri``), as ``https://host``; None if that is not known.
    """

    cookies: LoginCookies
    origin: str | None

    def current(self, credentials: Credentials, *, now: float) -> Login | Deny:
        """
        Return the login that `credentials` hold if it was made here, whatever has become of it; else why there is none.

        Cookies know no ports, and another app may have the same secret: what tells logins apart is the origin in them.

        Args:
            credentials: What a request presents.
            now: When, in seconds since the epoch.

        Raises:
            CredentialError: It is malformed or forged.
        """
        login = self.cookies.read(credentials)
        if login is None:
            return Deny(DenialReason.NO_CREDENTIAL)
        if login.issued > now + _LEEWAY:
            return Deny(DenialReason.NOT_YET_VALID)
        if login.issued + LONGEST_AGE <= now:
            return Deny(DenialReason.EXPIRED)
        origin = login.claims.get("origin")
        # Where the request says it was sent to is not enough: anyone without a browser may say anything.
        if origin not in credentials.origins or (self.origin is not None and origin != self.origin):
            return Deny(DenialReason.OTHER_ORIGIN)
        return login


class LoginRules(NamedTuple):
    """
    What the policies for Streamlit's login have in common.

    Args:
        logins: Reads logins.
        everywhere: Whether to sign out ends all of a person's.
        providers: Who may say that somebody has signed out.
    """

    logins: Logins
    everywhere: bool
    providers: tuple[Provider, ...] = ()


class StreamlitLogin(IdentityPolicy):
    """
    The policy that `streamlit_login` returns.

    Args:
        max_age: For how long a login is good, in seconds.
        require: What its claims have to be.
        everywhere: Whether to sign out ends all earlier logins of that person.
        back_channel: Whether the provider may say that somebody has signed out.
    """

    _in_words = "Streamlit login"

    def __init__(
        self,
        max_age: float,
        require: Requirement,
        *,
        everywhere: bool,
        back_channel: bool = False,
    ) -> None:
        self._max_age = max_age
        self._require = require
        self.everywhere = everywhere
        self.back_channel = back_channel
        #: Given by the host, which knows Streamlit's configuration; nothing is allowed before.
        self.logins: Logins | None = None

    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        if self.logins is None:
            raise ConfigurationError("streamlit_login(): nobody has told this policy how Streamlit signs its cookie")
        login = self.logins.current(context.credentials, now=context.now)
        if isinstance(login, Deny):
            return login
        if login.issued + self._max_age <= context.now:
            return Deny(DenialReason.EXPIRED)
        claims = {name: value for name, value in login.claims.items() if name != "origin"}
        if claims.get("is_logged_in") is not True:
            return Deny(DenialReason.CLAIM_MISMATCH)
        unlike = yield from unmet(self._require, claims, context)
        if unlike is not None:
            return Deny(unlike)
        moments = yield EndedAt(names_of(login))
        reason = _reason(moments, login)
        return Allow("streamlit_login", login.subject, claims) if reason is None else Deny(reason)

    @property
    def is_streamlits_login(self) -> bool:
        return True

    def __repr__(self) -> str:
        said = (
            f"max_age={self._max_age!r}" if self._max_age != DEFAULT_MAX_AGE else "",
            in_words(self._require) if self._require else "",
            "everywhere=True" if self.everywhere else "",
            "backchannel_logout=True" if self.back_channel else "",
        )
        return f"streamlit_login({', '.join(filter(None, said))})"


def streamlit_login(
    *,
    max_age: float = DEFAULT_MAX_AGE,
    require: Requirement | None = None,
    everywhere: bool = False,
    backchannel_logout: bool = False,
) -> Policy:
    """
    Allow anyone who is signed in by Streamlit's own ``st.login``, until they sign out.

    On its own this policy looks at who is asking, not at what is asked for. Use ``own_session() & streamlit_login()``
    unless everyone who is signed in may have every media file whose URL they know.

    Args:
        max_age: For how long a login is good, in seconds, whatever the app has done since: 31 days at most, which is
            how long Streamlit itself takes it.
        require: Claims of the ID token that are needed, as for `jwt`.
        everywhere: Whether ``st.logout`` in one browser ends the earlier logins of that person in all others too.
        backchannel_logout: Whether people are signed out here as soon as the provider says that they have signed out
            there (OpenID Connect Back-Channel Logout 1.0). Register ``https://<app>/secure-media/backchannel-logout``
            there as the address to say so. The provider's name and keys are fetched when the app starts, from
            ``server_metadata_url`` in ``[auth]``.

    Raises:
        ConfigurationError: An argument is none that can be.
    """
    if isinstance(max_age, bool) or not isinstance(max_age, (int, float)) or not 0 < max_age <= LONGEST_AGE:
        msg = f"streamlit_login(max_age=...): expected a number of seconds, {LONGEST_AGE} (31 days) at most"
        raise ConfigurationError(msg)
    required = requirement(require, "streamlit_login(require=...)")
    for name, value in (("everywhere", everywhere), ("backchannel_logout", backchannel_logout)):
        if not isinstance(value, bool):
            msg = f"streamlit_login({name}=...): expected True or False"
            raise ConfigurationError(msg)
    return StreamlitLogin(max_age, required, everywhere=everywhere, back_channel=backchannel_logout)


def names_of(login: Login) -> tuple[Name, Name, Name, Name]:
    """
    Return by what a login is ended: by itself, with all of that person's, with everything of its subject, and with the
    session at the provider.

    The third one is for `revoke(subject=...)`. Where a login does not say of which session it is, it ends with any of
    that person's.
    """
    session = Name("sid", login.session) if login.session is not None else Name("no-sid", login.person)
    return Name("login", login.id), Name("person", login.person), Name("sub", login.subject or ""), session


def _reason(moments: object, login: Login) -> DenialReason | None:
    """Return why a login is not good any more, or is not known to be; None if it is good."""
    if not isinstance(moments, tuple) or len(moments) != 4:
        return DenialReason.LEDGER_UNAVAILABLE
    itself, *others = moments
    # Signed by a clock that is ahead, it is over all the same.
    if itself != 0 or any(not login.issued > moment for moment in others if moment != 0):
        return DenialReason.REVOKED
    return None
