"""
`jwt(...)`, and `trusted_header(...)`, for the gateways that people have in front of their apps, by what each documents.

Each says who is asking, not what is asked for: use ``own_session() & presets.cloudflare_access(...)`` unless everyone
who is signed in may have every media file whose URL they know. They return what `jwt` returns, and raise what it does;
but for `azure_client_principal` and `posit_connect`, which are kinds of `trusted_header`, and need ``trusted_proxies``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from secure_media.core import header_forms
from secure_media.core.header_policy import FormedHeader
from secure_media.core.jwt_policy import jwt
from secure_media.core.policy import Policy
from secure_media.core.requirements import Requirement
from secure_media.errors import ConfigurationError
from secure_media.host.entry import said_in_one_line

__all__ = [
    "aws_alb",
    "azure_app_service",
    "azure_client_principal",
    "cloudflare_access",
    "google_iap",
    "keycloak",
    "posit_connect",
]

#: One label of a host name (RFC 1123 section 2.1).
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_TAG = re.compile(r"[0-9a-f]{64}")
#: Of the partition ``aws``: the others publish their keys elsewhere.
_REGION = re.compile(r"(?!cn-|[a-z]+-(?:gov|iso))[a-z]{2}(?:-[a-z]+){1,3}-\d{1,2}", re.ASCII)
_BALANCER = re.compile(
    r"arn:aws:elasticloadbalancing:([a-z0-9-]+):\d{12}:loadbalancer/app/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}", re.ASCII
)
#: OpenID Connect Discovery 1.0 section 3: an issuer has no query and no fragment.
_ISSUER = re.compile(r"https://[^\s?#]+")
_WORD = re.compile(r"[!-~]+")
_CLAIM_TYPE = re.compile(r"[!-~]{1,200}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_IAP_AUDIENCE = re.compile(r"/projects/\d+(?:/[\w:-][\w.:-]*){2,4}", re.ASCII)
#: No segment of a path begins with a dot: ``..`` would lead to the keys of another realm.
_REALM = re.compile(r"[\w~-][\w.~-]{0,254}", re.ASCII)
_HOST = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_PORT = r"(?::(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]))?"
_BASE = re.compile(
    rf"(?:https://{_HOST}(?:\.{_HOST})*|http://(?:127\.0\.0\.1|localhost|\[::1\])){_PORT}(?:/[\w~-][\w.~-]*)*/?",
    re.ASCII,
)


@said_in_one_line
def cloudflare_access(team: str, audience: str, *, require: Requirement | None = None) -> Policy:
    """
    Return the policy for Cloudflare Access: RS256 in the header ``Cf-Access-Jwt-Assertion``, keys of the team.

    After "Validate JWTs" in the documentation of Cloudflare One:
    https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/validating-json/

    Args:
        team: The team's name: ``example`` of ``example.cloudflareaccess.com``.
        audience: The application's AUD tag, 64 hexadecimal digits.
        require: Further claims, as for `jwt`.
    """
    issuer = f"https://{_given(team, _LABEL, 'cloudflare_access(team=...)', 'example')}.cloudflareaccess.com"
    return _policy(
        "cloudflare_access",
        header="cf-access-jwt-assertion",
        jwks_url=f"{issuer}/cdn-cgi/access/certs",
        algorithms=["RS256"],
        issuer=issuer,
        audience=_given(
            audience, _TAG, "cloudflare_access(audience=...)", "the 64 digits of the application's AUD tag"
        ),
        require=require,
    )


@said_in_one_line
def google_iap(audience: str, *, require: Requirement | None = None) -> Policy:
    """
    Return the policy for Google's Identity-Aware Proxy: ES256 in the header ``x-goog-iap-jwt-assertion``.

    After "Securing your app with signed headers" in the documentation of IAP:
    https://docs.cloud.google.com/iap/docs/signed-headers-howto

    ``x-goog-authenticated-user-email`` is not signed, and is not looked at.

    Args:
        audience: Of the backend: ``/projects/NUMBER/global/backendServices/ID``, or ``/projects/NUMBER/apps/PROJECT``.
        require: Further claims, as for `jwt`.
    """
    example = "/projects/123456789012/global/backendServices/1234567890123456789"
    return _policy(
        "google_iap",
        header="x-goog-iap-jwt-assertion",
        jwks_url="https://www.gstatic.com/iap/verify/public_key-jwk",
        algorithms=["ES256"],
        issuer="https://cloud.google.com/iap",
        audience=_given(audience, _IAP_AUDIENCE, "google_iap(audience=...)", example),
        require=require,
    )


@said_in_one_line
def aws_alb(
    region: str, signer: str, issuer: str, *, client: str | None = None, require: Requirement | None = None
) -> Policy:
    """
    Return the policy for an Application Load Balancer of AWS: ES256 in the header ``x-amzn-oidc-data``.

    After "Authenticate users using an Application Load Balancer" in its user guide:
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html

    Its parts are padded, it names no audience, and every balancer of a region signs with the same keys: that it is
    yours, only `signer` says.

    Args:
        region: Of the balancer, such as ``eu-west-1``; none of China or GovCloud, which publish their keys elsewhere.
        signer: The balancer's ARN.
        issuer: The ``iss`` of the provider that people sign in at.
        client: The client that the balancer is at the provider; None for any.
        require: Further claims, as for `jwt`.
    """
    arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/reports/0123456789abcdef"
    place = _given(region, _REGION, "aws_alb(region=...)", "eu-west-1")
    found = _BALANCER.fullmatch(_given(signer, _BALANCER, "aws_alb(signer=...)", arn))
    if found is None or found[1] != place:
        raise ConfigurationError(f"aws_alb(signer=...): the balancer is not in {place}, which region=... names")
    header = {"signer": signer}
    if client is not None:
        header["client"] = _given(client, _WORD, "aws_alb(client=...)", "the client's id at the provider")
    return _policy(
        "aws_alb",
        header="x-amzn-oidc-data",
        pem_url=f"https://public-keys.auth.elb.{place}.amazonaws.com/{{kid}}",
        algorithms=["ES256"],
        issuer=_given(issuer, _ISSUER, "aws_alb(issuer=...)", "https://login.example"),
        audience=None,
        require=require,
        require_header=header,
        padded=True,
    )


@said_in_one_line
def azure_app_service(tenant: str, client: str, *, require: Requirement | None = None) -> Policy:
    """
    Return the policy for Azure App Service and Container Apps: RS256 in the header ``X-MS-TOKEN-AAD-ID-TOKEN``.

    After "Work with OAuth tokens in Azure App Service authentication" in its documentation:
    https://learn.microsoft.com/azure/app-service/configure-authentication-oauth-tokens

    The app's token store has to be on. The token is not renewed by itself: people sign in again when it has expired.

    Args:
        tenant: The directory's id.
        client: The id of the app's registration.
        require: Further claims, as for `jwt`.
    """
    uuid = "01234567-89ab-cdef-0123-456789abcdef"
    login = f"https://login.microsoftonline.com/{_given(tenant, _UUID, 'azure_app_service(tenant=...)', uuid).lower()}"
    return _policy(
        "azure_app_service",
        header="x-ms-token-aad-id-token",
        jwks_url=f"{login}/discovery/v2.0/keys",
        algorithms=["RS256"],
        issuer=f"{login}/v2.0",
        audience=_given(client, _UUID, "azure_app_service(client=...)", uuid).lower(),
        require=require,
    )


@said_in_one_line
def azure_client_principal(
    *, subject: str = header_forms.NAME_IDENTIFIER, groups: str | None = None, claims: Mapping[str, str] | None = None
) -> Policy:
    """
    Return the policy for Azure App Service and Container Apps without a token store: ``X-MS-CLIENT-PRINCIPAL``.

    After "Work with user identities in Azure App Service authentication" in its documentation:
    https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities

    Nothing is signed, as with `trusted_header`. Where there is a token store, `azure_app_service` is better.

    Args:
        subject: The type of the claim that becomes ``sub``. An address or a name may be given to somebody else one day,
            and some providers let people choose it; the name identifier is neither.
        groups: The type of the claims that are their groups, such as ``groups`` or ``roles``; None for the one that
            ``role_typ`` names.
        claims: Further types, by the claim that each becomes: ``{"email": "preferred_username"}``. ``auth_typ``, which
            provider it was, is always one: where there are several, a condition has to ask for it.
    """
    more = {} if claims is None else claims
    argument = "azure_client_principal(claims=...)"
    if not isinstance(more, Mapping) or not all(isinstance(claim, str) and claim for claim in more):
        raise ConfigurationError(f"{argument}: expected a mapping of claims to types of claims")
    if {"sub", "groups", "auth_typ"} & more.keys():
        raise ConfigurationError(
            f"{argument}: `sub` is subject=..., `groups` is groups=..., `auth_typ` is there anyway"
        )
    read = functools.partial(
        header_forms.client_principal,
        subject=_given(subject, _CLAIM_TYPE, "azure_client_principal(subject=...)", header_forms.NAME_IDENTIFIER),
        groups=None if groups is None else _given(groups, _CLAIM_TYPE, "azure_client_principal(groups=...)", "roles"),
        claims={claim: _given(kind, _CLAIM_TYPE, argument, "preferred_username") for claim, kind in more.items()},
    )
    longest = header_forms.LONGEST_PRINCIPAL
    return FormedHeader("x-ms-client-principal", longest, read, "azure_client_principal")


@said_in_one_line
def keycloak(
    url: str,
    realm: str,
    audience: str,
    *,
    cookie: str | None = None,
    header: str | None = None,
    require: Requirement | None = None,
) -> Policy:
    """
    Return the policy for tokens of Keycloak: RS256, keys of the realm.

    After "Securing applications and services with OpenID Connect" in its documentation:
    https://www.keycloak.org/securing-apps/oidc-layers

    The audience of an access token is usually not the client: add an audience mapper to it, or pass on the ID token.

    Args:
        url: Where Keycloak is: ``https://login.example``, over https, or on this machine.
        realm: The realm.
        audience: The ``aud`` that a token must contain.
        cookie: The cookie that holds the token.
        header: The header that holds it instead; by default ``Authorization``.
        require: Further claims, as for `jwt`.
    """
    base = _given(url, _BASE, "keycloak(url=...)", "https://login.example").rstrip("/")
    issuer = f"{base}/realms/{_given(realm, _REALM, 'keycloak(realm=...)', 'staff')}"
    return _policy(
        "keycloak",
        cookie=cookie,
        header="authorization" if cookie is None and header is None else header,
        jwks_url=f"{issuer}/protocol/openid-connect/certs",
        algorithms=["RS256"],
        issuer=issuer,
        audience=_given(audience, _WORD, "keycloak(audience=...)", "reports"),
        require=require,
    )


@said_in_one_line
def posit_connect() -> Policy:
    """
    Return the policy for Posit Connect: ``user`` and ``groups`` of the header ``RStudio-Connect-Credentials``.

    After "User meta-data" in its user guide, which has it for Plumber and for Streamlit:
    https://docs.posit.co/connect/user/streamlit/

    Nothing is signed, as with `trusted_header`.
    """
    longest, read = header_forms.LONGEST_CREDENTIALS, header_forms.connect_credentials
    return FormedHeader("rstudio-connect-credentials", longest, read, "posit_connect")


def _policy(preset: str, **arguments: Any) -> Policy:
    """Return `jwt` of these; what is wrong with one that is handed on is said of the preset, where it has that name."""
    try:
        return jwt(**arguments)
    except ConfigurationError as error:
        raise ConfigurationError(str(error).replace("jwt(", f"{preset}(", 1)) from None


def _given(value: str, form: re.Pattern[str], argument: str, example: str) -> str:
    """Return `value`; raise ConfigurationError if it is not of that form."""
    if not isinstance(value, str) or not form.fullmatch(value):
        msg = f"{argument}: expected something like {example}"
        raise ConfigurationError(msg)
    return value
