"""`secure-media inspect`: what a token says, and whether it holds."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any

import pytest

from secure_media.core.keys import KeyRing
from secure_media.core.model import Action, Disposition, Resource, ResourceKind, short_hash
from secure_media.stores.sqlite import SqliteLedger
from tests.cli.shell import OTHER_SECRET, REPORT, Shell
from tests.servers import SECRET

KID = KeyRing([SECRET]).active.kid
OTHER_KID = KeyRing([OTHER_SECRET]).active.kid


def test_valid_token_is_shown_in_full(shell: Shell) -> None:
    """Every claim is printed by its name, and the last line says that the token holds."""
    token = shell.token(
        iat=1_900_000_000.25,
        exp=1_900_010_920,
        nbf=1_900_000_000,
        sub="alice",
        browser=short_hash("browser"),
        session=short_hash("session"),
        network="192.0.2.0/24",
        max_uses=3,
        action=Action.DOWNLOAD,
        filename="Q3.pdf",
        content_type="application/pdf",
        disposition=Disposition.INLINE,
    )
    result = shell.run("inspect", token, "--at", "2030-03-17T17:46:40Z")

    assert result.code == 0
    assert result.out.splitlines() == [
        f"kid: {KID}",
        "key: active",
        "base path: -",
        "claims are: verified",
        "resource: reports/q3.pdf",
        "action: download (?download=1)",
        "iat: 2030-03-17T17:46:40Z, in 0 s",
        "exp: 2030-03-17T20:48:40Z, in 3 h 2 min",
        "nbf: 2030-03-17T17:46:40Z, 0 s ago",
        "jti: an-id",
        "sub: alice",
        f"browser: {short_hash('browser')}",
        f"session: {short_hash('session')}",
        "network: 192.0.2.0/24",
        "uses: 3",
        "filename: Q3.pdf",
        "content type: application/pdf",
        "disposition: inline",
        "bound to: one browser, one session, a subject, a network",
        f"revocations and uses: none: there is no ledger {shell.ledger}, so nothing was written yet, or the app runs "
        "elsewhere",
        "valid",
    ]


def test_capability_is_called_so(shell: Shell) -> None:
    """A link that is bound to nothing is recognised at once."""
    result = shell.run("inspect", shell.token(Resource(ResourceKind.FILE, "videos/talk/")))

    assert "bound to: nothing: anyone who has the URL can use it" in result.out
    assert "resource: videos/talk/ and all below" in result.out


@pytest.mark.parametrize(
    ("claims", "at", "last"),
    [
        pytest.param({"exp": 1_900_000_000}, "2030-03-17T17:47:21Z", "expired 41 s ago", id="expired"),
        pytest.param({"exp": 1_900_000_041}, "2030-03-17T17:47:20Z", "valid", id="last-second"),
        pytest.param({"exp": 1_900_000_041}, "2030-03-17T17:47:21Z", "expired 0 s ago", id="end"),
        pytest.param(
            {"nbf": 1_900_000_000, "exp": 1_900_000_100},
            "2030-03-17T17:45:40Z",
            "not before 2030-03-17T17:46:40Z, in 60 s",
            id="not-yet",
        ),
        pytest.param(
            {"iat": 1_900_000_090.0, "exp": 1_900_000_200},
            "2030-03-17T17:46:40Z",
            "clock skew: issued 90 s in the future, so a clock is wrong",
            id="clock-skew",
        ),
        pytest.param(
            {"iat": 1_900_000_060.0, "exp": 1_900_000_200}, "2030-03-17T17:46:40Z", "valid", id="within-the-leeway"
        ),
        pytest.param(
            {"iat": 1_900_000_090.0, "exp": 1_899_999_999},
            "2030-03-17T17:46:40Z",
            "clock skew: issued 90 s in the future, so a clock is wrong; expired 1 s ago",
            id="both",
        ),
    ],
)
def test_time_is_judged(shell: Shell, claims: dict[str, Any], at: str, last: str) -> None:
    """The last line says by how much a token is too late or too early."""
    token = shell.token(**{"iat": 1_800_000_000.0, **claims})
    result = shell.run("inspect", token, "--at", at)

    assert (result.code, result.last) == (0 if last == "valid" else 1, last)


def test_life_that_was_given_is_the_one_that_is_shown(shell: Shell) -> None:
    """What was made for two hours is good for two hours, and not for a minute less, when it is looked at at once."""
    token = shell.token(iat=1_900_000_000.0, exp=1_900_007_200)
    result = shell.run("inspect", token, "--at", "2030-03-17T17:46:45Z")

    assert "exp: 2030-03-17T19:46:40Z, in 2 h\n" in result.out


def test_now_is_the_default(shell: Shell) -> None:
    """Without a moment, the clock counts."""
    result = shell.run("inspect", shell.token(age=4000))

    assert result.code == 1
    assert re.fullmatch(r"expired 6 min \d+ s ago", result.last)
    assert shell.run("inspect", shell.token()).last == "valid"


@pytest.mark.parametrize(
    ("change", "last"),
    [
        pytest.param("forged", "the signature of the link does not match: forged", id="forged"),
        pytest.param("tampered", "the signature of the link does not match: forged", id="tampered"),
        pytest.param(
            "other-deployment",
            "the signature of the link does not match: forged or changed, or made for another",
            id="other",
        ),
        pytest.param("unknown", f"the link was signed by key {OTHER_KID}, which is not in the ring", id="unknown-key"),
        pytest.param("padded", "this is no link of secure_media, or it was changed on its way", id="padded"),
        pytest.param("garbage", "this is no link of secure_media, or it was changed on its way", id="garbage"),
        pytest.param("long", "this is no link of secure_media, or it was changed on its way", id="too-long"),
        pytest.param("not-ascii", "this is no link of secure_media, or it was changed on its way", id="not-ascii"),
    ],
)
def test_token_that_is_not_genuine_is_not_valid(shell: Shell, change: str, last: str) -> None:
    """A token that the app would refuse is refused here, with the reason."""
    token = shell.token()
    kid, payload, signature = token.split(".")
    other = (
        base64.urlsafe_b64encode(base64.urlsafe_b64decode(payload + "==").replace(b"q3", b"q4")).rstrip(b"=").decode()
    )
    tokens = {
        "forged": f"{kid}.{payload}.{signature[::-1]}",
        "tampered": f"{kid}.{other}.{signature}",
        "other-deployment": shell.token(made_for="beta/"),
        "unknown": shell.token(secret=OTHER_SECRET),
        "padded": f"{token}=",
        "garbage": "hello",
        "long": token * 20,
        "not-ascii": f"{token}ü",
    }
    assert shell.run("inspect", token).last == "valid"
    result = shell.run("inspect", f"?media_token={tokens[change]}")

    assert result.code == 1
    assert result.last.startswith(last)
    assert "claims are: verified" not in result.out


def test_other_spelling_of_the_signature_is_not_canonical(shell: Shell) -> None:
    """The unused bits of the last character make another string, which the app refuses, and so does this."""
    token = shell.token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    result = shell.run("inspect", token[:-1] + alphabet[alphabet.index(token[-1]) + 1])

    assert (result.code, result.last) == (1, "this is no link of secure_media, or it was changed on its way")


def test_deployment_and_base_path_can_be_given(shell: Shell) -> None:
    """A token of another app is verified once that app is named."""
    token = shell.token(made_for="beta/app/")

    assert shell.run("inspect", token).code == 1
    assert shell.run("inspect", token, "--deployment", "beta").code == 1
    assert shell.run("inspect", token, "--deployment", "beta", "--base-path", "app").last == "valid"
    assert shell.run("inspect", token, "--deployment", "beta", "--base-path", "/").code == 1


@pytest.mark.parametrize(
    ("made_for", "start"),
    [
        pytest.param("/", "", id="path"),
        pytest.param("/", "https://r.example", id="url"),
        pytest.param("/app/", "https://r.example/app", id="base-path"),
        pytest.param("/app/", "https://r.example/mount/app", id="mounted"),
        pytest.param("/", "https://r.example/mount", id="mounted-without-base-path"),
    ],
)
def test_base_path_is_found_in_a_url(shell: Shell, made_for: str, start: str) -> None:
    """A whole URL tells the base path, below a mount point or not."""
    link = f"{start}/secure-media/files/reports/q3.pdf?a=b&media_token={shell.token(made_for=made_for)}&c=d#e"
    result = shell.run("inspect", link)

    assert result.last == "valid"
    assert f"base path: {made_for.rstrip('/') or '-'}\n" in result.out


def test_retired_key_is_told_from_the_active_one(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a rotation, an old token still holds, and who inspects it sees that its key is about to go."""
    token = shell.token()
    assert "key: active" in shell.run("inspect", token).out
    monkeypatch.setenv("SECURE_MEDIA_SECRET", f"{OTHER_SECRET},{SECRET}")
    result = shell.run("inspect", token)

    assert "key: retired" in result.out
    assert result.last == "valid"


