"""Why a request was denied, in words: one sentence for each reason, for the log and for people who ask."""

from __future__ import annotations

from secure_media.core.model import Deny, ResourceKind
from secure_media.errors import DenialReason

#: ``{credential}`` is what did not hold, such as ``cookie``, ``link`` or ``JWT in cookie sso``; ``{key}`` is its key;
#: ``{condition}`` is the code of the app's own that decides.
_SENTENCES: dict[DenialReason, str] = {
    DenialReason.NO_CREDENTIAL: "no {credential}",
    DenialReason.MALFORMED_CREDENTIAL: "what was sent as the {credential} is none, or it was changed on its way",
    DenialReason.MALFORMED_RESOURCE: "the path cannot be the name of any media or file",
    DenialReason.SIGNATURE_MISMATCH: (
        "the signature of the {credential} does not match: forged or changed, or made for another deployment or base "
        "path"
    ),
    DenialReason.UNKNOWN_KEY: (
        "the {credential} was signed by {key}, which is not in the ring (dropped, or another deployment)"
    ),
    DenialReason.KEY_UNAVAILABLE: "the key of the {credential} cannot be fetched from where it is published",
    DenialReason.NOT_FROM_PROXY: "the {credential} was sent by somebody who is not among `trusted_proxies`",
    DenialReason.EXPIRED: "the {credential} has expired",
    DenialReason.NOT_YET_VALID: "the {credential} is not valid yet, or a clock is wrong",
    DenialReason.AUDIENCE_MISMATCH: "the {credential} was made by somebody else or for somebody else (iss, aud)",
    DenialReason.CLAIM_MISMATCH: "the {credential} lacks a claim that the policy requires, or it has another value",
    DenialReason.OTHER_RESOURCE: "the {credential} was made for something else",
    DenialReason.OTHER_ACTION: "the {credential} was made for another action: to view, or to download",
    DenialReason.OTHER_SUBJECT: "the {credential} was made for another subject, or nobody is signed in",
    DenialReason.OTHER_PERSON: "it was shown in this browser to another person",
    DenialReason.OTHER_BROWSER: "the {credential} was made for another browser, or this one sends no cookie",
    DenialReason.OTHER_NETWORK: "the {credential} was made for another network",
    DenialReason.SESSION_ENDED: "the page that the {credential} was made for is gone",
    DenialReason.REVOKED: "the {credential} was revoked",
    DenialReason.USED_UP: "the {credential} is used up",
    DenialReason.LEDGER_UNAVAILABLE: "whether the {credential} was revoked or used up cannot be read",
    DenialReason.OTHER_ORIGIN: "the {credential} comes from a page of another site, or was made at another address",
    DenialReason.AUDIT_UNAVAILABLE: "the app's audit log cannot be written, and it is required (audit_required)",
    DenialReason.NOT_SHOWN: "this browser was not shown it",
    DenialReason.NOT_OWNER: "this browser does not have the app open",
    DenialReason.CONDITION_FALSE: "the app's own condition, {condition}, does not hold",
    DenialReason.CONDITION_TIMEOUT: "the app's own condition, {condition}, has not answered in time",
    DenialReason.CONDITION_UNKNOWN: "the condition that it was shown on, allow=..., is not known any more",
    DenialReason.CONDITION_FAILED: (
        "the app's own condition, {condition}, failed: the traceback is in the server's log"
    ),
    DenialReason.INTERNAL: "the guard failed on it: the traceback is in the server's log",
}
#: Where it means something else for a credential, by its first word: the keys of an issuer are no ring of ours.
_OF_CREDENTIALS = {
    (DenialReason.UNKNOWN_KEY, "JWT"): "the {credential} names no key that its issuer publishes",
    (DenialReason.OTHER_ORIGIN, "link"): "the button of the {credential} was pressed elsewhere than on its own page",
}
#: Where it means something else for a kind of resources.
_OF_KINDS: dict[tuple[DenialReason, ResourceKind], str] = {
    (DenialReason.NOT_SHOWN, ResourceKind.FILE): "a file of a collection needs a link, or a policy of its own",
    (DenialReason.NOT_OWNER, ResourceKind.UPLOAD): "this browser does not have the page open that the upload is for",
}


def sentence(reason: DenialReason, credential: str = "", *, key: str = "", kind: ResourceKind | None = None) -> str:
    """
    Return what `reason` means, in words without a full stop.

    Args:
        reason: The reason.
        credential: What did not hold.
        key: The name of the key that it names, if it is known.
        kind: Of what was asked for.
    """
    of_credential = _OF_CREDENTIALS.get((reason, credential.partition(" ")[0]))
    text = of_credential or (kind and _OF_KINDS.get((reason, kind))) or _SENTENCES[reason]
    words = {
        "{credential}": credential or "credential",
        "{condition}": f"require=... for the {credential}" if credential else "allow_if(...)",
        "{key}": f"key {key}" if key else "a key",
    }
    for placeholder, meaning in words.items():
        text = text.replace(placeholder, meaning)
    return text


def why(decision: Deny, kind: ResourceKind | None) -> str:
    """Return why it was denied, for what was asked for."""
    return sentence(decision.reason, decision.credential, kind=kind)
