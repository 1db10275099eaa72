"""``secure-media attack``: attacks a running app, and says what is open."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secure_media.cli import people
from secure_media.cli.command import Command, Failure, meant

if TYPE_CHECKING:
    from secure_media.attack.found import FoundTarget
    from secure_media.attack.model import Result
    from secure_media.attack.outcome import Outcome
    from secure_media.attack.redaction import Redaction
    from secure_media.testing import RunningApp
    from secure_media.testing.people import Person

#: How often the line that counts is written anew, in attacks.
_EVERY = 10
_GIVEN = ("link", "folder_link", "static", "outside", "identity")
_REPORTS = ("html", "json", "junit", "sarif")


def _bounds(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say how much is tried."""
    for name, kind, default, text in (
        (
            "--after-closing",
            click.FloatRange(0, 3600),
            None,
            "Close the page at the end, wait this many seconds, and ask once more.",
        ),
        ("--max-requests", click.IntRange(1), 20_000, "How many connections may be made."),
        ("--max-time", click.FloatRange(1), 600, "How long it may take, in seconds."),
        ("--rate", click.FloatRange(0.1, 1000), 100, "How many connections may be made in a second."),
    ):
        command = click.option(name, type=kind, default=default, show_default=default is not None, help=text)(command)
    return command


def _given(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name what there is besides what the page shows."""
    for name, text in (
        (
            "--identity",
            "'NAME: VALUE', the header by which a proxy in front tells the app that the first person asks.",
        ),
        ("--outside", "The name of a file beside the folders that are served, such as app.py."),
        ("--static", "A file of the static folder, such as app/static/notes.txt, to attack as well."),
        ("--folder-link", "A link to a folder for anyone, with a file's name behind it, to attack as well."),
        ("--link", "A link to a file for anyone, to attack as well. It may be used up."),
    ):
        command = click.option(name, default="", help=text)(command)
    return command


def _reports(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name files for reports."""
    for name, text in (
        ("--sarif", "as SARIF 2.1.0, for code scanning"),
        ("--junit", "as JUnit XML, for CI"),
        ("--json", "as JSON"),
        ("--html", "as a page, for people"),
    ):
        path = click.Path(dir_okay=False, writable=True, path_type=Path)
        command = click.option(name, type=path, metavar="FILE", help=f"Write the report {text}.")(command)
    return command


@click.command(cls=Command, short_help="Attack a running app, and say what is open.")
@click.argument("url", required=False)
@click.option("--page", default="", help="The page to open, as in its URL. Default: the first one.")
@click.option("--query", default="", help="The query of the page's URL, such as 'id=7'.")
@_given
@people.options_of_people
@click.option(
    "--family",
    "families",
    multiple=True,
    metavar="NAME",
    help="Try this family of attacks alone. Can be given several times.",
)
@click.option("--list", "is_list", is_flag=True, help="List the families, and attack nothing.")
@_bounds
@_reports
@click.option("--ca", type=click.Path(exists=True, dir_okay=False), help="A file with the authorities to trust in TLS.")
@click.option("--i-am-authorised", is_flag=True, help="Attack an app on another machine, whose owner has agreed to it.")
def attack(url: str | None, is_list: bool, families: tuple[str, ...], i_am_authorised: bool, **options: Any) -> None:
    """
    Attack the running app at URL, and say what is open: exit code 0 if nothing is, 1 if something is, 2 if it cannot
    be told.

    \b
        secure-media attack http://127.0.0.1:8501/
        secure-media attack http://127.0.0.1:8501/ --html report.html

    It opens the app as a browser does, looks at what it is shown, and tries to get it as somebody else. It writes only
    into sessions of its own, presses no button, follows no link, and asks no other host. Values of cookies and headers
    can be in ATTACK_COOKIE and the like, so that they are not in the list of processes.
    """
    if is_list:
        _list()
        return
    _refuse_unknown(families)
    _refuse_unwritable(options)
    app = _app(url, options["ca"], is_authorised=i_am_authorised)
    try:
        outcome = _attacked(app, families, options)
    except KeyboardInterrupt:
        raise Failure("it was interrupted before all attacks were tried") from None
    _write(outcome, options)
    if outcome.unfinished is not None and not outcome.findings():
        raise Failure(
            f"nothing was found, but not all attacks were tried: {outcome.unfinished} were used up after "
            f"{len(outcome.results):,} of them; see --max-time, --max-requests and --rate"
        )
    if outcome.tried == 0:
        raise Failure("none of these attacks can be tried on this app; see --family and --list")
    from secure_media.attack.report import to_text

    click.echo(to_text(outcome))
    if outcome.findings():
        raise click.exceptions.Exit(1)


def _list() -> None:
    from secure_media.attack.campaign import families

    for family, count in families():
        click.echo(f"{family.id:<20}{count:>5}  {family.title}. {family.why}")


def _refuse_unknown(families: Iterable[str]) -> None:
    from secure_media.attack.families import FAMILIES

    known = [family.id for family in FAMILIES]
    for name in families:
        if name not in known:
            raise Failure(f"--family: there is no family {name!r:.60}{meant(name, known)}; --list says what each is")


def _refuse_unwritable(options: dict[str, Any]) -> None:
    for name in _REPORTS:
        path: Path | None = options[name]
        if path is not None and not path.absolute().parent.is_dir():
            raise Failure(f"--{name}: there is no folder {path.absolute().parent}")
    for name in ("page", "query", *_GIVEN):
        if not options[name].isprintable():
            raise Failure(f"--{name.replace('_', '-')}: expected text that can be in a URL")


def _app(url: str | None, ca: str | None, *, is_authorised: bool) -> RunningApp:
    """Return the app, if it may be attacked."""
    from secure_media.testing import RunningApp
    from secure_media.testing.running import is_this_machine

    if url is None:
        raise Failure("give the URL at which a browser opens the app, such as http://127.0.0.1:8501/")
    if "?" in url or "#" in url:
        raise Failure("give the URL without a query and a fragment; a query by --query")
    app = RunningApp(url, verify=True if ca is None else ca, timeout=20)
    if not is_authorised and not is_this_machine(app.host):
        raise Failure(
            f"{app.host} is not this machine: attack only what its owner has asked you to, and say so by "
            "--i-am-authorised"
        )
    return app


def _attacked(app: RunningApp, families: Sequence[str], options: dict[str, Any]) -> Outcome:
    """Attack the app, and return how that went."""
    from secure_media.attack.campaign import chosen, run
    from secure_media.attack.discovery import opened
    from secure_media.attack.observations import observations
    from secure_media.attack.outcome import Outcome
    from secure_media.attack.pace import Pace
    from secure_media.attack.page import Page

    began = datetime.now(timezone.utc)
    wait = options["after_closing"]
    pace = Pace(rate=options["rate"], most=options["max_requests"], seconds=options["max_time"])
    victim, other = people.person(options, ""), people.person(options, "other_")
    page = Page(options["page"], options["query"], **{name: options[name] for name in _GIVEN})
    with opened(app, victim, other, page, pace=pace, wait_after_closing=wait) as target, _Progress() as progress:
        notes = observations(target)
        results, unfinished = run(target, chosen(families), progress)
    return Outcome(
        url=app.url,
        streamlit=target.streamlit,
        attacked_by="a second person" if other else "a stranger with a session of their own",
        began=began,
        seconds=pace.elapsed,
        requests=pace.count,
        media=target.shown_media,
        results=results,
        notes=notes,
        redaction=_redaction(target, victim, other),
        page=" ".join(f"{name} {options[name]}" for name in ("page", "query") if options[name]),
        unfinished=unfinished,
    )


def _redaction(target: FoundTarget, *people: Person) -> Redaction:
    from secure_media.attack.redaction import Redaction

    secrets = [value for person in people for value in (*person.cookies.values(), *person.headers.values())]
    names = [name for person in people for name in person.headers]
    return Redaction([*target.credentials(), *secrets], names, target.canaries.values())


def _write(outcome: Outcome, options: dict[str, Any]) -> None:
    """Write the reports that were asked for."""
    from secure_media.attack import report

    for name in _REPORTS:
        path: Path | None = options[name]
        if path is not None:
            try:
                path.write_text(getattr(report, f"to_{name}")(outcome), "utf-8")
            except OSError as error:
                raise Failure(f"--{name}: {path} cannot be written: {error.strerror}") from None


class _Progress:
    """A line that counts, on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._done = self._fell = 0

    def __call__(self, result: Result, total: int) -> None:
        self._done += 1
        self._fell += result.verdict.value == "fell"
        if self._shown and (self._done % _EVERY == 0 or self._done == total):
            line = f"{self._done:,} of {total:,} attacks, {self._fell:,} got through: {result.attack.family.title}"
            click.echo(f"\r{line[:78]:<78}", err=True, nl=False)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._shown:
            click.echo(f"\r{'':<78}\r", err=True, nl=False)
