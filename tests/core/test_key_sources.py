"""Where keys are published: which addresses may be named, and what may be taken from what is found there."""

from __future__ import annotations

import json
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from secure_media import jwt, own_session
from secure_media.core.key_sets import key_among, key_in, keys_in
from secure_media.core.key_sources import KeySource, key_source
from secure_media.core.model import Allow, Credentials, Decision, Deny
from secure_media.core.policy import Policy, decide
from secure_media.core.questions import KeyOf, answered
from secure_media.core.verification_keys import PublicKey
from secure_media.errors import ConfigurationError, DenialReason, MalformedCredentialError
from tests.core.asking import CLAIMS, CODEC, context_of

RSA = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
WEAK = rsa.generate_private_key(65537, 1024)  # noqa: S505
URL = "https://login.example/keys"


def jwk(private: Any, **members: Any) -> dict[str, Any]:
    """Return the public half of a key as it is published, called "one" if nothing else is said."""
    algorithm = (
        pyjwt.algorithms.RSAAlgorithm if isinstance(private, rsa.RSAPrivateKey) else pyjwt.algorithms.ECAlgorithm
    )
    published = {**json.loads(algorithm.to_jwk(private.public_key())), "kid": "one", **members}
    return {name: value for name, value in published.items() if value is not None}


def keys_of(*jwks: Any, algorithms: tuple[str, ...] = ("RS256", "ES256")) -> tuple[PublicKey, ...]:
    """Return the keys in a set."""
    return keys_in(json.dumps({"keys": jwks}).encode(), algorithms)


def read(*jwks: Any) -> dict[str | None, tuple[str, ...]]:
    """Return the names of the keys in a set, and what each may verify."""
    return {key.kid: key.algorithms for key in keys_of(*jwks)}


def pem(private: Any) -> bytes:
    """Return the public half of a key as PEM."""
    public: bytes = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return public


# --- addresses


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "https://login.example:8443/realms/a/protocol/openid-connect/certs?version=2",
        "http://127.0.0.1:8080/keys",
        "http://[::1]/keys",
        "http://localhost/keys",
    ],
)
def test_set_may_be_at(url: str) -> None:
    """A set comes over https, or from this machine."""
    assert key_source(url, ("RS256",), argument="x") == KeySource(url, ("RS256",))


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example/keys",
        "http://localhost.example/keys",
        "http://127.0.0.1.example/keys",
        "http://10.0.0.1/keys",
        "http://[fe80::1]/keys",
        "ftp://login.example/keys",
        "file:///etc/keys",
        "HTTPS://login.example/keys",
        "https://me:password@login.example/keys",
        "https://127.0.0.1@login.example/keys",
        "https://login.example\\@evil.example/keys",
        "https://login.example/keys#fragment",
        "https://login.example/{kid}",
        "https://login.example/a b",
        "https://login.example/keys\n",
        "https:///keys",
        "login.example/keys",
        "",
        None,
        b"https://login.example/keys",
    ],
)
def test_set_may_not_be_at(url: Any) -> None:
    """An address from which anyone may send anything, or that can be read in two ways, is one clear error."""
    with pytest.raises(ConfigurationError, match=r"^argument: "):
        key_source(url, ("RS256",), argument="argument")


def test_password_in_an_address_is_not_in_the_error() -> None:
    """What is refused is not repeated."""
    with pytest.raises(ConfigurationError) as caught:
        key_source("https://me:hunter2@login.example/keys", ("RS256",), argument="argument")

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://keys.example/{kid}", "http://127.0.0.1:1/a/{kid}.pem", URL + "?name={kid}"])
def test_keys_may_have_addresses_of_their_own(url: str) -> None:
    """The name of a key stands somewhere in the path or the query."""
    source = key_source(url, ("ES256",), argument="x", pem=True)

    assert source.is_pem
    assert source.address_of("a-key_1") == url.replace("{kid}", "a-key_1")


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "https://{kid}.example/keys",
        "https://{kid}/keys",
        "https://keys.example:{kid}/",
        "{kid}",
        "https://keys.example/{kid}/{kid}",
        "http://keys.example/{kid}",
        "https://keys.example/{kid}#x",
        "https://keys.example{kid}",
    ],
)
def test_name_of_a_key_chooses_no_host(url: str) -> None:
    """A token, which anyone can write, chooses among the keys of one publisher, and not whom we ask."""
    with pytest.raises(ConfigurationError, match=r"^argument: "):
        key_source(url, ("ES256",), argument="argument", pem=True)


