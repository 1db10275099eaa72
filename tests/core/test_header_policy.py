"""The policy for headers in which a proxy says who is asking."""

from __future__ import annotations

from typing import Any

import pytest

from secure_media import trusted_header
from secure_media.core.model import Allow, Credentials, Deny
from secure_media.errors import ConfigurationError, DenialReason
from tests.core.asking import ask, context_of

ANN = ("x-forwarded-user", "ann")


def decided(*headers: tuple[str, str], from_proxy: bool = True, **more: Any) -> Any:
    """Return what is decided about a request with these headers."""
    context = context_of(credentials=Credentials(headers=headers), from_proxy=from_proxy)
    return ask(trusted_header("X-Forwarded-User", **more), context)


def test_person_whom_a_proxy_names_may_have_it() -> None:
    """Who it is is part of the decision."""
    assert decided(("host", "x"), ANN) == Allow("trusted_header", "ann", {"sub": "ann"})


def test_groups_and_claims_come_from_further_headers() -> None:
    """What the proxy says besides is there for conditions; what it does not say is not."""
    names = {"email": "Remote-Email", "name": "Remote-Name"}
    more: dict[str, Any] = {"groups": "X-authentik-groups", "separator": "|", "claims": names}
    headers = (ANN, ("x-authentik-groups", "staff| on call ||a b"), ("remote-email", "ann@example.org"))

    claims = {"sub": "ann", "email": "ann@example.org", "groups": ["staff", "on call", "a b"]}
    assert decided(*headers, **more) == Allow("trusted_header", "ann", claims)
    assert decided(ANN, **more) == Allow("trusted_header", "ann", {"sub": "ann", "groups": []})


def test_name_may_have_any_letters() -> None:
    """Headers are bytes: those of a name are read as UTF-8."""
    value = "Jörg Müller".encode().decode("latin-1")

    assert decided(("x-forwarded-user", value)) == Allow("trusted_header", "Jörg Müller", {"sub": "Jörg Müller"})


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        pytest.param([], DenialReason.NO_CREDENTIAL, id="none"),
        pytest.param([("x-user", "ann")], DenialReason.NO_CREDENTIAL, id="another"),
        pytest.param([("x-forwarded-user", "")], DenialReason.NO_CREDENTIAL, id="empty"),
        pytest.param([("x-forwarded-user", " \t")], DenialReason.NO_CREDENTIAL, id="blank"),
        pytest.param([ANN, ANN], DenialReason.MALFORMED_CREDENTIAL, id="twice"),
        pytest.param([ANN, ("x-forwarded-user", "bob")], DenialReason.MALFORMED_CREDENTIAL, id="and-another"),
        pytest.param([ANN, ("x-forwarded-user", "")], DenialReason.MALFORMED_CREDENTIAL, id="and-an-empty-one"),
        pytest.param([("x-forwarded-user", "bob, ann")], DenialReason.MALFORMED_CREDENTIAL, id="joined"),
        pytest.param([ANN, ("x_forwarded_user", "bob")], DenialReason.MALFORMED_CREDENTIAL, id="and-with-underscores"),
        pytest.param([ANN, ("X_FORWARDED-user", "bob")], DenialReason.MALFORMED_CREDENTIAL, id="and-with-one"),
        pytest.param([("x_forwarded_user", "bob")], DenialReason.MALFORMED_CREDENTIAL, id="underscores-alone"),
        pytest.param([ANN, ("x.forwarded.user", "bob")], DenialReason.MALFORMED_CREDENTIAL, id="and-with-dots"),
        pytest.param([ANN, ("xforwardeduser", "bob")], DenialReason.MALFORMED_CREDENTIAL, id="and-with-nothing"),
        pytest.param([ANN, ("x-forwarded-user\t", "bob")], DenialReason.MALFORMED_CREDENTIAL, id="and-with-a-tab"),
        pytest.param([ANN, (" x-forwarded-user", "bob")], DenialReason.MALFORMED_CREDENTIAL, id="and-folded"),
        pytest.param([("x-forwarded-user", "a\x00b")], DenialReason.MALFORMED_CREDENTIAL, id="nul"),
        pytest.param([("x-forwarded-user", "a\r\n b")], DenialReason.MALFORMED_CREDENTIAL, id="folded"),
        pytest.param([("x-forwarded-user", "\xff")], DenialReason.MALFORMED_CREDENTIAL, id="no-utf-8"),
        pytest.param([("x-forwarded-user", "\u2028")], DenialReason.MALFORMED_CREDENTIAL, id="no-bytes"),
        pytest.param([("x-forwarded-user", "a" * 513)], DenialReason.MALFORMED_CREDENTIAL, id="long"),
    ],
)
def test_header_that_does_not_say_who_it_is(headers: list[tuple[str, str]], reason: DenialReason) -> None:
    """It counts once, in its own spelling, and as text, or not at all."""
    assert isinstance(decided(ANN), Allow)

    assert decided(*headers) == Deny(reason)


