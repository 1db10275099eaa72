"""Files that make an ASGI app and guard it themselves: known by their syntax tree, before anything of them is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

#: How the functions are called in full, wherever they are imported from.
_GUARD = {"secure_media.guard", "secure_media.host.launch.guard"}
_SECURE_RUN = "secure_run"
#: What `streamlit run` looks for in a file.
_APP = {("streamlit", "App"), ("streamlit", "starlette.App")}


def guards_itself(source: Path) -> bool:
    """Return whether the file calls `guard`, and not `secure_run`: so it is no script to be started as one."""
    tree = _tree(source)
    called = [] if tree is None else [_name(node, _imported(tree)) for node in ast.walk(tree)]
    return any(name in _GUARD for name in called) and not any(name.endswith(_SECURE_RUN) for name in called)


def makes_an_app(source: Path) -> bool:
    """Return whether the file makes an ``st.App``, as `streamlit run` looks for one."""
    tree = _tree(source)
    return tree is not None and any(_is_app(_name(value, _imported(tree))) for _, value in _assigned(tree))


def how_to_start(source: Path) -> str:
    """Return the commands that start such a file, each as it is typed."""
    by_uvicorn = f"`uvicorn {module(source)}:{_app_in(source)}`"
    tree = _tree(source)
    apps = [] if tree is None else [value for name, value in _assigned(tree) if name == "app"]
    is_found = tree is not None and any(_is_app(_name(each, _imported(tree))) for each in apps)
    return f"`streamlit run {source}` or {by_uvicorn}" if is_found else by_uvicorn


def module(source: Path) -> str:
    """Return what the file is called as a module, where it is started from the current directory."""
    parts = source.with_suffix("").parts
    return ".".join(parts) if not source.is_absolute() and ".." not in parts else source.stem


def _app_in(source: Path) -> str:
    """Return what the app is called in the file, most likely."""
    tree = _tree(source)
    assigned = [] if tree is None else list(_assigned(tree))
    if tree is None or "app" in (name for name, _ in assigned):
        return "app"
    guarded = [name for name, value in assigned if _name(value, _imported(tree)) in _GUARD]
    return guarded[-1] if guarded else "app"


def _is_app(name: str) -> bool:
    package, _, rest = name.partition(".")
    return (package, rest) in _APP


def _tree(source: Path) -> ast.Module | None:
    try:
        return ast.parse(source.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None  # whoever starts it says so


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield what is assigned to a name outside of functions."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))


def _imported(tree: ast.Module) -> dict[str, str]:
    """Return what names stand for that were imported."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {each.asname: each.name for each in node.names if each.asname}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    return found


def _name(node: ast.AST, imported: dict[str, str]) -> str:
    """Return the full name of what is called; the empty string if `node` is no call, or one of something nameless."""
    if not isinstance(node, ast.Call):
        return ""
    called, parts = node.func, list[str]()
    while isinstance(called, ast.Attribute):
        parts.append(called.attr)
        called = called.value
    if not isinstance(called, ast.Name):
        return ""
    return ".".join([imported.get(called.id, called.id), *reversed(parts)])
