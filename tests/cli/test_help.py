"""What the command says of itself, and of what it is asked for and has not."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from secure_media.cli.main import main
from secure_media.version import __version__
from tests.cli.shell import Shell

COMMANDS = sorted(main.commands)
HOUR = ("--expires-in", "1h")


def _help(*arguments: str) -> str:
    result = CliRunner().invoke(main, [*arguments, "--help"], prog_name="secure-media", terminal_width=80)
    assert result.exit_code == 0
    return result.output


def test_every_command_is_described_in_one_whole_line() -> None:
    """In 80 columns, the list of commands has a sentence for each, and none is cut off."""
    described = dict(line.split(None, 1) for line in _help().partition("Commands:\n")[2].splitlines())

    assert sorted(described) == COMMANDS
    assert [name for name, text in described.items() if not text.endswith(".") or text.endswith("...")] == []


@pytest.mark.parametrize("command", [pytest.param(name, id=name) for name in COMMANDS])
def test_every_command_has_an_example(command: str) -> None:
    """The help of each command shows how to call it, in lines that fit and begin with nothing but spaces."""
    examples = [line for line in _help(command).splitlines() if "secure-media " in line and "Usage:" not in line]

    assert any(f"secure-media {command}" in line for line in examples)
    assert all(len(line) <= 100 for line in examples)


@pytest.mark.parametrize("command", [pytest.param(name, id=name) for name in COMMANDS])
def test_every_option_is_described_in_a_sentence(command: str) -> None:
    """Which begins as one, and ends."""
    options = [option for option in main.commands[command].params if isinstance(option, click.Option)]

    assert [option.name for option in options if not re.fullmatch(r"[A-Z'](?s:.+)\.", option.help or "")] == []


@pytest.mark.parametrize("arguments", [pytest.param([], id="all"), pytest.param(["sign"], id="one")])
def test_help_is_a_command_too(shell: Shell, arguments: list[str]) -> None:
    """As in git and pip: of everything, or of one command."""
    result = shell.run("help", *arguments)

    assert result.out == shell.run(*arguments, "--help").out
    assert result.out.startswith(f"Usage: {' '.join(['secure-media', *arguments])} ")
    assert result.code == 0


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        pytest.param(["run"], "argument APP; for example: secure-media run app.py\n", id="argument"),
        pytest.param(
            ["sign", "x/y"],
            "option --expires-in; for example: secure-media sign reports/q3.pdf --expires-in 7d --url ",
            id="option",
        ),
        pytest.param(["explain"], "argument URL; for example: secure-media explain ", id="url"),
    ],
)
def test_what_is_missing_is_shown_by_an_example(shell: Shell, arguments: list[str], missing: str) -> None:
    """Of how the command is called."""
    result = shell.run(*arguments)

    assert result.err.startswith(f"secure_media: missing {missing}")
    assert result.code == 2


def test_script_that_is_not_there_is_told_with_its_neighbour(shell: Shell) -> None:
    """Which may have been meant, if it is one."""
    Path("app.py").touch()
    Path("notes.txt").touch()

    for name, said in {
        "ap.py": "there is no file 'ap.py'; did you mean 'app.py'?",
        "app": "'app' is not a Python file (.py); did you mean 'app.py'?",
        "note.py": "there is no file 'note.py'",
    }.items():
        result = shell.run("run", name)
        assert (result.code, result.err) == (2, f"secure_media: script: {said}\n")


def test_version_is_the_packages_own(shell: Shell) -> None:
    """``--version`` prints the version."""
    assert shell.run("--version").out == f"secure-media, version {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["explian"], "there is no command 'explian'; did you mean 'explain'?", id="command"),
        pytest.param(["serve"], "there is no command 'serve'; ", id="command-that-resembles-something"),
        pytest.param(
            ["zzz"],
            "there is no command 'zzz'; there are attack, demo, doctor, explain, inspect, keygen, revoke, run, sign",
            id="command-like-none",
        ),
        pytest.param(["help", "sing"], "there is no command 'sing'; did you mean 'sign'?", id="help-of-none"),
        pytest.param(["--versoin"], "no such option: --versoin; did you mean '--version'?", id="option-of-all"),
        pytest.param(
            ["sign", "x/y", "--expires", "1h"], "no such option: --expires; did you mean '--expires-in'?", id="option"
        ),
        pytest.param(["keygen", "--forever"], "no such option: --forever\n", id="option-like-none"),
        pytest.param(
            ["sign", "x/y", *HOUR, "--disposition", "inlin"],
            "--disposition: expected inline or attachment; did you mean 'inline'?\n",
            id="choice",
        ),
        pytest.param(["run", "app.py", "--quite"], "no such option: --quite; did you mean '--quiet'?", id="run"),
        pytest.param(["run", "app.py", "--audit", "--quiet"], "--audit and --quiet contradict each other", id="both"),
        pytest.param(["sign", "x/y", "--expires-in"], "option '--expires-in' requires an argument\n", id="no-value"),
        pytest.param(
            ["sign", "x/y", *HOUR, "--max-uses", "0"],
            "--max-uses: expected a whole number from 1 to 1000000, got 0\n",
            id="too-few",
        ),
        pytest.param(
            ["sign", "x/y", *HOUR, "--max-uses", "few"], "--max-uses: 'few' is not a whole number\n", id="no-number"
        ),
        pytest.param(["attack", "--rate", "fast"], "--rate: 'fast' is not a number\n", id="no-fraction"),
        pytest.param(["demo", "--port", "x"], "--port: 'x' is not a whole number\n", id="no-port"),
        pytest.param(["attack", "--ca", "gone"], "--ca: file 'gone' does not exist\n", id="no-file"),
        pytest.param(
            ["sign", "x/y", *HOUR, "--not-before", "2999-01-31T08:00:00Z"], "longer --expires-in\n", id="not-before"
        ),
        pytest.param(
            ["sign", "x/", *HOUR, "--download"],
            "--download: a link to a folder is one to view; --disposition attachment has its files saved\n",
            id="folder-to-download",
        ),
        pytest.param(["keygen", "more"], "there are too many arguments\n", id="too-many"),
    ],
)
def test_what_there_is_not_is_met_with_what_there_is(shell: Shell, arguments: list[str], said: str) -> None:
    """Whoever mistypes a command or an option is told the nearest, in one line."""
    result = shell.run(*arguments)

    assert result.code == 2
    assert said in result.err