@pytest.mark.parametrize(
    "space", ["\u00a0", "\u2003", "\u3000", "\u2028", "\u0085", "\x1f", "\x0b", "\ufeff", "\u200b"]
)
@pytest.mark.parametrize("form", ["{}ann", "ann{}", "x,{}ann", "x,ann{}", "{}ann,x"])
def test_what_looks_like_a_space_is_no_white_space_of_http(space: str, form: str) -> None:
    """A person, or a group, whose name begins or ends with it is not the one without it: nobody is allowed as ann."""
    value = form.format(space).encode("utf-8").decode("latin-1")
    asked = [ANN, ("x-groups", value)] if "," in form else [("x-forwarded-user", value)]

    assert decided(*asked, groups="x-groups") == Deny(DenialReason.MALFORMED_CREDENTIAL)
    usual = decided(("x-forwarded-user", " \tann\t "), ("x-groups", "\tx ,  ann "), groups="x-groups")
    assert usual == Allow("trusted_header", "ann", {"sub": "ann", "groups": ["x", "ann"]})


@pytest.mark.parametrize(
    ("more", "header"),
    [
        pytest.param({"groups": "Remote-Groups"}, "remote-groups", id="groups"),
        pytest.param({"claims": {"email": "Remote-Email"}}, "remote-email", id="claim"),
    ],
)
def test_further_header_counts_once_too(more: dict[str, Any], header: str) -> None:
    """A client's own list of groups beside the proxy's is a denial, not a choice."""
    assert isinstance(decided(ANN, (header, "a"), **more), Allow)
    for also in ((header, "admins"), (header.replace("-", "_"), "admins")):
        assert decided(ANN, (header, "a"), also, **more) == Deny(DenialReason.MALFORMED_CREDENTIAL)


def test_claim_that_two_headers_were_joined_to_is_refused() -> None:
    """A proxy that joins the client's own header with its own would let the client begin the value."""
    more: dict[str, Any] = {"claims": {"email": "Remote-Email"}}
    assert isinstance(decided(ANN, ("remote-email", "ann@app.example"), **more), Allow)

    groups: dict[str, Any] = {"groups": "Remote-Groups", "separator": "|"}
    assert isinstance(decided(ANN, ("remote-groups", "staff|doctors"), **groups), Allow)
    assert decided(ANN, ("remote-groups", "admins|x, staff"), **groups) == Deny(DenialReason.MALFORMED_CREDENTIAL)

    joined = decided(ANN, ("remote-email", "boss@app.example, ann@app.example"), **more)
    assert joined == Deny(DenialReason.MALFORMED_CREDENTIAL)


