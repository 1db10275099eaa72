"""
Signing people in whom the app itself knows, and out: with a cookie that no script in the browser can read.

A script cannot set a cookie, so its page goes to fetch one, the way `st.login` sends it away, and comes back at once.
"""

from __future__ import annotations

import datetime
import json
import math
import secrets
import time
from collections.abc import Mapping
from typing import Any

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx

from secure_media.core.guard import names_of
from secure_media.core.principal import Principal, SignIn
from secure_media.errors import ScriptError
from secure_media.gate.signing_in import SESSION
from secure_media.host import script, terms
from secure_media.host.deployment import Deployment
from secure_media.host.entry import told_of_misspellings
from secure_media.host.issuing import SessionBinding
from secure_media.http.urls import SIGN_IN_PARAMETER

_LONGEST_SUBJECT = 256
#: Half a day, in seconds.
_HALF_A_DAY = 12 * 3600
_IN_VAIN = (
    "login: they have signed in, and the policy of this app does not let them open it by that. One with jwt(), "
    "trusted_header() or streamlit_login() asks for those: leave them out, or have people sign in there. With "
    "allow_if(), its condition does not hold"
)


@told_of_misspellings
def login(
    subject: str,
    *,
    claims: Mapping[str, Any] | None = None,
    expires_in: float | datetime.timedelta = _HALF_A_DAY,
    idle: float | datetime.timedelta | None = None,
    only_session: bool = False,
    renew: bool = False,
) -> None:
    """
    Sign somebody in, in the browser that the script runs for. Make sure first that they are who they say.

    The page leaves for a moment, and comes back with a new session and a cookie: HttpOnly, and good on every page and
    in every tab of that browser until it ends. For somebody who is signed in already, nothing happens.

    Args:
        subject: Who it is, by a name that never becomes somebody else's: not an address, which may.
        claims: What else is to be known of them, as JSON: ``groups``, ``name``. It travels in the cookie, signed and
            not encrypted.
        expires_in: When the sign-in ends in any case, in seconds from now or as a timedelta.
        idle: When it ends if the browser asks for nothing meanwhile. Default: not before its end.
        only_session: Whether all earlier sign-ins of theirs end, in other browsers too.
        renew: Whether somebody who is signed in already signs in anew, with another ``auth_time`` and other claims.

    Raises:
        ScriptError: An argument will not do, the browser shows no cookie, or they have signed in already and the policy
            of a protected app does not let them in by that.
        LedgerUnavailableError: It is not known what has ended.
    """
    who, lifetime, quiet = _subject(subject), _seconds("expires_in", expires_in), _seconds("idle", idle)
    said = _claims(claims, who)
    holder, serving = _session("login")
    if holder is None or serving is None:
        return
    browser = holder.browser
    if browser is None:
        raise ScriptError(
            "login: the browser shows no cookie of this app, so nobody can be signed in there. A page of another site "
            "that shows the app in a frame needs embedded=True; without cookies at all, let a proxy in front sign "
            "people in"
        )
    if not renew and _is_signed_in(holder, serving, who):
        return
    sign_in = _new_sign_in(serving, who, said, lifetime, min(quiet or lifetime, lifetime))
    grant = serving.gate.signing_in.offer(
        browser, holder.session_id, sign_in, alone=only_session is True, back=holder.place
    )
    _send_away(f"{holder.base_url}{SESSION}?{SIGN_IN_PARAMETER}={grant}")


def logout() -> None:
    """
    Sign out who has signed in here by `login`. Their media are refused from then on, in every tab of that browser.

    The sign-in has ended when this returns, whatever becomes of the page, which loads anew. For somebody who is not
    signed in, nothing happens.

    Raises:
        ScriptError: It is not called by a running script.
        LedgerUnavailableError: It cannot be written down, so they are still signed in.
    """
    holder, serving = _session("logout")
    if holder is None or serving is None or holder.browser is None or holder.browser.sign_in is None:
        return
    sign_in = holder.browser.sign_in
    serving.issuer.ledger.end(names_of(sign_in)[:1], until=sign_in.until)
    # No cookie is set by this: the page, when it loads, is given that of a browser that nobody has seen before.
    _send_away(f"{holder.base_url}/{holder.place}")


