"""Presets: what each gateway documents of its tokens, kept, and each of its rules broken once."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from secure_media import presets
from secure_media.core.key_sets import key_in
from secure_media.core.key_sources import KeySource
from secure_media.core.model import Allow, Credentials, Decision, Deny
from secure_media.core.policy import Policy, decide
from secure_media.core.questions import Holds, KeyOf, Question, answered
from secure_media.core.requirements import Requirement
from secure_media.errors import ConfigurationError, DenialReason
from secure_media.gate.conditions import verdict
from tests.core.asking import CODEC, NOW, context_of
from tests.core.test_key_sources import OTHER, P256, RSA, pem

KID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
TAG = "0123456789abcdef" * 4
BACKEND = "/projects/123456789012/global/backendServices/1234567890123456789"
ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/reports/0123456789abcdef"
UUID = "01234567-89ab-cdef-0123-456789abcdef"
ANOTHER_P256 = ec.generate_private_key(ec.SECP256R1())


class Gateway(NamedTuple):
    """
    What a gateway does.

    Args:
        policy: The preset.
        place: The header that it sets.
        url: Where its key is.
        private: Its key.
        claims: What it says of somebody.
        header: What stands in the JOSE header beside ``alg`` and ``kid``.
        padded: Whether it pads.
    """

    policy: Policy
    place: str
    url: str
    private: Any
    claims: dict[str, Any]
    header: dict[str, Any]
    padded: bool = False


END = int(NOW) + 600
ISSUER = "https://login.example"
TEAM = "https://example.cloudflareaccess.com"
MICROSOFT = f"https://login.microsoftonline.com/{UUID}"
REALM = "https://login.example/realms/staff"
GATEWAYS = {
    "cloudflare": Gateway(
        presets.cloudflare_access("example", TAG),
        "cf-access-jwt-assertion",
        f"{TEAM}/cdn-cgi/access/certs",
        RSA,
        {
            "iss": TEAM,
            "aud": [TAG],
            "sub": "ann",
            "email": "ann@example.org",
            "type": "app",
            "iat": END - 900,
            "exp": END,
        },
        {},
    ),
    "iap": Gateway(
        presets.google_iap(BACKEND),
        "x-goog-iap-jwt-assertion",
        "https://www.gstatic.com/iap/verify/public_key-jwk",
        P256,
        {
            "iss": "https://cloud.google.com/iap",
            "aud": BACKEND,
            "sub": "accounts.google.com:1",
            "iat": END - 900,
            "exp": END,
        },
        {"typ": "JWT"},
    ),
    "alb": Gateway(
        presets.aws_alb("eu-west-1", ARN, "https://login.example", client="reports"),
        "x-amzn-oidc-data",
        "https://public-keys.auth.elb.eu-west-1.amazonaws.com/{kid}",
        P256,
        {"sub": "ann", "email": "ann@example.org", "exp": END, "iss": "https://login.example"},
        {"typ": "JWT", "iss": "https://login.example", "client": "reports", "signer": ARN, "exp": END},
        padded=True,
    ),
    "azure": Gateway(
        presets.azure_app_service(UUID, UUID),
        "x-ms-token-aad-id-token",
        f"{MICROSOFT}/discovery/v2.0/keys",
        RSA,
        {"iss": f"{MICROSOFT}/v2.0", "aud": UUID, "sub": "ann", "iat": END - 900, "nbf": END - 900, "exp": END},
        {"typ": "JWT"},
    ),
    "keycloak": Gateway(
        presets.keycloak("https://login.example/", "staff", "reports"),
        "authorization",
        f"{REALM}/protocol/openid-connect/certs",
        RSA,
        {"iss": REALM, "aud": ["reports", "account"], "sub": "ann", "typ": "Bearer", "iat": END - 900, "exp": END},
        {"typ": "JWT"},
    ),
}


def signed(gateway: Gateway, private: Any, claims: dict[str, Any], header: dict[str, Any], *, padded: bool) -> str:
    """Return a token as the gateway makes it: what is signed are the parts as they are sent."""
    algorithm = "ES256" if isinstance(private, ec.EllipticCurvePrivateKey) else "RS256"
    parts = {"alg": algorithm, "kid": KID, **header}

    def encoded(data: bytes) -> str:
        text = base64.urlsafe_b64encode(data).decode()
        return text if padded else text.rstrip("=")

    if not padded:
        return pyjwt.encode(claims, private, algorithm, headers=parts)
    message = ".".join(encoded(json.dumps(part).encode()) for part in (parts, claims))
    if algorithm == "RS256":
        return f"{message}.{encoded(private.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
    r, s = decode_dss_signature(private.sign(message.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{message}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def decided(name: str, **changed: Any) -> Decision:
    """Return what is decided about a token of that gateway, changed in some way."""
    gateway = GATEWAYS[name]
    given = {"private": gateway.private, "claims": gateway.claims, "header": gateway.header, "padded": gateway.padded}
    token = signed(gateway, **{**given, **{key: changed[key] for key in changed.keys() & given.keys()}})
    place = changed.get("place", gateway.place)
    value = f"Bearer {token}" if place == "authorization" else token

    def answer(question: Question) -> Any:
        if isinstance(question, Holds):
            return verdict(question)
        assert isinstance(question, KeyOf)
        only = "ES256" if isinstance(gateway.private, ec.EllipticCurvePrivateKey) else "RS256"
        assert question.source == KeySource(gateway.url, (only,))
        if question.kid != KID:
            return None
        return key_in(pem(gateway.private), question.kid, question.source.algorithms)

    context = context_of(credentials=Credentials(headers=((place, value),)))
    return answered(decide(changed.get("policy", gateway.policy), context, CODEC), answer)


@pytest.mark.parametrize("name", GATEWAYS)
def test_token_of_the_gateway_opens(name: str) -> None:
    """What it documents is what is asked for, key, place and claims."""
    decision = decided(name)

    assert isinstance(decision, Allow)
    assert decision.subject == GATEWAYS[name].claims["sub"]


CHANGES: dict[str, Callable[[Gateway], dict[str, Any]]] = {
    "another-issuer": lambda gateway: {
        "claims": {**gateway.claims, "iss": "https://evil.example"},
        "header": {**gateway.header, **({"iss": "https://evil.example"} if "iss" in gateway.header else {})},
    },
    "another-place": lambda gateway: {"place": "x-other"},
    "another-key": lambda gateway: {"private": OTHER if gateway.private is RSA else ANOTHER_P256},
    "another-algorithm": lambda gateway: {"private": P256 if gateway.private is RSA else RSA, "padded": False},
    "expired": lambda gateway: {
        "claims": {**gateway.claims, "exp": int(NOW)},
        "header": {**gateway.header, **({"exp": int(NOW)} if "exp" in gateway.header else {})},
    },
    "for-another-purpose": lambda gateway: {"header": {**gateway.header, "typ": "logout+jwt"}},
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", GATEWAYS)
def test_token_that_breaks_a_rule_does_not(name: str, change: str) -> None:
    """Each of the rules that all of them have, broken once."""
    assert isinstance(decided(name), Allow)

    assert isinstance(decided(name, **CHANGES[change](GATEWAYS[name])), Deny)


@pytest.mark.parametrize("name", [name for name in GATEWAYS if name != "alb"])
def test_token_for_somebody_else_does_not_open(name: str) -> None:
    """Every customer of a gateway has tokens of the same keys: what tells them apart is the audience."""
    claims = GATEWAYS[name].claims
    assert isinstance(decided(name), Allow)

    assert isinstance(decided(name, claims={**claims, "aud": "f" * 64}), Deny)
    assert isinstance(decided(name, claims={key: value for key, value in claims.items() if key != "aud"}), Deny)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"signer": ARN.replace("reports", "others")}, id="another-balancer"),
        pytest.param({"signer": None}, id="no-balancer"),
        pytest.param({"client": "others"}, id="another-client"),
        pytest.param({"exp": None}, id="no-end"),
        pytest.param({"iss": None}, id="no-issuer"),
    ],
)
def test_token_of_another_balancer_does_not_open(header: dict[str, Any]) -> None:
    """Every balancer of a region signs with the same keys."""
    own = GATEWAYS["alb"].header
    assert isinstance(decided("alb"), Allow)

    changed = {key: value for key, value in {**own, **header}.items() if value is not None}
    assert isinstance(decided("alb", header=changed), Deny)


@pytest.mark.parametrize("name", GATEWAYS)
@pytest.mark.parametrize("kid", ["another", "../another", ""])
def test_token_of_a_key_that_is_not_published_does_not_open(name: str, kid: str) -> None:
    """The right key by another name is none that the gateway publishes."""
    assert isinstance(decided(name), Allow)

    assert isinstance(decided(name, header={**GATEWAYS[name].header, "kid": kid}), Deny)


def test_key_without_a_name_of_its_own_is_not_asked_for() -> None:
    """What a token calls its key leads to no other address."""
    header = {**GATEWAYS["alb"].header, "kid": "../another"}

    assert decided("alb", header=header) == Deny(DenialReason.UNKNOWN_KEY)


@pytest.mark.parametrize("name", [name for name in GATEWAYS if name != "alb"])
def test_padding_is_for_none_but_the_balancer(name: str) -> None:
    """RFC 7515 section 2 has none, so a token with it is not what the gateway sends."""
    assert isinstance(decided(name), Allow)

    assert isinstance(decided(name, padded=True), Deny)


def test_padding_is_part_of_what_is_signed() -> None:
    """A token of the balancer without its padding is none of the balancer's."""
    assert isinstance(decided("alb"), Allow)
    assert isinstance(decided("alb", padded=False), Deny)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda require: presets.cloudflare_access("example", TAG, require=require), id="cloudflare"),
        pytest.param(lambda require: presets.google_iap(BACKEND, require=require), id="iap"),
        pytest.param(lambda require: presets.aws_alb("eu-west-1", ARN, ISSUER, require=require), id="alb"),
        pytest.param(lambda require: presets.azure_app_service(UUID, UUID, require=require), id="azure"),
        pytest.param(lambda require: presets.keycloak(ISSUER, "staff", "reports", require=require), id="keycloak"),
    ],
)
def test_condition_may_be_all_that_one_of_jwt_may_be(
    make: Callable[[Requirement], Policy], request: pytest.FixtureRequest
) -> None:
    """Values, and a function, also one that waits for something: each is asked of the claims of the gateway."""
    name = request.node.callspec.id
    subject = GATEWAYS[name].claims["sub"]

    async def is_known(claims: dict[str, Any]) -> bool:
        return bool(claims["sub"] == subject)

    async def is_bob(claims: dict[str, Any]) -> bool:
        return bool(claims["sub"] == "bob")

    known: list[Requirement] = [{"sub": subject}, lambda claims: bool(claims["sub"] == subject), is_known]
    others: list[Requirement] = [{"sub": "bob"}, lambda claims: bool(claims["sub"] == "bob"), is_bob]
    for require in known:
        assert isinstance(decided(name, policy=make(require)), Allow)
    for require in others:
        assert decided(name, policy=make(require)) == Deny(DenialReason.CLAIM_MISMATCH)


