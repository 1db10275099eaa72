"""Judges a token as the guard does, as far as that can be done without the server."""

from __future__ import annotations

import re
from dataclasses import dataclass

from secure_media.cli.sentences import exact, plain
from secure_media.cli.setting import Records, Setting
from secure_media.core import grants, tokens
from secure_media.core.context import AccessContext
from secure_media.core.model import Grant
from secure_media.core.questions import IsCurrent, Question, Record, RecordOf, answered
from secure_media.errors import (
    CredentialError,
    DenialReason,
    LedgerUnavailableError,
    SignatureMismatchError,
    UnknownKeyError,
)

_KID = re.compile(r"[0-9a-f]{8}", re.ASCII)

#: What a key is to the ring.
ACTIVE, RETIRED, UNKNOWN, UNCHECKED = "active", "retired", "unknown", "no secret is set to compare it with"


@dataclass(frozen=True, slots=True, repr=False)
class Presented:
    """
    A token, and what came of its signature.

    Args:
        kid: The name of the key that it names; the empty string if that is no such name.
        key: What that key is.
        grant: What it grants, or claims to grant; None if that cannot be read.
        refusal: Why it is not genuine; None if it is, or if nothing could be verified.
        base_path: The base path that it was made for, if it is genuine.
    """

    kid: str
    key: str
    grant: Grant | None
    refusal: DenialReason | None
    base_path: str = ""

    @property
    def proven(self) -> Grant | None:
        """The grant, if the signature was verified and holds."""
        return self.grant if self.refusal is None and self.key in (ACTIVE, RETIRED) else None

    @property
    def why_not(self) -> str:
        """Why it is not genuine, as a sentence; the empty string if it is."""
        return "" if self.refusal is None else plain(self.refusal, self.kid)


def present(token: str, setting: Setting, base_paths: list[str]) -> Presented:
    """
    Verify the signature of `token`.

    Args:
        token: The token, as sent.
        setting: The app.
        base_paths: The base paths that it may have been made for.
    """
    kid, claimed = _unverified(token)
    if setting.keys is None:
        return Presented(kid, UNCHECKED, claimed, None if claimed else DenialReason.MALFORMED_CREDENTIAL)
    try:
        setting.keys.find(kid)
        key = ACTIVE if kid == setting.keys.active.kid else RETIRED
    except UnknownKeyError:
        key = UNKNOWN
    refusal = DenialReason.UNKNOWN_KEY
    for base_path in base_paths:
        try:
            grant = setting.codec(base_path).verify_signature(token)
        except SignatureMismatchError as error:
            refusal = error.reason
        except CredentialError as error:
            # A token that is no token names no key either.
            refusal = error.reason if kid else DenialReason.MALFORMED_CREDENTIAL
            break
        else:
            return Presented(kid, key, grant, None, base_path)
    return Presented(kid, key, claimed, refusal)


def reasons_against(
    grant: Grant, context: AccessContext, records: Records, *, session_alive: bool
) -> list[tuple[DenialReason, str]]:
    """
    Return every reason for which a genuine grant does not carry a request, each with its sentence.

    Args:
        grant: What was granted.
        context: The request.
        records: What is known of revocations and uses.
        session_alive: What to suppose of sessions.
    """
    unknown: list[LedgerUnavailableError] = []

    def answer(question: Question) -> bool | Record | None:
        if isinstance(question, RecordOf):
            try:
                return records.record(question.grant)
            except LedgerUnavailableError as error:
                unknown.append(error)
                return None
        # Sessions, and plays that go on after the end of their grant: only the running server knows of any.
        return isinstance(question, IsCurrent) and session_alive

    found: list[tuple[DenialReason, str]] = []
    for reason in answered(grants.denial_reasons(grant, context, every=True), answer):
        if unknown and reason is DenialReason.LEDGER_UNAVAILABLE:
            found.append((reason, f"{plain(reason)}: {unknown[0]}"))
        else:
            found.append((reason, exact(reason, grant, context)))
    return found


def _unverified(token: str) -> tuple[str, Grant | None]:
    try:
        kid, payload = tokens.parts_of(token)
    except CredentialError:
        return "", None
    kid = kid if _KID.fullmatch(kid) else ""
    try:
        return kid, tokens.claims_in(payload)
    except CredentialError:
        return kid, None
