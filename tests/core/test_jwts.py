"""JSON Web Tokens: the honest ones of every algorithm, and the attacks of RFC 8725."""

from __future__ import annotations

import base64
import copy
import datetime
import functools
import hashlib
import hmac
import json
import pickle
import string
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, x25519
from cryptography.x509.oid import NameOID

from secure_media.core.compact import MAX_JWT_LENGTH
from secure_media.core.jwts import JwtVerifier, issue, kid_of
from secure_media.core.verification_keys import ALGORITHMS
from secure_media.errors import (
    AudienceMismatchError,
    ClaimMismatchError,
    ConfigurationError,
    CredentialError,
    ExpiredCredentialError,
    MalformedCredentialError,
    NotYetValidCredentialError,
    SignatureMismatchError,
)

NOW = 1_800_000_000.0
ISSUER = "https://login.example"
AUDIENCE = "media.example"
#: Long enough for HS512.
SECRET = "a-secret-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ"
OTHER_SECRET = SECRET[::-1]
CLAIMS: Mapping[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(NOW) + 60, "sub": "anna"}

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
_MAKERS: Mapping[str, Callable[[], PrivateKey]] = {
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
    "RSA-other": lambda: rsa.generate_private_key(65537, 2048),
    "RSA-1024": lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505 - to be refused
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-256-other": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "K-256": lambda: ec.generate_private_key(ec.SECP256K1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "Ed25519-other": ed25519.Ed25519PrivateKey.generate,
    "Ed448": ed448.Ed448PrivateKey.generate,
}
HMAC = [pytest.param(name, id=name) for name in ("HS256", "HS384", "HS512")]
ASYMMETRIC = [
    *(pytest.param(name, "RSA", id=name) for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
    pytest.param("ES256", "P-256", id="ES256"),
    pytest.param("ES384", "P-384", id="ES384"),
    pytest.param("ES512", "P-521", id="ES512"),
    pytest.param("EdDSA", "Ed25519", id="Ed25519"),
    pytest.param("EdDSA", "Ed448", id="Ed448"),
]


@functools.cache
def _private(name: str) -> PrivateKey:
    return _MAKERS[name]()


def _public_pem(name: str) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return _private(name).public_key().public_bytes(serialization.Encoding.PEM, form)


def _private_pem(name: str) -> bytes:
    plain = serialization.NoEncryption()
    return _private(name).private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def _certificate(name: str) -> bytes:
    private = _private(name)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "login.example")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(datetime.datetime(2020, 1, 1))
        .not_valid_after(datetime.datetime(2040, 1, 1))
    )
    digest = None if isinstance(private, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)) else hashes.SHA256()
    return builder.sign(private, digest).public_bytes(serialization.Encoding.PEM)


def _verifier(key: str | bytes = SECRET, *algorithms: str, **more: Any) -> JwtVerifier:
    given = {"issuer": ISSUER, "audience": AUDIENCE, **more}
    return JwtVerifier(key=key, algorithms=algorithms or ("HS256",), **given)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _hs256(signed: str, secret: bytes) -> str:
    return _b64(hmac.digest(secret, signed.encode(), "sha256"))


def _made_by_hand(
    payload: bytes | None = None, header: bytes | None = None, secret: bytes = SECRET.encode(), **claims: Any
) -> str:
    """Return a JWT with any text as header and payload, and an HS256 signature that holds."""
    head = b'{"alg":"HS256","typ":"JWT"}' if header is None else header
    body = json.dumps({**CLAIMS, **claims}).encode() if payload is None else payload
    signed = f"{_b64(head)}.{_b64(body)}"
    return f"{signed}.{_hs256(signed, secret)}"


def _without(*names: str) -> bytes:
    return json.dumps({name: value for name, value in CLAIMS.items() if name not in names}).encode()


def _one(name: str, value: object) -> dict[str, Any]:
    """Return a claim whose name only the test knows, to be passed by keyword."""
    return {name: value}


def _failure(token: str, verifier: JwtVerifier | None = None, *, now: float = NOW) -> type[CredentialError] | None:
    """Return what `token` fails with, None if it holds."""
    try:
        (verifier or _verifier()).verify(token, now=now)
    except CredentialError as error:
        return type(error)
    return None


