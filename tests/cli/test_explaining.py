"""`secure-media explain`: why a request gets what it gets."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from secure_media.core.identity import BrowserIdentity
from secure_media.core.keys import KeyRing
from secure_media.core.model import Resource, ResourceKind, short_hash
from secure_media.stores.sqlite import SqliteLedger
from tests import people
from tests.cli.shell import OTHER_SECRET, Shell
from tests.servers import SECRET

MEDIA_ID = "0123456789abcdef" * 2 + "01234567"
MEDIUM = Resource(ResourceKind.MEDIA, MEDIA_ID)
TALK = Resource(ResourceKind.FILE, "videos/talk/")
ALLOWED = "allowed by the link"


def _cookie(
    browser: str = "me", subject: str | None = None, *, made_for: str = "/", secure: bool = False, age: float = 0
) -> str:
    """Return the Cookie header of a browser of ours."""
    identity = BrowserIdentity(KeyRing([SECRET]), deployment=made_for, lifetime=3600)
    value = identity.issue(people.browser(browser, subject), now=time.time() - age)
    return f"theme=dark; {identity.cookie_name(secure=secure)}={value}"


def _reasons(out: str) -> list[str]:
    return [line.removeprefix("- ") for line in out.splitlines() if line.startswith("- ")]


@pytest.mark.parametrize(
    ("claims", "arguments", "reason"),
    [
        pytest.param({"age": 3641}, [], "expired 41 s ago", id="expired"),
        pytest.param({"age": -90}, [], "clock skew: issued 90 s in the future, so a clock is wrong", id="clock-skew"),
        pytest.param(
            {"nbf": 1_900_003_600, "exp": 1_900_007_200},
            [],
            "not before 2030-03-17T18:46:40Z, in 1 h",
            id="not-yet",
        ),
        pytest.param({"sub": "alice"}, [], "made for subject 'alice', nobody is signed in", id="subject"),
        pytest.param(
            {"sub": "alice"}, ["--subject", "bob"], "made for subject 'alice', asked by 'bob'", id="other-subject"
        ),
        pytest.param(
            {"network": "192.0.2.0/24"},
            ["--ip", "198.51.100.1"],
            "made for 192.0.2.0/24, asked from '198.51.100.1'",
            id="other-network",
        ),
        pytest.param(
            {"network": "192.0.2.0/24"}, [], "made for 192.0.2.0/24, from where is not known (see --ip)", id="no-ip"
        ),
        pytest.param(
            {"network": "192.0.2.0/24"}, ["--ip", "x"], "made for 192.0.2.0/24, asked from 'x'", id="no-address"
        ),
        pytest.param(
            {"browser": short_hash("other")},
            [],
            "made for one browser, and this one shows no valid cookie of the app",
            id="no-cookie",
        ),
        pytest.param(
            {"session": short_hash("tab")},
            [],
            "good as long as a session is alive: whether it is, only the running server knows (see --session-alive)",
            id="session",
        ),
    ],
)
def test_reason_is_exact(shell: Shell, claims: dict[str, Any], arguments: list[str], reason: str) -> None:
    """Each thing that keeps a genuine link from holding is said, and nothing else is."""
    now = 1_900_000_000
    age = claims.pop("age", 0)
    link = shell.link(**{"iat": float(now - age), "exp": now - age + 3600, **claims})
    result = shell.run("explain", link, "--at", "2030-03-17T17:46:40Z", *arguments)

    assert _reasons(result.out) == [reason]
    assert (result.code, result.last) == (1, "denied: 403")


@pytest.mark.parametrize(
    ("claims", "arguments"),
    [
        pytest.param({}, [], id="capability"),
        pytest.param({"sub": "alice"}, ["--subject", "alice"], id="subject"),
        pytest.param({"network": "192.0.2.0/24"}, ["--ip", "192.0.2.7"], id="network"),
        pytest.param({"network": "192.0.2.0/24"}, ["--ip", "::ffff:192.0.2.7"], id="mapped-address"),
        pytest.param({"session": short_hash("tab")}, ["--session-alive"], id="session"),
        pytest.param({"resource": MEDIUM}, [], id="media"),
        pytest.param({"download": True}, [], id="download"),
        pytest.param({"base": "/app"}, [], id="base-path"),
        pytest.param({"base": "/app"}, ["--base-path", "app"], id="given-base-path"),
    ],
)
def test_link_that_holds_is_allowed(shell: Shell, claims: dict[str, Any], arguments: list[str]) -> None:
    """The request that a link was made for is allowed."""
    result = shell.run("explain", shell.link(**claims), *arguments)

    assert (result.code, result.last, _reasons(result.out)) == (0, ALLOWED, [])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(("q3", "q4"), "for reports/q3.pdf, asked for reports/q4.pdf", id="file"),
        pytest.param(
            ("/secure-media/files/reports/q3.pdf", f"/media/{MEDIA_ID}"),
            f"for reports/q3.pdf, asked for media/{MEDIA_ID}",
            id="media",
        ),
        pytest.param(("?", "?download&"), "for a view, asked for a download (?download=1)", id="action"),
        pytest.param(
            ("q3.pdf", ""),
            "the path cannot be the name of any media or file; a link to a folder needs the rest of a key behind it",
            id="folder",
        ),
        pytest.param(
            ("q3.pdf", "..%2fq3.pdf"),
            "the path cannot be the name of any media or file; a link to a folder needs the rest of a key behind it",
            id="dots",
        ),
    ],
)
def test_link_for_something_else_does_not_hold(shell: Shell, change: tuple[str, str], reason: str) -> None:
    """A changed URL is refused with both sides of the change."""
    link = shell.link()
    assert shell.run("explain", link).last == ALLOWED
    result = shell.run("explain", link.replace(*change))

    assert _reasons(result.out) == [reason]
    assert result.code == 1


def test_link_of_a_folder_covers_what_is_below(shell: Shell) -> None:
    """A folder's link is allowed for its keys, and for those of no other folder."""
    link = shell.link(TALK)
    below = shell.run("explain", link.replace("talk/", "talk/one.mp4"))
    beside = shell.run("explain", link.replace("talk/", "talk-2/one.mp4"))

    assert below.last == ALLOWED
    assert _reasons(beside.out) == ["for videos/talk/, asked for videos/talk-2/one.mp4"]


