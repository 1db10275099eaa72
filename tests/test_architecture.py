"""The architecture: what may import what, and what is public."""

from __future__ import annotations

import ast
import functools
import graphlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import secure_media
from secure_media import errors

PACKAGE = Path(secure_media.__file__).parent
NAME = "secure_media"

#: The ladder, from the ground up. A module imports from its own rung or from lower ones.
LADDER = [
    {"amounts", "errors", "spelling", "version"},
    {"core"},
    {"content"},
    {"http"},
    {"stores"},
    {"settings", "audit"},
    {"gate"},
    {"servers"},
    {"host"},
    {"links", "widgets", "sign_in", "presets", "testing"},
    {"cli", "attack"},
]
RUNG = {part: height for height, parts in enumerate(LADDER) for part in sorted(parts)}

PUBLIC = [
    "Collection",
    "ConfigurationError",
    "GrantError",
    "Principal",
    "ScriptError",
    "SecureMediaError",
    "allow_if",
    "audio",
    "current_principal",
    "download_button",
    "download_zip",
    "guard",
    "image",
    "jwt",
    "login",
    "logout",
    "own_session",
    "pdf",
    "public",
    "revoke",
    "secure_run",
    "share_link",
    "signed_url",
    "signed_url_for",
    "streamlit_login",
    "trusted_header",
    "video",
]

#: What can be read at once: a module holds one concept, a function one thought, in lines; and a room is no house of its
#: own, as a part of all lines.
MODULE, FUNCTION, ROOM = 300, 50, 1 / 5

#: What a decision must not depend on: the disk, the network, the clock, other threads.
OUTSIDE_WORLD = {
    "asyncio",
    "http",
    "io",
    "os",
    "pathlib",
    "shutil",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
}


@functools.cache
def _paths() -> dict[str, Path]:
    """Return the file of every module of the package by the module's name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0].startswith("_") and len(parts) > 1:
            continue  # the examples, in an installed package
        found[".".join((NAME, *parts)).removesuffix(".__init__")] = path
    return found


@functools.cache
def _lines() -> dict[str, int]:
    """Return how many lines each module of the package has."""
    return {name: len(path.read_text("utf-8").splitlines()) for name, path in _paths().items()}


@functools.cache
def _modules() -> dict[str, ast.Module]:
    """Return every module of the package by its name."""
    return {name: ast.parse(path.read_text("utf-8")) for name, path in _paths().items()}


def _imported(module: str, nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Yield the full name of everything that `nodes` import, names out of modules included."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise AssertionError(f"{module} imports by a relative name")
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _imports(module: str) -> set[str]:
    """Return what `module` imports anywhere, be it inside of a function or for type checkers only."""
    return set(_imported(module, ast.walk(_modules()[module])))


def _part(name: str) -> str:
    """Return the part of the package that `name` belongs to: ``core`` for ``secure_media.core.keys``."""
    return name.split(".")[1]


def _importers_of(library: str) -> set[str]:
    return {module for module in _modules() if any(name.split(".")[0] == library for name in _imports(module))}


INNER = [pytest.param(module, id=module) for module in _modules() if module != NAME]


def test_every_part_has_its_rung() -> None:
    """A new part of the package needs a place on the ladder."""
    assert {_part(module) for module in _modules() if module != NAME} <= set(RUNG)


@pytest.mark.parametrize("module", INNER)
def test_imports_point_down(module: str) -> None:
    """A module imports nothing from above its own rung, not even inside of a function."""
    own = {name for name in _imports(module) if name.split(".")[0] == NAME}

    assert NAME not in own
    assert [name for name in own if RUNG[_part(name)] > RUNG[_part(module)]] == []


def test_walk_sees_the_imports_that_there_are() -> None:
    """The walk finds imports at the top, inside of functions and for type checkers, so it would find a wrong one."""
    assert "secure_media.core.keys.KeyRing" in _imports("secure_media.core.tokens")
    assert "secure_media.core.questions.WasShown" in _imports("secure_media.core.rules")
    assert "secure_media.servers.tornado" in _imports("secure_media.host.server")


def test_every_module_can_be_read_at_once() -> None:
    """A module that grows beyond what one concept takes becomes two."""
    assert {module: lines for module, lines in _lines().items() if lines > MODULE} == {}


def _lines_of(node: ast.stmt | ast.expr) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _rows(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines of `function` are those of tables: what is read row by row."""
    tables = [node for node in ast.walk(function) if isinstance(node, ast.Dict)]
    spans = {line for table in tables for line in range(table.lineno, (table.end_lineno or table.lineno) + 1)}
    return len(spans)


