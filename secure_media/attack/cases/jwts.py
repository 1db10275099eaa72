"""Attacks with forged JWTs, where one of a key of `forgeries` opens a file."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from secure_media.attack.cases.forgeries import SIGNERS, Forge, forgeries, honest
from secure_media.attack.families import JWT
from secure_media.attack.model import FORGER, REFUSED, Attack, Build, Honest, of

#: Where a token is shown.
_PLACES = {"cookie": "Cookie: sso={}", "header": "Authorization: Bearer {}"}


def _showing(where: str, place: str, forge: Forge) -> Build:
    return lambda t: t.get(t.jwt_files[where], _PLACES[place].format(forge()))


HONEST = {
    (where, place): Honest(_showing(where, place, functools.partial(honest, where)), 200, "jwt")
    for where in SIGNERS
    for place in _PLACES
}


@of(JWT)
def jwt_attacks() -> Iterable[Attack]:
    """Show a JWT that nobody has issued, in a cookie and in a header, where one of a key of ours opens a file."""
    for forgery in forgeries():
        for place in _PLACES:
            yield Attack(
                f"jwt-{place}-{forgery.id}",
                FORGER,
                f"shows, in a {place}, a JWT that nobody has issued: {forgery.id}",
                _showing(forgery.where, place, forgery.forge),
                REFUSED,
                HONEST[forgery.where, place],
            )
