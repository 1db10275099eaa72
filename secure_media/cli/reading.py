"""What people paste: a URL, a part of one, or a bare token; and moments and lifetimes."""

from __future__ import annotations

import datetime
import re
import sys
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import click

from secure_media import amounts, spelling
from secure_media.cli.command import Failure
from secure_media.content.names import parse_name
from secure_media.core import addresses
from secure_media.core.model import Action, Disposition, Resource, ResourceKind
from secure_media.host import terms
from secure_media.http.urls import FILES, MEDIA, STATIC, TOKEN_PARAMETER, action_in, tokens_in, without_token
from secure_media.stores.media_ids import media_id_in

#: In bytes; servers take no longer header either.
_LONGEST_INPUT = 65536
#: In characters, as everywhere in links.
_LONGEST_TEXT = 256


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """
    A request, as far as a URL says what it is.

    Args:
        tokens: Every value of ``media_token``.
        prefix: What stands before the guarded part of the path: mount point and base path.
        kind: What family of things the path is for; None if it has no guarded part.
        resource: What is asked for; None if the path cannot be the name of anything.
        action: What for.
        secure: Whether it is HTTPS.
    """

    tokens: tuple[str, ...]
    prefix: str = ""
    kind: ResourceKind | None = None
    resource: Resource | None = None
    action: Action = Action.VIEW
    secure: bool = False

    def base_paths(self, given: str | None, configured: str) -> list[str]:
        """
        Return the base paths that the app may have, the likeliest first.

        A mount point, which is in the URL too, is no part of the base path: so any end of the prefix may be one.

        Args:
            given: The only one, if somebody said so.
            configured: What config.toml says.
        """
        if given is not None:
            return [given]
        parts = self.prefix.strip("/").split("/") if self.prefix.strip("/") else []
        ends = ["/" + "/".join(parts[start:]) for start in range(len(parts))]
        return list(dict.fromkeys([*ends, *([] if ends else [configured]), "", configured]))


def asked(text: str) -> Asked:
    """
    Return what a URL, or a part of one that has a token, asks for; for a bare token, just the token.

    Raises:
        Failure: It is no URL.
    """
    text = text.strip()
    if not text:
        raise Failure("expected a URL or a token, got nothing")
    if not re.search(r"[/?=]", text):
        return Asked((text,))
    if text.startswith(f"{TOKEN_PARAMETER}="):
        text = f"?{text}"
    try:
        parts = urlsplit(text)
        path = unquote(parts.path, errors="surrogateescape")
    except ValueError:
        raise Failure("that is not a URL") from None
    prefix, kind, resource = _guarded_part(without_token(path))
    return Asked(
        tokens=tokens_in(path, parts.query),
        prefix=prefix,
        kind=kind,
        resource=resource,
        action=action_in(parts.query),
        secure=parts.scheme.lower() == "https",
    )


def _guarded_part(path: str) -> tuple[str, ResourceKind | None, Resource | None]:
    """Return what stands before the part of `path` that is guarded, and what that part names."""
    before, found, name = path.partition(FILES)
    if found:
        known = parse_name(name) is not None
        return before, ResourceKind.FILE, Resource(ResourceKind.FILE, name) if known else None
    before, found, name = path.rpartition(MEDIA)
    if found:
        media_id = media_id_in(name)
        return before, ResourceKind.MEDIA, None if media_id is None else Resource(ResourceKind.MEDIA, media_id)
    before, found, name = path.partition(STATIC)
    if found:
        return before, ResourceKind.STATIC, Resource(ResourceKind.STATIC, name)
    return "", None, None


def or_stdin(text: str) -> str:
    """Return `text`, or what stands on stdin if it is ``-``: that keeps it out of the history of the shell."""
    if text != "-":
        return text
    return sys.stdin.buffer.read(_LONGEST_INPUT).decode("utf-8", "replace")


def lifetime(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """Return a lifetime such as 90, 90s, 15m, 1h30m, 7d or 1w in seconds, for an option."""
    seconds = amounts.seconds_in(value)
    if seconds is None or not 1 <= seconds <= terms.MAX_LIFETIME:
        most = terms.MAX_LIFETIME // (24 * 3600)
        msg = (
            f"expected a lifetime from 1 second to {most}d, got {value!r:.60}; write seconds, such as 90, or amounts "
            "with units (w, d, h, m, s), the largest first, such as 15m, 1h30m, 7d or 2w"
        )
        raise click.BadParameter(msg, ctx, param)
    return seconds


def disposition(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return what a browser is to do with a file, for an option."""
    names = [each.value for each in Disposition]
    if value is not None and value not in names:
        msg = f"expected {' or '.join(names)}{spelling.hint(value, names)}"
        raise click.BadParameter(msg, ctx, param)
    return value


def moment(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime.datetime | None:
    """Return a moment in ISO 8601 with a timezone, for an option."""
    if value is None:
        return None
    try:
        # Python 3.10 knows no Z.
        found = datetime.datetime.fromisoformat(re.sub(r"[zZ]\Z", "+00:00", value))
        if found.tzinfo is None or found.timestamp() < 0:
            raise ValueError
    except (ValueError, OverflowError):
        msg = "expected a moment with a timezone, such as 2030-01-31T08:00:00Z"
        raise click.BadParameter(msg, ctx, param) from None
    return found


def text(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return text that fits into a link, for an option."""
    if value is not None and not 1 <= len(value) <= _LONGEST_TEXT:
        msg = f"expected text of 1 to {_LONGEST_TEXT} characters"
        raise click.BadParameter(msg, ctx, param)
    return value


def network(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return an address, or a network in CIDR notation, for an option."""
    try:
        return None if value is None else str(addresses.network(value, strict=False))
    except ValueError:
        msg = "expected an address or a network such as 192.0.2.0/24"
        raise click.BadParameter(msg, ctx, param) from None
