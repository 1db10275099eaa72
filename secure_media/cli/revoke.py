"""``secure-media revoke``: withdraws links, without the server."""

from __future__ import annotations

import click

from secure_media.cli import judging, reading, sentences
from secure_media.cli.command import Command, Failure
from secure_media.cli.setting import Setting, load, normal, options_of_the_app
from secure_media.core.model import Grant
from secure_media.errors import DenialReason
from secure_media.stores.sqlite import SqliteLedger


@click.command(cls=Command, short_help="Withdraw a link, all links for a subject, or everything.")
@click.argument("link", required=False, metavar="[LINK]")
@click.option(
    "--subject",
    callback=reading.text,
    metavar="SUB",
    help="Withdraw every link for this subject that was made until now.",
)
@click.option("--everything", is_flag=True, help="Withdraw every link and signed URL that was made until now.")
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


def _genuine(link: str, setting: Setting, base_path: str | None) -> Grant:
    """Return what `link` grants, or fail if it is no link of the app, or none that can be revoked by itself."""
    setting.needed_keys()
    asked = reading.asked(link)
    if len(asked.tokens) != 1:
        raise Failure(f"LINK: expected a URL with one media_token, got {len(asked.tokens)}")
    given = None if base_path is None else normal(base_path)
    presented = judging.present(asked.tokens[0], setting, asked.base_paths(given, setting.base_path))
    if presented.refusal is DenialReason.MALFORMED_CREDENTIAL:
        raise Failure(f"LINK: {presented.why_not}")
    if presented.proven is None:
        raise Failure(f"LINK: that is no link of this app: {presented.why_not}")
    if presented.proven.jti is None:
        raise Failure("LINK: that URL belongs to a page and has no id; revoke its --subject, or --everything")
    return presented.proven
