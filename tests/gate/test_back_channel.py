"""What a provider says of who has signed out there: in which form it is taken, what ends, and what is answered."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest

from secure_media import own_session, streamlit_login
from secure_media.audit import console, sinks
from secure_media.core.compact import MAX_JWT_LENGTH
from secure_media.core.key_sources import KeySource
from secure_media.core.login_cookies import Form, LoginCookies
from secure_media.core.login_policy import LONGEST_AGE, LoginRules, Logins, StreamlitLogin
from secure_media.core.logout_tokens import EVENT, Provider
from secure_media.core.principal import of_issuer
from secure_media.core.questions import Name
from secure_media.gate import back_channel
from secure_media.http.request import Request
from secure_media.stores.published_keys import PublishedKeys
from tests import logins
from tests.core.test_key_sources import OTHER, RSA, jwk
from tests.gate import worlds
from tests.gate.worlds import FORBIDDEN, NOW, Answer, Headers, decided

PLACE = "/base/secure-media/backchannel-logout"
ENDPOINT = "endpoint//secure-media/backchannel-logout"

pytestmark = pytest.mark.usefixtures("trail")
HERE, ISSUER = "http://localhost:8501", "https://login.example"
SOURCE = KeySource(f"{ISSUER}/keys", ("RS256",))
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DONE, BAD = (200, b"OK\n"), (400, b"Bad Request\n")
PERSON = Name("person", of_issuer(ISSUER, "anna"))


class World(worlds.World):
    """The same, where people sign in by Streamlit's login, and their provider says when they have signed out."""

    def __init__(self) -> None:
        reading = Logins(LoginCookies(logins.SECRET, Form.TORNADO), HERE)
        rule = streamlit_login(backchannel_logout=True)
        assert isinstance(rule, StreamlitLogin)
        rule.logins = reading
        providers = (Provider(ISSUER, "the-app", SOURCE),)
        super().__init__(own_session() & rule, logins=LoginRules(reading, False, providers))
        published = json.dumps({"keys": [jwk(RSA)]}).encode()
        self.answers.keys = PublishedKeys([SOURCE], fetch=lambda source, name: published)
        self.answers.keys.load()
        #: What the ledger was told to end.
        self.ends = self.notes_of_ends()

    def say(self, body: str | bytes, headers: Headers = FORM, method: str = "POST") -> Answer:
        """Return what a provider gets that says something."""
        return self.ask(PLACE, headers, method, body=body.encode() if isinstance(body, str) else body)

    def shows(self, subject: str = "anna", at: float = NOW - 100) -> bool:
        """Return whether somebody who has signed in at that time is shown what their session shows."""
        cookies = logins.login(logins.tornado, logins.claims(HERE, sub=subject), int(at))
        shown = "; ".join(f"{name}={value}" for name, value in cookies.items())
        answer = self.ask(self.media[subject], {"Cookie": f"{self.cookie(subject)}; {shown}"})
        assert answer.status == 200 or answer.said == FORBIDDEN
        return answer.status == 200


def token(jti: str = "one", *, key: Any = RSA, **changed: Any) -> str:
    """Return a token that says that Anna has signed out, with these claims changed."""
    usual = {"iss": ISSUER, "aud": "the-app", "iat": int(NOW), "exp": int(NOW) + 120, "sub": "anna", "jti": jti}
    claims = {**usual, "events": {EVENT: {}}, **changed}
    return pyjwt.encode(claims, key, algorithm="RS256", headers={"typ": "logout+jwt", "kid": "one"})


def test_who_has_signed_out_there_is_out_here(trail: pytest.LogCaptureFixture) -> None:
    """Until they sign in again; others are not. The trail says by what, and about whom."""
    world = World()
    assert world.shows()
    assert world.shows("bert")

    answer = world.say(f"logout_token={token()}")

    assert answer.said == DONE
    assert answer.header("Cache-Control") == "private, no-store"
    assert not world.shows()
    assert world.shows("bert")
    assert world.shows(at=NOW + 1)
    assert decided(trail, ENDPOINT) == [("media.allowed", "logout_token")]
    assert world.say(f"logout_token={token('two', sub='bert')}").said == DONE
    subjects = {vars(each)["subject"] for each in trail.records if vars(each).get("resource") == ENDPOINT}
    assert len(subjects) == 2
    assert not subjects & {None, "-", "anna", "bert"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "post"])
def test_nothing_is_said_by_another_method(method: str) -> None:
    """It is told which one, and nobody is signed out."""
    world = World()
    said = f"logout_token={token()}"
    answer = world.ask(f"{PLACE}?{said}", FORM, method, body=said.encode())
    assert (answer.status, answer.header("Allow")) == (405, "POST")
    assert answer.body == (b"" if method == "HEAD" else b"Method Not Allowed\n")
    assert world.ends == []
    assert world.say(said).said == DONE


