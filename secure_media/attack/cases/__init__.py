"""
The attacks, as data: who attacks, with what move, and what the only right answers are.

They know HTTP, JSON Web Tokens and Streamlit's URLs, and nothing of the guard that they attack. `trial` runs them.

What may come back is as narrow as two servers allow. Where a request is not HTTP, or does not address any media, the
server itself may answer before any guard is asked: one refuses, another serves the app's page. Both are right, since
neither serves media.
"""

from __future__ import annotations

from secure_media.attack.cases import (
    agents,
    caches,
    conditions,
    confirming,
    cookies,
    ended,
    files,
    headers,
    identities,
    jwts,
    links,
    load,
    logs,
    oracles,
    paths,
    places,
    protected,
    races,
    requests,
    signing_in,
    smuggling,
    takeover,
    terms,
    timing,
    tokens,
    who,
    wire,
)
from secure_media.attack.model import Attack

#: Every table of attacks.
TABLES = (
    who.without_credentials,
    who.with_credentials_of_others,
    cookies.forged_cookies,
    cookies.confused_cookies,
    cookies.changed_cookies,
    cookies.mangled_cookies,
    cookies.misplaced_cookies,
    paths.tricks_with_the_path,
    paths.other_ways,
    paths.absolute_forms,
    paths.media_as_something_else,
    requests.methods,
    requests.method_overrides,
    headers.headers,
    headers.hosts,
    headers.upgrades,
    requests.ranges,
    requests.conditions_of_caches,
    tokens.tokens,
    tokens.parameters,
    links.changed_claims,
    links.links_with_public_secrets,
    links.respelt_links,
    links.links_with_the_token_elsewhere,
    links.moved_links,
    links.other_credentials,
    links.stolen_links,
    terms.terms,
    terms.echoes,
    conditions.conditions,
    confirming.looking,
    confirming.forged_redemptions,
    confirming.pressed_by_others,
    signing_in.grants_of_others,
    signing_in.spent_grants,
    signing_in.grants_from_elsewhere,
    signing_in.forged_grants,
    signing_in.ended_sign_ins,
    files.files,
    places.uploads,
    places.uploads_by_other_ways,
    places.static_files,
    smuggling.smuggled_requests,
    wire.broken_http,
    wire.versions,
    wire.shared_connections,
    wire.sockets,
    oracles.oracles,
    oracles.oracles_of_others,
    timing.told_by_time,
    ended.ended_credentials,
    ended.credentials_of_removed_keys,
    caches.cache_deception,
    caches.cache_headers,
    caches.sniffed,
    caches.read_by_other_sites,
    logs.logs,
    load.slow_and_many,
    races.races,
    takeover.takeover,
    takeover.deferred_downloads,
    protected.routes,
    protected.handshakes,
    protected.ways_back,
    identities.spoofed,
    identities.let_through,
    agents.agents,
    jwts.jwt_attacks,
    conditions.other_people,
    smuggling.two_readings,
    wire.older_versions,
    headers.other_urls,
    requests.overridden_uploads,
)


def all_attacks() -> tuple[Attack, ...]:
    """Return every attack."""
    return tuple(attack for table in TABLES for attack in table())