@pytest.mark.parametrize(
    ("kid", "in_a_set", "in_an_address"),
    [
        ("0f1e2d3c-4b5a", True, True),
        ("a" * 128, True, True),
        ("a" * 129, True, False),
        ("a" * 257, False, False),
        ("a/../b", True, False),
        ("..", True, False),
        ("a%2Fb", True, False),
        ("a?b", True, False),
        ("a@b", True, False),
        ("a b", False, False),
        ("a\n", False, False),
        ("ä", False, False),
        ("", False, False),
    ],
)
def test_name_of_a_key(kid: str, in_a_set: bool, in_an_address: bool) -> None:
    """A name that becomes part of an address has nothing in it that means anything there."""
    assert KeySource(URL, ()).knows(kid) is in_a_set
    assert KeySource(URL, ()).knows(None)
    assert KeySource("https://keys.example/{kid}", ()).knows(kid) is in_an_address
    assert not KeySource("https://keys.example/{kid}", ()).knows(None)


def test_log_does_not_show_the_query() -> None:
    """Some issuers want a secret in the query."""
    assert KeySource(URL + "?api_key=hunter2", ()).shown == URL


# --- sets


def test_keys_of_a_set_are_known_by_name() -> None:
    """Each verifies what it is for and what is accepted."""
    assert read(jwk(RSA), jwk(P256, kid="two"), jwk(RSA, kid="three", alg="RS256")) == {
        "one": ("RS256",),
        "two": ("ES256",),
        "three": ("RS256",),
    }


@pytest.mark.parametrize(
    "left_out",
    [
        pytest.param({**jwk(RSA), "kid": None}, id="name-is-null"),
        pytest.param(jwk(RSA, kid=7), id="name-is-a-number"),
        pytest.param(jwk(RSA, use="enc"), id="for-encryption"),
        pytest.param(jwk(RSA, use=["sig"]), id="use-is-a-list"),
        pytest.param(jwk(RSA, key_ops=["sign"]), id="for-signing-only"),
        pytest.param(jwk(RSA, key_ops="verify"), id="key-ops-is-text"),
        pytest.param(jwk(RSA, alg="RS512"), id="for-another-algorithm"),
        pytest.param(jwk(RSA, alg="RSA-OAEP"), id="for-no-signature"),
        pytest.param(jwk(RSA, alg=["RS256"]), id="alg-is-a-list"),
        pytest.param(jwk(WEAK), id="weak"),
        pytest.param(jwk(P384), id="another-curve"),
        pytest.param(jwk(RSA, n="AQAB"), id="modulus-of-nothing"),
        pytest.param(jwk(RSA, n=5), id="modulus-is-a-number"),
        pytest.param({"kty": "oct", "kid": "one", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMw"}, id="a-secret"),
        pytest.param({"kty": "oct", "kid": "one", "k": "c2VjcmV0", "alg": "RS256"}, id="a-secret-that-says-otherwise"),
        pytest.param({"kid": "one"}, id="of-no-kind"),
        pytest.param("one", id="text"),
        pytest.param(None, id="null"),
    ],
)
def test_key_that_is_left_out_of_a_set(left_out: Any) -> None:
    """What verifies nothing that is accepted is not there; what stands beside it is."""
    assert read(jwk(RSA)) == {"one": ("RS256",)}

    assert read(left_out, jwk(RSA, kid="good")) == {"good": ("RS256",)}


def test_private_key_in_a_set_verifies_nothing() -> None:
    """A private key that is published is everyone's."""
    private = json.loads(pyjwt.algorithms.RSAAlgorithm.to_jwk(RSA))

    assert read({**private, "kid": "one"}, jwk(OTHER, kid="good")) == {"good": ("RS256",)}


def test_two_keys_of_one_name_are_none() -> None:
    """Nobody can tell which of them a token means."""
    assert read(jwk(RSA), jwk(OTHER), jwk(RSA, kid="good")) == {"good": ("RS256",)}


RSA_ONE, RSA_TWO, EC_ONE, NAMELESS = jwk(RSA), jwk(OTHER, kid="two"), jwk(P256, kid="ec"), jwk(OTHER, kid=None)


@pytest.mark.parametrize(
    ("jwks", "kid", "algorithm", "meant"),
    [
        pytest.param([RSA_ONE, RSA_TWO, NAMELESS], "two", "RS256", 1, id="by-name"),
        pytest.param([RSA_ONE, NAMELESS], "two", "RS256", None, id="name-is-not-there"),
        pytest.param([NAMELESS], "one", "RS256", None, id="name-of-a-nameless-key"),
        pytest.param([RSA_ONE], None, "RS256", 0, id="only-one"),
        pytest.param([NAMELESS], None, "RS256", 0, id="only-one-and-nameless"),
        pytest.param([EC_ONE, RSA_ONE], None, "RS256", 1, id="only-one-for-that-algorithm"),
        pytest.param([EC_ONE], None, "RS256", None, id="none-for-that-algorithm"),
        pytest.param([RSA_ONE, RSA_TWO], None, "RS256", None, id="two-that-fit"),
        pytest.param([RSA_ONE, NAMELESS], None, "RS256", None, id="two-and-one-nameless"),
        pytest.param([NAMELESS, NAMELESS], None, "RS256", None, id="two-nameless"),
        pytest.param([], None, "RS256", None, id="no-keys"),
    ],
)
def test_key_that_a_token_means(jwks: list[Any], kid: str | None, algorithm: str, meant: int | None) -> None:
    """A token means the key that it names; one that names none, the only one that could have signed it."""
    keys = keys_of(*jwks)
    assert len(keys) == len(jwks)

    assert key_among(keys, kid, algorithm) == (None if meant is None else keys[meant])


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"no JSON",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": null}',
        b'{"keys": [], "keys": []}',
        b"\xff",
        json.dumps({"keys": [jwk(RSA)] * 101}).encode(),
        b'{"keys": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_what_is_no_set(document: bytes) -> None:
    """Anything but a JWK Set is an error, and not a set without keys."""
    with pytest.raises(MalformedCredentialError):
        keys_in(document, ("RS256",))


def test_key_is_read_from_pem() -> None:
    """A key that has an address of its own comes as PEM."""
    assert key_in(pem(P256), "one", ("ES256", "ES384")).algorithms == ("ES256",)
    assert key_in(pem(P256), "one", ("ES256",)) == key_in(pem(P256), "one", ("ES256",))
    assert key_in(pem(P256), "one", ("ES256",)) != key_in(pem(P256), "two", ("ES256",))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>not found</html>", id="a-page"),
        pytest.param(pem(P384), id="another-curve"),
        pytest.param(pem(RSA), id="another-kind"),
        pytest.param(P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), id="private"),
        pytest.param(
            P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")), id="encrypted"
        ),
        pytest.param(pem(P256)[:-40], id="cut-off"),
    ],
)
def test_what_is_no_key(data: bytes) -> None:
    """A page that says that there is nothing is no key; nor is one for something else."""
    with pytest.raises(MalformedCredentialError):
        key_in(data, "one", ("ES256",))