def test_all_reasons_are_said(shell: Shell) -> None:
    """The guard stops at the first reason; who looks for a cause needs them all."""
    link = shell.link(age=9000, sub="alice", network="192.0.2.0/24", session="x", max_uses=1)
    shell.spend(link, 1)
    result = shell.run("explain", link.replace("/q3", "/q4") + "&download=1")

    starts = ["for reports", "for a view", "expired", "made for subject", "made for 192", "good as long", "used up"]
    assert len(_reasons(result.out)) == len(starts)
    assert all(map(str.startswith, _reasons(result.out), starts))


@pytest.mark.parametrize(
    ("cookie", "url", "last"),
    [
        pytest.param({}, "", ALLOWED, id="the-one"),
        pytest.param({"secure": True}, "https://r.example", ALLOWED, id="over-https"),
        pytest.param({"browser": "you"}, "", "denied: 403", id="another"),
        pytest.param({}, "https://r.example", "denied: 403", id="plain-cookie-over-https"),
        pytest.param({"made_for": "beta/"}, "", "denied: 403", id="other-deployment"),
        pytest.param({"age": 4000}, "", "denied: 403", id="expired-cookie"),
    ],
)
def test_browser_is_known_by_its_cookie(shell: Shell, cookie: dict[str, Any], url: str, last: str) -> None:
    """A link for one browser holds with that browser's genuine cookie, and with no other."""
    result = shell.run("explain", url + shell.link(browser=short_hash("me")), "--cookie", "-", stdin=_cookie(**cookie))

    assert result.last == last
    assert result.code == (0 if last == ALLOWED else 1)


