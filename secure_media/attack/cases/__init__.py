"""
The attacks, as data: who attacks, with what move, and what the only right answers are.

They know HTTP, JSON Web Tokens and Streamlit's URLs, and nothing of the guard that they attack. `trial` runs them.

What may come back is as narrow as two servers allow. Where a request is not HTTP, or does not address any media, the
server itself may answer before any guard is asked: one refuses, another serves the app's page. Both are right, since
neither serves media.
"""

from __future__ import annotations

from secure_media.attack.cases.conditions import conditions
from secure_media.attack.cases.confirming import confirming
from secure_media.attack.cases.cookies import forged_cookies, mangled_cookies
from secure_media.attack.cases.files import files
from secure_media.attack.cases.links import links
from secure_media.attack.cases.oracles import oracles, oracles_of_others
from secure_media.attack.cases.paths import media_as_something_else, tricks_with_the_path
from secure_media.attack.cases.places import static_files, uploads, uploads_by_other_ways
from secure_media.attack.cases.requests import conditions_and_ranges, headers, method_overrides, methods
from secure_media.attack.cases.signing_in import signing_in
from secure_media.attack.cases.terms import terms
from secure_media.attack.cases.tokens import tokens
from secure_media.attack.cases.who import with_credentials_of_others, without_credentials
from secure_media.attack.cases.wire import broken_http, shared_connections, sockets
from secure_media.attack.model import Attack


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
            method_overrides(),
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
            uploads_by_other_ways(),
            static_files(),
            broken_http(),
            shared_connections(),
            sockets(),
            oracles(),
            oracles_of_others(),
        )
        for attack in group
    )
