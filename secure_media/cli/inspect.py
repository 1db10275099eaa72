"""``secure-media inspect``: what a token says, and whether it holds."""

from __future__ import annotations

import contextlib
import datetime
import json
import time
from typing import Any

import click

from secure_media.cli import judging, reading, sentences
from secure_media.cli.command import Command, Failure
from secure_media.cli.setting import Records, load, normal, options_of_the_app
from secure_media.core.context import AccessContext, Visitor
from secure_media.core.model import Action, Credentials, Grant
from secure_media.errors import DenialReason, LedgerUnavailableError

#: What holds or not whatever is asked for, and by whom.
_OF_ITSELF = (
    DenialReason.NOT_YET_VALID,
    DenialReason.EXPIRED,
    DenialReason.REVOKED,
    DenialReason.USED_UP,
    DenialReason.LEDGER_UNAVAILABLE,
)


@click.command(name="inspect", cls=Command, short_help="Print what a link says, and whether it holds.")
@click.argument("token_or_url", metavar="TOKEN_OR_URL")
@click.option("--at", callback=reading.moment, metavar="ISO", help="Judge as of that moment. Default: now.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@options_of_the_app
def inspect(
    token_or_url: str, at: datetime.datetime | None, as_json: bool, deployment: str | None, base_path: str | None
) -> None:
    """
    Print what a token says, and whether it holds: exit code 0 if it does, else 1.

    \b
        secure-media inspect "https://app.example/secure-media/files/reports/q3.pdf?media_token=..."

    Give `-` to have it read from stdin, which keeps it out of the history of the shell.
    """
    setting = load(deployment)
    asked = reading.asked(reading.or_stdin(token_or_url))
    if not asked.tokens:
        raise Failure("there is no media_token in that URL")
    now = time.time() if at is None else at.timestamp()
    presented = judging.present(
        asked.tokens[0],
        setting,
        asked.base_paths(None if base_path is None else normal(base_path), setting.base_path),
    )
    records = setting.records()
    why = _why_not(presented, records, now)
    if len(asked.tokens) > 1:
        why.insert(0, f"the URL has {len(asked.tokens)} tokens, which none holds in; this is the first")
    report = _report(presented, records, now)
    if as_json:
        click.echo(json.dumps({**report, "valid": not why, "why_not": why}, indent=2))
    else:
        for name, value in report.items():
            for line_name, line in value.items() if isinstance(value, dict) else [(name, value)]:
                click.echo(f"{line_name}: {line}")
        click.echo("; ".join(why) or "valid")
    raise SystemExit(1 if why else 0)


def _why_not(presented: judging.Presented, records: Records, now: float) -> list[str]:
    """Return every reason for which the token does not hold, as sentences."""
    if presented.refusal is not None:
        return [presented.why_not]
    grant = presented.proven
    if grant is None:
        return ["not verified: no secret is set, so nothing was checked"]
    # The request that it was made for, as far as it does not matter who sends it.
    context = AccessContext(grant.resource, grant.action, Visitor(Credentials(), DenialReason.NO_CREDENTIAL), now)
    found = judging.reasons_against(grant, context, records, session_alive=True)
    return [text for reason, text in found if reason in _OF_ITSELF]


def _report(presented: judging.Presented, records: Records, now: float) -> dict[str, Any]:
    report: dict[str, Any] = {"kid": presented.kid or "-", "key": presented.key}
    grant = presented.proven
    if grant is None:
        if presented.grant is None:
            return report
        said = {"claims are": "unverified: anybody can write such"}
        return {**report, **said, "claims": claims(presented.grant, now)}
    report |= {"base path": presented.base_path or "-", "claims are": "verified", "claims": claims(grant, now)}
    report["revocations and uses"] = records.about
    if grant.max_uses is not None and records.known:
        with contextlib.suppress(LedgerUnavailableError):  # that is among the reasons
            report["used"] = f"{min(records.record(grant).used, grant.max_uses)} of {grant.max_uses}"
    return report


def claims(grant: Grant, now: float) -> dict[str, str]:
    """Return every claim by its name, in a form for people."""
    found = {
        "resource": f"{sentences.named(grant.resource)}{' and all below' if grant.resource.name.endswith('/') else ''}",
        "action": grant.action.value if grant.action is Action.VIEW else f"{grant.action.value} (?download=1)",
        "iat": sentences.moment(grant.iat, now),
        "exp": sentences.moment(grant.exp, now),
        "nbf": None if grant.nbf is None else sentences.moment(grant.nbf, now),
        "jti": _shown(grant.jti),
        "sub": _shown(grant.sub),
        "browser": _shown(grant.browser),
        "session": _shown(grant.session),
        "network": grant.network,
        "uses": None if grant.max_uses is None else str(grant.max_uses),
        "confirm": sentences.confirmation(grant),
        "filename": _shown(grant.filename),
        "content type": _shown(grant.content_type),
        "disposition": None if grant.disposition is None else grant.disposition.value,
        "bound to": _binding(grant),
    }
    return {name: value for name, value in found.items() if value is not None}


def _binding(grant: Grant) -> str:
    bound = [
        what
        for what, value in (
            ("one browser", grant.browser),
            ("one session", grant.session),
            ("a subject", grant.sub),
            ("a network", grant.network),
        )
        if value is not None
    ]
    return ", ".join(bound) or "nothing: anyone who has the URL can use it"


def _shown(text: str | None) -> str | None:
    """Return `text` in one line, whatever is in it: nobody vouches for claims that were not verified."""
    return text if text is None or text.isprintable() else repr(text)
