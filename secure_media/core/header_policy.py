"""The policies for headers in which a proxy says who is asking: it signs nothing, so all depends on who sends them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from secure_media.core.context import AccessContext
from secure_media.core.model import Allow, Credentials, Decision, Deny
from secure_media.core.policy import IdentityPolicy, Policy
from secure_media.core.questions import Asking
from secure_media.core.tokens import GrantCodec
from secure_media.errors import ConfigurationError, DenialReason, MalformedCredentialError

#: RFC 9110 section 5.6.2. No underscore in the name of a header: servers and proxies take it for a hyphen, or drop it.
_NAME = re.compile(r"[a-zA-Z0-9!#$%&'*+.^`|~-]+")
#: Longer than any name of a person or list of their groups, in characters.
_LONGEST_NAME, _LONGEST_LIST = 512, 8192
#: What no header of a proxy is for: it has a meaning of its own, or clients send it.
_TAKEN = re.compile(
    r"accept.*|authorization|connection|content-.*|cookie|forwarded|host|if-.*|origin|range|referer|sec-.*|te|trailer"
    r"|transfer-encoding|upgrade.*|user-agent|via|x-forwarded-(?:for|host|port|prefix|proto)|x-real-ip"
)
#: RFC 9110 section 5.6.3. What else looks like a space is a part of a name: without it, that would be somebody else's.
_WHITESPACE = " \t"
#: What is left out of a name to compare it with ours.
_UNLIKE = re.compile(r"[^a-z0-9]+")


class TrustedHeader(IdentityPolicy):
    """
    The policy that `trusted_header` returns.

    Args:
        header: Says who is asking, in lower case.
        groups: Says in which groups they are, likewise; None for none.
        separator: Stands between two groups.
        claims: Headers that say more, likewise, by the claim that each becomes.
    """

    def __init__(self, header: str, groups: str | None, separator: str, claims: Mapping[str, str]) -> None:
        self._header = header
        self._groups = groups
        self._separator = separator
        self._claims = dict(claims)
        self._in_words = f"header {header} of a trusted proxy"

    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        yield from ()
        if not context.visitor.from_proxy:
            return _not_believed(context, self._header)
        subject = _one(context.credentials, self._header)
        if subject is None:
            return Deny(DenialReason.NO_CREDENTIAL)
        claims: dict[str, Any] = {"sub": subject}
        for claim, header in self._claims.items():
            value = _one(context.credentials, header)
            if value is not None:
                claims[claim] = value
        if self._groups is not None:
            listed = _only(context.credentials, self._groups, longest=_LONGEST_LIST) or ""
            if "," in listed and self._separator != ",":
                return Deny(DenialReason.MALFORMED_CREDENTIAL)
            claims["groups"] = [group for each in listed.split(self._separator) if (group := each.strip(_WHITESPACE))]
        return Allow("trusted_header", subject, claims)

    @property
    def needs_proxies(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"trusted_header({self._header!r})"


class FormedHeader(IdentityPolicy):
    """
    The policy for a header that is no plain text, and says all that there is to say of somebody.

    Args:
        header: Its name, in lower case.
        longest: How long it may be, in characters: what is longer is not read.
        read: Returns the claims in it, with ``sub``; raises MalformedCredentialError.
        name: What makes it, for whoever reads it.
    """

    def __init__(self, header: str, longest: int, read: Callable[[str], dict[str, Any]], name: str) -> None:
        self._header = header
        self._longest = longest
        self._read = read
        self._name = name
        self._in_words = f"header {header} of a trusted proxy"

    def evaluate(self, context: AccessContext, grants: GrantCodec) -> Asking[Decision]:
        yield from ()
        if not context.visitor.from_proxy:
            return _not_believed(context, self._header)
        text = _only(context.credentials, self._header, longest=self._longest)
        if text is None:
            return Deny(DenialReason.NO_CREDENTIAL)
        claims = self._read(text)
        return Allow("trusted_header", claims["sub"], claims)

    @property
    def needs_proxies(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"{self._name}()"


def _not_believed(context: AccessContext, header: str) -> Deny:
    """Return the denial of somebody who is no proxy, whatever they say."""
    said = _said(context.credentials, header)
    return Deny(DenialReason.NOT_FROM_PROXY if said else DenialReason.NO_CREDENTIAL)


def trusted_header(
    header: str, *, groups: str | None = None, separator: str = ",", claims: Mapping[str, str] | None = None
) -> Policy:
    """
    Allow anyone of whom a proxy says, in a header, who they are.

    Nothing is signed: whoever can send the header is whoever they like. So it counts only from the proxies that are
    named in ``trusted_proxies``, which an app with this policy needs, and each of them has to remove the header from
    what clients send. Where a proxy offers a JWT too, `jwt` is better.

    On its own this policy looks at who is asking, not at what is asked for. Use ``own_session() & trusted_header(...)``
    unless everyone who is signed in may have every media file whose URL they know.

    Args:
        header: The header that names the person, such as ``X-Forwarded-User`` or ``Remote-User``. It becomes ``sub``.
        groups: The header that lists their groups.
        separator: What stands between two groups: a comma, or with authentik a ``|``.
        claims: Further headers, by the claim that each becomes: ``{"email": "Remote-Email"}``.

    Raises:
        ConfigurationError: An argument is none that can be.
    """
    more = {} if claims is None else claims
    if not isinstance(more, Mapping) or not all(isinstance(claim, str) and claim for claim in more):
        raise ConfigurationError("trusted_header(claims=...): expected a mapping of claims to names of headers")
    if {"sub", "groups"} & more.keys():
        raise ConfigurationError("trusted_header(claims=...): `sub` is what the header says, `groups` is groups=...")
    if not isinstance(separator, str) or not separator:
        raise ConfigurationError("trusted_header(separator=...): expected what stands between two groups, such as ','")
    names = {claim: _name(name, "claims=") for claim, name in more.items()}
    who, of_groups = _name(header, "header="), None if groups is None else _name(groups, "groups=")
    all_names = [_look(each) for each in (who, of_groups, *names.values()) if each is not None]
    if len(set(all_names)) != len(all_names):
        raise ConfigurationError("trusted_header(...): a header can say one thing only, and one is named twice")
    return TrustedHeader(who, of_groups, separator, names)


def _name(name: str, argument: str) -> str:
    """Return the name of a header as requests are compared with it."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not _look(name) or _TAKEN.fullmatch(name.lower()):
        raise ConfigurationError(
            f"trusted_header({argument}...): expected the name of a header that your proxy sets, such as "
            "'X-Forwarded-User'; a name with an underscore does not pass proxies"
        )
    return name.lower()