def test_every_function_can_be_read_at_once() -> None:
    """No function, with its signature and its docstring but without a table of attacks, is longer than a screen."""
    lengths = {
        (module, node.name, node.lineno): _lines_of(node) - (_rows(node) if module.startswith(f"{NAME}.attack.") else 0)
        for module, tree in _modules().items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }

    assert len(lengths) > 1000
    assert {function: lines for function, lines in lengths.items() if lines > FUNCTION} == {}


def test_no_room_outgrows_the_others() -> None:
    """What attaches to Streamlit, the largest room, stays a small part of what guards; tables do not count."""
    rooms = Counter[str]()
    for module, lines in _lines().items():
        if module != NAME and not module.startswith(f"{NAME}.attack.cases."):
            rooms[_part(module)] += lines

    assert {room: lines for room, lines in rooms.items() if lines > ROOM * sum(_lines().values())} == {}


def test_errors_import_nothing_of_ours() -> None:
    """The errors stand on the ground."""
    assert _imports("secure_media.errors") == {"__future__.annotations", "enum"}


def test_there_are_no_circles() -> None:
    """No module needs, to be imported, a module that needs it."""
    graph = {}
    for module, tree in _modules().items():
        names = set(_imported(module, iter(tree.body)))
        graph[module] = {
            other
            for other in _modules()
            if other not in {module, NAME} and any(name == other or name.startswith(f"{other}.") for name in names)
            if not module.startswith(f"{other}.")
        }

    order = list(graphlib.TopologicalSorter(graph).static_order())

    assert set(order) == set(_modules())


@pytest.mark.parametrize("library", [pytest.param(name, id=name) for name in ("streamlit", "tornado", "starlette")])
@pytest.mark.parametrize("part", [pytest.param(name, id=name) for name in RUNG if RUNG[name] < RUNG["servers"]])
def test_decisions_and_bytes_know_no_framework(part: str, library: str) -> None:
    """What decides and what reads runs without any web framework."""
    assert [module for module in _importers_of(library) if module != NAME and _part(module) == part] == []


#: What attaches to Tornado.
TORNADO = ("tornado", "tornado_guarded", "tornado_media", "tornado_requests")


@pytest.mark.parametrize(
    ("library", "modules"),
    [
        pytest.param("itsdangerous", {"secure_media.core.signatures"}, id="itsdangerous"),
        pytest.param("jwt", {"secure_media.core.jwts", "secure_media.core.key_sets"}, id="jwt"),
        pytest.param("tornado", {f"secure_media.servers.{name}" for name in TORNADO}, id="tornado"),
        pytest.param("requests", {"secure_media.stores.fetching"}, id="requests"),
        pytest.param("fsspec", {"secure_media.content.remote"}, id="fsspec"),
        pytest.param("zipstream", {"secure_media.content.archive"}, id="zipstream"),
        pytest.param(
            "cryptography", {"secure_media.core.keys", "secure_media.core.verification_keys"}, id="cryptography"
        ),
    ],
)
def test_library_is_used_in_its_one_place(library: str, modules: set[str]) -> None:
    """Each dependency that a decision rests on is imported where it is wrapped; else, attacks alone forge with it."""
    assert {module for module in _importers_of(library) if _part(module) != "attack"} == modules


