"""The one line at start: what is guarded, by which policy, with the secret from where, and where the ledger is."""

from __future__ import annotations

import logging
from pathlib import Path

from streamlit import config

from secure_media.audit.console import say
from secure_media.core.policy import Policy
from secure_media.host.deployment import Deployment
from secure_media.settings.table import Settings
from secure_media.version import __version__

_UNTIL_THE_END = (
    ". No secret is set, so cookies and links end with this process. To keep them, set SECURE_MEDIA_SECRET (run "
    "`secure-media keygen` to make one)"
)


def announce(settings: Settings, deployment: Deployment, *, is_demo: bool = False) -> None:
    """
    Write the line. It is a warning where the secret ends with the process, unless that is no loss.

    Args:
        settings: The settings.
        deployment: What was made of them.
        is_demo: Whether nobody wants to keep anything.
    """
    what = ", ".join(_guarded(deployment))
    where = f" below {deployment.base_path}" if deployment.base_path else ""
    parts = [
        f"guarding {what}{where} by {_named(settings.policy)}",
        *_collections(deployment),
        *(["embedded in pages of other sites"] if settings.embedded else []),
        _secret(settings),
        f"ledger {_place(settings.ledger)}",
    ]
    line = f"secure_media {__version__}: {'; '.join(parts)}"
    if settings.ephemeral and not is_demo:
        say(logging.WARNING, f"{line}{_UNTIL_THE_END}")
    else:
        say(logging.INFO, line)


def _guarded(deployment: Deployment) -> list[str]:
    static = ["/app/static"] if config.get_option("server.enableStaticServing") else []
    own = len(deployment.handlers) + len(deployment.routes)
    endpoints = [f"{own} endpoint{'s' if own > 1 else ''} of the app"] if own else []
    return ["/media", *static, "uploads", *endpoints]


def _collections(deployment: Deployment) -> list[str]:
    found = []
    for name in deployment.collections.names:
        policy = deployment.collections.policy(name)
        found.append(name if policy is None else f"{name} by {_named(policy)}")
    return [f"collections {', '.join(found)}"] if found else []


def _named(policy: Policy) -> str:
    """Return the policy as it is written in code, without the parentheses around the whole."""
    name = repr(policy)
    return name[1:-1] if name.startswith("(") and name.endswith(")") else name


def _place(ledger: Path | None) -> str:
    if ledger is None:
        return "in memory"
    here = Path.cwd()
    return str(ledger.relative_to(here) if ledger.is_relative_to(here) else ledger)


def _secret(settings: Settings) -> str:
    if settings.ephemeral:
        return "a random secret"
    source = settings.keys.source.partition(":")[0]
    return "secret from an argument" if source == "secret" else f"secret from {source}"