def test_key_is_not_shown() -> None:
    """A key says only what it is called, and for what it is."""
    assert repr(key_in(pem(P256), "one", ("ES256",))) == "PublicKey(kid='one', algorithms=('ES256',))"


# --- the policy


def policy(**more: Any) -> Policy:
    """Return a policy for tokens of which the keys are published."""
    given = {"cookie": "session", "jwks_url": URL, "algorithms": ["RS256"], "issuer": "login", "audience": "media"}
    return jwt(**{**given, **more})


def decided(token: str, answer: Any, **more: Any) -> Decision:
    """Return what is decided about a token, with `answer` to each question; a callable gets the question."""
    asked = policy(**more)
    context = context_of(credentials=Credentials(cookies=(("session", token),)))
    return answered(decide(asked, context, CODEC), answer if callable(answer) else lambda _: answer)


def token(private: Any = RSA, kid: Any = "one", **header: Any) -> str:
    """Return a token of that key, which says that it is called `kid`."""
    names = {} if kid is None else {"kid": kid}
    return pyjwt.encode(dict(CLAIMS), private, "RS256", headers={**names, **header})


(KEY,) = keys_of(jwk(RSA), algorithms=("RS256",))


def test_token_of_a_published_key_opens() -> None:
    """The key that it names is asked for, at the one place that was configured."""
    questions: list[object] = []

    def answer(question: object) -> PublicKey:
        questions.append(question)
        return KEY

    assert decided(token(), answer) == Allow("jwt", "anna", dict(CLAIMS))
    assert questions == [KeyOf(KeySource(URL, ("RS256",)), "one", "RS256")]


def test_token_that_names_no_key_opens() -> None:
    """Whether only one key fits is asked, and which; none that has an address of its own is."""
    questions: list[object] = []

    def answer(question: object) -> PublicKey:
        questions.append(question)
        return KEY

    assert isinstance(decided(token(kid=None), answer), Allow)
    assert questions == [KeyOf(KeySource(URL, ("RS256",)), None, "RS256")]
    by_address = {"jwks_url": None, "pem_url": "https://keys.example/{kid}"}
    assert decided(token(kid=None), answer, **by_address) == Deny(DenialReason.UNKNOWN_KEY)
    assert len(questions) == 1


def test_token_names_no_place() -> None:
    """Where a token says that its key is, nobody looks (RFC 8725 section 3.10)."""
    asked: list[Any] = []
    elsewhere = token(jku="https://evil.example/keys", x5u="https://evil.example/x", jwk=jwk(OTHER), kid="one")

    decided(elsewhere, lambda question: asked.append(question))

    assert [question.source.url for question in asked] == [URL]


