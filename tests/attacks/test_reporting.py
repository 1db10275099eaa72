"""What reports say, and what they must not: without a server."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from secure_media.attack import FAMILIES, all_attacks
from secure_media.attack.cases.stock import stock
from secure_media.attack.causes import all_causes, cause_of
from secure_media.attack.client import Response
from secure_media.attack.found import Medium
from secure_media.attack.model import Attack, Result, Verdict
from secure_media.attack.outcome import Outcome, findings
from secure_media.attack.pace import OutOfBoundsError, Pace
from secure_media.attack.redaction import Redaction
from secure_media.attack.report import to_html, to_json, to_junit, to_sarif, to_text

ATTACKS = {attack.id: attack for attack in (*all_attacks(), *stock())}
SESSION = "0f8fad5b-d9cb-469f-a165-70867728950e"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"
ASKED = (
    "GET /media/0123456789abcdef0123456789abcdef.png?media_token=abcdef12.secret-token HTTP/1.1\r\n"
    f"Host: 127.0.0.1\r\nCookie: sso=of-the-victim; other={TOKEN}; more=not-in-the-list\r\n"
    "Authorization: Bearer of-the-victim\r\n"
    f"X-Gateway: only-for-the-gateway\r\nX-Session-Id: {SESSION}\r\nReferer: http://127.0.0.1/?s={SESSION}\r\n\r\n"
).encode()
HEAD = b"HTTP/1.1 200 OK\r\nSet-Cookie: sso=handed-out; Path=/\r\nServer: <script>alert(1)</script>\x1b[31m\r\n\r\n"
SECRETS = (
    "of-the-victim",
    "not-in-the-list",
    "handed-out",
    "secret-token",
    "only-for-the-gateway",
    SESSION,
    TOKEN,
    "0123456789abcdef",
    "canary",
)


def fallen(attack: Attack, *, problem: str = "leaked: image", status: int = 200) -> Result:
    """Return an attack that got through."""
    body = b"the canary of the file"
    answer = Response(status, ((b"server", b"x"),), body, HEAD + body)
    return Result(attack, Verdict.FELL, (problem,), asked=ASKED, answers=(answer,))


def outcome(*results: Result) -> Outcome:
    """Return how it went."""
    return Outcome(
        url="http://127.0.0.1:8501/",
        streamlit="1.67.0",
        attacked_by="a stranger",
        began=datetime(2030, 1, 31, 8, 0, tzinfo=timezone.utc),
        seconds=4.2,
        requests=7,
        media=(Medium("image", "/media/x.png", "image/png", 90),),
        results=results,
        notes=("The Server header names the software: <b>x</b>.",),
        redaction=Redaction(["of-the-victim"], ["X-Gateway"], [b"the canary"]),
    )


SOME = outcome(
    fallen(ATTACKS["nobody-image"], problem="200 b'the canary of', expected 403"),
    fallen(ATTACKS["stock-etag-is-a-hash"]),
    Result(ATTACKS["nobody-audio"], Verdict.NOT_TRIED, missing="a sound"),
    Result(ATTACKS["nobody-download"], Verdict.UNPROVEN, ("the victim was not served either",)),
)


@pytest.mark.parametrize("report", [to_html, to_json, to_junit, to_sarif, to_text], ids=lambda report: report.__name__)
def test_report_has_nothing_secret_in_it(report: object) -> None:
    """Cookies, tokens, ids of sessions and media, headers that were given and contents are in no report."""
    assert callable(report)
    text = report(SOME)

    assert not [secret for secret in SECRETS if secret in text.replace("canaries", "")]
    assert "\x1b" not in text
    assert "Media are served to anyone who has the URL" in text


def test_page_repeats_nothing_as_markup() -> None:
    """What a server says of itself is text in the page, not a part of it."""
    text = to_html(SOME)

    assert "&lt;script&gt;alert(1)" in text
    assert "<script" not in text
    assert "<b>x" not in text


def test_files_that_are_open_to_all_explain_every_trick_to_get_them() -> None:
    """Hundreds of attacks that get the file of somebody else are one finding; other causes stay apart."""
    tricks = [fallen(ATTACKS[name]) for name in ("nobody-image", "path-html-nobody", "header-original-url")]
    found = findings([*tricks, fallen(ATTACKS["stock-etag-is-a-hash"])])

    assert [(finding.cause.id, len(finding.results)) for finding in found] == [("open-media", 3), ("etag-is-a-hash", 1)]
    (alone,) = findings([fallen(ATTACKS["path-html-nobody"])])
    assert alone.cause.id == "paths"
    (typed,) = findings([fallen(ATTACKS["retyped-image-html"], problem="content-type is b'text/html', not that")])
    assert typed.cause.id == "type-from-url"
    (failed,) = findings([fallen(ATTACKS["path-html-nobody"], problem="500", status=500)])
    assert failed.cause.id == "server-error"


def test_every_attack_has_a_cause_with_its_fix() -> None:
    """Whatever gets through is explained in two sentences, with what to do and where that is written down."""
    causes = {cause_of(attack.id, attack.family) for attack in ATTACKS.values()}

    assert {cause.id for cause in causes} <= {cause.id for cause in all_causes()}
    assert len({cause.id for cause in all_causes()}) == len(all_causes())
    for cause in all_causes():
        assert cause.text.count(". ") == 1, cause.id
        assert cause.text.endswith(".")
        assert cause.fix.endswith(".")
        assert cause.cwe > 0
        assert cause.references


def test_attacks_on_stock_streamlit_are_all_there() -> None:
    """None of what is known of Streamlit gets lost from the table."""
    assert [attack.id for attack in stock()] == [
        "stock-header-x-content-type-options",
        "stock-header-content-security-policy",
        "stock-header-cross-origin-resource-policy",
        "stock-header-referrer-policy",
        "stock-header-cache-control",
        "stock-version-parameter",
        "stock-etag-is-a-hash",
        "stock-id-is-a-hash",
        "stock-page-closed",
    ]
    assert {attack.family for attack in stock()} <= set(FAMILIES)


def test_pace_waits_and_ends() -> None:
    """Connections wait for their turn, and there are neither more of them nor for longer than was said."""
    now, slept = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    few = Pace(rate=4, most=3, seconds=60, clock=lambda: now[0], sleep=sleep)
    for _ in range(3):
        few()

    assert slept == [0.25, 0.25]
    with pytest.raises(OutOfBoundsError, match="3 requests"):
        few()
    brief = Pace(rate=4, most=100, seconds=1, clock=lambda: now[0], sleep=sleep)
    for _ in range(4):
        brief()
    with pytest.raises(OutOfBoundsError, match="1 s"):
        brief()
    assert brief.count == 4
