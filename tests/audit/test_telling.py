"""Decisions in words: what people read where the app runs, with whatever logging configuration they have."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from secure_media.audit import telling
from tests.servers import ROOT

#: Runs each of some pieces of code in a process of its own, which has the package imported already.
PROGRAM = """
import json, logging, logging.config, os, sys
from secure_media.audit import events, console, telling
from secure_media.core.model import Allow, Deny, Resource, ResourceKind
from secure_media.errors import DenialReason

NAME = "ab12" * 10
MEDIA = Resource(ResourceKind.MEDIA, NAME)

def record(decision, path=f"/media/{NAME}.png", method="GET", resource=MEDIA, client_ip="10.0.0.7"):
    events.record(decision, method=method, resource=resource, client_ip=client_ip, path=path)

for number, source in enumerate(json.load(sys.stdin)):
    pid = os.fork()
    if not pid:
        with open(f"{number}.txt", "wb") as file:
            os.dup2(file.fileno(), 1), os.dup2(file.fileno(), 2)
        exec(source)
        telling.close()
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(pid, 0)
"""
#: An ordinary denial, an attack, and what is allowed.
DECISIONS = """
record(Deny(DenialReason.NOT_SHOWN, "cookie"))
record(Deny(DenialReason.SIGNATURE_MISMATCH, "link"))
record(Allow("session"))
"""
WHEN = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
SHOWN = "403 GET /media/ab12….png from 10.0.0.7: this browser was not shown it"
FORGED = "403 GET /media/ab12….png from 10.0.0.7: the signature of the link does not match"
EVENT = "media.denied reason=not_shown"

THEIRS = "logging.getLogger('secure_media.audit')"
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each case is a fork")


def outputs(folder: Path, *sources: str) -> list[str]:
    """Return what each piece of code leaves on stdout and stderr."""
    subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        cwd=folder,
        input=json.dumps(sources).encode("ascii"),
        timeout=60,
        check=True,
    )
    return [(folder / f"{number}.txt").read_text("utf-8") for number in range(len(sources))]


def both(folder: Path, config: str) -> list[list[str]]:
    """Return the lines about decisions, where the configuration comes before the server starts, and after."""
    sources = (f"{config}\ntelling.attach()\n{DECISIONS}", f"telling.attach()\ntelling.attach()\n{config}\n{DECISIONS}")
    found = outputs(folder, *sources)
    assert not any("Traceback" in text for text in found), found
    return [[line for line in text.splitlines() if "403" in line or "media.denied" in line] for text in found]


def dict_config(more: str) -> str:
    """Return a configuration as a dictionary, with a handler for stdout."""
    return (
        "logging.config.dictConfig({'version': 1, 'formatters': {'f': {'format': 'MINE %(name)s %(message)s'}},"
        "'handlers': {'h': {'class': 'logging.StreamHandler', 'formatter': 'f', 'stream': 'ext://sys.stdout'},"
        f"'null': {{'class': 'logging.NullHandler'}}}}, {more}}})"
    )


@pytest.mark.parametrize(
    ("config", "prefix"),
    [
        pytest.param("pass", rf"{WHEN} (INFO|WARNING) secure_media: ", id="none"),
        pytest.param("logging.basicConfig()", r"(INFO|WARNING):secure_media:", id="basic"),
        pytest.param("logging.basicConfig(level=logging.INFO)", r"(INFO|WARNING):secure_media:", id="basic-info"),
        pytest.param(
            "logging.basicConfig(level=logging.DEBUG, format='MINE %(message)s')", r"MINE ", id="basic-debug-format"
        ),
        pytest.param(dict_config("'root': {'handlers': ['h'], 'level': 'INFO'}"), "MINE secure_media ", id="dict"),
        pytest.param(
            dict_config("'disable_existing_loggers': False, 'root': {'handlers': ['h'], 'level': 'INFO'}"),
            "MINE secure_media ",
            id="dict-keeping-loggers",
        ),
        pytest.param(dict_config("'loggers': {'app': {'handlers': ['h']}}"), rf"{WHEN} \w+ secure_media: ", id="other"),
        pytest.param(
            dict_config("'loggers': {'secure_media': {'handlers': ['h'], 'level': 'INFO'}}"),
            "MINE secure_media ",
            id="dict-ours",
        ),
        pytest.param(
            dict_config("'loggers': {'secure_media': {'level': 'INFO'}}"), rf"{WHEN} \w+ secure_media: ", id="level"
        ),
        pytest.param(
            "handler = logging.StreamHandler()\nhandler.setFormatter(logging.Formatter('MINE %(message)s'))\n"
            "logging.getLogger('secure_media').addHandler(handler)",
            "MINE ",
            id="handler",
        ),
        pytest.param(
            "streamlit = logging.getLogger('streamlit')\nstreamlit.setLevel(logging.INFO)\n"
            "streamlit.propagate = False\nstreamlit.addHandler(logging.StreamHandler())",
            rf"{WHEN} \w+ secure_media: ",
            id="as-streamlit-does",
        ),
        pytest.param(
            f"{THEIRS}.addHandler(logging.FileHandler(sys.argv[0] and '/dev/null'))",
            rf"{WHEN} \w+ secure_media: ",
            id="events-to-a-file",
        ),
        pytest.param(f"{THEIRS}.setLevel(logging.INFO)", rf"{WHEN} \w+ secure_media: ", id="events-to-nobody"),
    ],
)
def test_denial_is_one_line_in_words(tmp_path: Path, config: str, prefix: str) -> None:
    """Whatever the configuration, a denial is one line in words, once, at its level, wherever that goes."""
    for lines in both(tmp_path, config):
        assert len(lines) == 2, lines
        for line, words in zip(lines, (SHOWN, FORGED), strict=True):
            assert re.match(prefix, line), line
            assert words in line


@pytest.mark.parametrize(
    "config",
    [
        pytest.param("logging.getLogger('secure_media').setLevel(logging.WARNING)", id="level"),
        pytest.param("logging.getLogger().setLevel(logging.ERROR)", id="root-level"),
        pytest.param("logging.getLogger('secure_media').addHandler(logging.NullHandler())", id="null"),
        pytest.param("logging.disable(logging.INFO)", id="disabled"),
        pytest.param(dict_config("'loggers': {'secure_media': {'handlers': ['null']}}"), id="dict-null"),
        pytest.param(dict_config("'loggers': {'secure_media': {'level': 'ERROR'}}"), id="dict-level"),
        pytest.param(
            "logging.getLogger('secure_media').addFilter(lambda record: record.levelno > logging.INFO)", id="filter"
        ),
    ],
)
def test_configuration_can_silence_it(tmp_path: Path, config: str) -> None:
    """A level, a filter or a handler on the logger ``secure_media`` has the last word."""
    for lines in both(tmp_path, config):
        assert not [line for line in lines if SHOWN in line or EVENT in line]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(f"{THEIRS}.setLevel(logging.INFO)\n{THEIRS}.addHandler(logging.StreamHandler())", id="handler"),
        pytest.param(f"logging.basicConfig()\n{THEIRS}.setLevel(logging.INFO)", id="root-handler"),
    ],
)
def test_events_that_somebody_wants_are_not_said_again(tmp_path: Path, config: str) -> None:
    """Who has the events of the audit logger on the terminal reads each denial there, and not in words beside it."""
    for lines in both(tmp_path, config):
        assert len(lines) == 2, lines
        assert EVENT in lines[0]
        assert "media.denied reason=signature_mismatch" in lines[1]


def test_record_has_the_facts_for_programs(tmp_path: Path) -> None:
    """A handler that writes records as JSON gets the words, and beside them what the event has."""
    handler = """