def test_keycloak_may_be_asked_by_cookie() -> None:
    """Where the token is, is up to whoever sets it."""
    places: list[dict[str, Any]] = [{"cookie": "sso"}, {"header": "x-token"}]
    for place in places:
        ((kind, name),) = place.items()
        policy = presets.keycloak("http://127.0.0.1:8080", "staff", "reports", **place)
        assert repr(policy).startswith(f"jwt({kind}={name!r}")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda: presets.cloudflare_access("a.b", TAG), "cloudflare_access(team=", id="team"),
        pytest.param(lambda: presets.cloudflare_access("evil.example/", TAG), "cloudflare_access(team=", id="team-url"),
        pytest.param(lambda: presets.cloudflare_access("", TAG), "cloudflare_access(team=", id="no-team"),
        pytest.param(lambda: presets.cloudflare_access("a", "reports"), "cloudflare_access(audience=", id="tag"),
        pytest.param(lambda: presets.google_iap(""), "google_iap(audience=", id="no-audience"),
        pytest.param(lambda: presets.google_iap("reports"), "google_iap(audience=", id="audience"),
        pytest.param(lambda: presets.aws_alb("eu", ARN, "i"), "aws_alb(region=", id="region"),
        pytest.param(lambda: presets.aws_alb("evil.example/", ARN, "i"), "aws_alb(region=", id="region-url"),
        pytest.param(lambda: presets.aws_alb("eu-west-1", "", "i"), "aws_alb(signer=", id="no-signer"),
        pytest.param(lambda: presets.aws_alb("us-east-1", ARN, "i"), "aws_alb(signer=", id="signer-elsewhere"),
        pytest.param(lambda: presets.azure_app_service("common", UUID), "azure_app_service(tenant=", id="tenant"),
        pytest.param(lambda: presets.azure_app_service(UUID, "x"), "azure_app_service(client=", id="client"),
        pytest.param(lambda: presets.keycloak("http://login.example", "a", "b"), "keycloak(url=", id="http"),
        pytest.param(lambda: presets.keycloak("https://me@login.example", "a", "b"), "keycloak(url=", id="user"),
        pytest.param(lambda: presets.keycloak(ISSUER, "a/b", "b"), "keycloak(realm=", id="realm"),
        pytest.param(lambda: presets.google_iap("/projects/1/../x"), "google_iap(audience=", id="audience-up"),
        pytest.param(lambda: presets.google_iap("/projects/1/x"), "google_iap(audience=", id="audience-short"),
        pytest.param(lambda: presets.aws_alb("cn-north-1", ARN, ISSUER), "aws_alb(region=", id="china"),
        pytest.param(lambda: presets.aws_alb("us-gov-west-1", ARN, ISSUER), "aws_alb(region=", id="gov"),
        pytest.param(lambda: presets.aws_alb("eu-west-1", None, ISSUER), "aws_alb(signer=", id="signer-none"),  # type: ignore[arg-type]
        pytest.param(lambda: presets.aws_alb("eu-west-1", issuer=ISSUER), "'signer'", id="signer-left-out"),  # type: ignore[call-arg]
        pytest.param(lambda: presets.aws_alb("eu-west-1", ARN, None), "aws_alb(issuer=", id="issuer-none"),  # type: ignore[arg-type]
        pytest.param(lambda: presets.aws_alb("eu-west-1", ARN, ""), "aws_alb(issuer=", id="no-issuer"),
        pytest.param(
            lambda: presets.aws_alb("eu-west-1", ARN, "http://i.example"), "aws_alb(issuer=", id="issuer-http"
        ),
        pytest.param(lambda: presets.aws_alb("eu-west-1", ARN, ISSUER, client=""), "aws_alb(client=", id="no-client"),
        pytest.param(lambda: presets.keycloak(ISSUER, "a", ""), "keycloak(audience=", id="keycloak-audience"),
        pytest.param(lambda: presets.keycloak(ISSUER, "a", " "), "keycloak(audience=", id="keycloak-blank"),
        pytest.param(lambda: presets.keycloak(ISSUER, "..", "b"), "keycloak(realm=", id="realm-up"),
        pytest.param(lambda: presets.keycloak("https://..", "a", "b"), "keycloak(url=", id="host-of-dots"),
        pytest.param(lambda: presets.keycloak(f"{ISSUER}/../x", "a", "b"), "keycloak(url=", id="url-up"),
        pytest.param(lambda: presets.keycloak(f"{ISSUER}:99999", "a", "b"), "keycloak(url=", id="port"),
        pytest.param(
            lambda: presets.keycloak(ISSUER, "a", "b", cookie="c", header="h"), "keycloak(cookie=", id="two-places"
        ),
        pytest.param(lambda: presets.keycloak(ISSUER, "a", "b", cookie=""), "keycloak(cookie=", id="no-cookie"),
        pytest.param(
            lambda: presets.cloudflare_access("a", TAG, require=3),  # type: ignore[arg-type]
            "cloudflare_access(require=",
            id="require",
        ),
        pytest.param(lambda: presets.keycloak(None, "a", "b"), "keycloak(url=", id="no-url"),  # type: ignore[arg-type]
    ],
)
def test_wrong_argument_is_one_clear_error(make: Callable[[], Policy], said: str) -> None:
    """An argument that cannot be right is named, before anything is fetched from an address made of it."""
    with pytest.raises(ConfigurationError) as caught:
        make()

    assert said in str(caught.value)
