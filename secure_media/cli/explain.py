"""``secure-media explain``: why a request gets what it gets."""

from __future__ import annotations

import datetime
import json
import time
from dataclasses import dataclass

import click

from secure_media.audit.reasons import sentence
from secure_media.cli import judging, reading, sentences
from secure_media.cli.command import Command, Failure
from secure_media.cli.setting import Setting, load, normal, options_of_the_app
from secure_media.core.context import AccessContext, Visitor
from secure_media.core.identity import Identified
from secure_media.core.model import Browser, Credentials, ResourceKind, short_hash
from secure_media.errors import DenialReason
from secure_media.http.request import cookies_in

_NO_URL = (
    "expected the URL that was asked for, with /media/, /secure-media/files/ or /app/static/ in its path, such as "
    "https://app.example/media/...; what a token says by itself, secure-media inspect prints"
)
#: What a cookie is, if it names no browser.
_COOKIES = {
    DenialReason.NO_CREDENTIAL: "no cookie of the app, or one of another deployment, base path or secret",
    DenialReason.MALFORMED_CREDENTIAL: "two different cookies of the app, or one that is none",
    DenialReason.SIGNATURE_MISMATCH: "a cookie whose signature does not match: forged or changed",
    DenialReason.EXPIRED: "a cookie that has expired",
}