def current_principal() -> Principal | None:
    """
    Return who has this page open; None if nobody is known to have.

    By the JWT or whatever else the policy asks for as the page was opened, else by `login`.

    Raises:
        ScriptError: It is not called by a running script.
        LedgerUnavailableError: It is not known whether their sign-in has ended.
    """
    holder, serving = _session("current_principal")
    if holder is None or serving is None or holder.principal is None:
        return None
    sign_in = None if holder.browser is None else holder.browser.sign_in
    if sign_in is not None and sign_in.principal == holder.principal and not _holds(serving, sign_in):
        return None
    return holder.principal


def _session(name: str) -> tuple[SessionBinding | None, Deployment | None]:
    """Return the session that the script runs for and what serves it; None for both under ``AppTest``."""
    try:
        serving = script.deployment()
        return (None, None) if serving is None else (script.holder(serving), serving)
    except ScriptError:
        msg = f"{name}: call it in a running script of an app that is started as secure_run says"
        raise ScriptError(msg) from None


def _is_signed_in(holder: SessionBinding, serving: Deployment, subject: str) -> bool:
    """Return whether that is who has signed in there; raise `ScriptError` if so, and they are nobody all the same."""
    present = None if holder.browser is None else holder.browser.sign_in
    if present is None or present.principal.subject != subject or not _holds(serving, present):
        return False
    if serving.protected and holder.principal is None:
        raise ScriptError(_IN_VAIN)
    return True


def _holds(serving: Deployment, sign_in: SignIn) -> bool:
    """Return whether a sign-in has not ended."""
    return time.time() < sign_in.until and sign_in.at > _ended(serving, sign_in)


def _ended(serving: Deployment, sign_in: SignIn) -> float:
    """Return up to when everything that goes by one of its names has ended, in seconds since the epoch."""
    names, ledger = names_of(sign_in), serving.issuer.ledger
    return max(ledger.recall_ended_at(names) or ledger.ended_at(names))


def _new_sign_in(serving: Deployment, subject: str, claims: dict[str, Any], lifetime: float, idle: float) -> SignIn:
    now = time.time()
    known = {"sub": subject, "auth_time": int(now), **claims}
    sign_in = SignIn(
        secrets.token_urlsafe(16),
        Principal(subject, known),
        math.floor(now * 1000) / 1000,
        math.ceil(idle),
        math.ceil(now + lifetime),
    )
    ended = _ended(serving, sign_in)
    if sign_in.at > ended:
        return sign_in
    after = (math.floor(ended * 1000) + 1) / 1000  # what was ended in this very millisecond does not include it
    if after > now + 1:
        raise ScriptError(
            "login: the server's clock is behind the moment at which everything of this subject was last revoked. "
            "Set the clock right"
        )
    return SignIn(sign_in.id, sign_in.principal, after, sign_in.idle, sign_in.until)


def _send_away(url: str) -> None:
    """Have the page go to `url`: with its origin, since a path that begins with two slashes would be another site."""
    message = ForwardMsg()
    message.auth_redirect.url = url
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None:
        context.enqueue(message)


def _subject(subject: Any) -> str:
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        msg = f"subject: expected text of 1 to {_LONGEST_SUBJECT} characters, got {type(subject).__name__}"
        raise ScriptError(msg)
    return subject


def _seconds(argument: str, value: Any) -> float:
    """Return a time in seconds; 0 for None."""
    if value is None and argument == "idle":
        return 0.0
    try:
        return terms.lifetime(value, argument=argument)
    except ScriptError as error:
        raise ScriptError(str(error)) from None


def _claims(claims: Any, subject: str) -> dict[str, Any]:
    """Return a copy of `claims`, after making sure that they are JSON, and stay what they are as such."""
    if claims is None:
        return {}
    try:
        copied = json.loads(json.dumps(dict(claims), allow_nan=False))
        same: bool = copied == dict(claims)
    except (TypeError, ValueError, RecursionError):
        copied, same = {}, False
    if not same or copied.get("sub", subject) != subject:
        raise ScriptError(
            "claims: expected a dict of JSON: names, and as values text, numbers, booleans, None, lists and dicts; "
            "and no other sub than the subject"
        )
    return dict(copied)
