"""
The settings of a deployment: one frozen object, from keyword arguments, environment and secrets.

Keyword arguments win over ``SECURE_MEDIA_*`` in the environment, which win over ``[secure_media]`` in
``.streamlit/secrets.toml``. Every error names the setting in the place where it was made, and the fix.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secure_media import audit
from secure_media.core.keys import KeyRing
from secure_media.core.policy import Policy, own_session, signed_url
from secure_media.environment import is_one_of_several
from secure_media.errors import ConfigurationError
from secure_media.key_file import KeyFile, expanded, ring_of, shown
from secure_media.sources import Sources, flag, number, text

Secret = str | bytes | Iterable[str | bytes]

NAMES = (
    "secret",
    "secret_file",
    "grace",
    "cookie_lifetime",
    "deployment",
    "sign_media_urls",
    "url_lifetime",
    "embedded",
    "spool_limit",
    "ledger",
    "audit_log",
    "audit_required",
    "session_memory",
    "refusal_page",
)

DEFAULT_GRACE = 30.0
DEFAULT_COOKIE_LIFETIME = 30 * 24 * 3600
DEFAULT_URL_LIFETIME = 4 * 3600
DEFAULT_SESSION_MEMORY = 32 * 1024**2
DEFAULT_SPOOL_LIMIT = 8 * 1024**3
#: Below the directory in which the app is started, where Streamlit's own files are.
DEFAULT_LEDGER = Path(".streamlit", "secure_media.sqlite3")
#: The longest page for refusals, in bytes: every refused navigation gets it.
LONGEST_REFUSAL_PAGE = 256 * 1024
#: The ledger that ends with the process.
IN_MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Args:
        keys: The key ring.
        policy: Who may have what.
        grace: For how long a session counts after its end, in seconds.
        cookie_lifetime: For how long the browser cookie is good, in seconds.
        deployment: What distinguishes this app from another one with the same secret on the same host.
        ephemeral: Whether the key is good for this process only.
        sign_media_urls: Whether every media URL gets a grant on its way to the browser.
        url_lifetime: For how long such a grant is good, in seconds.
        embedded: Whether pages of other sites show the app in a frame.
        spool_limit: How much of the disk bytes that links are for and streams that are shown may take, in bytes.
        ledger: The file in which revocations and uses are kept; None for memory.
        audit_log: The file that gets the audit trail; ``-`` for stderr, None for no file.
        audit_required: Whether what cannot be written there is refused.
        key_file: The file that the keys were read from, if they were.
        session_memory: How much memory a session's media may take up that will never be sent to its page, in bytes.
        refusal_page: The page that people get where they are refused, as HTML; None for the built-in one.
    """

    keys: KeyRing
    policy: Policy
    grace: float
    cookie_lifetime: int
    deployment: str
    ephemeral: bool
    sign_media_urls: bool = False
    url_lifetime: float = DEFAULT_URL_LIFETIME
    embedded: bool = False
    spool_limit: int = DEFAULT_SPOOL_LIMIT
    ledger: Path | None = None
    audit_log: str | None = None
    audit_required: bool = False
    key_file: KeyFile | None = None
    session_memory: int = DEFAULT_SESSION_MEMORY
    refusal_page: str | None = None