@click.command(cls=Command, short_help="Print why a request is refused.")
@click.argument("url", metavar="URL")
@click.option("--cookie", metavar="HEADER", help="The request's Cookie header; - for stdin.")
@click.option("--ip", metavar="ADDRESS", help="Where the request comes from.")
@click.option("--subject", metavar="SUB", help="Who is signed in. Default: as the cookie says.")
@click.option("--session-alive", is_flag=True, help="Suppose that the session that the link is for is alive.")
@click.option("--at", callback=reading.moment, metavar="ISO", help="Judge as of that moment. Default: now.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@options_of_the_app
def explain(
    url: str,
    cookie: str | None,
    ip: str | None,
    subject: str | None,
    session_alive: bool,
    at: datetime.datetime | None,
    as_json: bool,
    deployment: str | None,
    base_path: str | None,
) -> None:
    """
    Print every reason for which the guard refuses a request: exit code 0 if there is none, else 1.

    \b
        secure-media explain "https://app.example/secure-media/files/reports/q3.pdf?media_token=..."
        secure-media explain "/media/..." --cookie "$COOKIE" --ip 192.0.2.7

    It asks what the guard asks, but not the running server: what only that knows, it says. Give `-` to have the URL
    read from stdin, which keeps it out of the history of the shell.
    """
    if url == cookie == "-":
        raise Failure("only one of the two can come from stdin: the URL or the cookie")
    asked = reading.asked(reading.or_stdin(url))
    if asked.kind is None:
        raise Failure(_NO_URL)
    setting = load(deployment)
    setting.needed_keys()
    base_paths = asked.base_paths(None if base_path is None else normal(base_path), setting.base_path)
    presented = judging.present(asked.tokens[0], setting, base_paths) if len(asked.tokens) == 1 else None
    if presented is not None and presented.proven is not None:
        base_paths = [presented.base_path]
    request = Request(
        asked,
        Credentials(
            cookies=tuple(cookies_in(_header(cookie))),
            tokens=asked.tokens,
            secure=asked.secure,
        ),
        now=time.time() if at is None else at.timestamp(),
        ip=ip,
        subject=subject,
        session_alive=session_alive,
    )
    browser = _identified(setting, base_paths, request)
    facts = _facts(request, browser, presented, setting)
    reasons = _reasons(request, browser, presented, setting)
    _print(facts, reasons, asked.kind, as_json=as_json)
    raise SystemExit(1 if reasons else 0)


def _print(
    facts: dict[str, str], reasons: list[tuple[DenialReason, str]], kind: ResourceKind, *, as_json: bool
) -> None:
    if as_json:
        listed = [{"reason": reason.value, "text": text} for reason, text in reasons]
        click.echo(json.dumps({**facts, "reasons": listed, "allowed": not reasons}, indent=2))
    else:
        for name, fact in facts.items():
            click.echo(f"{name}: {fact}")
        for _, text in reasons:
            click.echo(f"- {text}")
        click.echo(_verdict(reasons, kind, asks_first=facts.get("confirmed") == "no"))


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """
    What is to be explained.

    Args:
        asked: What the URL says.
        credentials: What the request presents.
        now: When, in seconds since the epoch.
        ip: Where from, if that is known.
        subject: Who is signed in, if somebody said so.
        session_alive: What to suppose of the session that a link is for.
    """

    asked: reading.Asked
    credentials: Credentials
    now: float
    ip: str | None
    subject: str | None
    session_alive: bool


def _identified(setting: Setting, base_paths: list[str], request: Request) -> Browser | DenialReason:
    """Return the browser that a cookie proves, or why there is none."""
    found: Browser | DenialReason = DenialReason.NO_CREDENTIAL
    for base_path in base_paths:
        identified = setting.identity(base_path).identify(request.credentials, now=request.now)
        if isinstance(identified, Identified):
            return identified.browser
        if found is DenialReason.NO_CREDENTIAL:
            found = identified
    return found


def _facts(
    request: Request, browser: Browser | DenialReason, presented: judging.Presented | None, setting: Setting
) -> dict[str, str]:
    asked = request.asked
    facts = {
        "asked for": "-" if asked.resource is None else sentences.named(asked.resource),
        "action": asked.action.value,
        "browser": f"{short_hash(browser.id)}, by a genuine cookie"
        if isinstance(browser, Browser)
        else _COOKIES.get(browser, browser.value),
    }
    if presented is None:
        return facts
    facts["key"] = presented.kid or "-"
    if presented.proven is None:
        return facts
    facts["key"] += " (signed by a retired key, still accepted)" if presented.key == judging.RETIRED else " (active)"
    facts["made for base path"] = presented.base_path or "-"
    facts["expires"] = sentences.moment(presented.proven.exp, request.now)
    if presented.proven.confirm:
        until = setting.redemptions(presented.base_path).until(presented.proven, request.credentials, now=request.now)
        facts["confirmed"] = "no" if until is None else f"in this browser, until {sentences.moment(until, request.now)}"
    facts["revocations and uses"] = setting.records().about
    return facts


def _reasons(
    request: Request, browser: Browser | DenialReason, presented: judging.Presented | None, setting: Setting
) -> list[tuple[DenialReason, str]]:
    """Return every reason for a denial, with its sentence."""
    resource, tokens = request.asked.resource, len(request.asked.tokens)
    if resource is None:
        what_else = "a link to a folder needs the rest of a key behind it"
        return [(DenialReason.MALFORMED_RESOURCE, f"{sentence(DenialReason.MALFORMED_RESOURCE)}; {what_else}")]
    if tokens > 1:
        return [(DenialReason.MALFORMED_CREDENTIAL, f"the URL has {tokens} tokens, and one is expected")]
    if presented is None:
        return [_without_token(resource.kind, known=isinstance(browser, Browser))]
    if presented.refusal is not None or presented.proven is None:
        return [(presented.refusal or DenialReason.INTERNAL, presented.why_not)]
    visitor = Visitor(
        request.credentials, Identified(browser, fresh=True) if isinstance(browser, Browser) else browser, request.ip
    )
    claims = {} if request.subject is None else {"sub": request.subject}
    context = AccessContext(resource, request.asked.action, visitor, request.now, claims)
    return judging.reasons_against(presented.proven, context, setting.records(), session_alive=request.session_alive)


def _without_token(kind: ResourceKind, *, known: bool) -> tuple[DenialReason, str]:
    """Return why a request without a token is not allowed by a link. What sessions were shown is not known here."""
    if kind is ResourceKind.FILE:
        return DenialReason.NO_CREDENTIAL, f"without a token: {sentence(DenialReason.NOT_SHOWN, kind=kind)}"
    who, reason = "that was shown it", DenialReason.NOT_SHOWN
    if kind is ResourceKind.STATIC:
        who, reason = "that has the app open", DenialReason.NOT_OWNER
    text = f"without a token: only a browser {who} gets this; the server's log says whether this one"
    return reason if known else DenialReason.NO_CREDENTIAL, text


def _verdict(reasons: list[tuple[DenialReason, str]], kind: ResourceKind, *, asks_first: bool) -> str:
    if not reasons and asks_first:
        return "allowed by the link: a page with a button, and the file where a person presses it"
    if not reasons:
        return "allowed by the link"
    if kind is ResourceKind.FILE or reasons[0][0] is DenialReason.MALFORMED_RESOURCE:
        return "denied: 403"
    return "denied: 403, unless it comes from a browser that has it on screen"


def _header(cookie: str | None) -> str:
    """Return the value of a ``Cookie`` header, of which people also paste the name."""
    return "" if cookie is None else reading.or_stdin(cookie).strip().removeprefix("Cookie:")