def test_nobody_else_is_believed() -> None:
    """What anyone else says of themselves is a denial with a reason of its own."""
    assert isinstance(decided(ANN), Allow)

    assert decided(ANN, from_proxy=False) == Deny(DenialReason.NOT_FROM_PROXY)
    assert decided(("x_forwarded_user", "ann"), from_proxy=False) == Deny(DenialReason.NOT_FROM_PROXY)
    assert decided(from_proxy=False) == Deny(DenialReason.NO_CREDENTIAL)


def test_policy_says_what_it_is() -> None:
    """It heeds no grants, and needs to know the proxies."""
    policy = trusted_header("Remote-User")

    assert (policy.accepts_grants, policy.needs_proxies) == (False, True)
    assert repr(policy) == "trusted_header('remote-user')"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param({"header": ""}, "header=", id="empty"),
        pytest.param({"header": "X_User"}, "underscore", id="underscore"),
        pytest.param({"header": "X-User:"}, "header=", id="colon"),
        pytest.param({"header": "Ä"}, "header=", id="no-name"),
        pytest.param({"header": None}, "header=", id="none"),
        pytest.param({"header": "Cookie"}, "header=", id="cookie"),
        pytest.param({"header": "X-Forwarded-For"}, "header=", id="address"),
        pytest.param({"header": "Sec-Fetch-User"}, "header=", id="of-browsers"),
        pytest.param({"header": "--"}, "header=", id="hyphens"),
        pytest.param({"groups": "x-user"}, "named twice", id="groups-are-the-header"),
        pytest.param({"claims": {"a": "X-A", "b": "x-a"}}, "named twice", id="claims-of-one-header"),
        pytest.param({"groups": "X Groups"}, "groups=", id="groups"),
        pytest.param({"groups": ["X-Groups"]}, "groups=", id="groups-in-a-list"),
        pytest.param({"separator": ""}, "separator=", id="separator"),
        pytest.param({"separator": None}, "separator=", id="no-separator"),
        pytest.param({"claims": {"email": "X_Email"}}, "claims=", id="claim"),
        pytest.param({"claims": ["email"]}, "claims=", id="claims-in-a-list"),
        pytest.param({"claims": {"": "X-Email"}}, "claims=", id="claim-without-a-name"),
        pytest.param({"claims": {"sub": "X-Sub"}}, "`sub`", id="sub"),
        pytest.param({"claims": {"groups": "X-Groups"}}, "`groups`", id="groups-as-a-claim"),
    ],
)
def test_wrong_argument_is_one_clear_error(arguments: dict[str, Any], said: str) -> None:
    """What cannot be right is said by the name of its argument."""
    trusted_header("X-User")
    with pytest.raises(ConfigurationError, match=rf"^trusted_header\(.*{said}"):
        trusted_header(**{"header": "X-User", **arguments})


@pytest.mark.parametrize("argument", ["header", "groups", "claims"])
def test_wrong_name_is_told_by_its_argument(argument: str) -> None:
    """The error begins with the argument as it is written."""
    wrong: dict[str, Any] = {argument: {"email": "X_Email"} if argument == "claims" else "X_User"}
    with pytest.raises(ConfigurationError, match=rf"^trusted_header\({argument}=\.\.\.\): "):
        trusted_header(**{"header": "X-User", **wrong})


def test_name_may_be_as_long_as_its_bound() -> None:
    """The longest name is one."""
    assert decided(("x-forwarded-user", "a" * 512)) == Allow("trusted_header", "a" * 512, {"sub": "a" * 512})


def test_list_of_groups_may_be_long_and_has_an_end() -> None:
    """Groups may take more room than a name does, between commas if nothing else is said, and not any room."""
    groups = [f"group-{number:04d}" for number in range(744)]
    listed = ",".join(groups)
    decision = decided(ANN, ("x-groups", listed), groups="X-Groups")

    assert len(listed) == 8183
    assert isinstance(decision, Allow)
    assert decision.claims["groups"] == groups
    assert decided(ANN, ("x-groups", f"{listed},longer-yet"), groups="X-Groups") == Deny(
        DenialReason.MALFORMED_CREDENTIAL
    )
