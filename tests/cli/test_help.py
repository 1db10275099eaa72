"""What the command says of itself, and of what it is asked for and has not."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from secure_media.cli.main import main
from secure_media.version import __version__
from tests.cli.shell import Shell

COMMANDS = sorted(main.commands)


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
        pytest.param(["--versoin"], "'--version'", id="option-of-all"),
        pytest.param(["sign", "x/y", "--expires", "1h"], "--expires-in", id="option"),
        pytest.param(["sign", "x/y", "--expires-in", "1h", "--disposition", "inlin"], "inline", id="choice"),
        pytest.param(["run", "app.py", "--quite"], "no such option: --quite; did you mean '--quiet'?", id="run"),
        pytest.param(["run", "app.py", "--audit", "--quiet"], "--audit and --quiet contradict each other", id="both"),
        pytest.param(["keygen", "more"], "there are too many arguments\n", id="too-many"),
    ],
)
def test_what_there_is_not_is_met_with_what_there_is(shell: Shell, arguments: list[str], said: str) -> None:
    """Whoever mistypes a command or an option is told the nearest, in one line."""
    result = shell.run(*arguments)

    assert result.code == 2
    assert said in result.err
