"""Published keys as they were last: a real server that changes them, says nonsense, is slow, or is away."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import json
import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from secure_media.core.key_sources import KeySource
from secure_media.core.verification_keys import PublicKey
from secure_media.errors import ConfigurationError, DenialReason, KeysUnavailableError
from secure_media.stores.fetching import DUE, FRESH, LARGEST, LAST_GOOD, LONGEST, RETRY, UNKNOWN, fetch, in_time
from secure_media.stores.pem_keys import AT_ONCE, EACH, MOST
from secure_media.stores.published_keys import PublishedKeys
from tests.core.test_key_sources import OTHER, P256, RSA, jwk, pem


class Issuer:
    """
    A server that publishes keys.

    Attributes:
        answer: What it answers: a status, headers, and a body, made for the path that is asked for.
        asked: The paths that were asked for, and what came with them.
    """

    def __init__(self) -> None:
        self.answer: Callable[[str], tuple[int, dict[str, str], bytes]] = lambda path: (404, {}, b"")
        self.asked: list[tuple[str, dict[str, str]]] = []
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
                status, headers, body = issuer.answer(self.path)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    return  # it was not wanted to the end

            def log_message(self, *_: Any) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True)
        self._thread.start()
        self.origin = f"http://127.0.0.1:{self._server.server_port}"

    def publish(self, *jwks: Any) -> None:
        """Answer with a set of keys."""
        self.answer = lambda path: (200, {}, json.dumps({"keys": jwks}).encode())

    def publish_pem(self, **pems: bytes) -> None:
        """Answer with keys at addresses of their own."""
        self.answer = lambda path: (200, {}, pems[path[1:]]) if path[1:] in pems else (404, {}, b"<html>")

    def fail(self) -> None:
        """Answer with an error."""
        self.answer = lambda path: (503, {}, b"")

    def over_tls(self, chain: Path) -> None:
        """Speak TLS from now on, with a private key and a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.origin = self.origin.replace("http:", "https:")

    def close(self) -> None:
        """Go away."""
        self._server.shutdown()
        self._server.server_close()


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Return a server that publishes nothing yet."""
    issuer = Issuer()
    yield issuer
    issuer.close()


@pytest.fixture
def clock() -> Clock:
    """Return a clock."""
    return Clock()


def source_of(issuer: Issuer) -> KeySource:
    """Return the source of its set."""
    return KeySource(f"{issuer.origin}/keys", ("RS256", "ES256"))


def pem_source_of(issuer: Issuer) -> KeySource:
    """Return the source of its keys that have addresses of their own."""
    return KeySource(f"{issuer.origin}/{{kid}}", ("RS256", "ES256"))


def loaded(issuer: Issuer, clock: Clock) -> PublishedKeys:
    """Return its keys, as an app has them that has just started."""
    keys = PublishedKeys([source_of(issuer), pem_source_of(issuer)], clock=clock)
    issuer.publish(jwk(RSA))
    keys.load()
    issuer.asked.clear()
    return keys


def at_hand(keys: PublishedKeys, source: KeySource, kid: str | None) -> PublicKey | None:
    """Return the key `kid` as it was published last."""
    found = keys.recall(source, kid, "RS256")
    return found if isinstance(found, PublicKey) else None


def known(keys: PublishedKeys, source: KeySource, kid: str | None) -> PublicKey | None:
    """Return the key `kid`, as a request gets it that waits for a look where one is due."""
    looking = keys.look_for(source, kid, "RS256")
    if looking is not None:
        looking.result(30)
    return at_hand(keys, source, kid)


def recalled(keys: PublishedKeys, source: KeySource, kid: str | None, seen: Callable[[], bool]) -> PublicKey | None:
    """Return the key `kid` as it is at once; a look that is due goes on behind it, until it is `seen`."""
    assert keys.look_for(source, kid, "RS256") is None
    found = at_hand(keys, source, kid)
    until(seen)
    return found


def certificate(private: RSAPrivateKey) -> bytes:
    """Return a certificate for this machine that its key has signed itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
    )
    return builder.sign(private, hashes.SHA256()).public_bytes(Encoding.PEM)


def until(check: Callable[[], bool]) -> None:
    """Return when `check` says so, which another thread sees to."""
    for _ in range(3000):
        if check():
            return
        threading.Event().wait(0.01)
    pytest.fail("it did not happen")


# --- fetching