def _shown(error: BaseException) -> str:
    """Return all that a log would show of `error`."""
    return "".join(traceback.format_exception(error)) + "".join(repr(one) for one in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


# --- honest tokens


@pytest.mark.parametrize("algorithm", HMAC)
def test_token_with_a_shared_secret_verifies(algorithm: str) -> None:
    """A JWT that was signed with the shared secret gives its claims."""
    token = jwt.encode(dict(CLAIMS), SECRET, algorithm)

    assert _verifier(SECRET, algorithm).verify(token, now=NOW) == CLAIMS
    assert _verifier(SECRET.encode(), algorithm).verify(token, now=NOW) == CLAIMS


@pytest.mark.parametrize(("algorithm", "name"), ASYMMETRIC)
def test_token_with_a_private_key_verifies(algorithm: str, name: str) -> None:
    """A JWT that was signed with a private key verifies with its public key, as text or bytes."""
    token = jwt.encode(dict(CLAIMS), _private(name), algorithm)

    assert _verifier(_public_pem(name), algorithm).verify(token, now=NOW) == CLAIMS
    assert _verifier(_public_pem(name).decode(), algorithm).verify(token, now=NOW) == CLAIMS


@pytest.mark.parametrize(("algorithm", "name"), ASYMMETRIC)
def test_certificate_stands_for_its_key(algorithm: str, name: str) -> None:
    """A certificate does as well as the public key in it."""
    token = jwt.encode(dict(CLAIMS), _private(name), algorithm)

    assert _verifier(_certificate(name), algorithm).verify(token, now=NOW) == CLAIMS


def test_every_algorithm_is_tested() -> None:
    """The tables above hold every algorithm there is to choose from."""
    assert {str(param.values[0]) for param in [*HMAC, *ASYMMETRIC]} == set(ALGORITHMS)


def test_several_algorithms_of_one_key_are_accepted() -> None:
    """A verifier may pin more than one algorithm of a family."""
    verifier = _verifier(_public_pem("RSA"), "RS256", "PS256")

    assert _failure(jwt.encode(dict(CLAIMS), _private("RSA"), "RS256"), verifier) is None
    assert _failure(jwt.encode(dict(CLAIMS), _private("RSA"), "PS256"), verifier) is None
    assert _failure(jwt.encode(dict(CLAIMS), _private("RSA"), "RS512"), verifier) is SignatureMismatchError


def test_algorithm_may_be_given_as_text() -> None:
    """One algorithm needs no list around it."""
    verifier = JwtVerifier(key=SECRET, algorithms="HS256", issuer=ISSUER, audience=AUDIENCE)

    assert _failure(_made_by_hand(), verifier) is None


def test_issued_token_verifies_and_names_its_key() -> None:
    """What `issue` makes verifies, and its key can be told before that."""
    token = issue(CLAIMS, key=SECRET.encode(), kid="k1")

    assert kid_of(token) == "k1"
    assert _verifier().verify(token, now=NOW) == CLAIMS


# --- whose signature


@pytest.mark.parametrize("algorithm", [pytest.param(name, id=name or "empty") for name in ("none", "None", "NONE", "")])
@pytest.mark.parametrize("signature", [pytest.param("", id="unsigned"), pytest.param("c2ln", id="any-signature")])
def test_unsigned_token_is_refused(algorithm: str, signature: str) -> None:
    """A token that calls itself unsigned does not hold (RFC 8725 section 2.1)."""
    honest = _made_by_hand()
    assert _failure(honest) is None

    header = _b64(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    forged = f"{header}.{honest.split('.')[1]}.{signature}"

    assert _failure(forged) is SignatureMismatchError
    public = _verifier(_public_pem("RSA"), "RS256")
    assert _failure(forged, public) is SignatureMismatchError


@pytest.mark.parametrize(("algorithm", "name"), ASYMMETRIC)
@pytest.mark.parametrize(
    "spelling",
    [
        pytest.param(lambda pem: pem, id="as-is"),
        pytest.param(bytes.strip, id="stripped"),
        pytest.param(lambda pem: b"".join(pem.splitlines()[1:-1]), id="body"),
        pytest.param(lambda pem: base64.b64decode(b"".join(pem.splitlines()[1:-1])), id="der"),
    ],
)
def test_public_key_as_secret_is_refused(algorithm: str, name: str, spelling: Callable[[bytes], bytes]) -> None:
    """A token whose HMAC secret is the public key does not hold (key confusion, RFC 8725 section 2.1)."""
    verifier = _verifier(_public_pem(name), algorithm)
    assert _failure(jwt.encode(dict(CLAIMS), _private(name), algorithm), verifier) is None

    forged = _made_by_hand(secret=spelling(_public_pem(name)))

    assert _failure(forged, verifier) is SignatureMismatchError
    relabelled = f"{_b64(json.dumps({'alg': algorithm}).encode())}.{forged.partition('.')[2]}"
    assert _failure(relabelled, verifier) is SignatureMismatchError


@pytest.mark.parametrize(("algorithm", "name"), ASYMMETRIC)
def test_token_of_an_asymmetric_algorithm_is_refused_by_a_secret(algorithm: str, name: str) -> None:
    """A verifier with a shared secret takes no token of a key pair."""
    assert _failure(_made_by_hand()) is None

    assert _failure(jwt.encode(dict(CLAIMS), _private(name), algorithm)) is SignatureMismatchError


@pytest.mark.parametrize(
    ("algorithm", "name", "other"),
    [
        pytest.param("RS256", "RSA", "RSA-other", id="RS256"),
        pytest.param("PS256", "RSA", "RSA-other", id="PS256"),
        pytest.param("ES256", "P-256", "P-256-other", id="ES256"),
        pytest.param("EdDSA", "Ed25519", "Ed25519-other", id="EdDSA"),
        pytest.param("EdDSA", "Ed25519", "Ed448", id="EdDSA-other-curve"),
    ],
)
def test_token_of_another_key_pair_is_refused(algorithm: str, name: str, other: str) -> None:
    """A private key that does not belong to the public key signs nothing that holds."""
    verifier = _verifier(_public_pem(name), algorithm)
    assert _failure(jwt.encode(dict(CLAIMS), _private(name), algorithm), verifier) is None

    assert _failure(jwt.encode(dict(CLAIMS), _private(other), algorithm), verifier) is SignatureMismatchError


def test_token_of_another_secret_is_refused() -> None:
    """A secret that is not the verifier's signs nothing that holds."""
    assert _failure(_made_by_hand()) is None

    assert _failure(_made_by_hand(secret=OTHER_SECRET.encode())) is SignatureMismatchError
    assert _failure(_made_by_hand(secret=b"")) is SignatureMismatchError


@pytest.mark.parametrize("algorithm", [pytest.param("HS384", id="HS384"), pytest.param("HS512", id="HS512")])
def test_sibling_algorithm_with_the_right_secret_is_refused(algorithm: str) -> None:
    """Only the pinned algorithm counts, whatever else the same secret could sign."""
    token = jwt.encode(dict(CLAIMS), SECRET, algorithm)
    assert _failure(token, _verifier(SECRET, algorithm)) is None

    assert _failure(token) is SignatureMismatchError


def _own_key_in_header(extra: Callable[[], Mapping[str, Any]]) -> str:
    return jwt.encode(dict(CLAIMS), _private("RSA-other"), "RS256", headers={"kid": "k1", **extra()})


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param(
            lambda: {"jwk": json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(_rsa_public("RSA-other")))}, id="jwk"
        ),
        pytest.param(lambda: {"jku": "https://attacker.example/keys"}, id="jku"),
        pytest.param(lambda: {"x5u": "https://attacker.example/cert"}, id="x5u"),
        pytest.param(lambda: {"x5c": [b"".join(_certificate("RSA-other").splitlines()[1:-1]).decode()]}, id="x5c"),
        pytest.param(lambda: {"kid": "../../../../dev/null"}, id="kid-as-path"),
        pytest.param(lambda: {"kid": "' OR 1=1 --"}, id="kid-as-sql"),
    ],
)
def test_key_that_the_token_brings_along_is_ignored(extra: Callable[[], Mapping[str, Any]]) -> None:
    """A token cannot name or contain the key it is to be verified with (RFC 8725 section 3.10)."""
    verifier = _verifier(_public_pem("RSA"), "RS256")
    assert _failure(jwt.encode(dict(CLAIMS), _private("RSA"), "RS256", headers=dict(extra())), verifier) is None

    assert _failure(_own_key_in_header(extra), verifier) is SignatureMismatchError


