"""
Starts an app as its author does, and writes down what has become of its settings: for `secure-media doctor` alone.

Run with ``python -m``: a file for what is found, then the app. Nothing secret is written there.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from secure_media.cli import asgi
from secure_media.cli.doctor import serving
from secure_media.cli.doctor.configuration import ARGUMENT
from secure_media.cli.doctor.source import is_written_in
from secure_media.errors import LedgerUnavailableError
from secure_media.host import compatibility, launch
from secure_media.host.deployment import Deployment
from secure_media.host.flags import flags_of
from secure_media.http.forwarded import THIS_MACHINE, Proxies
from secure_media.servers.public import is_public
from secure_media.settings.table import Settings
from secure_media.stores.database import Database

#: What Streamlit is asked for.
OPTIONS = (
    "client.showErrorDetails",
    "server.address",
    "server.baseUrlPath",
    "server.enableAgentApi",
    "server.enableCORS",
    "server.enableStaticServing",
    "server.enableXsrfProtection",
    "server.port",
    "server.sslCertFile",
    "server.unsafeMetricsUserAttributes",
    "server.useStarlette",
)


def facts(name: str, settings: Settings, deployment: Deployment, source: Path | None) -> dict[str, Any]:
    """Return what a guarded app is like, in values of JSON. `source` is where the app called `name` is written."""
    options = _options()
    own = [*deployment.handlers, *deployment.routes]
    version = compatibility.version()
    return {
        "app": name,
        "makes_app": source is not None and asgi.makes_an_app(source),
        "options": options,
        "starlette": version >= (1, 57) or bool(options.get("server.useStarlette")),
        "policy": repr(settings.policy),
        "secret": None if settings.ephemeral else _source(settings),
        "written_in": source.name if source and is_written_in(source, settings.keys) else None,
        "ledger": None if settings.ledger is None else str(settings.ledger.absolute()),
        "ledger_unusable": settings.ledger and _why_unusable(settings.ledger),
        "audit": settings.audit_log is not None,
        "protect": settings.protect,
        "embedded": settings.embedded,
        "signed_urls": settings.sign_media_urls,
        "proxies": settings.trusted_proxies is not None,
        # Without the setting, the server's own counts, and everyone may be in it too.
        "proxies_are_anyone": (
            settings.trusted_proxies or Proxies(os.environ.get("FORWARDED_ALLOW_IPS", THIS_MACHINE))
        ).are_anyone,
        "collections": list(deployment.collections.names),
        "endpoints": len(own),
        "open_endpoints": sum(is_public(_target(each)) for each in own),
        "agent": settings.agent is not None,
        "base": deployment.base_path,
    }


def _options() -> dict[str, Any]:
    """Return what Streamlit's options are, of those that this Streamlit has."""
    from streamlit import config

    found = {}
    for name in OPTIONS:
        with suppress(RuntimeError):  # an older one has not all of them
            found[name] = config.get_option(name)
    return found


def _source(settings: Settings) -> str:
    source = settings.keys.source.partition(":")[0]
    return ARGUMENT if source == "secret" else source


def _why_unusable(ledger: Path) -> str | None:
    """Return what is wrong with what is in the file, if there is one: the app has opened it by now."""
    try:
        with closing(Database(ledger)) as database, database.reading():
            return None
    except LedgerUnavailableError as error:
        return str(error)


def _target(endpoint: Any) -> Any:
    """Return what may be marked public: a route, or the handler of a rule of Tornado's."""
    return endpoint[1] if isinstance(endpoint, tuple) and len(endpoint) > 1 else endpoint


class Report:
    """
    What is found, written down once all of it is known.

    Args:
        file: Where.
        name: What the app is called on the command line.
        guards_itself: Whether the app is guarded however it is started.
        source: Where the app is written, if that is known.
    """

    def __init__(self, file: Path, name: str, *, guards_itself: bool, source: Path | None) -> None:
        self._file = file
        self._name = name
        self._guards_itself = guards_itself
        self._source = source
        self._facts: dict[str, Any] | None = None
        #: Where the guarded app is mounted in another one.
        self.mount = ""
        #: What is answered beside the guard.
        self.unguarded: list[str] = []
        #: Whether these two are known.
        self.complete = False

    def watched(self, announce: Callable[..., None]) -> Callable[..., None]:
        """Return `announce`, which is called once the settings are known, that takes them down too."""

        def announce_and_report(settings: Settings, deployment: Deployment, **more: Any) -> None:
            announce(settings, deployment, **more)
            self._facts = facts(self._name, settings, deployment, self._source)
            self.write()

        return announce_and_report

    def write(self) -> None:
        """Write it down, unless something is not known yet: then, where to ask for what starts Streamlit."""
        if not self.complete:
            return
        found: dict[str, Any] = {"guards_itself": self._guards_itself, "mount": self.mount, "unguarded": self.unguarded}
        is_known = self._facts is not None
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps({**found, **(self._facts or {})}, default=str) if is_known else self.mount, "utf-8")
        os.replace(draft, self._file if is_known else self._file.with_suffix(".mount"))


def _module(name: str) -> Path | None:
    """Return where a module of the current directory is written."""
    places = (Path(*name.split(".")).with_suffix(".py"), Path(*name.split("."), "__init__.py"))
    return next((place for place in places if place.is_file()), None)


def _here(options: Mapping[str, Any]) -> list[str]:
    """Return the flags for `options`, but for where to listen: the app's own port may be taken, by the app itself."""
    return flags_of({**options, "server.port": os.environ["STREAMLIT_SERVER_PORT"], "server.address": "127.0.0.1"})


def main(file: str, app: str, *args: str) -> None:
    """Start the app: a script with `secure_run`, one without, or an ASGI app (``module:name``, or a file with one)."""
    from secure_media.host import announcing
    from secure_media.testing.server import starts_itself

    named = Path(app)
    is_script = ":" not in named.name and not asgi.guards_itself(named)
    source = named if ":" not in named.name else _module(app.partition(":")[0])
    report = Report(Path(file), app, guards_itself=not is_script or starts_itself(named), source=source)
    report.complete = is_script
    launch.flags_of = _here  # type: ignore[attr-defined]
    announcing.announce = report.watched(announcing.announce)
    sys.argv = [app, *args]
    if not is_script:
        found = serving.imported(app)
        report.mount, report.unguarded, report.complete = found.mount, found.unguarded, True
        report.write()
        serving.serve(found.app)
    elif starts_itself(named):
        sys.path.insert(0, str(named.resolve().parent))
        runpy.run_path(app, run_name="__main__")
    else:
        launch.run(app)


if __name__ == "__main__":
    main(*sys.argv[1:])
