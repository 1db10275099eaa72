"""
The settings of a deployment: one table, and the frozen object that is read by it.

Keyword arguments win over ``SECURE_MEDIA_*`` in the environment, which win over ``[secure_media]`` in
``.streamlit/secrets.toml``. Every error names the setting in the place where it was made, and the fix.

A new setting is an entry here: a field of `Settings`. One that may be an argument has its type in `SettingArguments`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secure_media.audit import sinks
from secure_media.core.keys import KeyRing
from secure_media.core.login_policy import StreamlitLogin
from secure_media.core.policy import Policy
from secure_media.core.rules import own_session, signed_url
from secure_media.errors import ConfigurationError
from secure_media.http.forwarded import Proxies
from secure_media.settings.arguments import SettingArguments
from secure_media.settings.choices import Choice, SignInPlace
from secure_media.settings.entries import names, setting, table_of
from secure_media.settings.environment import is_one_of_several
from secure_media.settings.key_file import KeyFile
from secure_media.settings.kinds import Bytes, File, Flag, Instance, Page, Seconds, SecretFile, Secrets, Text
from secure_media.settings.misspelt import refuse_unknown_arguments, refuse_unknown_secrets
from secure_media.settings.places import ARGUMENT_ONLY, OUTSIDE, Given, Place, Sources
from secure_media.settings.proxies import ProxyList

if TYPE_CHECKING:
    from typing_extensions import Unpack

DEFAULT_URL_LIFETIME = 4 * 3600
#: Below the directory in which the app is started, where Streamlit's own files are.
DEFAULT_LEDGER = Path(".streamlit", "secure_media.sqlite3")
#: The longest page for refusals, in bytes: every refused navigation gets it.
LONGEST_REFUSAL_PAGE = 256 * 1024
#: The longest that browsers keep a cookie, in seconds.
_LONGEST_LIFETIME = 400 * 24 * 3600
_LEDGER = File("memory")


def _default_ledger() -> Path | None:
    path: Path | None = _LEDGER.read(Given("ledger", DEFAULT_LEDGER, Place.ARGUMENT))
    return path


def _outlasts_the_process(above: Mapping[str, Any]) -> bool:
    """Return whether something that a ledger ends may come back after a restart: a link, or Streamlit's own login."""
    logins = any(isinstance(rule, StreamlitLogin) for rule in above["policy"].parts)
    return bool(above["secret"] or above["secret_file"] or logins)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    Args:
        keys: The key ring: of `secret` or `secret_file`, or made up for this process.
    """

    keys: KeyRing
    secret: KeyRing | None = setting(
        Secrets(),
        "At least 32 bytes; `secure-media keygen` makes one. Several, newest first, to rotate: a list, or separated by "
        "commas where it is not an argument. Without one, a random secret is made for this process, with a warning.",
    )
    secret_file: KeyFile | None = setting(
        SecretFile(),
        "A file with one secret a line, newest first, that not everyone can read. It is read again when it changes.",
        places=OUTSIDE,
    )
    policy: Policy = setting(
        Instance(Policy, "a policy such as own_session() | signed_url()"),
        "Who may have what.",
        default=own_session() | signed_url(),
        by_default="either of `own_session()` and `signed_url()` will do",
        places=ARGUMENT_ONLY,
    )
    grace: float = setting(
        Seconds(least=0, most=3600), "For how long media stay available after their page is closed.", default=30.0
    )
    embedded: bool = setting(Flag(), "Whether pages of other sites show the app in a frame.", default=False)
    sign_media_urls: bool = setting(
        Flag(),
        "Whether every media URL carries a grant, for browsers that send no cookie.",
        derived=lambda above: above["embedded"],
        by_default="whether `embedded`",
    )
    url_lifetime: float = setting(
        Seconds(least=60, most=_LONGEST_LIFETIME),
        "For how long the grants of `sign_media_urls` are good.",
        default=float(DEFAULT_URL_LIFETIME),
    )
    spool_limit: int = setting(
        Bytes(least=0, most=1024**5),
        "How much of the disk may be taken by bytes that links are for and by streams that elements show, in a file "
        "without a name in `TMPDIR` (or `/var/tmp`); beyond it, `share_link(bytes)` and the element raise.",
        default=8 * 1024**3,
    )
    ledger: Path | None = setting(
        _LEDGER,
        "The SQLite file that keeps revocations and uses, or `memory`.",
        derived=lambda above: _default_ledger() if _outlasts_the_process(above) else None,
        by_default=f"`{DEFAULT_LEDGER.as_posix()}`, made on first use; `memory` if the secret ends with the process, "
        "unless the policy has `streamlit_login()`",
    )
    audit_log: str | None = setting(
        File(sinks.STDERR, meaning=" for stderr", read_as=sinks.STDERR, made=str),
        f"A file that gets every decision and delivery as one line of JSON; `{sinks.STDERR}` for stderr.",
        by_default="none",
    )
    audit_required: bool = setting(
        Flag(),
        "Whether media are refused while the audit log cannot be written (disk full, folder gone).",
        default=False,
    )
    session_memory: int = setting(
        Bytes(least=1024**2, most=1024**5),
        "How much memory a session's media may take up that will never be sent to its page: frames of an animation "
        "that came faster than messages leave. Beyond that the oldest go, with one line in the log for each session.",
        default=32 * 1024**2,
    )
    refusal_page: str | None = setting(
        Page(most=LONGEST_REFUSAL_PAGE),
        "An HTML file, in your words or language, for people who open an address and are refused; read at start. "
        "`{app}` in it becomes the app's address; it may have inline styles, and can run and load nothing.",
        by_default="a built-in page",
    )
    agent: Policy | None = setting(
        Instance(Policy, "a policy such as jwt(header='authorization', ...)"),
        "Who may use the app by Streamlit's agent API (`server.enableAgentApi`), each in a session of their own.",
        by_default="nobody, and the app does not start with that API",
        places=ARGUMENT_ONLY,
    )
    protect: str = setting(
        Choice(("media", "app")),
        "What is guarded: `media`, or with `app` everything of the app, its page, WebSocket and uploads as well, which "
        "then need somebody whom the policy knows by name.",
        default="media",
    )
    sign_in: str | Callable[[], object] | None = setting(
        SignInPlace(),
        'With `protect="app"`, where people are sent to sign in: the path of a page on this host, a URL, or '
        "`streamlit` for Streamlit's own login (`streamlit:NAME` for one of several providers); or, as an argument, a "
        "function of the app that shows the page, which strangers then have in place of the app.",
        by_default="nowhere; they are refused",
    )
    trusted_proxies: Proxies | None = setting(
        ProxyList(),
        "The proxies that connect to the app, which alone are believed in what they say of a client: its address, its "
        "scheme, a prefix, and who it is (`trusted_header`). `unix:` is anyone who connects through a Unix socket, `*` "
        "anyone at all.",
        by_default="those that the server trusts (`FORWARDED_ALLOW_IPS`), and nobody for `trusted_header`",
    )
    deployment: str = setting(
        Text(), "Sets this app apart from another with the same secret on the same host.", default="", by_default=""
    )
    cookie_lifetime: int = setting(
        Seconds(least=60, most=_LONGEST_LIFETIME, whole=True),
        "For how long the browser cookie is good; renewed while the browser comes back.",
        default=30 * 24 * 3600,
        places=OUTSIDE,
    )

    @property
    def ephemeral(self) -> bool:
        """Whether the key is good for this process only."""
        return self.secret is None and self.secret_file is None


TABLE = table_of(Settings)
#: The settings that may stand in the environment and in secrets.toml.
NAMES = names(TABLE, Place.ENVIRONMENT)
#: The settings that may be arguments.
ARGUMENTS = names(TABLE, Place.ARGUMENT)


def load(
    *, environ: Mapping[str, str], secrets_section: Mapping[str, Any], **arguments: Unpack[SettingArguments]
) -> Settings:
    """
    Return the settings that result from all places.

    Args:
        environ: The environment.
        secrets_section: ``[secure_media]`` of secrets.toml.
        arguments: Those of `secure_run` or `guard`.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    given: dict[str, Any] = {**arguments}
    refuse_unknown_arguments(TABLE, given, function="load")
    refuse_unknown_secrets(TABLE, secrets_section)
    sources = Sources(given, environ, secrets_section)
    unimportant = _unimportant(sources)
    found: dict[str, Any] = {}
    for entry in TABLE:
        found[entry.name] = None if entry.name in unimportant else entry.value(sources, found)
    keys = found["secret"] or (found["secret_file"] and found["secret_file"].ring)
    if keys is None and is_one_of_several(environ):
        raise ConfigurationError(
            "secret: several processes serve this app and have to agree on one, so it cannot be made up at start. "
            "Set SECURE_MEDIA_SECRET (run `secure-media keygen` to make one)"
        )
    if found["audit_required"] and found["audit_log"] is None:
        raise ConfigurationError("audit_required: there is no audit log that could be; name a file in audit_log")
    return Settings(keys=keys or KeyRing.random(), **found)


def ledger_file(*, environ: Mapping[str, str], secrets_section: Mapping[str, Any]) -> Path | None:
    """
    Return where an app that has a secret keeps the ledger of grants; None for in memory.

    Raises:
        ConfigurationError: That cannot be a file.
    """
    given = Sources({}, environ, secrets_section).find("ledger")
    return _default_ledger() if given is None else _LEDGER.read(given)


def _unimportant(sources: Sources) -> set[str]:
    """Return what does not count, nor has to be right, because something else was given; refuse what is ambiguous."""
    secret, file = sources.find("secret"), sources.find("secret_file", OUTSIDE)
    if secret is None or file is None:
        return set()
    if secret.place is not Place.ARGUMENT:
        msg = f"{secret.where} and {file.where} are both set; keep one of them"
        raise ConfigurationError(msg)
    return {"secret_file"}