def test_another_browser_is_told_from_an_expired_cookie(shell: Shell) -> None:
    """It is said whether there was no cookie to go by, or that of somebody else."""
    link = shell.link(browser=short_hash("me"))
    other = shell.run("explain", link, "--cookie", _cookie("you"))
    late = shell.run("explain", link, "--cookie", _cookie("me", age=4000))
    twice = shell.run("explain", link, "--cookie", f"{_cookie('me')}; {_cookie('you')}")

    assert _reasons(other.out) == ["made for another browser"]
    assert f"browser: {short_hash('you')}, by a genuine cookie" in other.out
    assert "browser: a cookie that has expired" in late.out
    assert "browser: two different cookies of the app" in twice.out


def test_cookie_names_the_subject(shell: Shell) -> None:
    """Who is signed in is in the cookie, unless it is said otherwise."""
    link, cookie = shell.link(sub="alice"), _cookie("me", "alice")

    assert shell.run("explain", link, "--cookie", cookie).last == ALLOWED
    assert shell.run("explain", link, "--cookie", cookie, "--subject", "bob").code == 1


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        pytest.param(
            {"made_for": "beta/"}, "the signature of the link does not match: forged or changed", id="other-deployment"
        ),
        pytest.param(
            {"secret": OTHER_SECRET},
            f"the link was signed by key {KeyRing([OTHER_SECRET]).active.kid}, which is not in the ring",
            id="unknown-key",
        ),
    ],
)
def test_token_of_somebody_else_is_refused(shell: Shell, link: dict[str, Any], reason: str) -> None:
    """A token that is not genuine is not looked at any further."""
    result = shell.run("explain", shell.link(**link))

    assert len(_reasons(result.out)) == 1
    assert _reasons(result.out)[0].startswith(reason)
    assert result.code == 1


def test_given_base_path_is_the_only_one(shell: Shell) -> None:
    """A link for one base path is refused by the app at another one."""
    link = shell.link(base="/app")

    assert shell.run("explain", f"https://r.example{link}").last == ALLOWED
    assert shell.run("explain", f"https://r.example{link}", "--base-path", "other").code == 1
    assert shell.run("explain", f"https://r.example{link}", "--base-path", "/").code == 1


