"""
The settings of a deployment: one frozen object, from keyword arguments, environment and secrets.

Keyword arguments win over ``SECURE_MEDIA_*`` in the environment, which win over ``[secure_media]`` in
``.streamlit/secrets.toml``. Every error names the setting in the place where it was made, and the fix.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secure_media.core.keys import KeyRing
from secure_media.core.policy import Policy, own_session, signed_url
from secure_media.errors import ConfigurationError

Secret = str | bytes | Iterable[str | bytes]

_ENV_PREFIX = "SECURE_MEDIA_"
NAMES = ("secret", "secret_file", "grace", "cookie_lifetime", "deployment")

DEFAULT_GRACE = 30.0
DEFAULT_COOKIE_LIFETIME = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Args:
        keys: The key ring.
        policy: Who may have what.
        grace: For how long a session counts after its end, and discarded media stay, in seconds.
        cookie_lifetime: For how long the browser cookie is good, in seconds.
        deployment: What distinguishes this app from another one with the same secret on the same host.
        ephemeral: Whether the key is good for this process only.
    """

    keys: KeyRing
    policy: Policy
    grace: float
    cookie_lifetime: int
    deployment: str
    ephemeral: bool


def load(
    *,
    secret: Secret | None = None,
    policy: Policy | None = None,
    grace: float | None = None,
    deployment: str | None = None,
    environ: Mapping[str, str],
    secrets_section: Mapping[str, Any],
) -> Settings:
    """
    Return the settings that result from all places.

    Args:
        secret: One secret, or several with the newest first.
        policy: Default: ``own_session() | signed_url()``.
        grace: Default: 30 seconds.
        deployment: Default: the empty string.
        environ: The environment.
        secrets_section: ``[secure_media]`` of secrets.toml.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    sources = _Sources(environ, secrets_section)
    if policy is not None and not isinstance(policy, Policy):
        msg = f"policy: expected a policy such as own_session() | signed_url(), got {type(policy).__name__}"
        raise ConfigurationError(msg)
    keys = _keys(secret, sources)
    if keys is None and _is_one_of_several(environ):
        raise ConfigurationError(
            "secret: several processes serve this app and have to agree on one, so it cannot be made up at start. "
            "Set SECURE_MEDIA_SECRET (run `secure-media keygen` to make one)"
        )
    return Settings(
        keys=keys or KeyRing.random(),
        policy=policy if policy is not None else own_session() | signed_url(),
        grace=_number("grace", grace, sources, default=DEFAULT_GRACE, least=0, most=3600),
        cookie_lifetime=int(
            _number("cookie_lifetime", None, sources, default=DEFAULT_COOKIE_LIFETIME, least=60, most=400 * 24 * 3600)
        ),
        deployment=_text("deployment", deployment, sources),
        ephemeral=keys is None,
    )


class _Sources:
    """Where a setting stands if it is not an argument, and what it is called there."""

    def __init__(self, environ: Mapping[str, str], section: Mapping[str, Any]) -> None:
        unknown = sorted(set(section) - set(NAMES))
        if unknown:
            msg = f"secrets.toml: [secure_media] has no setting {unknown[0]!r}; there are {', '.join(NAMES)}"
            raise ConfigurationError(msg)
        self._environ = environ
        self._section = section

    def find(self, name: str) -> tuple[str, Any] | None:
        variable = _ENV_PREFIX + name.upper()
        if variable in self._environ:
            return variable, self._environ[variable]
        if name in self._section:
            return f"secrets.toml: [secure_media] {name}", self._section[name]
        return None


def _keys(secret: Secret | None, sources: _Sources) -> KeyRing | None:
    if secret is not None:
        return _ring("secret", secret)
    found, file = sources.find("secret"), sources.find("secret_file")
    if found and file:
        msg = f"{found[0]} and {file[0]} are both set; keep one of them"
        raise ConfigurationError(msg)
    if found:
        name, value = found
        return _ring(name, value.split(",") if isinstance(value, str) else value)
    if file:
        return _ring(file[0], _read_secret_file(*file))
    return None


def _ring(name: str, secrets: Any) -> KeyRing:
    if isinstance(secrets, (str, bytes)):
        secrets = [secrets]
    if not isinstance(secrets, Iterable):
        msg = f"{name}: expected a secret or a list of secrets, got {type(secrets).__name__}"
        raise ConfigurationError(msg)
    return KeyRing((part.strip() if isinstance(part, str) else part for part in secrets), setting=name)


def _read_secret_file(name: str, value: Any) -> list[str]:
    """Return the secrets in a file: one a line, newest first; blank lines and lines that begin with # do not count."""
    try:
        path = Path(str(value)).expanduser()
    except RuntimeError:
        msg = f"{name}: {value} has no home directory to begin with"
        raise ConfigurationError(msg) from None
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            msg = f"{name}: {path} is not a file"
            raise ConfigurationError(msg)
        if os.name == "posix" and mode & stat.S_IROTH:
            msg = (
                f"{name}: everyone on this machine can read {path}. Run: chmod 600 {path} "
                "(for a mounted Kubernetes secret, set defaultMode: 0400)"
            )
            raise ConfigurationError(msg)
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        msg = f"{name}: cannot read {path}: {error.strerror}"
        raise ConfigurationError(msg) from None
    except UnicodeDecodeError:
        msg = f"{name}: {path} is not a text file; write one secret a line"
        raise ConfigurationError(msg) from None
    except ValueError:
        msg = f"{name}: {str(value)!r} is not a path"
        raise ConfigurationError(msg) from None
    return [line for line in map(str.strip, lines) if line and not line.startswith("#")]


def _number(name: str, argument: Any, sources: _Sources, *, default: float, least: float, most: float) -> float:
    where, value = (name, argument) if argument is not None else sources.find(name) or (name, default)
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not least <= number <= most:
        msg = f"{where}: expected a number of seconds from {least:g} to {most:g}, got {value!r}"
        raise ConfigurationError(msg)
    return number


def _text(name: str, argument: Any, sources: _Sources) -> str:
    where, value = (name, argument) if argument is not None else sources.find(name) or (name, "")
    if not isinstance(value, str):
        msg = f"{where}: expected a string, got {type(value).__name__}"
        raise ConfigurationError(msg)
    return value


def _is_one_of_several(environ: Mapping[str, str]) -> bool:
    """
    Return whether this may be one of several worker processes.

    Of ``uvicorn --workers`` (or its reloader, which looks the same), of gunicorn, or of a server that WEB_CONCURRENCY
    tells how many to have.
    """
    return (
        multiprocessing.parent_process() is not None
        or "gunicorn" in sys.modules
        or environ.get("WEB_CONCURRENCY", "").strip() not in {"", "0", "1"}
    )
