"""The documents say what there is, all of it and nothing else: settings, names, commands, reasons, hooks and tests."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import secure_media
from secure_media.cli.main import main
from secure_media.core import sign_in_grants
from secure_media.errors import DenialReason
from secure_media.gate import attendance
from secure_media.host import internals
from secure_media.settings import reference, table
from secure_media.stores import absence, fetching, playback
from tests.reading import DOCS, PAGES, README, blocks
from tests.servers import ROOT, SECRET

SECURITY = (ROOT / "SECURITY.md").read_text("utf-8")
TEXTS = {page: page.read_text("utf-8") for page in PAGES}
EVERYTHING = "\n".join(TEXTS.values())

DECISIONS = DOCS / "decisions"
PARTS_OF_A_NOTE = ["Context", "Decision", "Why not the obvious", "What would change our mind"]

SETTINGS = TEXTS[DOCS / "reference" / "settings.md"]
NAMES = TEXTS[DOCS / "reference" / "names.md"]
COMMANDS = TEXTS[DOCS / "reference" / "commands.md"]
REASONS = TEXTS[DOCS / "reference" / "reasons.md"]
INTERNALS = TEXTS[DOCS / "internals.md"]
#: The folders of what people have written.
WRITTEN = ("benchmarks", "docs", "examples", "secure_media", "tests", "typing_tests")


def test_every_guarantee_names_a_test_that_runs() -> None:
    """Each numbered guarantee has a test, and each test named in SECURITY.md is there, and not skipped for good."""
    guarantees = SECURITY.split("## Guarantees")[1].split("## Not guaranteed")[0]
    for number, text in re.findall(r"^(\d+)\. (.*?)(?=^\d+\. |\Z)", guarantees, re.MULTILINE | re.DOTALL):
        assert re.search(r"`tests/\S+::test_\w+`", text), f"guarantee {number} names no test"
    assert re.findall(r"`test_\w+`", SECURITY) == []
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", SECURITY)
    assert [f"{path}::{name}" for path, name in named if not _runs(ROOT / path, name)] == []


def test_defaults_in_security_are_those_of_the_settings() -> None:
    """The table of defaults names settings, and says what an app has in which nothing is set."""
    lines = SECURITY.split("## Defaults, and why")[1].split("\n## ")[0].splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]
    said = {name.strip("`"): default for name, default, _ in rows}
    places: list[dict[str, str]] = [{}, {"SECURE_MEDIA_SECRET": SECRET}]
    by_default, lasting = (table.load(environ=place, secrets_section={}) for place in places)
    assert said == {
        "policy": f"`{by_default.policy!r}`".replace("(own", "own").replace("url())", "url()").replace("|", "\\|"),
        "secret": "random for this process, with a warning; refused where several processes serve the app",
        "protect": f"`{by_default.protect}`",
        "grace": f"{by_default.grace:g} seconds",
        "cookie_lifetime": f"{by_default.cookie_lifetime / 86400:g} days, renewed",
        "embedded": "on" if by_default.embedded else "off",
        "url_lifetime": f"{by_default.url_lifetime / 3600:g} hours, of `sign_media_urls` only",
        "ledger": "a file, where links or logins outlast the process; else memory",
        "trusted_proxies": "for addresses, those of `FORWARDED_ALLOW_IPS` (this machine); "
        "for `trusted_header()`, nobody",
        "agent": "nobody: an app with Streamlit's agent API does not start",
        "audit_log": "none",
    }
    assert (by_default.ephemeral, by_default.sign_media_urls, by_default.audit_required) == (True, False, False)
    assert (by_default.ledger, lasting.ledger is None) == (None, False)
    assert (by_default.trusted_proxies, by_default.agent, by_default.audit_log) == (None, None, None)


def test_amounts_in_security_are_those_of_the_code() -> None:
    """What SECURITY.md says of times and sizes is what the code has."""
    text = re.sub(r"\s+", " ", SECURITY)
    page_closes_after = 2 * attendance.EVERY + attendance.EVERY / 5
    for said, is_so in {
        "waits up to six seconds for the page": absence.PATIENCE == 6,
        "is closed within a minute": page_closes_after < 60,
        "stays open for up to a minute": page_closes_after < 60,
        "good once, for a minute": sign_in_grants.LIFETIME == 60,
        "plays on there, for four hours at most": playback.PLAYBACK == 4 * 3600,
        "no redirect, 256 KiB and ten seconds at most": (fetching.LARGEST, fetching.LONGEST) == (256 * 1024, 10),
    }.items():
        assert said in text
        assert is_so, said


def test_test_that_is_skipped_for_good_does_not_count(tmp_path: Path) -> None:
    """A test that is skipped or may fail wherever it is proves nothing; one that is skipped on one server does."""
    path = tmp_path / "test_some.py"
    marks = {"": True, "@pytest.mark.skipif(OLD, reason='')\n": True}
    marks |= dict.fromkeys(("@pytest.mark.skip\n", "@pytest.mark.skip('no')\n", "@pytest.mark.xfail()\n"), False)
    marks["@pytest.mark.skipif(True, reason='')\n"] = False
    marks["pytestmark = [pytest.mark.skip]\n"] = False
    for mark, counts in marks.items():
        path.write_text(f"{mark}def test_it():\n    pass\n", "utf-8")
        assert _runs(path, "test_it") is counts, mark
    assert not _runs(path, "test_other")
    assert not _runs(tmp_path / "test_none.py", "test_it")


def _runs(path: Path, name: str) -> bool:
    """Return whether `path` has a test of that name that neither it nor its module skips in any case."""
    if not path.is_file():
        return False
    tree = ast.parse(path.read_text("utf-8"))
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    marks: list[ast.expr] = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and "pytestmark" in (getattr(target, "id", "") for target in node.targets)
    ]
    marks += [
        decorator for test in tests for decorator in test.decorator_list if "parametrize" not in ast.unparse(decorator)
    ]
    return bool(tests) and not any(_skips(node) for mark in marks for node in ast.walk(mark))


def _skips(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in ("skip", "xfail")
    is_skipif = isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "skipif"
    return is_skipif and isinstance(node.args[0], ast.Constant)  # type: ignore[attr-defined]


def test_readme_can_be_read_in_one_go() -> None:
    """The README has at most 150 lines; the rest is in the documentation."""
    assert len(TEXTS[README].splitlines()) <= 150


def test_command_of_the_readme_is_the_gate() -> None:
    """What the README says to test with is what the gate runs."""
    assert 'pip install "nox[uv]" && nox\n' in TEXTS[README]
    gate = (ROOT / ".ci" / "run").read_text("utf-8")
    assert gate.endswith('pip install --quiet "nox[uv]" && nox\n')


def test_settings_are_those_that_there_are() -> None:
    """The page of settings has the reference as the table of settings makes it."""
    assert reference.markdown() in SETTINGS, f"docs/reference/settings.md has to contain:\n{reference.markdown()}"


def test_no_page_names_another_setting() -> None:
    """A variable of ours that a page names is a setting."""
    named = set(re.findall(r"\bSECURE_MEDIA_([A-Z_]+)\b", EVERYTHING))
    assert named <= {name.upper() for name in table.NAMES}


def test_public_names_are_those_that_there_are() -> None:
    """The page of names has a section for every public name, and for no other."""
    assert sorted(re.findall(r"^### `(\w+)`$", NAMES, re.MULTILINE)) == sorted(secure_media.__all__)
    assert set(re.findall(r"\bsm\.(\w+)", EVERYTHING)) <= set(secure_media.__all__)


@pytest.mark.parametrize("name", [name for name in secure_media.__all__ if not name.endswith("Error")])
def test_section_of_a_name_has_its_arguments(name: str) -> None:
    """Every argument that a public name takes stands in its section."""
    section = NAMES.split(f"### `{name}`\n")[1].partition("\n#")[0]
    function = getattr(secure_media, name)
    assert function.__doc__
    parameters = inspect.signature(inspect.unwrap(function)).parameters.values()
    own = [item.name for item in parameters if item.name not in ("args", "kwargs")]
    # Elements have those of Streamlit's own besides.
    native = inspect.signature(getattr(__import__("streamlit"), name, lambda: None)).parameters
    for argument in own:
        assert argument in native or re.search(rf"\b{argument}\b", section), argument


def test_commands_are_those_that_there_are() -> None:
    """The page of commands has a section for every command, and for no other; no page names another."""
    assert sorted(re.findall(r"^## `secure-media (\w+)`$", COMMANDS, re.MULTILINE)) == sorted(main.commands)
    assert set(re.findall(r"\bsecure-media ([a-z]+)\b", EVERYTHING)) <= set(main.commands)


def test_options_are_those_that_there_are() -> None:
    """The page of commands has every option of every command, and no other."""
    options = {
        option
        for command in main.commands.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    named = set(re.findall(r"`(--[\w-]+)`", COMMANDS)) - {"--help"}
    assert named == options - {"--help"}


def test_reasons_are_those_that_there_are() -> None:
    """The table of reasons has every reason with its cure, and no other."""
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", REASONS, re.MULTILINE)
    assert sorted(name for name, _, _ in rows) == sorted(reason.value for reason in DenialReason)


def hooks() -> str:
    """Return the tables of what is touched in Streamlit, as the page of hooks has to contain them."""
    tables: dict[str, list[str]] = {"Both servers": [], "Tornado": [], "Starlette": []}
    for use in internals.USES:
        if any(name.until is not None for name in use.names):
            server = "Tornado"
        else:
            server = (
                "Starlette" if any(name.since == internals.FIRST_STARLETTE for name in use.names) else "Both servers"
            )
        tables[server].append(f"| {'<br>'.join(places(use))} | {use.purpose} |")
    head = "| place in Streamlit | what for |\n|---|---|\n"
    return "\n\n".join(f"### {server}\n\n{head}{chr(10).join(rows)}" for server, rows in tables.items())


def places(use: internals.Use) -> Iterator[str]:
    """Yield the names of each module, with their releases where not every supported one has them."""
    for module, names in itertools.groupby(use.names, key=lambda name: name.module):
        yield f"`{module}`: {', '.join(f'`{name.path}`{releases(name)}' for name in names)}"


def releases(name: internals.Name) -> str:
    """Return which releases of Streamlit have the name; nothing if all have it."""
    if name.until is not None:
        return f" (up to {'.'.join(map(str, name.until))})"
    return f" (from {'.'.join(map(str, name.since))})" if name.since != internals.OLDEST else ""


def test_hooks_are_those_that_there_are() -> None:
    """The page of hooks has the tables as the list of what is touched makes them."""
    assert hooks() in INTERNALS, f"docs/internals.md has to contain:\n{hooks()}"


def test_readme_leads_to_every_page() -> None:
    """Every page of the documentation can be reached from the README, which links only to what there is."""
    links = {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", TEXTS[README])} - {""}
    assert {target for target in links if not (ROOT / target).is_file()} == set()
    for target, heading in re.findall(r"\]\(([^)#]*)#([^)]+)\)", TEXTS[README]):
        headings = re.findall(r"^#+ (.+)$", TEXTS[ROOT / target if target else README], re.MULTILINE)
        assert heading in {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings}, target
    # Notes on decisions are for those who change the code.
    pages = {str(page.relative_to(ROOT)) for page in PAGES if page.parent != DECISIONS}
    assert pages - {"README.md", "docs/index.md", "docs/changelog.md"} <= links


def test_every_note_on_a_decision_can_be_found() -> None:
    """The list of decisions has every note, each of which says what it has to, in a few lines."""
    notes = {page.name: TEXTS[page] for page in PAGES if page.parent == DECISIONS}
    listed = re.findall(r"^- \[(.+)\]\((.+)\)$", notes.pop("index.md"), re.MULTILINE)
    assert sorted(name for _, name in listed) == sorted(notes)
    for title, name in listed:
        assert notes[name].startswith(f"# {title}\n")
        assert re.findall(r"^\*\*(.+?)\.\*\*", notes[name], re.MULTILINE) == PARTS_OF_A_NOTE
        assert len(notes[name].splitlines()) <= 20


def test_every_room_says_its_rule() -> None:
    """Each folder of the package has a README, and CONTRIBUTING.md leads to all of them and to nothing missing."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    links = {target for target in re.findall(r"\]\(([^)#]+)\)", text) if ":" not in target}
    rooms = {path.parent.relative_to(ROOT) for path in (ROOT / "secure_media").glob("[a-z]*/__init__.py")}
    assert {str(room / "README.md") for room in rooms} <= links
    assert {target for target in links if not (ROOT / target).is_file()} == set()


def test_contributors_are_told_of_files_that_there_are() -> None:
    """Every file that CONTRIBUTING.md, RELEASING.md or the rule of a room names by its path exists."""
    pages = [ROOT / "CONTRIBUTING.md", ROOT / "RELEASING.md", *(ROOT / "secure_media").glob("*/README.md")]
    text = "\n".join(page.read_text("utf-8") for page in pages)
    named = set(re.findall(r"\b(?:secure_media|tests|docs|typing_tests)/[\w/-]+(?:\.\w+)?", text))
    assert len(named) > 20
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_extras_are_those_that_there_are() -> None:
    """What the documents tell people to install exists."""
    project = (ROOT / "pyproject.toml").read_text("utf-8").split("[project.optional-dependencies]")[1]
    extras = set(re.findall(r"^(\w+) = ", project.partition("\n[")[0], re.MULTILINE))
    assert set(re.findall(r"streamlit-secure-media\[(\w+)\]", EVERYTHING)) <= extras


def test_nginx_of_the_documents_is_the_one_that_is_tested() -> None:
    """Every line for nginx that says what is passed on stands in the configuration of a test with a real one."""
    names = ("nginx.py", "host/test_offload.py", "host/test_trusted_headers.py")
    tested = "".join((ROOT / "tests" / name).read_text("utf-8") for name in names)
    shown = "\n".join(block.text for block in blocks(DOCS / "how-to" / "proxies.md") if block.language == "nginx")
    lines = re.findall(
        r"^ *((?:add_header|proxy_set_header|proxy_http_version|internal|default|\"\") ?.*;)$", shown, re.MULTILINE
    )
    assert len(lines) >= 12
    assert [line for line in lines if line not in tested] == []


def test_no_file_is_half_merged() -> None:
    """What two branches have said differently was decided, in prose too, where no interpreter stumbles over it."""
    places = [*ROOT.glob("*.*"), *(path for name in WRITTEN for path in (ROOT / name).rglob("*"))]
    texts = [path for path in places if path.suffix in {".cfg", ".css", ".md", ".py", ".toml", ".yml"}]

    assert len(texts) > 300
    assert [path for path in texts if re.search(r"^(<{7}|>{7}) ", path.read_text(), re.MULTILINE)] == []
