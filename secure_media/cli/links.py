"""``secure-media sign`` and ``secure-media revoke``: links, without the server."""

from __future__ import annotations

import datetime
import re
from urllib.parse import quote, unquote, urlsplit

import click

from secure_media.cli import judging, reading, sentences
from secure_media.cli.command import Command, Failure
from secure_media.cli.setting import Setting, load, normal, options_of_the_app
from secure_media.content.names import fault_of, is_collection, is_prefix, parse_name
from secure_media.core.model import Action, Disposition, Grant, Resource, ResourceKind
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
    help="Such as 90 (seconds), 15m, 1h30m, 7d, 2w.",
)
@click.option("--url", "site", metavar="URL", help="Where the app is: https://reports.example/app.")
@click.option("--max-uses", type=int, metavar="N", help="How many times it can be used.")
@click.option(
    "--confirm/--no-confirm",
    default=True,
    help="Whether a person has to press a button before a use is spent. Default: with --max-uses, yes.",
)
@click.option("--subject", callback=reading.text, metavar="SUB", help="Who has to be signed in to use it.")
@click.option("--ip", "network", callback=reading.network, metavar="CIDR", help="From where it can be used.")
@click.option("--download", is_flag=True, help="Have it saved instead of shown.")
@click.option("--filename", callback=reading.text, metavar="NAME", help="The name to save it under.")
@click.option("--content-type", callback=reading.text, metavar="TYPE", help="The type to answer with.")
@click.option("--disposition", type=click.Choice([choice.value for choice in Disposition]), help="Default: by action.")
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


@click.command(cls=Command, short_help="Withdraw a link, all links for a subject, or everything.")
@click.argument("link", required=False, metavar="[LINK]")
@click.option(
    "--subject", callback=reading.text, metavar="SUB", help="Every link for this subject that was made until now."
)
@click.option("--everything", is_flag=True, help="Every link and signed URL that was made until now.")
@options_of_the_app
def revoke(
    link: str | None, subject: str | None, everything: bool, deployment: str | None, base_path: str | None
) -> None:
    """
    Withdraw a link, all links for a subject, or everything. Running servers heed it from the next request on.

    \b
        secure-media revoke "https://app.example/secure-media/files/reports/q3.pdf?media_token=..."
        secure-media revoke --subject anna

    Give `-` to have the LINK read from stdin. Run it where the app is started, or name the app's ledger in
    SECURE_MEDIA_LEDGER.
    """
    if [link is not None, subject is not None, everything].count(True) != 1:
        raise Failure("expected a link, or --subject SUB, or --everything; one of them")
    setting = load(deployment)
    if setting.ledger is None:
        raise Failure(
            "the ledger is 'memory', in which only the app itself can write. Set SECURE_MEDIA_LEDGER to a file, for "
            "the app and for this command"
        )
    grant = None if link is None else _genuine(reading.or_stdin(link), setting, base_path)
    is_new = not setting.ledger.exists()
    ledger = SqliteLedger(setting.ledger)
    if grant is not None:
        ledger.revoke_grant(grant)
        revoked = f"the link to {sentences.named(grant.resource)} that was good until {sentences.iso(grant.exp)}"
    elif subject is not None:
        ledger.revoke_subject(subject)
        revoked = f"every link for subject {subject!r} that was made until now"
    else:
        ledger.revoke_everything()
        revoked = "every link and signed URL that was made until now"
    ledger.close()
    click.echo(f"revoked: {revoked}")
    click.echo(f"written to: {setting.ledger}{' (a new file: is this where the app is started?)' if is_new else ''}")


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


def _genuine(link: str, setting: Setting, base_path: str | None) -> Grant:
    """Return what `link` grants, or fail if it is no link of the app, or none that can be revoked by itself."""
    setting.needed_keys()
    asked = reading.asked(link)
    if len(asked.tokens) != 1:
        raise Failure(f"LINK: expected a URL with one media_token, got {len(asked.tokens)}")
    given = None if base_path is None else normal(base_path)
    presented = judging.present(asked.tokens[0], setting, asked.base_paths(given, setting.base_path))
    if presented.proven is None:
        raise Failure(f"LINK: that is no link of this app: {presented.why_not}")
    if presented.proven.jti is None:
        raise Failure("LINK: that URL belongs to a page and has no id; revoke its --subject, or --everything")
    return presented.proven
