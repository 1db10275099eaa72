"""Requests to decide about, and policies that decide."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jwt as pyjwt

from secure_media import allow_if, jwt
from secure_media.core.context import AccessContext
from secure_media.core.keys import KeyRing
from secure_media.core.model import Action, Allow, Browser, Credentials, Decision, Grant, Resource, ResourceKind
from secure_media.core.policy import Policy, decide
from secure_media.core.questions import answered
from secure_media.core.requirements import Requirement
from secure_media.core.tokens import GrantCodec
from secure_media.errors import DenialReason
from tests import people
from tests.core import fakes
from tests.core.fakes import Leases, OneSession, Records, World

NOW = 1_800_000_000.0
SECRET = "a-secret-for-tests-0123456789-abcdefghij"
MEDIA = Resource(ResourceKind.MEDIA, "0" * 40)
OTHER_MEDIA = Resource(ResourceKind.MEDIA, "1" * 40)
STATIC = Resource(ResourceKind.STATIC, "logo.png")
UPLOAD = Resource(ResourceKind.UPLOAD, "anna-session")
ENDPOINT = Resource(ResourceKind.ENDPOINT, "/report")
FILE = Resource(ResourceKind.FILE, "reports/q1.pdf")
ANNA, BERT = people.browser("anna-browser", "anna"), Browser("bert-browser")
GRANT = Grant(MEDIA, Action.VIEW, iat=NOW, exp=int(NOW) + 60)
CODEC = GrantCodec(KeyRing([SECRET]), deployment="/")
CLAIMS: Mapping[str, Any] = {"iss": "login", "aud": "media", "exp": int(NOW) + 60, "sub": "anna"}

NO = allow_if(lambda context: False)
YES = allow_if(lambda context: True)


def world_of(records: Records | None = None, leases: Leases | None = None) -> World:
    """Return a world in which Anna has a session and was shown one medium, and Bert has nothing."""
    return World(OneSession("anna-session", ANNA.id, MEDIA.name), records, leases)


def context_of(resource: Resource = MEDIA, browser: Browser | None = ANNA, **more: Any) -> AccessContext:
    """Return a request, Anna's if nothing else is said."""
    more = {"action": Action.VIEW, "browser": browser or DenialReason.EXPIRED, "now": NOW, **more}
    return fakes.context(resource, **more)


def ask(policy: Policy, context: AccessContext | None = None, **world: Any) -> Decision:
    """Return what a policy decides."""
    return answered(decide(policy, context or context_of(), CODEC), world_of(**world).answer)


def with_token(*tokens: str, browser: Browser | None = None, **more: Any) -> AccessContext:
    """Return a request with these tokens."""
    return context_of(browser=browser, credentials=Credentials(tokens=tokens), **more)


def token_of(resource: Resource = MEDIA, action: Action = Action.VIEW, **more: Any) -> str:
    """Return the token of a grant."""
    return CODEC.issue(dataclasses.replace(GRANT, resource=resource, action=action, **more))


def carried_by(grant: Grant = GRANT, player: str | None = None) -> Allow:
    """Return the decision that `grant` carries."""
    return Allow("signed_url", grant.sub, grant=grant, player=player)


def with_jwt(**claims: Any) -> AccessContext:
    """Return a request with a JWT in its cookie."""
    value = pyjwt.encode({**CLAIMS, **claims}, SECRET, "HS256")
    return context_of(credentials=Credentials(cookies=(("session", value),)))


def jwt_policy(require: Requirement | None = None, **more: Any) -> Policy:
    """Return the policy for the JWTs of these tests."""
    given = {"cookie": "session", "key": SECRET, "algorithms": ["HS256"], "issuer": "login", "audience": "media"}
    return jwt(**{**given, **more}, require=require)
