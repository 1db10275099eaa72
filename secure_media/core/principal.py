"""Who somebody is: a principal, and the sign-in by which a browser has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from secure_media.core.keys import hash_parts

#: The claims that name somebody, the first that is there: OpenID Connect Core 1.0 section 2, and what is in its place
#: in tokens without one.
_NAMES = ("sub", "email", "preferred_username", "username", "upn", "unique_name", "common_name")


@dataclass(frozen=True, slots=True)
class Principal:
    """
    Somebody who has proved who they are.

    Args:
        subject: Who it is (``sub``, RFC 7519 section 4.1.2); None if the credential names nobody.
        claims: What the credential says of them.
    """

    subject: str | None
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> Principal:
        """Return whom `claims` are about."""
        subject = claims.get("sub")
        return cls(subject if isinstance(subject, str) else None, claims)

    @property
    def person(self) -> str | None:
        """
        Stands for anyone who has that name at that issuer; None if nothing names them.

        To tell one person from the next, and for nothing else: to be let in, more is needed than a name.
        """
        claims = self.claims if self.subject is None else {**self.claims, "sub": self.subject}
        for name in _NAMES:
            value = claims.get(name)
            if isinstance(value, str) and value.strip():
                return of_issuer(claims.get("iss", ""), f"{name}={value}")
        return None

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that they are in, by the claim ``groups``."""
        groups = self.claims.get("groups")
        listed = [groups] if isinstance(groups, str) else groups
        return tuple(group for group in listed if isinstance(group, str)) if isinstance(listed, (list, tuple)) else ()

    @property
    def auth_time(self) -> float | None:
        """When they proved it last, in seconds since the epoch; None if the credential does not say."""
        moment = self.claims.get("auth_time")
        if isinstance(moment, bool) or not isinstance(moment, (int, float)):
            return None
        try:
            return float(moment)
        except OverflowError:  # an integer of JSON may have any number of digits
            return None


@dataclass(frozen=True, slots=True)
class SignIn:
    """
    That somebody has signed in, in one browser.

    Args:
        id: Random.
        principal: Who it is.
        at: When, in seconds since the epoch, to the millisecond.
        idle: For how long it lasts while the browser does not come back, in seconds.
        until: When it ends in any case, in seconds since the epoch.
    """

    id: str
    principal: Principal
    at: float
    idle: int
    until: int


def of_issuer(issuer: Any, value: Any) -> str:
    """Return what stands for something that is called `value` at `issuer`, and nowhere else."""
    return hash_parts(_bytes(str(issuer)), _bytes(str(value))).hex()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