class Facts(logging.Handler):
    def emit(self, record):
        print(record.name, record.reason, record.resource, record.method, record.client_ip)
logging.getLogger().addHandler(Facts())
telling.attach()
"""
    (text,) = outputs(tmp_path, f"{handler}{DECISIONS}")

    assert text.splitlines()[0] == f"secure_media not_shown media/{'ab12' * 10} GET 10.0.0.7"


def test_what_comes_again_is_counted(tmp_path: Path) -> None:
    """A page with forty broken pictures is two lines, the second of them at the end."""
    (text,) = outputs(tmp_path, "telling.attach()\nfor _ in range(40):\n    record(Deny(DenialReason.NOT_SHOWN))")
    first, last = text.splitlines()

    assert first.endswith(SHOWN)
    assert re.search(r" INFO secure_media: 39 more in the last \d+ s from 10.0.0.7: this browser was not", last)


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        pytest.param("QUIET", [f"WARNING secure_media: {FORGED}"], id="quiet"),
        pytest.param("USUAL", [f"INFO secure_media: {SHOWN}", f"WARNING secure_media: {FORGED}"], id="usual"),
        pytest.param(
            "AUDIT",
            [
                *(f"INFO secure_media: {SHOWN}", f"WARNING secure_media: {FORGED}"),
                "INFO secure_media: allowed GET /media/ab12….png from 10.0.0.7: by session",
            ]
            * 2,
            id="audit",
        ),
    ],
)
def test_volume_says_how_much(tmp_path: Path, volume: str, expected: list[str]) -> None:
    """Quietly, only warnings; with everything, each decision by itself."""
    source = f"telling.attach()\nconsole.set_volume(console.Volume.{volume})\n{DECISIONS * (1 + (volume == 'AUDIT'))}"
    (text,) = outputs(tmp_path, source)

    lines = text.splitlines()
    assert len(lines) == len(expected)
    for line, words in zip(lines, expected, strict=True):
        assert words in line


def test_warnings_of_all_modules_look_alike(tmp_path: Path) -> None:
    """A warning of the package, whichever module it comes from, has time, level and the product's name; once."""
    (text,) = outputs(
        tmp_path,
        "telling.attach()\n"
        "logging.getLogger('secure_media.stores.sqlite').warning('ledger.available %s', 'x')\n"
        "logging.getLogger('secure_media.stores.sqlite').info('not for everyone')\n"
        "console.say(logging.INFO, 'secure_media 1.0: guarding')",
    )

    assert re.fullmatch(
        rf"{WHEN} WARNING secure_media: ledger.available x\n{WHEN} INFO secure_media 1.0: guarding\n", text
    )


