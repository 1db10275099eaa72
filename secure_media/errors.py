"""
Every error that secure_media raises, in one tree, and the reasons for which a request is denied.

::

    SecureMediaError
    ├── ConfigurationError                  at start-up, for the developer
    ├── CredentialError                     a credential that does not hold; carries its `DenialReason`
    │   ├── MalformedCredentialError        not a credential at all, or not in its one canonical form
    │   ├── SignatureMismatchError          forged, tampered with, or another deployment's
    │   ├── UnknownKeyError                 signed by a key that is not (or no longer) in the ring
    │   ├── ExpiredCredentialError          after ``exp``
    │   ├── NotYetValidCredentialError      before ``nbf``
    │   ├── AudienceMismatchError           meant for somebody else (``aud``, ``iss``)
    │   └── ClaimMismatchError              a required claim is missing or has another value
    ├── ScriptError                         in a script: something that cannot be shown or offered as asked for
    │   └── GrantError                      a link that cannot be made or revoked, or terms that cannot be granted
    ├── LedgerUnavailableError              revocations and uses cannot be read or written, or the clock is behind
    ├── KeysUnavailableError                the keys that somebody publishes cannot be fetched
    │   └── KeysWithdrawnError              nothing is published at that address, or not any more
    ├── AppError                            in tests and attacks: an app that does not start, answer, or open a page
    └── MediaError
        ├── MediaNotFoundError              nothing is stored under that id (any more)
        ├── MediaChangedError               the file behind an id is no longer the file that was shown
        ├── DeliveryCutError                a response that must not go on
        ├── ClientGoneError                 nobody waits for the response any more
        ├── RangeNotSatisfiableError        RFC 9110 section 14.1.1; carries the size
        ├── BusyError                       too much is asked for at once by one browser
        └── StoreUnavailableError           a disk or an object store that does not answer, or refuses to

Messages never contain a token, a key, a cookie or the value of a claim: errors travel into logs.
"""

from __future__ import annotations

import enum


class DenialReason(str, enum.Enum):
    """
    Why a request was denied. For logs, tests and `explain`; clients see one fixed 403 for all of them.
    """

    NO_CREDENTIAL = "no_credential"
    MALFORMED_CREDENTIAL = "malformed_credential"
    MALFORMED_RESOURCE = "malformed_resource"
    SIGNATURE_MISMATCH = "signature_mismatch"
    UNKNOWN_KEY = "unknown_key"
    KEY_UNAVAILABLE = "key_unavailable"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    AUDIENCE_MISMATCH = "audience_mismatch"
    CLAIM_MISMATCH = "claim_mismatch"
    OTHER_RESOURCE = "other_resource"
    OTHER_ACTION = "other_action"
    OTHER_SUBJECT = "other_subject"
    OTHER_PERSON = "other_person"
    OTHER_BROWSER = "other_browser"
    OTHER_NETWORK = "other_network"
    SESSION_ENDED = "session_ended"
    REVOKED = "revoked"
    USED_UP = "used_up"
    LEDGER_UNAVAILABLE = "ledger_unavailable"
    NOT_FROM_PROXY = "not_from_proxy"
    OTHER_ORIGIN = "other_origin"
    AUDIT_UNAVAILABLE = "audit_unavailable"
    NOT_SHOWN = "not_shown"
    NOT_OWNER = "not_owner"
    CONDITION_FALSE = "condition_false"
    CONDITION_TIMEOUT = "condition_timeout"
    CONDITION_UNKNOWN = "condition_unknown"
    CONDITION_FAILED = "condition_failed"
    INTERNAL = "internal"


class SecureMediaError(Exception):
    """The root of everything that secure_media raises."""


class ConfigurationError(SecureMediaError):
    """A setting is wrong. The message names the setting and the fix."""


class CredentialError(SecureMediaError):
    """A credential that does not hold."""

    reason = DenialReason.MALFORMED_CREDENTIAL


class MalformedCredentialError(CredentialError):
    """What was presented is not a credential, or not in its one canonical form."""


class SignatureMismatchError(CredentialError):
    """The signature is not one that any key in the ring makes."""

    reason = DenialReason.SIGNATURE_MISMATCH


class UnknownKeyError(CredentialError):
    """The credential names a key that is not in the ring."""

    reason = DenialReason.UNKNOWN_KEY


class ExpiredCredentialError(CredentialError):
    """The credential's ``exp`` has passed."""

    reason = DenialReason.EXPIRED


class NotYetValidCredentialError(CredentialError):
    """The credential's ``nbf`` or ``iat`` lies in the future."""

    reason = DenialReason.NOT_YET_VALID


class AudienceMismatchError(CredentialError):
    """The credential was made by or for somebody else (``iss``, ``aud``)."""

    reason = DenialReason.AUDIENCE_MISMATCH


class ClaimMismatchError(CredentialError):
    """A claim that must be there is missing or has another value."""

    reason = DenialReason.CLAIM_MISMATCH


class ScriptError(SecureMediaError):
    """A script asks for something that cannot be shown or offered. The message names the argument and the fix."""


class GrantError(ScriptError):
    """A link cannot be made or revoked as a script asks for it, or nothing can be shown on such terms."""


class LedgerUnavailableError(SecureMediaError):
    """The ledger of grants cannot be read or written, or its clock is behind. The message names the fix."""


class KeysUnavailableError(SecureMediaError):
    """The keys that somebody publishes cannot be fetched. The message names no address and nothing that was sent."""


class KeysWithdrawnError(KeysUnavailableError):
    """Whoever publishes keys says that there are none at that address (404, 410)."""


class AppError(SecureMediaError):
    """An app that is tested or attacked does not start, does not answer, is none of Streamlit's, or opens no page."""


class MediaError(SecureMediaError):
    """Something about the bytes, after access was granted."""


class MediaNotFoundError(MediaError):
    """Nothing is stored under that id, or not any more."""


class MediaChangedError(MediaError):
    """The file behind a media id is no longer the file that was shown, so its bytes may be somebody else's."""


class BusyError(MediaError):
    """One browser asks for too much at once."""


class ClientGoneError(MediaError):
    """Anyone who asked has gone before there was a response."""


class DeliveryCutError(MediaError):
    """A response that must not go on: its one-time link is being redeemed by a later request."""


class RangeNotSatisfiableError(MediaError):
    """
    No byte of the representation lies in the requested range (RFC 9110 section 14.1.1).

    Args:
        size: Length of the whole representation, in bytes; the 416 response has to state it.
    """

    def __init__(self, size: int) -> None:
        super().__init__(f"no byte of the {size} lies in the requested range")
        self.size = size


class StoreUnavailableError(MediaError):
    """The disk or object store behind a collection does not answer, or refuses to. The message names the collection."""