def _rsa_public(name: str) -> rsa.RSAPublicKey:
    private = _private(name)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise TypeError(name)
    return private.public_key()


def test_no_signed_character_can_be_changed() -> None:
    """A token in which any character of header or claims is another one does not hold."""
    token = _made_by_hand()
    verifier = _verifier()
    assert _failure(token, verifier) is None
    signed = token.rpartition(".")[0]

    accepted = [
        (position, character)
        for position in range(len(signed))
        for character in string.ascii_letters + string.digits + "-_.=+/ %\n"
        if character != token[position]
        and _failure(token[:position] + character + token[position + 1 :], verifier) is None
    ]

    assert accepted == []


def test_no_whole_byte_of_the_signature_can_be_changed() -> None:
    """A signature in which any byte is another one does not hold."""
    token = _made_by_hand()
    verifier = _verifier()
    assert _failure(token, verifier) is None
    signed, _, text = token.rpartition(".")
    signature = base64.urlsafe_b64decode(text + "=")

    for position in range(len(signature)):
        changed = bytes(byte ^ (position == at) for at, byte in enumerate(signature))
        assert _failure(f"{signed}.{_b64(changed)}", verifier) is SignatureMismatchError


@pytest.mark.parametrize(
    "swap",
    [
        pytest.param(lambda one, other: [one[0], other[1], one[2]], id="payload"),
        pytest.param(lambda one, other: [other[0], one[1], one[2]], id="header"),
        pytest.param(lambda one, other: [one[0], one[1], other[2]], id="signature"),
        pytest.param(lambda one, other: [one[0], one[1], one[2][:-4]], id="signature-cut-short"),
        pytest.param(lambda one, other: [one[0], one[1], ""], id="signature-left-out"),
        pytest.param(lambda one, other: [one[0], one[1], one[2] + one[2]], id="signature-twice"),
    ],
)
def test_parts_of_two_honest_tokens_make_no_third(swap: Callable[[list[str], list[str]], list[str]]) -> None:
    """Each part of a token belongs to the others."""
    one = _made_by_hand(sub="anna")
    other = _made_by_hand(sub="bert", header=b'{"typ":"JWT","alg":"HS256"}')
    assert _failure(one) is None
    assert _failure(other) is None

    mixed = ".".join(swap(one.split("."), other.split(".")))

    assert _failure(mixed) in {SignatureMismatchError, MalformedCredentialError}


def test_ecdsa_signature_in_another_encoding_is_refused() -> None:
    """An ECDSA signature as OpenSSL writes it, or all zeros (CVE-2022-21449), does not hold."""
    private = _private("P-256")
    verifier = _verifier(_public_pem("P-256"), "ES256")
    token = jwt.encode(dict(CLAIMS), private, "ES256")
    assert _failure(token, verifier) is None
    signed = token.rpartition(".")[0]
    assert isinstance(private, ec.EllipticCurvePrivateKey)

    der = private.sign(signed.encode(), ec.ECDSA(hashes.SHA256()))

    assert _failure(f"{signed}.{_b64(der)}", verifier) is SignatureMismatchError
    assert _failure(f"{signed}.{_b64(bytes(64))}", verifier) is SignatureMismatchError


def test_rsa_signature_of_the_other_padding_is_refused() -> None:
    """A PKCS #1 signature under the name of PS256 does not hold."""
    private = _private("RSA")
    verifier = _verifier(_public_pem("RSA"), "PS256")
    token = jwt.encode(dict(CLAIMS), private, "PS256")
    assert _failure(token, verifier) is None
    signed = token.rpartition(".")[0]
    assert isinstance(private, rsa.RSAPrivateKey)

    pkcs1 = private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())

    assert _failure(f"{signed}.{_b64(pkcs1)}", verifier) is SignatureMismatchError


# --- for whom


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in ("exp", "iss", "aud")])
def test_token_without_a_required_claim_is_refused(name: str) -> None:
    """A token that lacks its end, its issuer or its audience, or has null there, does not hold."""
    assert _failure(_made_by_hand()) is None

    assert _failure(_made_by_hand(payload=_without(name))) is ClaimMismatchError
    assert _failure(_made_by_hand(**_one(name, None))) is ClaimMismatchError


@pytest.mark.parametrize(
    "issuer",
    [
        pytest.param("https://attacker.example", id="other"),
        pytest.param(ISSUER + "/", id="longer"),
        pytest.param(ISSUER[:-1], id="shorter"),
        pytest.param(ISSUER.upper(), id="capitals"),
        pytest.param("", id="empty"),
        pytest.param([ISSUER], id="list"),
        pytest.param({ISSUER: True}, id="object"),
        pytest.param(True, id="true"),
    ],
)
def test_token_of_another_issuer_is_refused(issuer: object) -> None:
    """Only the very issuer that was named counts, also if another one has the same key."""
    assert _failure(_made_by_hand(iss=ISSUER)) is None

    assert _failure(_made_by_hand(iss=issuer)) in {AudienceMismatchError, MalformedCredentialError}


@pytest.mark.parametrize(
    "audience",
    [
        pytest.param(AUDIENCE, id="text"),
        pytest.param([AUDIENCE], id="list-of-one"),
        pytest.param(["other.example", AUDIENCE], id="list-with-others"),
    ],
)
def test_token_for_us_verifies(audience: object) -> None:
    """A token may be for us alone or for several (RFC 7519 section 4.1.3)."""
    assert _failure(_made_by_hand(aud=audience)) is None


