"""Links that a script makes and withdraws: for the browser that it runs for, or for somebody else."""

from __future__ import annotations

import contextlib
import datetime
import os
from typing import Any
from urllib.parse import unquote, urlsplit

from secure_media.content.inputs import Input, classify
from secure_media.content.names import is_prefix, quoted
from secure_media.content.types import type_of
from secure_media.core import addresses
from secure_media.core.model import Action, Disposition, Resource, ResourceKind
from secure_media.errors import CredentialError, GrantError, MediaNotFoundError, ScriptError, StoreUnavailableError
from secure_media.host import script, terms
from secure_media.host.deployment import Deployment
from secure_media.host.entry import told_of_misspellings
from secure_media.host.origins import stored_file
from secure_media.http import fields
from secure_media.http.urls import FILES, TOKEN_PARAMETER, path_to, tokens_in

Source = str | bytes | os.PathLike[str]

_LONGEST_TEXT = 256


@told_of_misspellings
def signed_url_for(
    source: Source,
    *,
    expires_in: float | datetime.timedelta = 3600,
    bind: str | None = None,
    action: str = "view",
    filename: str | None = None,
    content_type: str | None = None,
    disposition: str | None = None,
    not_before: datetime.datetime | None = None,
) -> str:
    """
    Return a URL of a file for the browser that the script runs for. It is worthless in any other.

    For HTML, Markdown and components of your own. The URL stays the same from run to run until half of its time is
    over. Call it in the script itself, not in a cached function, which would hand one browser's URL to all others.

    Args:
        source: ``"collection/key"``; ``"collection/folder/"`` for every key below it; a path inside a collection; or
            the bytes themselves.
        expires_in: For how long it is good, in seconds or as a timedelta.
        bind: What has to be presented along with it: ``"browser"``, ``"session"`` (the same, and it ends with the page)
            or ``"subject"`` (who is signed in). Default: the browser; the session if that sends no cookies.
        action: ``"view"``, or ``"download"`` to have it saved.
        filename: The name to save it under.
        content_type: The type to answer with. Default: by the name.
        disposition: ``"inline"`` or ``"attachment"``. Default: by the action.
        not_before: When it begins to be good.

    Raises:
        GrantError: An argument will not do, there is no room for the bytes, or nothing serves the script.
    """
    serving = script.deployment()
    asked = _Asked(action, filename, content_type, disposition, not_before)
    lifetime, bound = terms.lifetime(expires_in), terms.binding(bind)
    if serving is None:
        return _nowhere(source)
    holder = script.holder(serving)
    resource = _resource(serving, source, lifetime, asked)
    script.heeds_links(serving, resource.name if resource.kind is ResourceKind.FILE else "")
    token = serving.issuer.for_session(
        holder, resource, terms.GrantTerms(lifetime, bound), action=asked.action, extra=asked.claims(), ask=True
    )
    return f"{holder.base_url}{path_to(resource, asked.action, token)}"


@told_of_misspellings
def share_link(
    source: Source,
    *,
    expires_in: float | datetime.timedelta,
    max_uses: int | None = None,
    confirm: bool = True,
    subject: str | None = None,
    ip: str | None = None,
    action: str = "view",
    filename: str | None = None,
    content_type: str | None = None,
    disposition: str | None = None,
    not_before: datetime.datetime | None = None,
) -> str:
    """
    Return a URL of a file to give away. **Anyone who has it can use it**, unless it is for a subject or a network.

    Every call makes another link: call it when a button is pressed.

    Args:
        source: As for `signed_url_for`. Bytes are kept on the disk while the link is good, or until the server ends.
        expires_in: For how long it is good, in seconds or as a timedelta.
        max_uses: How many times it can be used. A use is a whole delivery; what breaks off and is resumed is one.
        confirm: Whether a person has to press a button before a link with `max_uses` gives the file away, so that
            scanners and previews of mail and chat, which open every link, spend no use. False for a link that a program
            fetches, such as curl. A link for a `subject` needs no button: scanners are not signed in.
        subject: Who has to be signed in to use it (``sub``).
        ip: The address or network (CIDR) from which it can be used.
        action: As for `signed_url_for`.
        filename: As for `signed_url_for`.
        content_type: As for `signed_url_for`.
        disposition: As for `signed_url_for`.
        not_before: As for `signed_url_for`.

    Raises:
        GrantError: An argument will not do, there is no room for the bytes, or nothing serves the script.
        LedgerUnavailableError: Uses cannot be written down, so a link with `max_uses` would open for nobody.
    """
    serving = script.deployment()
    asked = _Asked(action, filename, content_type, disposition, not_before)
    limits = _limits(expires_in, max_uses, confirm=confirm, subject=subject, ip=ip)
    return _nowhere(source) if serving is None else _shared(serving, source, asked, limits)


@told_of_misspellings
def revoke(link: str | None = None, *, subject: str | None = None, everything: bool = False) -> None:
    """
    Withdraw a link, all links for a subject, or every link and signed URL that was made until now.

    Holds from the next request on. One of the three has to be given.

    Args:
        link: A URL that `share_link` or `signed_url_for` returned.
        subject: The ``sub`` that the links are for.
        everything: True for all.

    Raises:
        GrantError: It is not a link of this app.
        LedgerUnavailableError: It cannot be written down, so the link still holds.
    """
    if [link is not None, subject is not None, everything is True].count(True) != 1:
        raise GrantError("revoke: expected a link, or subject=..., or everything=True; one of them")
    serving = script.deployment()
    if serving is None:
        return
    issuer = serving.issuer
    if link is not None:
        try:
            grant = issuer.codec.verify_signature(token_in(link))
        except CredentialError:
            raise GrantError(
                "revoke: that is no link of this app, or its key was dropped, so that it is dead"
            ) from None
        if grant.jti is None:
            raise GrantError("revoke: that URL belongs to a page and has no id; revoke its subject, or everything")
        issuer.ledger.revoke_grant(grant)
    elif subject is not None:
        issuer.ledger.revoke_subject(str(_text("subject", subject)))
    else:
        issuer.ledger.revoke_everything()
    serving.sessions.forget_revoked()