def load(
    *,
    secret: Secret | None = None,
    policy: Policy | None = None,
    grace: float | None = None,
    deployment: str | None = None,
    sign_media_urls: bool | None = None,
    url_lifetime: float | None = None,
    embedded: bool | None = None,
    spool_limit: int | None = None,
    ledger: str | os.PathLike[str] | None = None,
    audit_log: str | os.PathLike[str] | None = None,
    audit_required: bool | None = None,
    session_memory: int | None = None,
    refusal_page: str | os.PathLike[str] | None = None,
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
        sign_media_urls: Default: whether it is embedded.
        url_lifetime: Default: 4 hours.
        embedded: Default: False.
        spool_limit: Default: 8 GiB.
        ledger: Default: a file below the current directory, or ``"memory"`` if the secret ends with the process.
        audit_log: Default: no file.
        audit_required: Default: False.
        session_memory: Default: 32 MiB.
        refusal_page: Default: the built-in page.
        environ: The environment.
        secrets_section: ``[secure_media]`` of secrets.toml.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    sources = Sources(environ, secrets_section, NAMES)
    if policy is not None and not isinstance(policy, Policy):
        msg = f"policy: expected a policy such as own_session() | signed_url(), got {type(policy).__name__}"
        raise ConfigurationError(msg)
    keys, key_file = _keys(secret, sources)
    if keys is None and is_one_of_several(environ):
        raise ConfigurationError(
            "secret: several processes serve this app and have to agree on one, so it cannot be made up at start. "
            "Set SECURE_MEDIA_SECRET (run `secure-media keygen` to make one)"
        )
    trail, must_be_written = _audit(audit_log, audit_required, sources)
    in_frames = flag("embedded", embedded, sources, default=False)
    return Settings(
        keys=keys or KeyRing.random(),
        policy=policy if policy is not None else own_session() | signed_url(),
        grace=number("grace", grace, sources, default=DEFAULT_GRACE, least=0, most=3600),
        cookie_lifetime=int(
            number("cookie_lifetime", None, sources, default=DEFAULT_COOKIE_LIFETIME, least=60, most=400 * 24 * 3600)
        ),
        deployment=text("deployment", deployment, sources),
        ephemeral=keys is None,
        sign_media_urls=flag("sign_media_urls", sign_media_urls, sources, default=in_frames),
        url_lifetime=number(
            "url_lifetime", url_lifetime, sources, default=DEFAULT_URL_LIFETIME, least=60, most=400 * 24 * 3600
        ),
        embedded=in_frames,
        spool_limit=int(
            number("spool_limit", spool_limit, sources, default=DEFAULT_SPOOL_LIMIT, least=0, most=2**50, unit="bytes")
        ),
        ledger=ledger_file(ledger, environ=environ, secrets_section=secrets_section, ephemeral=keys is None),
        audit_log=trail,
        audit_required=must_be_written,
        key_file=key_file,
        session_memory=int(
            number(
                "session_memory",
                session_memory,
                sources,
                default=DEFAULT_SESSION_MEMORY,
                least=1024**2,
                most=2**50,
                unit="bytes",
            )
        ),
        refusal_page=_refusal_page(refusal_page, sources),
    )


def key_ring(*, environ: Mapping[str, str], secrets_section: Mapping[str, Any]) -> KeyRing | None:
    """
    Return the key ring that environment and secrets name, None if they name none. For commands without an app.

    Raises:
        ConfigurationError: The secret will not do.
    """
    return _keys(None, Sources(environ, secrets_section, NAMES))[0]


def ledger_file(
    argument: str | os.PathLike[str] | None = None,
    *,
    environ: Mapping[str, str],
    secrets_section: Mapping[str, Any],
    ephemeral: bool = False,
) -> Path | None:
    """
    Return where the ledger of grants is; None for in memory.

    Raises:
        ConfigurationError: That cannot be a file.
    """
    sources = Sources(environ, secrets_section, NAMES)
    if argument is not None:
        where, value = "ledger", argument
    else:
        where, value = sources.find("ledger") or ("ledger", IN_MEMORY if ephemeral else DEFAULT_LEDGER)
    if value == IN_MEMORY:
        return None
    path = _file(value)
    if path is None:
        msg = f"{where}: expected the path of a file, or 'memory', got {shown(value)}"
        raise ConfigurationError(msg)
    return path


def _audit(audit_log: Any, audit_required: Any, sources: Sources) -> tuple[str | None, bool]:
    trail, required = _audit_log(audit_log, sources), flag("audit_required", audit_required, sources, default=False)
    if required and trail is None:
        raise ConfigurationError("audit_required: there is no audit log that could be; name a file in audit_log")
    return trail, required


def _audit_log(argument: Any, sources: Sources) -> str | None:
    where, value = ("audit_log", argument) if argument is not None else sources.find("audit_log") or ("audit_log", None)
    if value is None or value == audit.STDERR:
        return value
    path = _file(value)
    if path is None:
        msg = f"{where}: expected the path of a file, or '-' for stderr, got {shown(value)}"
        raise ConfigurationError(msg)
    return str(path)


def _refusal_page(argument: Any, sources: Sources) -> str | None:
    """Return the HTML in the file that is named, if one is. Read at start: a page that will not do stops the app."""
    where, value = ("refusal_page", argument) if argument is not None else sources.find("refusal_page") or ("", None)
    if value is None:
        return None
    path = _file(value)
    if path is None:
        msg = f"{where}: expected the path of an HTML file, got {shown(value)}"
        raise ConfigurationError(msg)
    try:
        if path.exists() and not path.is_file():  # a pipe, say, which would keep the start waiting
            msg = f"{where}: {path} is not a file"
            raise ConfigurationError(msg)
        with path.open("rb") as file:
            content = file.read(LONGEST_REFUSAL_PAGE + 1)
        page = content.decode("utf-8-sig")
    except OSError as error:
        msg = f"{where}: cannot read {path}: {error.strerror}"
        raise ConfigurationError(msg) from None
    except UnicodeDecodeError:
        msg = f"{where}: {path} is not text in UTF-8; save it as such"
        raise ConfigurationError(msg) from None
    if not page.strip() or len(content) > LONGEST_REFUSAL_PAGE:
        what = "is empty" if not page.strip() else f"has more than {LONGEST_REFUSAL_PAGE} bytes"
        msg = f"{where}: {path} {what}; write a small page, with nothing that has to be loaded"
        raise ConfigurationError(msg)
    return page


def _file(value: Any) -> Path | None:
    """Return what may be the path of a file, whether it is there or not; None if it cannot be one."""
    try:
        if isinstance(value, (str, os.PathLike)) and str(value) and "\0" not in str(value):
            path = expanded(value).absolute()
            return None if path.is_dir() else path
    except (OSError, RuntimeError):  # a name that is too long; a home directory that is not known
        pass
    return None


def _keys(secret: Secret | None, sources: Sources) -> tuple[KeyRing | None, KeyFile | None]:
    if secret is not None:
        return ring_of("secret", secret), None
    found, file = sources.find("secret"), sources.find("secret_file")
    if found and file:
        msg = f"{found[0]} and {file[0]} are both set; keep one of them"
        raise ConfigurationError(msg)
    if found:
        name, value = found
        return ring_of(name, value.split(",") if isinstance(value, str) else value), None
    if file:
        key_file = KeyFile(*file)
        return key_file.ring, key_file
    return None, None