def _said(credentials: Credentials, header: str) -> list[tuple[str, str]]:
    """
    Return the headers of that name, in any spelling that something on the way may take for it.

    A proxy that sets ``X-User`` does not remove a client's ``X_User``, which WSGI, PHP and others read as the same.
    """
    look = _look(header)
    return [(name, value) for name, value in credentials.headers if _look(name) == look]


def _look(name: str) -> str:
    """Return what is equal for names that something takes for one another: ``x-user``, ``X_User``, ``x.user``."""
    return _UNLIKE.sub("", name.lower())


def _one(credentials: Credentials, header: str) -> str | None:
    """
    Return what `_only` does, if it is no list: what something on the way makes of two headers (RFC 9110 section 5.3).

    Raises:
        MalformedCredentialError: It is one.
    """
    value = _only(credentials, header)
    if value is not None and "," in value:
        raise MalformedCredentialError("a list where one value is expected")
    return value


def _only(credentials: Credentials, header: str, *, longest: int = _LONGEST_NAME) -> str | None:
    """
    Return what the one header of that name says; None if there is none, or it says nothing.

    Raises:
        MalformedCredentialError: There are several, or it is not text.
    """
    said = _said(credentials, header)
    if not said:
        return None
    if len(said) > 1 or said[0][0] != header:
        raise MalformedCredentialError("a header of the proxy is there twice")
    try:
        # RFC 9110 section 5.5 leaves the bytes to whoever uses them. Those that are no UTF-8 are refused.
        text = said[0][1].encode("latin-1").decode("utf-8").strip(_WHITESPACE)
    except UnicodeError:
        text = "\0"
    if len(text) > longest or not text.isprintable():
        raise MalformedCredentialError("a header of the proxy is not text")
    return text or None
