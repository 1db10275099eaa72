"""Finds what can grow in the package: every container that outlives a call and that something is added to."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import secure_media

PACKAGE = Path(secure_media.__file__).parent

#: What runs in tests and in attacks on an app, and never in a process that serves one.
_ELSEWHERE = ("testing", "attack")

#: What makes something that can grow.
_MAKERS = {
    "Counter",
    "LifoQueue",
    "OrderedDict",
    "PriorityQueue",
    "Queue",
    "SimpleQueue",
    "ThreadPoolExecutor",
    "WeakKeyDictionary",
    "WeakSet",
    "WeakValueDictionary",
    "bytearray",
    "cache",
    "defaultdict",
    "deque",
    "dict",
    "list",
    "lru_cache",
    "set",
}
_DISPLAYS = (ast.Dict, ast.DictComp, ast.List, ast.ListComp, ast.Set, ast.SetComp)
#: What adds to one.
_ADDING = {
    "add",
    "append",
    "appendleft",
    "extend",
    "insert",
    "put",
    "setdefault",
    "submit",
    "update",
}
_ADDERS = {"_remember", "heappush", "remember"}


def growing(package: Path = PACKAGE) -> set[str]:
    """
    Return the name of every such container: ``module:Class.attribute``, or ``module:name`` for one of a module.

    What is filled where it is made (in ``__init__``, or at the top of a module) and never again is configuration.
    """
    trees = {
        ".".join(path.relative_to(package).with_suffix("").parts): ast.parse(path.read_text("utf-8"))
        for path in sorted(package.rglob("*.py"))
        if path.relative_to(package).parts[0] not in _ELSEWHERE
    }
    return {f"{module}:{name}" for module, tree in trees.items() for name in (*_in_classes(tree), *_in_module(tree))}


def _in_classes(tree: ast.Module) -> Iterator[str]:
    for owner in [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]:
        assigned = [each for function in _functions(owner) for each in _assigned(function)]
        made = {name for name, value in assigned if _makes(value)}
        later = [function for function in _functions(owner) if function.name != "__init__"]
        added = {name.removeprefix("self.") for function in later for name in _added_to(function)}
        added |= {name for function in later for name, value in _assigned(function) if _makes(value)}
        added |= {name for name, value in assigned if "cache" in ast.unparse(value)}
        # What a record begins with an empty one for is there to be filled, by whomever.
        yield from (f"{owner.name}.{name}" for name in made & added | set(_fields(owner)))


def _in_module(tree: ast.Module) -> Iterator[str]:
    made = set()
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None and _makes(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            made |= {target.id for target in targets if isinstance(target, ast.Name)}
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and any(map(_makes, node.decorator_list)):
            yield node.name
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    yield from made & {name for function in functions for name in _added_to(function)}


def _functions(owner: ast.ClassDef) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in owner.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def _assigned(function: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield what is assigned to attributes of ``self``."""
    for node in ast.walk(function):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = list(zip(target.elts, node.value.elts, strict=True))
                for each, value in pairs:
                    if isinstance(each, ast.Attribute) and ast.unparse(each.value) == "self":
                        yield each.attr, value


def _makes(value: ast.AST) -> bool:
    if isinstance(value, _DISPLAYS):
        return True
    if isinstance(value, (ast.Call, ast.Attribute, ast.Name)):
        name = ast.unparse(value.func if isinstance(value, ast.Call) else value)
        return any(part in _MAKERS for part in name.replace("(", ".").replace(")", ".").split("."))
    return isinstance(value, ast.BoolOp) and any(map(_makes, value.values))


def _fields(owner: ast.ClassDef) -> Iterator[str]:
    """Yield the fields of a dataclass that begin as an empty container."""
    for node in owner.body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.value, ast.Call):
            continue
        if any(word.arg == "default_factory" and _makes(word.value) for word in node.value.keywords):
            yield ast.unparse(node.target)


def _added_to(tree: ast.AST) -> Iterator[str]:
    """Yield what something is added to: as an item, by a method, or by a function that is given it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            yield ast.unparse(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _ADDING:
            yield ast.unparse(node.func.value)
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).rpartition(".")[2] in _ADDERS:
            yield ast.unparse(node.args[0])