@pytest.mark.parametrize(
    ("path", "words"),
    [
        pytest.param("/media/" + "0f" * 20 + ".png", "/media/0f0f….png", id="media"),
        pytest.param(
            "/_stcore/upload_file/3f2b8c1e-9d4a-4e6f-8a7b-0123456789ab/0f0f0f0f-9d4a-4e6f-8a7b-0123456789ab",
            "/_stcore/upload_file/3f2b…/0f0f…",
            id="session",
        ),
        pytest.param("/media/" + "a" * 70_000, "/media/aaaa…", id="endless"),
        pytest.param("/app/media/" + "0f" * 20, "/app/media/0f0f…", id="base-path"),
        pytest.param("/secure-media/files/reports/2026/q3 final.pdf", None, id="file"),
        pytest.param("/secure-media/files/x/" + "über/" * 60 + "z.txt", "…ber/über/über/über/über/z.txt", id="long"),
        pytest.param("/media/x?media_token=abcdefgh.secret.secret", "/media/x?media_token=***", id="token"),
        pytest.param("/media/12345678." + "A" * 150 + "." + "b" * 43, "/media/12345678.AAAA….bbbb…", id="bare-token"),
        pytest.param(
            "/media/eyJ" + "a" * 60 + ".eyJ" + "b" * 60 + "." + "c" * 43, "/media/eyJa….eyJb….cccc…", id="jwt"
        ),
    ],
)
def test_path_is_for_people(path: str, words: str | None) -> None:
    """A path is short, and whatever looks like a secret in it is cut; names of files are whole."""
    told = telling.brief(path)

    assert told.endswith(words or path)
    assert len(told) <= 121
    assert "secret" not in told.replace("secure", "")


def test_terminal_that_lacks_a_character_gets_the_line(tmp_path: Path) -> None:
    """Where stderr takes ASCII only, the line is there with the rest escaped; one that was closed fails nothing."""
    strict = "sys.stderr = open('strict.txt', 'w', encoding='ascii', errors='strict')\n"
    outputs(tmp_path, f"telling.attach()\n{strict}{DECISIONS}", "telling.attach()\nsys.stderr.close()" + DECISIONS)

    written = (tmp_path / "strict.txt").read_text("ascii")
    assert SHOWN.replace("…", "\\u2026") in written


def test_nothing_can_forge_a_line(tmp_path: Path) -> None:
    """Whatever a method, a path or an address contains, a denial is one line of printable text."""
    hostile = [
        "a\n2026-01-01 00:00:00 INFO secure_media: allowed",
        "a\rb",
        "a\x1b[2Kb",
        "a\x9b2Kb",
        "a\x85b\u2028c\u2029d",
        "a\u202eb\u2066c",
        "a\ud800b",
        "a\x00\x7f\x08\x0b\x0cb",
        "%s %d %(x)s {x}",
        "\u200bx\U000e0041",
    ]
    sources = [
        f"telling.attach()\nx = {text!a}\nrecord(Deny(DenialReason.MALFORMED_RESOURCE), x, x, None, x)"
        for text in hostile
    ]
    for text in outputs(tmp_path, *sources):
        assert text.endswith("\n")
        assert text[:-1].isprintable()
        assert re.match(rf"{WHEN} WARNING secure_media: 403 ", text)