@pytest.mark.parametrize(
    "audience",
    [
        pytest.param("other.example", id="other"),
        pytest.param(AUDIENCE + ".attacker.example", id="longer"),
        pytest.param(AUDIENCE[:-1], id="shorter"),
        pytest.param("", id="empty"),
        pytest.param([], id="empty-list"),
        pytest.param(["other.example"], id="list-without-us"),
        pytest.param([[AUDIENCE]], id="nested-list"),
        pytest.param([AUDIENCE, 7], id="list-with-a-number"),
        pytest.param({AUDIENCE: True}, id="object"),
        pytest.param(7, id="number"),
        pytest.param(True, id="true"),
    ],
)
def test_token_for_somebody_else_is_refused(audience: object) -> None:
    """A token that another service was meant to get does not hold here."""
    assert _failure(_made_by_hand(aud=AUDIENCE)) is None

    refusals = {AudienceMismatchError, ClaimMismatchError, MalformedCredentialError}
    assert _failure(_made_by_hand(aud=audience)) in refusals


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        pytest.param("sub", 7, id="subject-is-a-number"),
        pytest.param("sub", ["anna"], id="subject-is-a-list"),
        pytest.param("jti", 7, id="id-is-a-number"),
    ],
)
def test_registered_claim_of_another_type_is_refused(claim: str, value: object) -> None:
    """RFC 7519 says which claims are text, and anything else is no JWT."""
    assert _failure(_made_by_hand(**_one(claim, "text"))) is None

    assert _failure(_made_by_hand(**_one(claim, value))) is MalformedCredentialError


# --- from when to when


@pytest.mark.parametrize(
    ("end", "failure"),
    [
        pytest.param(int(NOW) + 60, None, id="in-a-minute"),
        pytest.param(NOW + 0.5, None, id="fraction"),
        pytest.param(int(NOW), ExpiredCredentialError, id="now"),
        pytest.param(int(NOW) - 1, ExpiredCredentialError, id="a-second-ago"),
        pytest.param(0, ExpiredCredentialError, id="zero"),
        pytest.param(-1, ExpiredCredentialError, id="negative"),
        pytest.param(-(10**30), MalformedCredentialError, id="very-negative"),
        pytest.param(str(int(NOW) + 60), MalformedCredentialError, id="text"),
        pytest.param("", MalformedCredentialError, id="empty-text"),
        pytest.param(True, MalformedCredentialError, id="true"),
        pytest.param(False, MalformedCredentialError, id="false"),
        pytest.param([int(NOW) + 60], MalformedCredentialError, id="list"),
        pytest.param({"at": int(NOW) + 60}, MalformedCredentialError, id="object"),
        pytest.param(float("nan"), MalformedCredentialError, id="nan"),
        pytest.param(float("inf"), MalformedCredentialError, id="infinity"),
        pytest.param(float("-inf"), MalformedCredentialError, id="minus-infinity"),
        pytest.param(1e300, MalformedCredentialError, id="huge-float"),
        pytest.param(10**18, MalformedCredentialError, id="beyond-all-years"),
        pytest.param(10**400, MalformedCredentialError, id="beyond-floats"),
    ],
)
def test_end_is_a_real_moment_in_the_future(end: object, failure: type[CredentialError] | None) -> None:
    """A token holds until its end, and an end that is no moment in time is none."""
    assert _failure(_made_by_hand(exp=end)) is failure


def test_number_with_thousands_of_digits_is_refused() -> None:
    """A number that takes long to read is not read."""
    honest = json.dumps(dict(CLAIMS)).encode()
    assert _failure(_made_by_hand(payload=honest)) is None

    huge = honest.replace(b'"exp": ', b'"exp": ' + b"9" * 5000)

    assert _failure(_made_by_hand(payload=huge)) is MalformedCredentialError


@pytest.mark.parametrize("name", [pytest.param("nbf", id="nbf"), pytest.param("iat", id="iat")])
@pytest.mark.parametrize(
    ("start", "failure"),
    [
        pytest.param(int(NOW) - 60, None, id="a-minute-ago"),
        pytest.param(int(NOW), None, id="now"),
        pytest.param(0, None, id="zero"),
        pytest.param(NOW + 0.5, NotYetValidCredentialError, id="fraction-ahead"),
        pytest.param(int(NOW) + 1, NotYetValidCredentialError, id="a-second-ahead"),
        pytest.param(str(int(NOW)), MalformedCredentialError, id="text"),
        pytest.param(None, MalformedCredentialError, id="null"),
        pytest.param(False, MalformedCredentialError, id="false"),
        pytest.param(float("nan"), MalformedCredentialError, id="nan"),
        pytest.param(float("-inf"), MalformedCredentialError, id="minus-infinity"),
        pytest.param(10**400, MalformedCredentialError, id="beyond-floats"),
    ],
)
def test_beginning_is_a_real_moment_in_the_past(
    name: str, start: object, failure: type[CredentialError] | None
) -> None:
    """A token does not hold before it begins, and a beginning that is no moment in time is none."""
    assert _failure(_made_by_hand(**_one(name, start))) is failure


@pytest.mark.parametrize(
    ("claims", "ahead", "failure"),
    [
        pytest.param({"exp": int(NOW)}, 9.9, None, id="ended-within"),
        pytest.param({"exp": int(NOW)}, 10, ExpiredCredentialError, id="ended-at-the-limit"),
        pytest.param({"nbf": int(NOW)}, -10, None, id="begins-at-the-limit"),
        pytest.param({"nbf": int(NOW)}, -10.1, NotYetValidCredentialError, id="begins-beyond"),
        pytest.param({"iat": int(NOW)}, -10, None, id="issued-at-the-limit"),
        pytest.param({"iat": int(NOW)}, -10.1, NotYetValidCredentialError, id="issued-beyond"),
    ],
)
def test_leeway_forgives_clocks_just_that_much(
    claims: dict[str, Any], ahead: float, failure: type[CredentialError] | None
) -> None:
    """With a leeway of ten seconds, clocks may differ by ten seconds and no more."""
    token = _made_by_hand(**claims)

    assert _failure(token, _verifier(leeway=10), now=NOW + ahead) is failure
    assert _failure(token, _verifier(leeway=0), now=NOW + ahead) is not None


