"""Finds by itself what the package touches of Streamlit's insides: by the syntax of its code, without running it."""

from __future__ import annotations

import ast
import functools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import secure_media

PACKAGE = Path(secure_media.__file__).parent
#: What says which names are touched, and looks at them, touches none itself.
LIST = {PACKAGE / "host" / "internals.py", PACKAGE / "host" / "compatibility.py"}
#: The folders that attach to Streamlit: their classes may inherit from its own, and they may replace what it has.
_ATTACHED = {"host", "servers"}
_BY_NAME = {"getattr", "hasattr", "setattr", "delattr"}


@functools.cache
def modules_of_the_package() -> dict[Path, Sequence[ast.AST]]:
    """Return the syntax of every module that is looked at: all of its nodes, walked once."""
    paths = [path for path in sorted(PACKAGE.rglob("*.py")) if path not in LIST]
    return {path: tuple(ast.walk(ast.parse(path.read_text("utf-8")))) for path in paths}


def dotted(modules: set[str]) -> set[str]:
    """
    Return the full names that are imported from Streamlit, or looked up in what is imported.

    Args:
        modules: Those of Streamlit: what is in them counts, not they themselves.
    """
    return {name for nodes in modules_of_the_package().values() for name in _dotted(nodes, modules)}


def _dotted(nodes: Sequence[ast.AST], modules: set[str]) -> Iterator[str]:
    known: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "streamlit":
            known.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("streamlit."))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (f"{name}." for name in re.findall(r"\A(streamlit(?:\.\w+)+)\Z", node.value))
    yield from (name for name in known.values() if name not in modules)
    for node in nodes:
        owner, attribute = _looked_up(node)
        if owner in known and attribute:
            yield f"{known[owner]}.{attribute}"


def _looked_up(node: ast.AST) -> tuple[str, str]:
    """Return X and y of ``X.y``, ``vars(X)["y"]`` and ``getattr(X, "y")``."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.value.id, node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call) and isinstance(node.slice, ast.Constant):
        return _name(node.value.args[0]) if _name(node.value.func) == "vars" else "", str(node.slice.value)
    if isinstance(node, ast.Call) and _name(node.func) in _BY_NAME and isinstance(node.args[1], ast.Constant):
        return _name(node.args[0]), str(node.args[1].value)
    return "", ""


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def private() -> set[str]:
    """Return the private names that are looked up in objects, and not defined in the package."""
    looked_up, inherited = set(), set()
    for path, nodes in modules_of_the_package().items():
        for node in nodes:
            if isinstance(node, ast.Attribute):
                looked_up.add(node.attr)
            elif isinstance(node, ast.Call) and _name(node.func) in _BY_NAME:
                looked_up.add(_looked_up(node)[1])
        if path.parent.name in _ATTACHED:
            inherited |= _inherited(nodes)
    return {name for name in looked_up - _own() | inherited if re.match(r"_(?!_)", name)}


def _inherited(nodes: Sequence[ast.AST]) -> set[str]:
    """Return what classes look up in those that they inherit from, if no two classes of the module define it."""
    defined = Counter(node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call) and _name(node.value.func) == "super"
        if defined[node.attr] < 2
    }


def patched() -> set[str]:
    """Return the attributes that are set on other objects than ``self`` by what attaches, and not defined here."""
    targets = (
        target
        for path, nodes in modules_of_the_package().items()
        for node in (nodes if path.parent.name in _ATTACHED else ())
        if isinstance(node, ast.Assign)
        for listed in node.targets
        for target in (listed.elts if isinstance(listed, ast.Tuple) else [listed])
    )
    foreign = {
        target.attr
        for target in targets
        if isinstance(target, ast.Attribute) and _name(target.value) not in {"self", "cls"}
    }
    return foreign - _own_fields()


def mentioned() -> set[str]:
    """Return every identifier in the code, and every text that may be one."""
    found = set()
    for node in _nodes():
        for field in ("attr", "name", "arg", "id"):
            found.add(getattr(node, field, None))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return {name for name in found if isinstance(name, str)}


def _nodes() -> Iterator[ast.AST]:
    return (node for nodes in modules_of_the_package().values() for node in nodes)


def _own_fields() -> set[str]:
    """Return the attributes that classes of the package have."""
    own = set()
    for node in _nodes():
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _name(node.value) in {"self", "cls"}:
            own.add(node.attr)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            own.add(node.target.id)
    return own


def _own() -> set[str]:
    """Return every name that the package defines."""
    own = _own_fields()
    for node in _nodes():
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            own.add(node.name)
        elif isinstance(node, ast.Assign):
            own |= {_name(target) for target in node.targets}
    return own