FORMS: list[Headers] = [
    {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
    {"Content-Type": "APPLICATION/x-www-FORM-urlencoded"},
    {"Content-Type": " application/x-www-form-urlencoded ; charset=utf-8; boundary=x"},
]
NO_FORMS: list[Headers] = [
    {},
    {"Content-Type": ""},
    {"Content-Type": "application/json"},
    {"Content-Type": "text/plain; application/x-www-form-urlencoded"},
    {"Content-Type": "application/x-www-form-urlencodedx"},
    {"Content-Type": ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded"]},
]


@pytest.mark.parametrize("headers", [*FORMS, *NO_FORMS], ids=str)
def test_it_is_said_in_a_form(headers: Headers, trail: pytest.LogCaptureFixture) -> None:
    """As the specification has it, and as browsers would ask before they send it for another site: nothing else."""
    world, is_form = World(), headers in FORMS
    assert world.say(f"logout_token={token()}", headers).said == (DONE if is_form else BAD)
    assert decided(trail, ENDPOINT) == [
        ("media.allowed", "logout_token") if is_form else ("media.denied", "malformed_credential")
    ]
    assert world.shows() is not is_form


_TOKEN = token()
_REST = "&".join(f"p{number}=x" for number in range(31))
#: Bodies, and the reason that is noted; None for what is taken.
BODIES: dict[str, tuple[str | bytes, str | None]] = {
    "alone": (f"logout_token={_TOKEN}", None),
    "beside-others": (f"state=x&logout_token={_TOKEN}&more=", None),
    "beside-thirty-one": (f"{_REST}&logout_token={_TOKEN}", None),
    "encoded": (f"logout%5Ftoken={_TOKEN.replace('.', '%2E')}", None),
    "beside-thirty-two": (f"{_REST}&another=x&logout_token={_TOKEN}", "malformed_credential"),
    "as-long-as-it-may-be": (f"logout_token={_TOKEN}&x=".ljust(back_channel.LARGEST, "x"), None),
    "too-long": (f"logout_token={_TOKEN}&x=".ljust(back_channel.LARGEST + 1, "x"), "malformed_credential"),
    "no-token": ("state=x", "no_credential"),
    "no-token-but-one-in-another-case": (f"Logout_Token={_TOKEN}", "no_credential"),
    "empty-token": ("logout_token=", "malformed_credential"),
    "two-tokens": (f"logout_token={_TOKEN}&logout_token={_TOKEN}", "malformed_credential"),
    "a-token-and-an-empty-one": (f"logout_token={_TOKEN}&logout_token=", "malformed_credential"),
    "no-pair": (f"logout_token={_TOKEN}&x", "malformed_credential"),
    "not-ascii": (f"logout_token={_TOKEN}&x=é".encode(), "malformed_credential"),
    "not-utf-8": (f"logout_token={_TOKEN}&x=".encode() + b"\xff", "malformed_credential"),
    "json": (json.dumps({"logout_token": _TOKEN}), "malformed_credential"),
    "forged": (f"logout_token={token(key=OTHER)}", "signature_mismatch"),
    "of-another-provider": (f"logout_token={token(iss='https://evil.example')}", "audience_mismatch"),
    "for-another-app": (f"logout_token={token(aud='another')}", "audience_mismatch"),
    "expired": (f"logout_token={token(exp=int(NOW) - 61)}", "expired"),
    "from-the-future": (f"logout_token={token(iat=int(NOW) + 61)}", "not_yet_valid"),
    "for-a-sign-in": (f"logout_token={token(nonce='n')}", "claim_mismatch"),
}


@pytest.mark.parametrize(("body", "reason"), BODIES.values(), ids=BODIES)
def test_what_is_said_holds_or_nobody_is_signed_out(
    body: str | bytes, reason: str | None, trail: pytest.LogCaptureFixture
) -> None:
    """One token that holds, with whatever else there is beside it; all else is refused alike, with the reason noted."""
    world = World()
    assert back_channel.LARGEST == MAX_JWT_LENGTH + 2048

    answer = world.say(body)

    assert answer.said == (DONE if reason is None else BAD)
    assert decided(trail, ENDPOINT) == [
        ("media.allowed", "logout_token") if reason is None else ("media.denied", reason)
    ]
    assert world.shows() is (reason is not None)
    assert bool(world.ends) is (reason is None)


def test_log_says_what_did_not_hold(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever sets up a provider sees what it has sent wrong."""
    caplog.set_level(logging.INFO, "secure_media")
    caplog.set_level(logging.NOTSET, "secure_media.audit")
    console.set_volume(console.Volume.AUDIT)
    try:
        World().say("x=1")
    finally:
        console.set_volume(console.Volume.USUAL)
    told = [record.getMessage() for record in caplog.records if record.name == "secure_media"]
    assert [line.partition(": ")[2] for line in told] == ["no logout token"]


class Sender:
    """Sends a body as it is told to, and notes how much of it is wanted."""

    def __init__(self, body: bytes | None) -> None:
        self._body = body
        self.wanted: list[int] = []

    async def send(self, most: int) -> bytes | None:
        """Send it; for ever, if there is none."""
        self.wanted.append(most)
        return self._body or await asyncio.get_running_loop().create_future()


def answered(world: World, sender: Sender | None) -> tuple[int, int]:
    """Return status and length of what a sender gets, if the server reads bodies."""
    body = None if sender is None else sender.send
    request = Request("POST", PLACE, "", [("content-type", FORM["Content-Type"])], False, None, body=body)

    async def answer() -> Any:
        return await world.gate.answer(request, lambda: pytest.fail("nobody looks whether the client is there"))

    response = asyncio.run(answer())
    return response.status, response.stop


def test_body_that_does_not_come_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, trail: pytest.LogCaptureFixture
) -> None:
    """Anyone may open a connection and say nothing: it is answered in ten seconds, and no more is read than counts."""
    world, sender = World(), Sender(f"logout_token={token()}".encode())
    assert answered(world, sender) == (200, 3)
    assert sender.wanted == [back_channel.LARGEST]
    assert back_channel.PATIENCE == 10

    monkeypatch.setattr(back_channel, "PATIENCE", 0.01)
    assert answered(world, Sender(None)) == (400, 12)
    assert answered(world, None) == (400, 12)
    assert decided(trail, ENDPOINT)[1:] == [("media.denied", "malformed_credential")] * 2


# --- what ends


def test_token_is_heeded_once() -> None:
    """A copy of it signs nobody out who has signed in since, and is answered as it was."""
    world = World()
    said = f"logout_token={token()}"
    assert world.say(said).said == DONE
    ends = list(world.ends)
    world.now += 10
    assert world.shows(at=world.now - 5)

    assert world.say(said).said == DONE

    assert world.ends == ends
    assert world.shows(at=world.now - 5)
    assert world.say(f"logout_token={token('two')}").said == DONE
    assert not world.shows(at=world.now - 5)


def test_token_of_a_session_ends_that_session() -> None:
    """And logins of that person that do not say of which session they are."""
    world = World()
    assert world.say(f"logout_token={token(sid='s-1')}").said == DONE
    session, person = Name("sid", of_issuer(ISSUER, "s-1")), Name("no-sid", of_issuer(ISSUER, "anna"))
    assert [names for names, _ in world.ends] == [[session, person, Name("logout-token", of_issuer(ISSUER, "one"))]]


@pytest.mark.parametrize(
    ("exp", "until"),
    [
        pytest.param(120, LONGEST_AGE, id="usual"),
        pytest.param(LONGEST_AGE + 500, LONGEST_AGE + 560, id="token-that-outlasts-the-logins"),
    ],
)
def test_it_is_remembered_for_as_long_as_it_matters(exp: int, until: int) -> None:
    """While a login may be shown that has ended by it, and while a copy of the token may be."""
    world = World()
    assert world.say(f"logout_token={token(exp=int(NOW) + exp)}").said == DONE
    assert world.ends == [([PERSON, Name("logout-token", of_issuer(ISSUER, "one"))], NOW + until)]


@pytest.mark.parametrize(
    ("method", "kind", "logged"),
    [
        pytest.param("ended_at", "logout-token", [], id="whether-it-was-heeded"),
        pytest.param("end", "person", ["logout_token.not_heeded"], id="end"),
    ],
)
def test_without_the_ledger_the_provider_is_told_so(
    method: str, kind: str, logged: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is known to be signed out, so it is no success; the provider may say it again."""
    said = f"logout_token={token()}"
    assert World().say(said).said == DONE
    caplog.clear()
    world = World()
    works = getattr(world.ledger, method)
    world.lose_the_ledger(method, kind)

    assert world.say(said).said == BAD

    assert decided(caplog, ENDPOINT) == [("media.allowed", "logout_token"), ("media.denied", "ledger_unavailable")]
    errors = [each.getMessage().split()[0] for each in caplog.records if each.name == back_channel.__name__]
    assert errors == logged
    assert world.shows()
    setattr(world.ledger, method, works)
    assert world.say(said).said == DONE
    assert not world.shows()


def test_nobody_is_signed_out_where_that_cannot_be_written_down(tmp_path: Path) -> None:
    """Where the trail is required, nothing happens that is not in it."""
    world, folder = World(), tmp_path / "trail"
    folder.mkdir()
    sinks.write_to(str(folder / "audit.jsonl"), required=True)
    try:
        assert world.say(f"logout_token={token(sub='bert')}").said == DONE
        shutil.rmtree(folder)
        assert world.say(f"logout_token={token('two')}").said == BAD
    finally:
        sinks.write_to(None)
    assert len(world.ends) == 1
    assert world.shows()


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(None, id="no-logins"),
        pytest.param(LoginRules(Logins(LoginCookies(logins.SECRET, Form.TORNADO), HERE), False), id="no-provider"),
    ],
)
def test_nobody_listens_where_no_provider_may_say_anything(rules: LoginRules | None) -> None:
    """The address is none of the app's then: it is refused as any other."""
    assert World().say("x=1").said == BAD
    world = worlds.World(logins=rules)
    said = f"logout_token={token()}".encode()
    assert world.ask(PLACE, FORM, body=said).said == FORBIDDEN
    assert world.ask(PLACE, FORM, "POST", body=said).header("Allow") == "GET, HEAD"
