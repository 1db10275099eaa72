"""``secure-media doctor``: one screen about an installation and an app, to read, or to put into a bug report."""

from __future__ import annotations

import ast
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from secure_media.cli.command import Command, Failure
from secure_media.cli.doctor.findings import Finding, Level
from secure_media.core.redact import redact

_COLOURS = {Level.OK: "green", Level.NOTE: "blue", Level.WARNING: "yellow", Level.PROBLEM: "red"}
#: How long an app may take to start, in seconds.
_PATIENCE = 60.0
#: How lines begin in which this package says why an app does not start.
_OURS = "secure_media: "


@click.command(cls=Command, short_help="Look at an installation, and at an app.")
@click.argument("app", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(app: str | None, as_json: bool) -> None:
    """
    Look at what is installed and, with APP, at an app, which is started on a free port here, asked, and stopped.

    \b
        secure-media doctor
        secure-media doctor app.py
        secure-media doctor main:app --json

    APP is a script, or an ASGI app as uvicorn takes it. Nothing secret is printed. Exits with 1 if there is a problem,
    and with 2 if the app cannot be looked at.
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
    from secure_media.testing.waiting import eventually

    is_script = ":" not in Path(app).name
    if is_script:
        _refuse_unreadable(Path(app))
    with tempfile.TemporaryDirectory(prefix="secure-media-") as folder:
        report = Path(folder, "facts.json")
        command = [sys.executable, "-m", f"{__name__}.observed", str(report), app]
        with AppServer(app, command=command, folder=Path.cwd(), wait=False, timeout=_PATIENCE) as server:

            def state() -> str:
                ended = server.process is not None and server.process.poll() is not None
                return "ended" if ended else "there" if report.exists() else ""

            if eventually(state, "the app says what it is like", _PATIENCE) == "ended":
                raise Failure(f"the app does not start: {_why(server.log)}")
            facts = json.loads(report.read_text("utf-8"))
            server.base = facts["base"]
            eventually(lambda: asking.reached(server), "the app answers", _PATIENCE)
            static = bool(facts["options"].get("server.enableStaticServing"))
            answers = list(asking.findings(server, protected=facts["protect"] == "app", static=static))
    yield from installation.findings(versions, starlette=facts["starlette"])
    yield from configuration.findings(facts)
    yield from answers


def _refuse_unreadable(script: Path) -> None:
    """Fail if that is no Python that could be run; Python's own words would quote the line."""
    try:
        ast.parse(script.read_bytes())
    except OSError as error:
        raise Failure(f"{script} cannot be read: {error.strerror}") from None
    except SyntaxError as error:
        raise Failure(f"{script} is not Python: there is a syntax error in line {error.lineno}") from None
    except ValueError:
        raise Failure(f"{script} is not Python") from None


def _why(log: str) -> str:
    """Return why an app has ended, if we have said so: any other traceback may quote the line with a secret."""
    own = [line.removeprefix(_OURS) for line in log.splitlines() if line.startswith(_OURS)]
    return own[-1] if own else "it ends with an error of its own. Start it yourself to see which"


def _as_json(finding: Finding) -> dict[str, str | None]:
    return {
        "level": finding.level.value,
        "topic": finding.topic,
        "text": redact(finding.text),
        "fix": finding.fix,
    }


def _print(finding: Finding) -> None:
    level = click.style(f"{finding.level.value:<8}", fg=_COLOURS[finding.level])
    click.echo(f"{level} {finding.topic:<12} {redact(finding.text)}")
    if finding.fix is not None:
        click.echo(f"{'':<21} -> {finding.fix}")
