"""Headers of platforms that are no plain text: what each documents, kept, and each of its rules broken once."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from secure_media import presets
from secure_media.core.header_forms import NAME_IDENTIFIER
from secure_media.core.model import Allow, Credentials, Deny
from secure_media.core.policy import Policy
from secure_media.errors import ConfigurationError, DenialReason
from tests.core.asking import ask, context_of

AZURE, CONNECT = "x-ms-client-principal", "rstudio-connect-credentials"
EMAIL = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
OBJECT = "http://schemas.microsoft.com/identity/claims/objectidentifier"
ANN = [
    ("iss", "https://login.microsoftonline.com/01234567-89ab-cdef-0123-456789abcdef/v2.0"),
    (NAME_IDENTIFIER, "ann-at-this-app"),
    (OBJECT, "ann-in-the-directory"),
    (EMAIL, "ann@example.org"),
    ("name", "Änn"),
    (ROLE, "auditor"),
    (ROLE, "on call"),
    ("groups", "0f1e2d3c"),
]
FIRST = {"sub": "ann-at-this-app", "auth_typ": "aad", "groups": ["auditor", "on call"]}


def principal(*claims: tuple[Any, Any], **members: Any) -> dict[str, Any]:
    """Return what Azure says of somebody."""
    listed = [{"typ": kind, "val": value} for kind, value in claims or ANN]
    return {"auth_typ": "aad", "claims": listed, "name_typ": EMAIL, "role_typ": ROLE, **members}


def encoded(said: object) -> str:
    """Return that as the header has it."""
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")


def decided(policy: Policy, *headers: tuple[str, str], from_proxy: bool = True) -> Any:
    """Return what is decided about a request with these headers."""
    return ask(policy, context_of(credentials=Credentials(headers=headers), from_proxy=from_proxy))


def azure(value: str, **arguments: Any) -> Any:
    """Return what is decided about somebody of whom Azure says that."""
    return decided(presets.azure_client_principal(**arguments), ("host", "x"), (AZURE, value))


def connect(value: str) -> Any:
    """Return what is decided about somebody of whom Posit Connect says that, in bytes."""
    return decided(presets.posit_connect(), (CONNECT, value.encode("utf-8", "surrogatepass").decode("latin-1")))


def test_person_whom_azure_names_may_have_it() -> None:
    """By the identifier that nobody else is ever given, with the roles; and by what else an app asks for."""
    assert azure(encoded(principal())) == Allow("trusted_header", "ann-at-this-app", FIRST)

    more = {"subject": OBJECT, "groups": "groups", "claims": {"email": EMAIL, "name": "name", "city": "city"}}
    claims = {"email": "ann@example.org", "name": "Änn", "groups": ["0f1e2d3c"], "auth_typ": "aad"}
    assert azure(encoded(principal()), **more).claims == {"sub": "ann-in-the-directory", **claims}


@pytest.mark.parametrize("role_typ", [None, "", "roles"])
def test_roles_are_those_of_the_type_that_azure_names(role_typ: str | None) -> None:
    """Where it names none, or one of which there are no claims, there are no groups."""
    assert azure(encoded(principal(role_typ=role_typ))).claims == {**FIRST, "groups": []}
    without = {name: value for name, value in principal().items() if name != "role_typ"}
    assert azure(encoded(without)).claims["groups"] == []
    assert azure(encoded(without), groups=ROLE).claims["groups"] == ["auditor", "on call"]


def test_person_whom_posit_connect_names_may_have_it() -> None:
    """With their groups; a user in none is one, too."""
    found = connect('{"user": "jörg", "groups": ["staff", "on call, at night"]}')
    assert found == Allow("trusted_header", "jörg", {"sub": "jörg", "groups": ["staff", "on call, at night"]})
    alone = Allow("trusted_header", "ann", {"sub": "ann", "groups": []})
    for text in ('{"user":"ann","groups":[]}', '{"user":"ann","groups":null}', '{"user":"ann"}'):
        assert connect(text) == alone


#: With padding, and with characters that base64 and base64url write differently.
PADDED, ODD = encoded(json.dumps(principal()).ljust(997)), encoded(principal(x="???>>>~~~"))
DEEP = ',"x":' + "[" * 20 + "]" * 20 + "}"
TWICE = '{"auth_typ":"aad","claims":[{"typ":"%s","val":"ann","val":"bob"}]}'
BROKEN_PRINCIPALS = {
    "plain": "ann",
    "json": json.dumps(principal()),
    "no-padding": PADDED.rstrip("="),
    "spare-bits": PADDED.replace("A==", "B=="),
    "base64url": ODD.replace("/", "_").replace("+", "-"),
    "space-inside": f"{encoded(principal())[:8]} {encoded(principal())[8:]}",
    "joined": f"{encoded(principal())}, {encoded(principal())}",
    "followed": f"{encoded(principal())}{encoded(principal())}",
    "no-ascii": "é" + encoded(principal()),
    "no-utf-8": base64.b64encode(json.dumps(principal()).encode() + b"\xff").decode(),
    "utf-16": base64.b64encode(json.dumps(principal()).encode("utf-16")).decode(),
    "byte-order-mark": base64.b64encode(b"\xef\xbb\xbf" + json.dumps(principal()).encode()).decode(),
    "no-json": encoded("{"),
    "two-values": encoded(json.dumps(principal()) * 2),
    "nan": encoded(principal(x=float("nan"))),
    "deep": encoded(json.dumps(principal())[:-1] + DEEP),
    "list": encoded([principal()]),
    "null": encoded(None),
    "no-claims": encoded({"auth_typ": "aad"}),
    "claims-in-a-mapping": encoded(principal(claims={NAME_IDENTIFIER: "ann"})),
    "claims-in-a-text": encoded(principal(claims="ann")),
    "claim-in-a-list": encoded(principal(claims=[[NAME_IDENTIFIER, "ann"]])),
    "claim-without-a-value": encoded(principal(claims=[*principal()["claims"], {"typ": "x"}])),
    "claim-without-a-type": encoded(principal(claims=[*principal()["claims"], {"val": "x"}])),
    "number": encoded(principal((NAME_IDENTIFIER, 7))),
    "list-of-values": encoded(principal((NAME_IDENTIFIER, ["ann"]))),
    "null-value": encoded(principal((NAME_IDENTIFIER, None))),
    "type-that-is-a-number": encoded(principal(*ANN, (7, "x"))),
    "nobody": encoded(principal(*[each for each in ANN if each[0] != NAME_IDENTIFIER])),
    "two-people": encoded(principal(*ANN, (NAME_IDENTIFIER, "bob"))),
    "twice-the-same": encoded(principal(*ANN, (NAME_IDENTIFIER, "ann-at-this-app"))),
    "another-case": encoded(principal((NAME_IDENTIFIER.upper(), "ann"))),
    "empty": encoded(principal((NAME_IDENTIFIER, ""))),
    "blank": encoded(principal((NAME_IDENTIFIER, " "))),
    "nul": encoded(principal((NAME_IDENTIFIER, "a\0nn"))),
    "surrogate": encoded(json.dumps(principal((NAME_IDENTIFIER, "\ud800")))),
    "invisible": encoded(principal((NAME_IDENTIFIER, "ann\u200b"))),
    "long": encoded(principal((NAME_IDENTIFIER, "a" * 513))),
    "role-that-is-hidden": encoded(principal(*ANN, (ROLE, "auditor\u00a0"))),
    "member-twice": encoded(TWICE % NAME_IDENTIFIER),
    "claims-twice": encoded(json.dumps(principal())[:-1] + ',"claims":[]}'),
    "role-type": encoded(principal(role_typ=["x"])),
    "provider": encoded(principal(auth_typ=7)),
    "too-long": encoded(principal(*ANN, ("x", "y" * 24_600))),
}


@pytest.mark.parametrize("value", BROKEN_PRINCIPALS.values(), ids=BROKEN_PRINCIPALS.keys())
def test_principal_in_another_form_is_nobody(value: str) -> None:
    """What can be read in two ways, or is not as documented, is a denial."""
    assert [isinstance(azure(each), Allow) for each in (encoded(principal()), PADDED, ODD)] == [True] * 3

    assert azure(value) == Deny(DenialReason.MALFORMED_CREDENTIAL)


def test_further_claim_counts_once_too() -> None:
    """Two addresses are none."""
    assert isinstance(azure(encoded(principal()), claims={"email": EMAIL}), Allow)
    twice = encoded(principal(*ANN, (EMAIL, "boss@example.org")))
    assert isinstance(azure(twice), Allow)

    assert azure(twice, claims={"email": EMAIL}) == Deny(DenialReason.MALFORMED_CREDENTIAL)


BROKEN_CREDENTIALS = {
    "plain": "ann",
    "base64": encoded('{"user":"ann","groups":[]}'),
    "joined": '{"user":"ann","groups":[]}, {"user":"ann","groups":[]}',
    "list": '[{"user":"ann","groups":[]}]',
    "member-twice": '{"user":"bob","groups":[],"user":"ann"}',
    "groups-twice": '{"user":"ann","groups":[],"groups":["staff"]}',
    "escaped-member-twice": '{"user":"bob","\\u0075ser":"ann"}',
    "nobody": '{"groups":["staff"]}',
    "null": '{"user":null,"groups":[]}',
    "number": '{"user":7,"groups":[]}',
    "user-in-a-list": '{"user":["ann"],"groups":[]}',
    "empty": '{"user":"","groups":[]}',
    "blank": '{"user":" ","groups":[]}',
    "nul": '{"user":"a\\u0000nn","groups":[]}',
    "surrogate": '{"user":"\\ud800","groups":[]}',
    "invisible": '{"user":"ann\\u200b","groups":[]}',
    "long": json.dumps({"user": "a" * 513}),
    "groups-in-a-text": '{"user":"ann","groups":"staff"}',
    "groups-in-a-mapping": '{"user":"ann","groups":{"staff":true}}',
    "false": '{"user":"ann","groups":false}',
    "group-that-is-a-number": '{"user":"ann","groups":["staff",7]}',
    "group-that-is-null": '{"user":"ann","groups":[null]}',
    "empty-group": '{"user":"ann","groups":[""]}',
    "nan": '{"user":"ann","groups":[],"x":NaN}',
    "deep": '{"user":"ann"' + DEEP,
    "line-end": '{"user":"ann",\r\n "groups":[]}',
    "no-utf-8": '{"user":"\ud800"}',
    "too-long": json.dumps({"user": "ann", "x": "y" * 8192}),
}


@pytest.mark.parametrize("value", BROKEN_CREDENTIALS.values(), ids=BROKEN_CREDENTIALS.keys())
def test_credentials_in_another_form_are_nobodys(value: str) -> None:
    """What can be read in two ways, or is not as documented, is a denial."""
    assert isinstance(connect('{"user":"ann","groups":[]}'), Allow)

    assert connect(value) == Deny(DenialReason.MALFORMED_CREDENTIAL)


@pytest.mark.parametrize(
    ("policy", "header", "value"),
    [
        pytest.param(presets.azure_client_principal(), AZURE, encoded(principal()), id="azure"),
        pytest.param(presets.posit_connect(), CONNECT, '{"user":"ann","groups":["staff"]}', id="connect"),
    ],
)
def test_header_counts_once_in_its_own_spelling_and_from_a_proxy(policy: Policy, header: str, value: str) -> None:
    """As every header in which a proxy says who is asking."""
    assert isinstance(decided(policy, (header, value)), Allow)
    assert (policy.needs_proxies, policy.accepts_grants) == (True, False)

    for headers in ([(header, value)] * 2, [(header, value), (header.replace("-", "_"), value)]):
        assert decided(policy, *headers) == Deny(DenialReason.MALFORMED_CREDENTIAL)
    assert decided(policy, (header.replace("-", "_"), value)) == Deny(DenialReason.MALFORMED_CREDENTIAL)
    assert decided(policy, (f"{header}-id", value)) == Deny(DenialReason.NO_CREDENTIAL)
    assert decided(policy, (header, "")) == Deny(DenialReason.NO_CREDENTIAL)
    assert decided(policy, (header, value), from_proxy=False) == Deny(DenialReason.NOT_FROM_PROXY)
    assert decided(policy, from_proxy=False) == Deny(DenialReason.NO_CREDENTIAL)


def test_principal_may_be_as_long_as_those_of_people_in_many_groups() -> None:
    """As many as Entra puts into a token have room."""
    many = [("groups", f"01234567-89ab-cdef-0123-{number:012}") for number in range(200)]

    assert len(azure(encoded(principal(*ANN[:-1], *many)), groups="groups").claims["groups"]) == 200


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param({"subject": ""}, "subject=", id="subject"),
        pytest.param({"subject": None}, "subject=", id="no-subject"),
        pytest.param({"groups": "two words"}, "groups=", id="groups"),
        pytest.param({"groups": ["roles", "groups"]}, "groups=", id="groups-in-a-list"),
        pytest.param({"claims": ["email"]}, "claims=", id="claims-in-a-list"),
        pytest.param({"claims": {"email": ""}}, "claims=", id="claim"),
        pytest.param({"claims": {"": "email"}}, "claims=", id="claim-without-a-name"),
        pytest.param({"claims": {"sub": "oid"}}, "`sub`", id="sub"),
        pytest.param({"claims": {"groups": "roles"}}, "`groups`", id="groups-as-a-claim"),
        pytest.param({"claims": {"auth_typ": "idp"}}, "`auth_typ`", id="provider-as-a-claim"),
    ],
)
def test_wrong_argument_is_one_clear_error(arguments: dict[str, Any], said: str) -> None:
    """What cannot be right is said by the name of its argument."""
    assert repr(presets.azure_client_principal()) == "azure_client_principal()"
    with pytest.raises(ConfigurationError, match=rf"^azure_client_principal\(.*{said}"):
        presets.azure_client_principal(**arguments)