def test_clock_of_the_machine_does_not_count() -> None:
    """Only the time that is passed in counts, be it long ago or far ahead."""
    long_ago = _made_by_hand(exp=1_000, nbf=900, iat=900)
    far_ahead = _made_by_hand(exp=9_000_000_000, nbf=8_999_999_999, iat=8_999_999_999)

    assert _failure(long_ago, now=950) is None
    assert _failure(far_ahead, now=8_999_999_999) is None
    assert _failure(far_ahead, now=NOW) is NotYetValidCredentialError


# --- in which form


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param(".", id="one-dot"),
        pytest.param("..", id="two-dots"),
        pytest.param("....", id="four-dots"),
        pytest.param("not-a-jwt", id="text"),
        pytest.param("a.b.c", id="three-letters"),
        pytest.param("!!!.???.###", id="not-base64"),
        pytest.param(f"{_b64(b'7')}.{_b64(b'{}')}.c2ln", id="header-is-a-number"),
        pytest.param(f"{_b64(b'null')}.{_b64(b'{}')}.c2ln", id="header-is-null"),
        pytest.param("\u00e9" * 30, id="not-ascii"),
        pytest.param(_made_by_hand().replace(".", "\uff0e"), id="fullwidth-dots"),
        pytest.param("\ud800.\ud800.\ud800", id="lone-surrogates"),
        pytest.param(_made_by_hand() + "\ud800", id="lone-surrogate-at-the-end"),
        pytest.param(_made_by_hand() + "=", id="padding"),
        pytest.param(_made_by_hand() + "\n", id="newline-at-the-end"),
        pytest.param(" " + _made_by_hand(), id="space-before"),
        pytest.param(_made_by_hand() + ".c2ln", id="four-parts"),
        pytest.param("a" * (MAX_JWT_LENGTH + 1), id="too-long"),
        pytest.param(f"{_b64(b'[' * 6000)}.{_b64(b'{}')}.c2ln", id="deeply-nested-header"),
        pytest.param(_made_by_hand(payload=b"[" * 5000), id="deeply-nested-payload"),
        pytest.param(_made_by_hand(payload=b"[]"), id="payload-is-a-list"),
        pytest.param(_made_by_hand(payload=b'"text"'), id="payload-is-text"),
        pytest.param(_made_by_hand(payload=b"{"), id="payload-is-not-json"),
        pytest.param(_made_by_hand(payload=b"\xff\xfe\xff"), id="payload-is-not-text"),
        pytest.param(_made_by_hand(payload=b""), id="payload-is-empty"),
        pytest.param(_made_by_hand(header=b'{"alg":"HS256","crit":["exp"],"exp":1}'), id="critical-extension"),
        pytest.param(_made_by_hand(header=b'{"alg":"HS256","crit":[]}'), id="critical-but-empty"),
        pytest.param(_made_by_hand(header=b'{"alg":"HS256","crit":"exp"}'), id="critical-text"),
        pytest.param(_made_by_hand(header=b'{"alg":"HS256","b64":false}'), id="unencoded-payload"),
        pytest.param(
            _made_by_hand(header=b'{"alg":"HS256","b64":false,"crit":["b64"]}'), id="unencoded-payload-critical"
        ),
        pytest.param(_made_by_hand(header=b'{"alg":"HS256","kid":7}'), id="kid-is-a-number"),
    ],
)
def test_what_is_no_jwt_is_malformed(token: str) -> None:
    """Text that is not a JWT, or one that asks for what we do not know, fails with a credential's error."""
    assert _failure(_made_by_hand()) is None

    assert _failure(token) is MalformedCredentialError


def test_deeply_nested_claims_are_no_way_in() -> None:
    """Claims that some releases of Python can read and others cannot are refused on all of them."""
    assert _failure(_made_by_hand()) is None

    nested = _made_by_hand(payload=b'{"a":' * 1000 + b"1" + b"}" * 1000)

    assert _failure(nested) in {MalformedCredentialError, ClaimMismatchError}


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"{}", id="missing"),
        pytest.param(b'{"alg":null}', id="null"),
        pytest.param(b'{"alg":["HS256"]}', id="list"),
        pytest.param(b'{"alg":{"HS256":1}}', id="object"),
        pytest.param(b'{"alg":"hs256"}', id="lower-case"),
        pytest.param(b'{"alg":"HS256 "}', id="with-a-space"),
        pytest.param(b'{"alg":"HS256","alg":"none"}', id="twice"),
    ],
)
def test_algorithm_that_is_not_the_pinned_one_is_refused(header: bytes) -> None:
    """The header has to name the very algorithm that the verifier pins, signature or not."""
    assert _failure(_made_by_hand(header=b'{"alg":"HS256"}')) is None

    assert _failure(_made_by_hand(header=header)) in {SignatureMismatchError, MalformedCredentialError}