def test_set_is_fetched_without_any_credentials(issuer: Issuer, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """What the machine keeps for other programs, a password or a proxy, has nothing to do with it."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    issuer.publish(jwk(RSA))

    assert json.loads(fetch(source_of(issuer)))["keys"][0]["kid"] == "one"
    ((path, headers),) = issuer.asked
    assert path == "/keys"
    assert not {"authorization", "cookie", "proxy-authorization"} & headers.keys()


def test_server_that_cannot_prove_who_it_is_is_not_asked(issuer: Issuer, tmp_path: Path) -> None:
    """With a certificate that nobody vouches for, it may be anyone on the way."""
    issuer.publish(jwk(RSA))
    assert fetch(source_of(issuer))
    issuer.asked.clear()
    key = RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "chain.pem").write_bytes(key + certificate(RSA))
    issuer.over_tls(tmp_path / "chain.pem")

    with pytest.raises(KeysUnavailableError, match=r"cannot be reached \(SSLError\)"):
        fetch(source_of(issuer))

    assert issuer.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda path: (404, {}, b"{}"), id="not-found"),
        pytest.param(lambda path: (204, {}, b""), id="no-content"),
        pytest.param(lambda path: (206, {}, b'{"keys": []}'), id="a-part"),
        pytest.param(lambda path: (302, {"Location": "/elsewhere"}, b""), id="elsewhere"),
        pytest.param(lambda path: (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b"), id="compressed"),
        pytest.param(lambda path: (200, {}, b" " * (LARGEST + 1)), id="too-long"),
        pytest.param(lambda path: (200, {"Content-Length": "100"}, b"{}"), id="cut-off"),
    ],
)
def test_answer_that_is_none(issuer: Issuer, answer: Any) -> None:
    """Only a whole answer from the one address counts; nobody is followed elsewhere."""
    issuer.publish(jwk(RSA))
    assert fetch(source_of(issuer))
    issuer.asked.clear()
    issuer.answer = answer

    with pytest.raises(KeysUnavailableError) as caught:
        fetch(source_of(issuer))

    assert [path for path, _ in issuer.asked] == ["/keys"]
    assert "127.0.0.1" not in str(caught.value)


def test_answer_that_takes_too_long_is_none(issuer: Issuer) -> None:
    """Who sends on and on keeps nobody for longer than ten seconds."""
    issuer.answer = lambda path: (200, {}, b" " * 10_000)
    times = iter(range(100))
    assert len(fetch(source_of(issuer))) == 10_000

    with pytest.raises(KeysUnavailableError, match="longer than 10 seconds"):
        fetch(source_of(issuer), clock=lambda: float(next(times)))


# --- at start


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param((404, {}, b""), "answers 404: there are none", id="not-found"),
        pytest.param((302, {"Location": "/"}, b""), "answers 302, .*name the address itself", id="elsewhere"),
        pytest.param((200, {}, b"<html>"), "not a JWK Set", id="a-page"),
        pytest.param((200, {}, b'{"keys": []}'), "none is for RS256, ES256", id="no-keys"),
    ],
)
def test_app_without_keys_does_not_start(issuer: Issuer, clock: Clock, answer: Any, said: str) -> None:
    """Where nobody could ever be let in, the start fails, and says where and why."""
    loaded(issuer, clock)
    issuer.answer = lambda path: answer

    with pytest.raises(ConfigurationError, match=rf"^jwt\(jwks_url=...\): no keys at {issuer.origin}/keys: .*{said}"):
        PublishedKeys([source_of(issuer)], clock=clock).load()


def test_issuer_that_is_away_at_start(issuer: Issuer, clock: Clock) -> None:
    """Nobody listens there: the start fails."""
    loaded(issuer, clock)
    issuer.close()

    with pytest.raises(ConfigurationError, match="cannot be reached"):
        PublishedKeys([source_of(issuer)], clock=clock).load()


def test_start_waits_for_ten_seconds_at_most() -> None:
    """An issuer that sends its answer drop by drop, the head of it as well, does not keep an app from saying so."""
    goes_on = threading.Event()
    try:
        assert in_time(lambda: 1, seconds=30) == 1
        with pytest.raises(KeysUnavailableError, match="longer than"):
            in_time(lambda: goes_on.wait(30), seconds=0.01)
        with pytest.raises(ZeroDivisionError):
            in_time(lambda: 1 // 0)
    finally:
        goes_on.set()


# --- a set


def test_keys_are_known_without_asking(issuer: Issuer, clock: Clock) -> None:
    """While they are fresh, a request waits for nothing, and nobody is asked."""
    keys = loaded(issuer, clock)
    clock.now += DUE - 1

    assert all(keys.look_for(source_of(issuer), "one", "RS256") is None for _ in range(1000))
    assert at_hand(keys, source_of(issuer), "one") is not None
    assert issuer.asked == []


def test_new_key_is_found_when_a_token_names_it(issuer: Issuer, clock: Clock) -> None:
    """The issuer signs with another key from one moment to the next; no good token is refused."""
    keys = loaded(issuer, clock)
    issuer.publish(jwk(RSA), jwk(OTHER, kid="two"))

    assert known(keys, source_of(issuer), "two") is not None
    assert at_hand(keys, source_of(issuer), "one") is not None
    assert keys.recall(source_of(issuer), "three", "RS256") is DenialReason.UNKNOWN_KEY
    assert len(issuer.asked) == 1


def test_token_that_names_no_key(issuer: Issuer, clock: Clock) -> None:
    """Where only one key fits it is meant, named or not; of two, none is, and asking costs a look a minute."""
    keys, source = loaded(issuer, clock), source_of(issuer)
    assert known(keys, source, None) == known(keys, source, "one")
    assert issuer.asked == []
    issuer.publish(jwk(OTHER, kid=None))
    clock.now += FRESH
    assert known(keys, source, None) is not None
    assert known(keys, source, "one") is None
    issuer.publish(jwk(RSA), jwk(OTHER, kid=None))
    clock.now += FRESH
    assert known(keys, source, None) is None
    assert keys.recall(source, None, "RS256") is DenialReason.UNKNOWN_KEY

    issuer.asked.clear()
    assert [known(keys, source, None) for _ in range(1000)] == [None] * 1000
    assert len(issuer.asked) == 1


def test_key_that_is_withdrawn_ends(issuer: Issuer, clock: Clock) -> None:
    """After ten minutes at most, what the issuer leaves out is not there."""
    keys = loaded(issuer, clock)
    issuer.publish(jwk(OTHER, kid="two"))
    clock.now += DUE - 1
    assert known(keys, source_of(issuer), "one") is not None
    clock.now += FRESH - DUE + 1

    assert known(keys, source_of(issuer), "one") is None
    assert known(keys, source_of(issuer), "two") is not None


def test_keys_are_looked_at_before_anyone_has_to_wait(issuer: Issuer, clock: Clock) -> None:
    """An app that is used has fresh keys: the look that is due in eight minutes goes on behind the request."""
    keys = loaded(issuer, clock)
    issuer.publish(jwk(RSA), jwk(OTHER, kid="two"))
    clock.now += DUE

    assert recalled(keys, source_of(issuer), "one", lambda: at_hand(keys, source_of(issuer), "two") is not None)
    assert len(issuer.asked) == 1


def test_look_that_does_not_end(issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Who sends a drop now and then keeps requests waiting for ten seconds at most, and one look at a time going."""
    keys, source, goes_on = loaded(issuer, clock), source_of(issuer), threading.Event()
    answer = issuer.answer
    issuer.answer = lambda path: answer(path) if goes_on.wait(30) else (503, {}, b"")
    clock.now += FRESH
    try:
        looking = keys.look_for(source, "one", "RS256")
        assert looking is not None
        clock.now += LONGEST
        assert keys.look_for(source, "one", "RS256") is None
        assert keys.look_for(source, "two", "RS256") is None
        assert at_hand(keys, source, "one") is not None
        assert keys.recall(source, "two", "RS256") is DenialReason.KEY_UNAVAILABLE
        clock.now += RETRY
        assert keys.look_for(source, "two", "RS256") is None
    finally:
        goes_on.set()
    looking.result(30)

    assert len(issuer.asked) == 1
    assert at_hand(keys, source, "one") is not None
    assert [record.getMessage().partition(" ")[0] for record in caplog.records] == [
        "keys.unavailable",
        "keys.available",
    ]


def test_name_with_another_key_is_another_key(issuer: Issuer, clock: Clock) -> None:
    """An issuer that uses a name again has replaced the key."""
    keys = loaded(issuer, clock)
    before = known(keys, source_of(issuer), "one")
    issuer.publish(jwk(OTHER))
    clock.now += FRESH

    assert before != known(keys, source_of(issuer), "one")


def test_names_that_are_made_up_cause_one_look_a_minute(issuer: Issuer, clock: Clock) -> None:
    """A thousand tokens with names of their own, within a minute: the issuer notices one, and the next minute again."""
    keys = loaded(issuer, clock)
    for minute in range(1, 4):
        assert [known(keys, source_of(issuer), f"made up {number}") for number in range(1000)] == [None] * 1000
        assert len(issuer.asked) == minute
        clock.now += UNKNOWN


def test_source_that_is_not_configured_has_no_keys(issuer: Issuer, clock: Clock) -> None:
    """Nobody is asked who was not named at start."""
    keys = loaded(issuer, clock)
    elsewhere = KeySource(f"{issuer.origin}/elsewhere", ("RS256",))

    assert keys.look_for(elsewhere, "one", "RS256") is None
    assert keys.recall(elsewhere, "one", "RS256") is DenialReason.UNKNOWN_KEY
    assert issuer.asked == []


def test_outage(issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """The last keys are good for four hours, then there are none; it heals by itself, and the log says so once each."""
    keys, source = loaded(issuer, clock), source_of(issuer)
    caplog.set_level(logging.INFO, "secure_media")
    issuer.fail()
    clock.now += FRESH
    assert known(keys, source, "one") is not None
    asked = len(issuer.asked)
    clock.now += RETRY
    # Who shows a good token does not wait for an issuer that is known to be away.
    assert recalled(keys, source, "one", lambda: len(issuer.asked) > asked) is not None
    assert known(keys, source, "two") is None
    assert keys.recall(source, "two", "RS256") is DenialReason.KEY_UNAVAILABLE  # it may be there: that cannot be said
    clock.now = 1000.0 + LAST_GOOD - 1
    assert known(keys, source, "one") is not None
    clock.now += 1
    assert known(keys, source, "one") is None
    assert keys.recall(source, "one", "RS256") is DenialReason.KEY_UNAVAILABLE
    assert len(caplog.records) == 1

    issuer.publish(jwk(RSA))
    clock.now += RETRY
    keys.look_for(source, "one", "RS256")
    until(lambda: at_hand(keys, source, "one") is not None)

    assert [record.getMessage().partition(" ")[0] for record in caplog.records] == [
        "keys.unavailable",
        "keys.available",
    ]
    assert all(issuer.origin in record.getMessage() for record in caplog.records)


def test_nonsense_is_an_outage(issuer: Issuer, clock: Clock) -> None:
    """A page where the keys should be does not end the keys: whoever put it there is not the issuer."""
    keys = loaded(issuer, clock)
    issuer.answer = lambda path: (200, {}, b"<html>down for maintenance</html>")
    clock.now += FRESH

    assert known(keys, source_of(issuer), "one") is not None


def test_set_without_keys_ends_them(issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """An issuer that publishes a set without a key has withdrawn them all; the operator learns of it."""
    keys = loaded(issuer, clock)
    issuer.publish()
    clock.now += FRESH

    assert known(keys, source_of(issuer), "one") is None
    assert "keys.unavailable" in caplog.text
    assert "hours" not in caplog.text


# --- keys with addresses of their own


def test_key_is_fetched_when_a_token_names_it(issuer: Issuer, clock: Clock) -> None:
    """It is fetched once, and known from then on."""
    keys, source = loaded(issuer, clock), pem_source_of(issuer)
    issuer.publish_pem(one=pem(RSA), two=pem(P256))

    assert at_hand(keys, source, "one") is None
    assert [found.algorithms for kid in ("one", "two", "one") if (found := known(keys, source, kid))] == [
        ("RS256",),
        ("ES256",),
        ("RS256",),
    ]
    assert [path for path, _ in issuer.asked] == ["/one", "/two"]


def test_names_that_are_made_up_cause_few_looks(issuer: Issuer, clock: Clock) -> None:
    """A thousand of them: six looks, and one more every ten seconds. None pushes out a key."""
    keys, source = loaded(issuer, clock), pem_source_of(issuer)
    issuer.publish_pem(one=pem(RSA))
    assert known(keys, source, "one") is not None
    for number in range(1000):
        assert known(keys, source, f"made-up-{number}") is None
    assert len(issuer.asked) == AT_ONCE
    clock.now += 3 * EACH
    for number in range(1000):
        assert known(keys, source, f"made-up-{number}") is None
    assert len(issuer.asked) == AT_ONCE + 3
    assert known(keys, source, "one") is not None


def test_name_of_no_key_is_not_looked_for_again_at_once(issuer: Issuer, clock: Clock) -> None:
    """What is not there is not there for a minute; then it may be."""
    keys, source = loaded(issuer, clock), pem_source_of(issuer)
    issuer.publish_pem()
    for _ in range(5):
        assert known(keys, source, "one") is None
    assert len(issuer.asked) == 1
    issuer.publish_pem(one=pem(RSA))
    clock.now += UNKNOWN

    assert known(keys, source, "one") is not None


def test_key_with_an_address_is_looked_at_again(issuer: Issuer, clock: Clock) -> None:
    """After eight minutes it is fetched anew, behind the request; in an outage it lasts for four hours."""
    keys, source = loaded(issuer, clock), pem_source_of(issuer)
    issuer.publish_pem(one=pem(RSA))
    assert known(keys, source, "one") is not None
    issuer.publish_pem(one=pem(OTHER))
    clock.now += DUE
    before = recalled(keys, source, "one", lambda: len(issuer.asked) == 2)
    until(lambda: at_hand(keys, source, "one") != before)
    issuer.fail()
    clock.now += LAST_GOOD - RETRY
    assert known(keys, source, "one") is not None
    clock.now += RETRY - 1
    assert recalled(keys, source, "one", lambda: len(issuer.asked) == 3) is not None
    clock.now += 1

    assert known(keys, source, "one") is None
    issuer.publish_pem(one=pem(RSA))
    clock.now += RETRY
    assert known(keys, source, "one") is not None


def test_key_with_an_address_that_is_withdrawn_ends(issuer: Issuer, clock: Clock) -> None:
    """Where the issuer says that there is no such key any more, ten minutes end it, and not four hours."""
    keys, source = loaded(issuer, clock), pem_source_of(issuer)
    for status, kid in ((404, "one"), (410, "two")):
        issuer.publish_pem(one=pem(RSA), two=pem(RSA))
        assert known(keys, source, kid) is not None
        issuer.answer = lambda path, status=status: (status, {}, b"")  # type: ignore[misc]
        clock.now += FRESH
        assert known(keys, source, kid) is None


def test_look_at_a_key_with_an_address_that_does_not_end(issuer: Issuer, clock: Clock) -> None:
    """Who shows a token whose key is known waits for ten seconds at most."""
    keys, source, goes_on = loaded(issuer, clock), pem_source_of(issuer), threading.Event()
    issuer.publish_pem(one=pem(RSA))
    assert known(keys, source, "one") is not None
    issuer.answer = lambda path: (200, {}, pem(OTHER)) if goes_on.wait(30) else (503, {}, b"")
    clock.now += FRESH
    try:
        looking = keys.look_for(source, "one", "RS256")
        assert looking is not None
        clock.now += LONGEST
        assert keys.look_for(source, "one", "RS256") is None
        assert at_hand(keys, source, "one") is not None
    finally:
        goes_on.set()
    looking.result(30)

    assert len(issuer.asked) == 2


def test_names_that_are_made_up_keep_no_key_from_being_looked_at(issuer: Issuer, clock: Clock) -> None:
    """Else who makes them up for four hours, one in ten seconds, would end every key."""
    keys, source = loaded(issuer, clock), pem_source_of(issuer)
    issuer.publish_pem(one=pem(RSA))
    assert known(keys, source, "one") is not None
    clock.now += DUE
    for number in range(100):
        assert known(keys, source, f"made-up-{number}") is None
    issuer.asked.clear()

    assert recalled(keys, source, "one", lambda: [path for path, _ in issuer.asked] == ["/one"]) is not None


def test_outage_of_keys_with_addresses_is_told(issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Where no key could be fetched at all, the operator learns why; names that are made up are no news."""
    keys, source = loaded(issuer, clock), pem_source_of(issuer)
    issuer.fail()
    assert known(keys, source, "one") is None
    assert keys.recall(source, "one", "RS256") is DenialReason.KEY_UNAVAILABLE
    issuer.publish_pem(one=pem(RSA))
    clock.now += UNKNOWN
    assert known(keys, source, "one") is not None
    for number in range(3):
        assert known(keys, source, f"made-up-{number}") is None
        assert keys.recall(source, f"made-up-{number}", "RS256") is DenialReason.UNKNOWN_KEY

    assert [record.getMessage().partition(" ")[0] for record in caplog.records] == [
        "keys.unavailable",
        "keys.available",
    ]


def test_few_keys_are_kept(issuer: Issuer, clock: Clock) -> None:
    """The last ones are."""
    keys, source = loaded(issuer, clock), pem_source_of(issuer)
    issuer.answer = lambda path: (200, {}, pem(RSA))
    for number in range(MOST + 1):
        clock.now += EACH
        assert known(keys, source, f"key-{number}") is not None

    assert at_hand(keys, source, "key-0") is None
    assert at_hand(keys, source, "key-1") is not None