@pytest.mark.parametrize("module", [param for param in INNER if str(param.values[0]).startswith("secure_media.core")])
def test_decisions_know_no_outside_world(module: str) -> None:
    """A decision depends on what is passed in: core reads no clock, no file and no socket."""
    assert {name.split(".")[0] for name in _imports(module)} & OUTSIDE_WORLD == set()


@pytest.mark.parametrize("module", INNER)
def test_no_check_is_an_assert(module: str) -> None:
    """`python -O` leaves out asserts, so nothing may rest on one."""
    asserts = [node.lineno for node in ast.walk(_modules()[module]) if isinstance(node, ast.Assert)]

    assert asserts == []


def test_public_names_are_these() -> None:
    """What users may rely on is this list, in order, and a change to it is a decision."""
    assert secure_media.__all__ == PUBLIC
    assert sorted(PUBLIC) == PUBLIC


def test_public_names_are_all_there_is() -> None:
    """Every public name exists, and no other name looks public."""
    names = {
        name
        for name, value in vars(secure_media).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    } - {"annotations", "Any", "TYPE_CHECKING"}

    assert names <= set(PUBLIC)
    assert dir(secure_media) == PUBLIC
    assert all(callable(getattr(secure_media, name)) for name in PUBLIC)
    with pytest.raises(AttributeError, match="no attribute 'anything'"):
        _ = secure_media.anything  # type: ignore[attr-defined]


def test_errors_have_one_root() -> None:
    """Whoever catches the root catches everything that the package raises of its own."""
    own = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == errors.__name__
    ]

    assert len(own) > 10
    assert all(issubclass(error, secure_media.SecureMediaError) for error in own)
    assert {error.__name__ for error in own} == {
        word.strip("│├└─ ").split()[0]
        for word in (errors.__doc__ or "").splitlines()
        if word.strip("│├└─ ").split(" ")[0].endswith("Error")
    }


def test_only_what_grants_raises_errors_of_grants() -> None:
    """Who catches a `GrantError` catches what is wrong with a link or its terms, not with what an element shows."""
    assert issubclass(errors.GrantError, errors.ScriptError)
    assert {module for module in _modules() if "secure_media.errors.GrantError" in _imports(module)} == {
        "secure_media",
        "secure_media.host.issuing",
        "secure_media.host.script",
        "secure_media.host.manager",
        "secure_media.host.terms",
        "secure_media.links",
    }


@pytest.mark.parametrize(
    "error", [pytest.param(error, id=error.__name__) for error in errors.CredentialError.__subclasses__()]
)
def test_every_credential_error_has_a_reason(error: type[errors.CredentialError]) -> None:
    """A credential that does not hold is denied for a reason that the log can name."""
    assert isinstance(error.reason, errors.DenialReason)
    assert error.reason.value.replace("_", "") in error.__name__.lower() or error is errors.CredentialError


#: What a program says that imports the package: which variables it has read, the threads there are, and what of
#: Streamlit is another object than before.
_IMPORT = """
import os, sys, threading
import streamlit.runtime, streamlit.web.bootstrap, streamlit.web.server.server

class Noted(dict):
    def __getitem__(self, name): read.add(name); return super().__getitem__(name)
    def __contains__(self, name): read.add(name); return super().__contains__(name)
    def get(self, name, default=None): read.add(name); return super().get(name, default)

def streamlits():
    return {
        (name, key): id(value)
        for name, module in list(sys.modules.items()) if name.startswith("streamlit")
        for owner in (module, *(each for each in vars(module).values() if isinstance(each, type)))
        for key, value in vars(owner).items() if callable(value) and not key.startswith("__")
    }

read = set()
before = streamlits()
os.environ = Noted(os.environ)
import secure_media
after = streamlits()
print([name for name in read if name.startswith(("SECURE_MEDIA", "STREAMLIT"))], threading.active_count(), end=" ")
print([name for name in before if after.get(name) != before[name]])
"""


def test_import_does_nothing_else() -> None:
    """To import the package reads no setting, starts no thread and touches no hook of Streamlit."""
    done = subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "[] 1 []\n"