def test_long_token_holds_up_to_the_limit_only() -> None:
    """The limit is for all tokens, also those with a signature that holds."""
    fitting = _made_by_hand(filler="x" * 5800)
    too_long = _made_by_hand(filler="x" * 6600)
    assert len(fitting) <= MAX_JWT_LENGTH
    assert len(too_long) > 9000

    assert _failure(fitting) is None
    assert _failure(too_long) is MalformedCredentialError


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("not-a-jwt", id="text"),
        pytest.param("..", id="dots"),
        pytest.param(_made_by_hand(), id="no-kid"),
        pytest.param(_made_by_hand(header=b'{"alg":"HS256","kid":7}'), id="kid-is-a-number"),
        pytest.param(_made_by_hand(header=b'{"alg":"HS256","kid":null}'), id="kid-is-null"),
        pytest.param(_made_by_hand(header=b'["kid"]'), id="header-is-a-list"),
        pytest.param(_made_by_hand(header=b"\xff"), id="header-is-not-text"),
        pytest.param(f"{_b64(b'[' * 6000)}.e30.c2ln", id="deeply-nested"),
        pytest.param(_made_by_hand(header=b'{"alg":"HS256","kid":"k1"}') + "\ud800", id="lone-surrogate"),
        pytest.param(_made_by_hand(header=b'{"alg":"HS256","kid":"k1"}', filler="x" * 6600), id="too-long"),
    ],
)
def test_kid_is_read_from_jwts_only(token: str) -> None:
    """A key's name is read from a JWT that names one, and from nothing else."""
    assert kid_of(_made_by_hand(header=b'{"alg":"HS256","kid":"k1"}')) == "k1"

    with pytest.raises(MalformedCredentialError):
        kid_of(token)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda: _made_by_hand(header=b'{"alg":"HS256","typ":"JWT","typ":"JWT"}'), id="in-the-header"),
        pytest.param(lambda: _made_by_hand(payload=json.dumps(dict(CLAIMS)).encode()[:-1] + b',"exp":9}'), id="exp"),
        pytest.param(lambda: _made_by_hand(a=1, payload=_with(b'"a":{"b":1,"b":2}')), id="inside"),
        pytest.param(lambda: _made_by_hand(payload=_with(b'"a":NaN')), id="nan"),
        pytest.param(lambda: _made_by_hand(payload=_with(b'"a":' + b"[" * 20 + b"]" * 20)), id="deep"),
        pytest.param(lambda: _spare_bits(_made_by_hand(), 2), id="spare-bits-of-the-signature"),
        pytest.param(lambda: "a." + _made_by_hand().partition(".")[2], id="one-letter"),
    ],
)
def test_what_has_two_readings_is_not_read(spoil: Callable[[], str]) -> None:
    """Of a member that is there twice, or of text with spare bits, nobody knows which reading was meant."""
    assert _failure(_made_by_hand(payload=_with(b'"a":{"b":1,"c":2}'))) is None

    assert _failure(spoil()) is MalformedCredentialError


def _with(member: bytes) -> bytes:
    return json.dumps(dict(CLAIMS)).encode()[:-1] + b"," + member + b"}"


def _spare_bits(token: str, position: int) -> str:
    """Return `token` with another last character in one part, which stands for the same bytes."""
    parts = token.split(".")
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    parts[position] = parts[position][:-1] + alphabet[alphabet.index(parts[position][-1]) + 1]
    return ".".join(parts)


@pytest.mark.parametrize(
    ("typ", "wanted", "failure"),
    [
        pytest.param(None, None, None, id="none"),
        pytest.param("JWT", None, None, id="jwt"),
        pytest.param("application/AT+jwt", None, None, id="access-token"),
        pytest.param("logout+jwt", None, ClaimMismatchError, id="logout-token"),
        pytest.param("dpop+jwt", None, ClaimMismatchError, id="proof"),
        pytest.param("secevent+jwt", None, ClaimMismatchError, id="event"),
        pytest.param("made-up", None, ClaimMismatchError, id="made-up"),
        pytest.param("", None, ClaimMismatchError, id="empty"),
        pytest.param(7, None, MalformedCredentialError, id="number"),
        pytest.param("at+jwt", "at+jwt", None, id="as-wanted"),
        pytest.param("application/at+jwt", "AT+JWT", None, id="as-wanted-in-full"),
        pytest.param("logout+jwt", "logout+jwt", None, id="logout-token-wanted"),
        pytest.param("JWT", "at+jwt", ClaimMismatchError, id="not-as-wanted"),
        pytest.param(None, "JWT", ClaimMismatchError, id="missing"),
    ],
)
def test_token_for_another_purpose_is_refused(
    typ: object, wanted: str | None, failure: type[CredentialError] | None
) -> None:
    """What a token calls itself tells purposes apart (RFC 8725 section 3.12)."""
    header = {"alg": "HS256"} if typ is None else {"alg": "HS256", "typ": typ}

    assert _failure(_made_by_hand(header=json.dumps(header).encode()), _verifier(typ=wanted)) is failure


def test_event_without_a_type_is_refused() -> None:
    """A logout token of before there were types tells of an event (RFC 8417), and is no access token."""
    assert _failure(_made_by_hand()) is None

    assert _failure(_made_by_hand(events={"http://schemas.openid.net/event/backchannel-logout": {}})) is (
        ClaimMismatchError
    )


def test_end_in_milliseconds_or_centuries_ahead_is_none() -> None:
    """An end that nobody can have meant is refused."""
    assert _failure(_made_by_hand(exp=int(NOW) + 99 * 366 * 86400)) is None

    assert _failure(_made_by_hand(exp=int(NOW) + 101 * 366 * 86400)) is MalformedCredentialError
    assert _failure(_made_by_hand(exp=int(NOW) * 1000)) is MalformedCredentialError


def _as_aws(claims: Mapping[str, Any], **header: Any) -> str:
    """Return a token as a load balancer of AWS makes it: padded, and the padding is signed."""
    head = {"alg": "ES256", "kid": "k", "signer": "arn:a", "client": "c", "iss": ISSUER, "exp": int(NOW) + 60, **header}
    parts = ({name: value for name, value in head.items() if value is not None}, claims)
    signed = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts)
    signature = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256).sign(
        signed.encode(),
        _private("P-256"),  # type: ignore[arg-type]
    )
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode()}"


