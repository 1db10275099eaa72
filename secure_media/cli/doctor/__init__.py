"""``secure-media doctor``: one screen about an installation and an app, to read, or to put into a bug report."""

from __future__ import annotations

import ast
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from secure_media.cli.command import Command, Failure
from secure_media.cli.doctor.findings import Finding, Level
from secure_media.core.redact import redact
from secure_media.errors import AppError

if TYPE_CHECKING:
    from secure_media.testing.server import AppServer

T = TypeVar("T")

_COLOURS = {Level.OK: "green", Level.NOTE: "blue", Level.WARNING: "yellow", Level.PROBLEM: "red"}
#: How long an app may take to start, in seconds.
_PATIENCE = 60.0
#: The lines in which this package says why an app does not start, by itself or through uvicorn.
_OURS = re.compile(r"(?:ERROR: +)?secure_media: (.*)")


@click.command(cls=Command, short_help="Look at an installation, and at an app.")
@click.argument("app", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def doctor(app: str | None, as_json: bool) -> None:
    """
    Look at what is installed and, with APP, at an app, which is started on a free port here, asked, and stopped.

    \b
        secure-media doctor
        secure-media doctor app.py
        secure-media doctor main:app --json

    APP is a script, or an ASGI app: as uvicorn takes it, or the file in which it is. Nothing secret is printed. Exits
    with 1 if there is a problem, and with 2 if the app cannot be looked at.
    """
    found = list(_about(app))
    if as_json:
        click.echo(json.dumps([_as_json(finding) for finding in found], indent=2))
    else:
        for finding in found:
            _print(finding)
    if any(finding.level is Level.PROBLEM for finding in found):
        raise SystemExit(1)


def _about(app: str | None) -> Iterator[Finding]:
    from secure_media.cli.doctor import installation
    from secure_media.host import compatibility

    versions = installation.installed()
    if app is None:
        yield from installation.findings(versions, starlette=compatibility.has_starlette())
        return
    yield from _about_app(app, versions)


def _about_app(app: str, versions: dict[str, str]) -> Iterator[Finding]:
    from secure_media.cli.doctor import asking, configuration, installation
    from secure_media.testing.server import AppServer

    is_script = ":" not in Path(app).name
    if is_script:
        _refuse_unreadable(Path(app))
    with tempfile.TemporaryDirectory(prefix="secure-media-") as folder:
        report = Path(folder, "facts.json")
        command = [sys.executable, "-m", f"{__name__}.observed", str(report), app]
        with AppServer(app, command=command, folder=Path.cwd(), wait=False, timeout=_PATIENCE) as server:

            def state() -> str:
                if server.process is not None and server.process.poll() is not None:
                    return "ended"
                if not report.exists():
                    asking.knock(server, report.with_suffix(".mount"))
                return "there" if report.exists() else ""

            if _in_time(state, "start") == "ended":
                raise Failure(f"the app does not start: {_why(server)}")
            facts = json.loads(report.read_text("utf-8"))
            server.base = f"{facts['mount']}{facts['base']}"
            _in_time(lambda: asking.reached(server), "answer")
            static = bool(facts["options"].get("server.enableStaticServing"))
            answers = list(asking.findings(server, protected=facts["protect"] == "app", static=static))
    yield from installation.findings(versions, starlette=facts["starlette"])
    yield from configuration.findings(facts)
    yield from answers


def _refuse_unreadable(script: Path) -> None:
    """Fail if that is no Python that could be run; Python's own words would quote the line."""
    from secure_media.host.launch import near

    try:
        ast.parse(script.read_bytes())
    except FileNotFoundError:
        raise Failure(f"there is no file {str(script)!r}{near(script)}") from None
    except OSError as error:
        raise Failure(f"{script} cannot be read: {error.strerror}") from None
    except SyntaxError as error:
        raise Failure(f"{script} is not Python: there is a syntax error in line {error.lineno}") from None
    except ValueError:
        raise Failure(f"{script} is not Python") from None


def _in_time(check: Callable[[], T], what: str) -> T:
    """Return the first true value of `check()`, or fail."""
    from secure_media.testing.waiting import eventually

    try:
        return eventually(check, what, _PATIENCE)
    except AppError:
        raise Failure(f"the app did not {what} within {_PATIENCE:.0f} seconds") from None


def _why(server: AppServer) -> str:
    """Return why an app has ended, if we have said so: any other traceback may quote the line with a secret."""
    own = [match[1] for match in map(_OURS.match, server.log.splitlines()) if match]
    if own:
        return own[-1]
    if server.process is not None and server.process.poll() == 0:
        return "it ends without an error, before it serves anything. Is secure_run, or guard, reached?"
    return "it ends with an error of its own. Start it yourself to see which"


def _as_json(finding: Finding) -> dict[str, str | None]:
    return {
        "level": finding.level.value,
        "topic": finding.topic,
        "text": redact(finding.text),
        "fix": finding.fix and redact(finding.fix),
    }


def _print(finding: Finding) -> None:
    level = click.style(f"{finding.level.value:<8}", fg=_COLOURS[finding.level])
    click.echo(f"{level} {finding.topic:<12} {redact(finding.text)}")
    if finding.fix is not None:
        click.echo(f"{'':<21} -> {finding.fix}")