def test_ledger_is_read(shell: Shell) -> None:
    """What was used up or revoked is no longer valid, and the uses are counted."""
    link = shell.link(max_uses=3, age=1)
    assert shell.run("inspect", link).last == "valid"
    shell.spend(link, 2)
    result = shell.run("inspect", link)
    assert f"revocations and uses: as written in {shell.ledger}\nused: 2 of 3\nvalid\n" in result.out
    shell.spend(link, 1)
    result = shell.run("inspect", link)
    assert (result.code, result.out.splitlines()[-2:]) == (1, ["used: 3 of 3", "used up: 3 of 3"])
    ledger = SqliteLedger(shell.ledger)
    ledger.revoke_everything()
    ledger.close()

    assert shell.run("inspect", link).last == "the link was revoked; used up: 3 of 3"


def test_broken_ledger_makes_no_token_valid(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the app could not tell whether a link is revoked, it refuses, and so does this."""
    file = shell.folder / "text"
    file.write_text("not a database, " * 100)
    monkeypatch.setenv("SECURE_MEDIA_LEDGER", str(file))
    result = shell.run("inspect", shell.token(max_uses=1))

    assert result.code == 1
    assert result.last.startswith("whether the link was revoked or used up cannot be read")


def test_ledger_in_memory_is_out_of_reach(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said that nothing is known, not that there is nothing."""
    monkeypatch.setenv("SECURE_MEDIA_LEDGER", "memory")
    result = shell.run("inspect", shell.token())

    assert "revocations and uses: not known here" in result.out
    assert result.last == "valid"


def test_without_a_secret_nothing_is_verified(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Claims can be read by anybody, but they are called unverified, and the token is not called valid."""
    monkeypatch.delenv("SECURE_MEDIA_SECRET")
    result = shell.run("inspect", shell.token())

    assert result.code == 1
    assert "claims are: unverified" in result.out
    assert "resource: reports/q3.pdf" in result.out
    assert result.last == "not verified: no secret is set, so nothing was checked"


def test_json_says_the_same(shell: Shell) -> None:
    """Programs get what people get."""
    valid = shell.run("inspect", shell.token(sub="alice"), "--json")
    expired = shell.run("inspect", shell.token(age=9000), "--json")
    report = json.loads(valid.out)

    assert (valid.code, report["valid"], report["why_not"]) == (0, True, [])
    assert (report["kid"], report["claims"]["sub"]) == (KID, "alice")
    assert (expired.code, json.loads(expired.out)["valid"]) == (1, False)


def test_attacker_cannot_write_on_the_terminal(shell: Shell) -> None:
    """An attacker puts escape sequences into a token's claims; they are printed as text."""
    claims = {"r": "file/a/\x1b[2Jb", "i": 1, "e": 2, "s": "x\nvalid", "f": "\u202egnp.exe"}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    result = shell.run("inspect", f"{KID}.{payload}.AAAA")

    assert result.code == 1
    assert "sub: 'x\\nvalid'" in result.out
    assert all(line.isprintable() for line in result.out.splitlines())


def test_name_of_a_key_is_printed_only_if_it_is_one(shell: Shell) -> None:
    """Somebody inspects a secret by mistake; it does not show up as the name of a key."""
    result = shell.run("inspect", "my-very-own-password")

    assert result.out.splitlines()[0] == "kid: -"
    assert "my-very-own-password" not in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param([], "TOKEN_OR_URL", id="nothing"),
        pytest.param(["TOKEN", "TOKEN"], "too many arguments", id="two"),
        pytest.param(["TOKEN", "--verbose"], "--verbose", id="unknown-option"),
        pytest.param(["--verbose=TOKEN"], "--verbose", id="token-in-an-unknown-option"),
        pytest.param(["TOKEN", "--at", "TOKEN"], "--at", id="token-as-a-moment"),
        pytest.param(["-"], "got nothing", id="empty-stdin"),
        pytest.param(["https://r.example/media/abc?token=TOKEN"], "no media_token", id="no-token"),
        pytest.param(["https://[/?media_token=TOKEN"], "not a URL", id="no-url"),
    ],
)
def test_what_cannot_be_inspected_is_an_error(shell: Shell, arguments: list[str], words: str) -> None:
    """An error is one line, without the token in it."""
    token = shell.token()
    result = shell.run("inspect", *(argument.replace("TOKEN", token) for argument in arguments))

    assert result.code == 2
    assert words in result.err
    assert token.split(".")[1] not in result.err


def test_two_tokens_are_not_valid(shell: Shell) -> None:
    """The app refuses a URL with two tokens, even if both are good."""
    token = shell.token()
    result = shell.run("inspect", f"/x?media_token={token}&media_token={token}")

    assert result.code == 1
    assert result.last.startswith("the URL has 2 tokens")


def test_stdin_that_is_no_text_is_no_token(shell: Shell) -> None:
    """Bytes of any kind get an answer, not a traceback."""
    assert shell.run("inspect", "-", stdin=bytes(range(1, 256))).code in {1, 2}


def test_inspect_runs_in_a_process_of_its_own(shell: Shell) -> None:
    """A real command reads the token from stdin, and its exit code is the answer."""
    started = time.monotonic()
    valid = shell.start("inspect", "-", stdin=shell.link(REPORT))
    expired = shell.start("inspect", "-", stdin=shell.link(REPORT, age=9000))

    assert (valid.code, valid.last) == (0, "valid")
    assert expired.code == 1
    assert time.monotonic() - started < 60