@pytest.mark.parametrize(
    ("sent", "answer", "reason"),
    [
        pytest.param(token(), None, DenialReason.UNKNOWN_KEY, id="none-of-that-name"),
        pytest.param(token(), DenialReason.UNKNOWN_KEY, DenialReason.UNKNOWN_KEY, id="not-there"),
        pytest.param(token(), DenialReason.KEY_UNAVAILABLE, DenialReason.KEY_UNAVAILABLE, id="not-to-be-had"),
        pytest.param(token(), True, DenialReason.UNKNOWN_KEY, id="an-answer-that-is-none"),
        pytest.param(token(kid="two"), KEY, DenialReason.UNKNOWN_KEY, id="the-key-of-another-name"),
        pytest.param(token(kid=None), DenialReason.UNKNOWN_KEY, DenialReason.UNKNOWN_KEY, id="names-none-of-two"),
        pytest.param(token(OTHER, kid=None), KEY, DenialReason.SIGNATURE_MISMATCH, id="names-none-and-has-another"),
        pytest.param(token(kid="a b"), KEY, DenialReason.UNKNOWN_KEY, id="names-what-nothing-is-called"),
        pytest.param(token(OTHER), KEY, DenialReason.SIGNATURE_MISMATCH, id="another-key"),
        pytest.param(
            pyjwt.encode(dict(CLAIMS), RSA, "RS512", headers={"kid": "one"}),
            KEY,
            DenialReason.SIGNATURE_MISMATCH,
            id="another-algorithm",
        ),
        pytest.param(
            pyjwt.encode(dict(CLAIMS), "x" * 64, "HS256", headers={"kid": "one"}),
            KEY,
            DenialReason.SIGNATURE_MISMATCH,
            id="a-secret",
        ),
    ],
)
def test_token_that_does_not_hold_by_a_published_key(sent: str, answer: Any, reason: DenialReason) -> None:
    """A token holds by the key that it names, as that is published, or not at all."""
    assert isinstance(decided(token(), KEY), Allow)

    assert decided(sent, answer) == Deny(reason)


def test_name_that_nothing_is_called_is_not_asked_for() -> None:
    """A name that could lead elsewhere gets into no address."""
    asked: list[Any] = []
    for kid in ("../../evil", "a b", "x" * 200):
        more = {"jwks_url": None, "pem_url": "https://keys.example/{kid}"}
        assert decided(token(kid=kid), lambda question: asked.append(question), **more) == Deny(
            DenialReason.UNKNOWN_KEY
        )
    assert asked == []


def test_genuine_token_ends_with_its_key() -> None:
    """A token that has opened does not, once the issuer has withdrawn the key."""
    asked, sent = policy(), token()
    context = context_of(credentials=Credentials(cookies=(("session", sent),)))
    replies: list[PublicKey | None] = [KEY, None, *keys_of(jwk(OTHER))]

    def answer(question: object) -> PublicKey | None:
        return replies.pop(0)

    decisions = [answered(decide(asked, context, CODEC), answer) for _ in range(3)]

    assert isinstance(decisions[0], Allow)
    assert decisions[1:] == [Deny(DenialReason.UNKNOWN_KEY), Deny(DenialReason.SIGNATURE_MISMATCH)]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        pytest.param({"key": "x" * 40}, "give one", id="two-of-them"),
        pytest.param({"jwks_url": None}, "give one", id="none-of-them"),
        pytest.param({"pem_url": "https://keys.example/{kid}"}, "give one", id="both"),
        pytest.param({"jwks_url": "http://login.example/keys"}, r"jwks_url=.*Use https", id="http"),
        pytest.param({"jwks_url": None, "pem_url": URL}, r"pem_url=.*\{kid\}", id="without-a-name"),
        pytest.param({"algorithms": ["HS256"]}, "HS algorithms take a secret", id="hs"),
        pytest.param({"algorithms": ["RS256", "HS256"]}, "HS algorithms take a secret", id="hs-too"),
        pytest.param({"algorithms": []}, "an empty list", id="no-algorithm"),
        pytest.param({"audience": None}, "audience", id="no-audience"),
    ],
)
def test_wrong_source_is_one_clear_error(wrong: dict[str, Any], said: str) -> None:
    """What cannot be right is said before the app starts, by the name of its argument."""
    policy()
    with pytest.raises(ConfigurationError, match=said):
        policy(**wrong)


def test_rules_that_are_combined_have_the_sources_of_both() -> None:
    """What has to be fetched at start is known of each rule."""
    one, other = policy(), policy(jwks_url="https://other.example/keys")

    assert [source.url for source in (one | other).key_sources] == [URL, "https://other.example/keys"]
    assert [source.url for source in (one & other).key_sources] == [URL, "https://other.example/keys"]
    assert (own_session() | one).key_sources == one.key_sources
    assert (own_session().needs_proxies, one.needs_proxies) == (False, False)
