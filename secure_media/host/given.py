"""Compares the arguments of a `secure_run` with those that the server was started with, and keeps no value."""

from __future__ import annotations

import functools
import hashlib
import os
import secrets
import threading
from collections.abc import Mapping
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

#: How deep a value is looked into; arguments are flatter.
_DEEPEST = 12
#: How many changes of one argument are told of. One that is made up anew in every run has no end of them.
_MOST_TOLD = 8

_PLAIN = (type(None), bool, int, float, complex, str, bytes)


class Given:
    """
    The arguments that a server was started with.

    Threads: safe from any.

    Args:
        arguments: Their values by name.
    """

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        #: Nobody can try out which secret it was: the digests are worthless without it.
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._started = {name: self._digest(value) for name, value in arguments.items()}
        self._seen = dict(self._started)
        self._told = dict.fromkeys(self._started, 0)

    def changed(self, arguments: Mapping[str, Any]) -> list[str]:
        """Return the names of arguments that differ from those at start, each once per change."""
        found = []
        for name, value in arguments.items():
            digest = self._digest(value)
            with self._lock:
                if digest == self._seen.get(name):
                    continue
                self._seen[name] = digest
                if digest != self._started.get(name) and self._told.setdefault(name, 0) < _MOST_TOLD:
                    self._told[name] += 1
                    found.append(name)
        return found

    def _digest(self, value: Any) -> bytes:
        return hashlib.blake2b(repr(_form(value)).encode("utf-8", "surrogatepass"), key=self._key).digest()

    def __repr__(self) -> str:
        return f"Given({', '.join(self._started)})"


def _form(value: Any, depth: int = 0) -> Any:
    """
    Return what is the same for equal values, also of objects that the script makes anew in each run.

    Of objects that are not ours it is their type: what is inside them may change by itself.
    """
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, _PLAIN):
        return kind, repr(value)
    if depth > _DEEPEST:
        return kind
    inner = functools.partial(_form, depth=depth + 1)
    if isinstance(value, type):
        return kind, value.__module__, value.__qualname__
    if isinstance(value, os.PathLike):
        return kind, repr(os.fspath(value))
    if isinstance(value, Mapping):
        return kind, [(inner(name), inner(item)) for name, item in value.items()]
    if isinstance(value, (list, tuple)):
        return kind, [inner(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return kind, sorted(repr(inner(item)) for item in value)
    if isinstance(value, (FunctionType, MethodType, CodeType, functools.partial)):
        return kind, _form_of_code(value, inner)
    if type(value).__module__.partition(".")[0] == __name__.partition(".")[0]:
        return kind, [(name, inner(getattr(value, name, None))) for name in _fields(value)]
    return kind


def _form_of_code(value: Any, inner: Any) -> Any:
    """Return what functions have in common that do the same. Where they stand in their file does not count."""
    if isinstance(value, CodeType):
        return value.co_code.hex(), value.co_names, [inner(constant) for constant in value.co_consts]
    if isinstance(value, functools.partial):
        return inner(value.func), inner(value.args), inner(value.keywords)
    if isinstance(value, MethodType):
        return inner(value.__func__), type(value.__self__).__qualname__
    cells = [_settled(cell) for cell in value.__closure__ or ()]
    return inner(value.__code__), [*map(inner, cells)], inner(value.__defaults__), inner(value.__kwdefaults__)


def _settled(cell: CellType) -> Any:
    """Return what a function has closed over, but not what may change while it is used, as a cache of its own does."""
    try:
        content = cell.cell_contents
    except ValueError:  # nothing yet
        return None
    return content if isinstance(content, (*_PLAIN, FunctionType)) else type(content)


def _fields(value: Any) -> list[str]:
    """Return the names of the fields that an object of ours has."""
    slots = [
        name
        for cls in type(value).__mro__
        for name in cls.__dict__.get("__slots__", ())
        if name not in ("__weakref__", "__dict__")
    ]
    return sorted({*slots, *getattr(value, "__dict__", {})})