def token_in(link: str) -> str:
    """Return the token in a URL; a bare token as it is."""
    if not isinstance(link, str):
        msg = f"link: expected the URL as a str, got {type(link).__name__}"
        raise GrantError(msg)
    if TOKEN_PARAMETER not in link:
        return link.strip()
    parts = urlsplit(link.strip())
    found = tokens_in(unquote(parts.path), parts.query)
    return found[0] if len(found) == 1 else ""


class _Asked:
    """The arguments that both kinds of links have."""

    def __init__(
        self,
        action: str,
        filename: str | None,
        content_type: str | None,
        disposition: str | None,
        not_before: datetime.datetime | None,
    ) -> None:
        if action not in ("view", "download"):
            msg = f"action: expected 'view' or 'download', got {action!r:.60}"
            raise GrantError(msg)
        if disposition not in (None, "inline", "attachment"):
            msg = f"disposition: expected 'inline' or 'attachment', got {disposition!r:.60}"
            raise GrantError(msg)
        if not_before is not None and (not isinstance(not_before, datetime.datetime) or not_before.tzinfo is None):
            raise GrantError("not_before: expected a datetime with a timezone")
        self.action = Action(action)
        self.filename = _text("filename", filename)
        self.content_type = _content_type(content_type)
        self.disposition = None if disposition is None else Disposition(disposition)
        self.nbf = None if not_before is None else max(0, int(not_before.timestamp()))

    def claims(self) -> dict[str, Any]:
        """Return the claims of a grant that they are."""
        return {
            "filename": self.filename,
            "content_type": self.content_type,
            "disposition": self.disposition,
            "nbf": self.nbf,
        }


def _limits(expires_in: Any, max_uses: Any, *, confirm: Any, subject: Any, ip: Any) -> dict[str, Any]:
    """Return what limits a link that is given away."""
    lifetime, most = terms.lifetime(expires_in), terms.uses(max_uses)
    sub, network = _text("subject", subject), _network(ip)
    pressed = terms.confirmation(confirm, max_uses=most, subject=sub)
    return {"lifetime": lifetime, "max_uses": most, "confirm": pressed, "sub": sub, "network": network}


def _shared(serving: Deployment, source: Any, asked: _Asked, limits: dict[str, Any]) -> str:
    holder = script.holder(serving)
    resource = _resource(serving, source, limits["lifetime"], asked)
    script.heeds_links(serving, resource.name if resource.kind is ResourceKind.FILE else "")
    if limits["max_uses"] is not None:
        serving.issuer.ledger.check_writable()
    token = serving.issuer.new(resource, asked.action, **limits, **asked.claims())
    return f"{holder.base_url}{path_to(resource, asked.action, token)}"


def _resource(serving: Deployment, source: Any, lifetime: float, asked: _Asked) -> Resource:
    """Return what a link to `source` is for, after making sure that there is such a thing."""
    try:
        return _found(serving, source, lifetime, asked)
    except ScriptError as error:  # also of what elements show, where it has nothing to do with a grant
        raise GrantError(str(error)) from None


def _found(serving: Deployment, source: Any, lifetime: float, asked: _Asked) -> Resource:
    given = classify(source)
    if given is Input.BYTES:
        mimetype = asked.content_type or type_of(asked.filename) or "application/octet-stream"
        return Resource(ResourceKind.MEDIA, serving.linked.put(bytes(source), mimetype, lifetime))
    if given is Input.PATH:
        try:
            name = serving.collections.name_of(source)
        except MediaNotFoundError as error:
            msg = f"source: {error}"
            raise GrantError(msg) from None
    elif given is Input.TEXT:
        name = source
    else:
        msg = f"source: expected 'collection/key', a path or bytes, got {type(source).__name__}"
        raise GrantError(msg)
    if is_prefix(name):
        if name.partition("/")[0] not in serving.collections.names:
            msg = f"source: {serving.collections.unknown(name)}"
            raise GrantError(msg)
        return Resource(ResourceKind.FILE, name)
    with contextlib.suppress(StoreUnavailableError):  # it may be back when the link is used
        stored_file(serving.collections, name)
    return Resource(ResourceKind.FILE, name)


def _nowhere(source: Any) -> str:
    """Return what stands for a link where nothing is served: a URL under a name that leads nowhere (RFC 2606)."""
    name = {Input.TEXT: source, Input.BYTES: "bytes"}.get(classify(source), "file")
    return f"https://app.invalid{FILES}{quoted(name)}"


def _text(argument: str, value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or not value or len(value) > _LONGEST_TEXT):
        msg = f"{argument}: expected text of 1 to {_LONGEST_TEXT} characters, got {value!r:.60}"
        raise GrantError(msg)
    return value


def _content_type(value: Any) -> str | None:
    """Return `value` if it is a type that a response can have."""
    content_type = _text("content_type", value)
    if content_type is not None and not fields.is_media_type(content_type):
        msg = f"content_type: expected a type such as 'application/pdf', got {content_type!r:.60}"
        raise GrantError(msg)
    return content_type


def _network(ip: Any) -> str | None:
    if ip is None:
        return None
    try:
        if not isinstance(ip, str):
            raise ValueError
        return str(addresses.network(ip, strict=False))
    except ValueError:
        msg = f"ip: expected an address or a network such as '192.0.2.0/24', got {ip!r:.60}"
        raise GrantError(msg) from None