@pytest.mark.parametrize(
    ("claims", "header", "failure"),
    [
        pytest.param({"sub": "anna"}, {}, None, id="by-its-document"),
        pytest.param({"sub": "anna", "exp": int(NOW) + 50, "iss": ISSUER}, {}, None, id="claims-in-both"),
        pytest.param({"sub": "anna"}, {"signer": "arn:b"}, ClaimMismatchError, id="signer"),
        pytest.param({"sub": "anna"}, {"signer": None}, ClaimMismatchError, id="no-signer"),
        pytest.param({"sub": "anna"}, {"client": "d"}, ClaimMismatchError, id="client"),
        pytest.param({"sub": "anna"}, {"exp": None}, ClaimMismatchError, id="no-exp"),
        pytest.param({"sub": "anna"}, {"iss": None}, ClaimMismatchError, id="no-iss"),
        pytest.param({"sub": "anna"}, {"exp": int(NOW) - 1}, ExpiredCredentialError, id="expired"),
        pytest.param({"sub": "anna", "exp": 1}, {}, ExpiredCredentialError, id="expired-in-claims"),
        pytest.param({"sub": "anna"}, {"exp": "soon"}, MalformedCredentialError, id="exp-is-text"),
        pytest.param({"sub": "anna"}, {"iss": "other"}, AudienceMismatchError, id="issuer"),
        pytest.param({"sub": "anna", "iss": "other"}, {}, AudienceMismatchError, id="issuer-in-claims"),
    ],
)
def test_token_of_a_load_balancer_is_told_by_its_signer(
    claims: Mapping[str, Any], header: dict[str, Any], failure: type[CredentialError] | None
) -> None:
    """Where AWS signs, the header names who did, for whom and until when, and padding is part of what is signed."""
    more = {"padded": True, "audience": None, "require_header": {"signer": "arn:a", "client": "c"}}
    token = _as_aws(claims, **header)

    assert _failure(token, _verifier(_public_pem("P-256"), "ES256", **more)) is failure
    plain = _verifier(_public_pem("P-256"), "ES256", **{**more, "padded": False})
    assert _failure(token, plain) is MalformedCredentialError
    unpadded = ".".join(part.rstrip("=") for part in token.split("."))
    padded = _verifier(_public_pem("P-256"), "ES256", **more)
    assert _failure(unpadded, padded) is MalformedCredentialError


def test_signer_alone_may_tell_tokens_apart() -> None:
    """With a signer in the header, neither issuer nor audience has to be known."""
    more = {"padded": True, "issuer": None, "audience": None, "require_header": {"signer": "arn:a"}}

    assert _failure(_as_aws({"sub": "anna"}), _verifier(_public_pem("P-256"), "ES256", **more)) is None


# --- how it is set up


def _middle(key: object) -> str:
    """Return characters that only this key has."""
    text = key.decode("latin-1") if isinstance(key, bytes) else key if isinstance(key, str) else ""
    return text[len(text) // 3 :][:12]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"algorithms": ["HS1"]}, "'HS1' is not accepted", id="unknown-algorithm"),
        pytest.param({"algorithms": ["none"]}, "'none' is not accepted", id="none"),
        pytest.param({"algorithms": "none"}, "'none' is not accepted", id="none-as-text"),
        pytest.param({"algorithms": ["HS256", "none"]}, "'none' is not accepted", id="none-among-others"),
        pytest.param({"algorithms": ["hs256"]}, "'hs256' is not accepted", id="lower-case"),
        pytest.param({"algorithms": []}, "is not accepted; choose among HS256", id="no-algorithm"),
        pytest.param({"algorithms": [None]}, "None is not accepted", id="algorithm-is-none"),
        pytest.param({"algorithms": None}, "algorithms=...", id="algorithms-are-none"),
        pytest.param({"algorithms": ["HS256", "RS256"]}, "cannot accept both kinds", id="both-kinds"),
        pytest.param(
            {"algorithms": ["RS256", "HS256"], "key": "RSA"}, "cannot accept both kinds", id="both-kinds-public-key"
        ),
        pytest.param({"key": "RSA"}, "a secret that only you know", id="public-key-as-secret"),
        pytest.param({"key": "P-256"}, "a secret that only you know", id="ec-public-key-as-secret"),
        pytest.param({"key": "certificate"}, "a secret that only you know", id="certificate-as-secret"),
        pytest.param({"key": "private"}, "a secret that only you know", id="private-key-as-secret"),
        pytest.param({"key": "ssh"}, "a secret that only you know", id="ssh-key-as-secret"),
        pytest.param({"key": SECRET[:31]}, "has 31 bytes; HS256 needs", id="short-secret"),
        pytest.param({"key": SECRET[:47], "algorithms": ["HS384"]}, "has 47 bytes; HS384 needs", id="short-for-HS384"),
        pytest.param(
            {"key": SECRET[:63], "algorithms": ["HS256", "HS512"]}, "has 63 bytes; HS512 needs", id="short-for-HS512"
        ),
        pytest.param({"key": ""}, "has 0 bytes", id="empty-secret"),
        pytest.param({"key": None}, "expected str or bytes, got NoneType", id="key-is-none"),
        pytest.param({"key": 7}, "expected str or bytes, got int", id="key-is-a-number"),
        pytest.param({"key": SECRET + "\ud800"}, "key=...", id="key-with-a-lone-surrogate"),
        pytest.param({"algorithms": ["RS256"]}, "not a public key or certificate", id="secret-as-public-key"),
        pytest.param({"algorithms": ["RS256"], "key": "private"}, "never the private key", id="private-key"),
        pytest.param({"algorithms": ["RS256"], "key": ""}, "not a public key or certificate", id="empty-public-key"),
        pytest.param(
            {"algorithms": ["RS256"], "key": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
            "not a public key or certificate",
            id="broken-certificate",
        ),
        pytest.param({"algorithms": ["RS256"], "key": "RSA-1024"}, "at least 2048 bits", id="short-rsa-key"),
        pytest.param({"algorithms": ["PS512"], "key": "RSA-1024"}, "at least 2048 bits", id="short-rsa-key-for-PS"),
        pytest.param({"algorithms": ["ES256"], "key": "P-384"}, "does not fit ES256", id="other-curve"),
        pytest.param({"algorithms": ["ES256"], "key": "K-256"}, "does not fit ES256", id="curve-of-bitcoin"),
        pytest.param({"algorithms": ["ES256", "ES384"], "key": "P-256"}, "does not fit ES384", id="two-curves"),
        pytest.param({"algorithms": ["ES256"], "key": "RSA"}, "does not fit ES256", id="rsa-key-for-ES"),
        pytest.param({"algorithms": ["RS256"], "key": "P-256"}, "does not fit RS256", id="ec-key-for-RS"),
        pytest.param({"algorithms": ["EdDSA"], "key": "P-256"}, "does not fit EdDSA", id="ec-key-for-EdDSA"),
        pytest.param({"algorithms": ["ES256"], "key": "Ed25519"}, "does not fit ES256", id="ed-key-for-ES"),
        pytest.param({"algorithms": ["EdDSA"], "key": "X25519"}, "does not fit EdDSA", id="key-that-signs-nothing"),
        pytest.param({"key": "DER"}, "HS algorithms take a secret", id="public-key-in-binary"),
        pytest.param({"key": "a" * 40}, "repeats a few characters", id="monotonous-secret"),
        pytest.param({"issuer": ""}, "issuer=...", id="empty-issuer"),
        pytest.param({"issuer": None}, "issuer=...", id="no-issuer"),
        pytest.param({"issuer": [ISSUER]}, "issuer=...", id="list-of-issuers"),
        pytest.param({"audience": ""}, "audience=...", id="empty-audience"),
        pytest.param({"audience": None}, "audience=...", id="no-audience"),
        pytest.param({"audience": [AUDIENCE]}, "audience=...", id="list-of-audiences"),
        pytest.param({"leeway": -1}, "leeway=...", id="negative-leeway"),
        pytest.param({"leeway": 301}, "leeway=...", id="leeway-of-minutes"),
        pytest.param({"leeway": float("nan")}, "leeway=...", id="leeway-is-nan"),
        pytest.param({"leeway": float("inf")}, "leeway=...", id="endless-leeway"),
        pytest.param({"leeway": "5"}, "leeway=...", id="leeway-is-text"),
        pytest.param({"leeway": None}, "leeway=...", id="leeway-is-none"),
    ],
)
def test_contradicting_arguments_are_refused_at_the_start(arguments: dict[str, Any], message: str) -> None:
    """A verifier that could not be safe is not made, the error names the argument, and the key is not in it."""
    keys: dict[object, Callable[[], bytes]] = {
        "certificate": lambda: _certificate("RSA"),
        "DER": lambda: base64.b64decode(b"".join(_public_pem("RSA").splitlines()[1:-1])),
        "private": lambda: _private_pem("RSA"),
        "ssh": lambda: b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b",
        "X25519": lambda: (
            x25519.X25519PrivateKey.generate()
            .public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        ),
        **{name: functools.partial(_public_pem, name) for name in _MAKERS},
    }
    key = arguments.get("key", SECRET)
    key = keys[key]() if key in keys else key
    honest = {"key": SECRET, "algorithms": ["HS256"], "issuer": ISSUER, "audience": AUDIENCE}
    JwtVerifier(**honest)  # type: ignore[arg-type]

    with pytest.raises(ConfigurationError) as caught:
        JwtVerifier(**{**honest, **arguments, "key": key})

    assert message in str(caught.value)
    assert str(caught.value).startswith("jwt(")
    middle = _middle(key)
    assert not middle or middle not in _shown(caught.value)


