"""``secure-media sign``: makes a link, without the server."""

from __future__ import annotations

import datetime
import re
from urllib.parse import quote, unquote, urlsplit

import click

from secure_media.cli import reading
from secure_media.cli.command import Command, Failure
from secure_media.cli.setting import Setting, load, normal, options_of_the_app
from secure_media.content.names import fault_of, is_collection, is_prefix, parse_name
from secure_media.core.model import Action, Disposition, Resource, ResourceKind
from secure_media.host import terms
from secure_media.host.issuing import Issuer
from secure_media.http.fields import is_media_type
from secure_media.http.urls import path_to
from secure_media.stores.sqlite import SqliteLedger

_MEDIA_ID = re.compile(r"[0-9a-f]{40}", re.ASCII)


@click.command(cls=Command, short_help="Print a link to a file, a folder or a media id.")
@click.argument("resource", metavar="RESOURCE")
@click.option(
    "--expires-in",
    callback=reading.lifetime,
    metavar="LIFETIME",
    required=True,
    help="How long it is good: 90 (seconds), 15m, 1h30m, 7d, 2w.",
)
@click.option("--url", "site", metavar="URL", help="Where the app is, such as https://reports.example/app.")
@click.option("--max-uses", type=int, metavar="N", help="How many times it can be used.")
@click.option(
    "--confirm/--no-confirm",
    default=True,
    help="Whether a person has to press a button before a use is spent. Default: with --max-uses, yes.",
)
@click.option("--subject", callback=reading.text, metavar="SUB", help="Who has to be signed in to use it.")
@click.option(
    "--ip",
    "network",
    callback=reading.network,
    metavar="CIDR",
    help="The network from which it can be used.",
)
@click.option("--download", is_flag=True, help="Have it saved instead of shown.")
@click.option("--filename", callback=reading.text, metavar="NAME", help="The name to save it under.")
@click.option(
    "--content-type", callback=reading.text, metavar="TYPE", help="The type to answer with, in place of its own."
)
@click.option(
    "--disposition",
    callback=reading.disposition,
    metavar="[inline|attachment]",
    help="Whether it is shown or saved. Default: saved with --download.",
)
@click.option("--not-before", callback=reading.moment, metavar="ISO", help="When it begins to be good.")
@options_of_the_app
def sign(
    resource: str,
    expires_in: float,
    site: str | None,
    max_uses: int | None,
    confirm: bool,
    download: bool,
    disposition: str | None,
    not_before: datetime.datetime | None,
    deployment: str | None,
    base_path: str | None,
    **claims: str | None,
) -> None:
    """
    Print a link to RESOURCE: collection/key, collection/folder/ for all below it, or a media id.

    \b
        secure-media sign reports/q3.pdf --expires-in 7d --url https://app.example
        secure-media sign reports/2026/ --expires-in 1h --subject anna

    Anyone who has the link can use it, unless it is for a subject or a network. Whether there is such a file is not
    looked at. Without --url, the path is printed.
    """
    target = _resource(resource)
    if max_uses is not None and target.name.endswith("/"):
        raise Failure("--max-uses: uses of a whole folder cannot be counted; make a link to one file")
    if download and target.name.endswith("/"):
        raise Failure("--download: a link to a folder is one to view; --disposition attachment has its files saved")
    uses = terms.uses(max_uses)
    setting = load(deployment)
    origin, shown, base = _place(site, base_path, setting)
    issuer = Issuer(setting.codec(base), SqliteLedger(None))
    action = Action.DOWNLOAD if download else Action.VIEW
    if claims["content_type"] is not None and not is_media_type(claims["content_type"]):
        raise Failure("--content-type: expected a type such as application/pdf")
    token = issuer.new(
        target,
        action,
        expires_in,
        max_uses=uses,
        confirm=terms.confirmation(confirm, max_uses=uses, subject=claims["subject"]),
        nbf=None if not_before is None else int(not_before.timestamp()),
        disposition=None if disposition is None else Disposition(disposition),
        sub=claims["subject"],
        **{name: claims[name] for name in ("network", "filename", "content_type")},
    )
    click.echo(f"{origin}{quote(shown)}{path_to(target, action, token)}")


def _resource(text: str) -> Resource:
    if _MEDIA_ID.fullmatch(text):
        return Resource(ResourceKind.MEDIA, text)
    if is_prefix(text) or parse_name(text) is not None:
        return Resource(ResourceKind.FILE, text)
    collection, slash, key = text.partition("/")
    if slash and is_collection(collection):
        raise Failure(f"RESOURCE: there can be no such file: {fault_of(key.removesuffix('/'))}")
    raise Failure("RESOURCE: expected collection/key, collection/folder/ or a media id of 40 hexadecimal digits")


def _place(site: str | None, base_path: str | None, setting: Setting) -> tuple[str, str, str]:
    """Return the origin of the links, the path at which they begin, and the base path that they are made for."""
    given = None if base_path is None else normal(base_path)
    if site is None:
        base = setting.base_path if given is None else given
        return "", base, base
    try:
        parts = urlsplit(site)
        # An origin and a path, and nothing else: no user, no query.
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or "@" in parts.netloc or parts.query or parts.fragment or not site.isprintable() or " " in site:
        raise Failure("--url: expected where the app is, such as https://reports.example/app")
    path = normal(unquote(parts.path))
    if given is not None and not path.endswith(given):
        raise Failure(f"--url: its path has to end with the base path {given}, under which the app is")
    return f"{parts.scheme}://{parts.netloc}", path, path if given is None else given