def test_retired_key_is_mentioned(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link from before a rotation is allowed, with a word about its key."""
    monkeypatch.setenv("SECURE_MEDIA_SECRET", f"{OTHER_SECRET},{SECRET}")
    result = shell.run("explain", shell.link())

    assert "(signed by a retired key, still accepted)" in result.out
    assert result.last == ALLOWED


def test_revoked_and_used_up_links_are_told_apart(shell: Shell) -> None:
    """The ledger of the app is asked, and its answer is one of the reasons."""
    used, revoked = shell.link(max_uses=1, jti="used"), shell.link(jti="revoked", sub="alice", age=1)
    assert shell.run("explain", used).last == ALLOWED
    assert shell.run("explain", revoked, "--subject", "alice").last == ALLOWED
    shell.spend(used, 1)
    ledger = SqliteLedger(shell.ledger)
    ledger.revoke_subject("alice")
    ledger.close()

    assert _reasons(shell.run("explain", used).out) == ["used up: 1 of 1"]
    assert _reasons(shell.run("explain", revoked, "--subject", "alice").out) == ["the link was revoked"]


@pytest.mark.parametrize(
    ("ledger", "code", "words"),
    [
        pytest.param("memory", 0, "not known here: the ledger is in the memory of the app", id="memory"),
        pytest.param("nowhere", 0, "there is no ledger", id="no-file"),
        pytest.param("text", 1, "whether the link was revoked or used up cannot be read: ledger:", id="broken"),
    ],
)
def test_ledger_out_of_reach_is_mentioned(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, ledger: str, code: int, words: str
) -> None:
    """What is not known is not taken for good news."""
    (shell.folder / "text").write_text("not a database, " * 100)
    monkeypatch.setenv("SECURE_MEDIA_LEDGER", ledger)
    result = shell.run("explain", shell.link())

    assert result.code == code
    assert words in result.out


@pytest.mark.parametrize(
    ("path", "cookie", "reason", "last"),
    [
        pytest.param(
            f"/media/{MEDIA_ID}.png",
            "",
            "without a token: only a browser that was shown it gets this; the server's log says whether this one",
            "denied: 403, unless it comes from a browser that has it on screen",
            id="media",
        ),
        pytest.param(
            f"/app/media/{MEDIA_ID}.png",
            "COOKIE",
            "without a token: only a browser that was shown it gets this; the server's log says whether this one",
            "denied: 403, unless it comes from a browser that has it on screen",
            id="media-with-cookie",
        ),
        pytest.param(
            "/app/static/logo.png",
            "COOKIE",
            "without a token: only a browser that has the app open gets this; the server's log says whether this one",
            "denied: 403, unless it comes from a browser that has it on screen",
            id="static",
        ),
        pytest.param(
            "/secure-media/files/reports/media/q3.pdf",
            "",
            "without a token: a file of a collection needs a link, or a policy of its own",
            "denied: 403",
            id="file",
        ),
    ],
)
def test_without_a_token_the_log_knows_more(shell: Shell, path: str, cookie: str, reason: str, last: str) -> None:
    """What a page shows is no matter of links: it is said where the answer is."""
    result = shell.run("explain", path, "--cookie", cookie.replace("COOKIE", _cookie()))

    assert _reasons(result.out) == [reason]
    assert (result.code, result.last) == (1, last)


def test_two_tokens_are_refused(shell: Shell) -> None:
    """A URL with two tokens is refused, even if both are good."""
    link = shell.link()
    result = shell.run("explain", f"{link}&media_token={link.rpartition('=')[2]}")

    assert _reasons(result.out) == ["the URL has 2 tokens, and one is expected"]


def test_json_says_the_same(shell: Shell) -> None:
    """Programs get the reasons by the names that are in the log."""
    allowed = json.loads(shell.run("explain", shell.link(), "--json").out)
    denied = shell.run("explain", shell.link(age=9000, sub="alice"), "--json")
    report = json.loads(denied.out)

    assert (allowed["allowed"], allowed["reasons"], allowed["asked for"]) == (True, [], "reports/q3.pdf")
    assert (denied.code, report["allowed"]) == (1, False)
    assert [entry["reason"] for entry in report["reasons"]] == ["expired", "other_subject"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param([], "URL", id="nothing"),
        pytest.param(["LINK", "LINK"], "too many arguments", id="two"),
        pytest.param(["LINK", "--loud"], "--loud", id="unknown-option"),
        pytest.param(["-", "--cookie", "-"], "stdin", id="both-from-stdin"),
        pytest.param(["https://r.example/?media_token=x"], "expected the URL that was asked for", id="no-guarded-path"),
        pytest.param(["TOKEN"], "secure-media inspect", id="bare-token"),
        pytest.param(["https://[/media/x"], "not a URL", id="no-url"),
        pytest.param(["-"], "got nothing", id="empty"),
    ],
)
def test_what_cannot_be_explained_is_an_error(shell: Shell, arguments: list[str], words: str) -> None:
    """An error is one line, without token or cookie."""
    link = shell.link()
    changes = {"LINK": link, "TOKEN": link.rpartition("=")[2]}
    for name, value in changes.items():
        arguments = [argument.replace(name, value) for argument in arguments]
    result = shell.run("explain", *arguments)

    assert result.code == 2
    assert words in result.err


def test_cookie_is_never_printed(shell: Shell) -> None:
    """A cookie is a credential: neither the report nor an error repeats it."""
    cookie = _cookie()
    value = re.split("[=;]", cookie)[-1]
    results = [
        shell.run("explain", shell.link(), "--cookie", cookie),
        shell.run("explain", shell.link(), "--cookie", cookie, "--json"),
        shell.run("explain", shell.link(), cookie),
    ]

    assert [result.code for result in results] == [0, 0, 2]
    assert [result for result in results if value in result.out + result.err] == []


def test_explain_runs_in_a_process_of_its_own(shell: Shell) -> None:
    """A real command reads the cookie from stdin, and its exit code is the answer."""
    link = shell.link(browser=short_hash("me"))
    allowed = shell.start("explain", link, "--cookie", "-", stdin=_cookie())
    denied = shell.start("explain", link)

    assert (allowed.code, allowed.last) == (0, ALLOWED)
    assert (denied.code, denied.last) == (1, "denied: 403")
