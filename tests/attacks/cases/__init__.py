"""
The attacks, as data: who attacks, with what move, and what the only right answers are.

They know HTTP, JSON Web Tokens and Streamlit's URLs, and nothing of the guard that they attack. `trial` runs them.

What may come back is as narrow as two servers allow. Where a request is not HTTP, or does not address any media, the
server itself may answer before any guard is asked: one refuses, another serves the app's page. Both are right, since
neither serves media.
"""

from __future__ import annotations

from tests.attacks.cases.conditions import conditions
from tests.attacks.cases.confirming import confirming
from tests.attacks.cases.cookies import forged_cookies, mangled_cookies
from tests.attacks.cases.files import files
from tests.attacks.cases.links import links
from tests.attacks.cases.model import Attack
from tests.attacks.cases.oracles import oracles
from tests.attacks.cases.paths import media_as_something_else, tricks_with_the_path
from tests.attacks.cases.places import static_files, uploads
from tests.attacks.cases.requests import conditions_and_ranges, headers, methods
from tests.attacks.cases.signing_in import signing_in
from tests.attacks.cases.terms import terms
from tests.attacks.cases.tokens import tokens
from tests.attacks.cases.who import with_credentials_of_others, without_credentials
from tests.attacks.cases.wire import broken_http, shared_connections, sockets


def all_attacks() -> tuple[Attack, ...]:
    """Return every attack."""
    return tuple(
        attack
        for group in (
            without_credentials(),
            with_credentials_of_others(),
            forged_cookies(),
            mangled_cookies(),
            tricks_with_the_path(),
            media_as_something_else(),
            methods(),
            headers(),
            conditions_and_ranges(),
            tokens(),
            links(),
            terms(),
            conditions(),
            confirming(),
            signing_in(),
            files(),
            uploads(),
            static_files(),
            broken_http(),
            shared_connections(),
            sockets(),
            oracles(),
        )
        for attack in group
    )