@pytest.mark.parametrize(
    ("algorithm", "length"),
    [pytest.param("HS256", 32, id="HS256"), pytest.param("HS384", 48, id="HS384"), pytest.param("HS512", 64, id="512")],
)
def test_secret_of_just_the_length_is_accepted(algorithm: str, length: int) -> None:
    """RFC 7518 section 3.2 asks for a key as long as the hash, and no longer."""
    secret = SECRET[:length]

    assert _failure(jwt.encode(dict(CLAIMS), secret, algorithm), _verifier(secret, algorithm)) is None


def test_errors_name_the_setting() -> None:
    """The caller says what its arguments are called, and the errors follow."""
    with pytest.raises(ConfigurationError, match=r"^proxy\(leeway=\.\.\.\)"):
        _verifier(leeway=-1, setting="proxy")


# --- what it shows


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda: _made_by_hand(secret=OTHER_SECRET.encode()), id="forged"),
        pytest.param(lambda: _made_by_hand(exp=1), id="expired"),
        pytest.param(lambda: _made_by_hand(exp="soon-and-private"), id="end-is-text"),
        pytest.param(lambda: _made_by_hand(nbf=int(NOW) + 1), id="not-yet"),
        pytest.param(lambda: _made_by_hand(aud="somewhere-private"), id="audience"),
        pytest.param(lambda: _made_by_hand(iss="somewhere-private"), id="issuer"),
        pytest.param(lambda: _made_by_hand(payload=_without("exp")), id="claim"),
        pytest.param(lambda: _made_by_hand(payload=b'{"somewhere-private"'), id="not-json"),
        pytest.param(lambda: _made_by_hand(header=b'{"alg":"HS256","crit":["somewhere-private"]}'), id="critical"),
        pytest.param(lambda: _made_by_hand() + "\ud800", id="lone-surrogate"),
        pytest.param(lambda: _made_by_hand() + "!", id="not-base64"),
        pytest.param(lambda: "\u00e9" + _made_by_hand(), id="not-ascii"),
    ],
)
def test_refusals_show_neither_token_nor_claims_nor_key(spoil: Callable[[], str]) -> None:
    """The traceback of a refusal contains no part of the token, of its claims or of the key."""
    verifier, token = _verifier(), spoil()
    assert _failure(_made_by_hand(), verifier) is None

    with pytest.raises(CredentialError) as caught:
        verifier.verify(token, now=NOW)

    # The lines of this file that the traceback quotes hold none of them either.
    shown = _shown(caught.value)
    assert not [part for part in [*token.split("."), "private", "anna", SECRET] if part in shown]


def test_representation_holds_no_key() -> None:
    """What a verifier looks like in a log is what it asks for, not the key."""
    expected = f"JwtVerifier(algorithms=['HS256'], issuer={ISSUER!r}, audience={AUDIENCE!r})"

    assert repr(_verifier()) == str(_verifier()) == expected


@pytest.mark.parametrize(
    "leave",
    [
        pytest.param(pickle.dumps, id="pickle"),
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
    ],
)
def test_verifier_cannot_be_written_down(leave: Callable[[object], object]) -> None:
    """Pickling or copying a verifier fails, since it holds a key."""
    with pytest.raises(TypeError, match="pickled") as caught:
        leave(_verifier())

    assert hashlib.sha256(SECRET.encode()).hexdigest() not in repr(caught.value)
    assert SECRET not in repr(caught.value)
