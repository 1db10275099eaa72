"""Every reason for a denial in words."""

from __future__ import annotations

import pytest

from secure_media.audit import reasons
from secure_media.core.model import Deny, ResourceKind
from secure_media.errors import DenialReason


@pytest.mark.parametrize("kind", [pytest.param(kind, id=str(kind)) for kind in (None, *ResourceKind)])
@pytest.mark.parametrize("reason", [pytest.param(reason, id=reason.value) for reason in DenialReason])
def test_every_reason_has_a_sentence(reason: DenialReason, kind: ResourceKind | None) -> None:
    """No denial is left without words, whatever was asked for and whatever is known of the credential."""
    for credential in ("", "link"):
        sentence = reasons.why(Deny(reason, credential), kind)

        assert len(sentence) > 5
        assert "{" not in sentence
        assert sentence.isprintable()
        assert not sentence.endswith(".")


def test_no_two_reasons_look_alike() -> None:
    """Whoever reads a sentence knows the reason."""
    assert len({reasons.sentence(reason, "link") for reason in DenialReason}) == len(DenialReason)


@pytest.mark.parametrize(
    ("decision", "kind", "sentence"),
    [
        pytest.param(
            Deny(DenialReason.EXPIRED, "JWT in cookie sso"),
            ResourceKind.MEDIA,
            "the JWT in cookie sso has expired",
            id="jwt",
        ),
        pytest.param(
            Deny(DenialReason.UNKNOWN_KEY, "JWT in header authorization"),
            ResourceKind.MEDIA,
            "the JWT in header authorization names no key that its issuer publishes",
            id="jwt-without-a-key",
        ),
        pytest.param(
            Deny(DenialReason.OTHER_ORIGIN, "link"),
            ResourceKind.FILE,
            "the button of the link was pressed elsewhere than on its own page",
            id="link-from-elsewhere",
        ),
        pytest.param(
            Deny(DenialReason.OTHER_ORIGIN, "Streamlit login"),
            ResourceKind.MEDIA,
            "the Streamlit login comes from a page of another site, or was made at another address",
            id="login-from-elsewhere",
        ),
        pytest.param(Deny(DenialReason.REVOKED, "link"), ResourceKind.MEDIA, "the link was revoked", id="link"),
        pytest.param(Deny(DenialReason.NO_CREDENTIAL, "cookie"), ResourceKind.MEDIA, "no cookie", id="cookie"),
        pytest.param(Deny(DenialReason.EXPIRED), ResourceKind.MEDIA, "the credential has expired", id="unknown"),
        pytest.param(
            Deny(DenialReason.NOT_SHOWN, "cookie"), ResourceKind.MEDIA, "this browser was not shown it", id="not-shown"
        ),
        pytest.param(
            Deny(DenialReason.NOT_SHOWN, "cookie"),
            ResourceKind.FILE,
            "a file of a collection needs a link, or a policy of its own",
            id="file",
        ),
    ],
)
def test_sentence_names_what_did_not_hold(decision: Deny, kind: ResourceKind, sentence: str) -> None:
    """A sentence says which credential it was, and fits what was asked for."""
    assert reasons.why(decision, kind) == sentence


def test_sentence_names_the_key() -> None:
    """A key that is not there has its name, if the credential has one."""
    assert "by key 12345678, which" in reasons.sentence(DenialReason.UNKNOWN_KEY, "link", key="12345678")
    assert "by a key, which" in reasons.sentence(DenialReason.UNKNOWN_KEY, "link")
