"""Which Streamlit is installed, and whether it is one that can be guarded: looked at before anything is hooked."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import streamlit
from streamlit.auth_util import is_authlib_installed

from secure_media.errors import ConfigurationError
from secure_media.host.internals import FIRST_STARLETTE, OLDEST, USES, Name


def version() -> tuple[int, int]:
    """Return the (major, minor) version of the installed Streamlit."""
    major, minor = streamlit.__version__.split(".")[:2]
    return int(major), int(minor)


def has_starlette() -> bool:
    """Return whether this Streamlit has its Starlette server, and what it needs is installed."""
    if version() < FIRST_STARLETTE:
        return False
    try:
        importlib.import_module("starlette.applications")
        importlib.import_module("uvicorn")
    except ModuleNotFoundError:
        return False
    return True


def check() -> None:
    """
    Make sure that every name on the list is where it has to be.

    Raises:
        ConfigurationError: This Streamlit is too old, or has another inside than the known ones.
    """
    if version() < OLDEST:
        msg = (
            f"streamlit {streamlit.__version__} is too old: secure_media guards {OLDEST[0]}.{OLDEST[1]} and later. "
            "Run: pip install --upgrade streamlit"
        )
        raise ConfigurationError(msg)
    for problem in problems():
        msg = (
            f"streamlit {streamlit.__version__} is not one that secure_media knows how to guard: {problem}. "
            "Install a supported release of Streamlit, or a newer secure_media"
        )
        raise ConfigurationError(msg)


def problems() -> Iterator[str]:
    """Yield what is not as the list says, each with its place."""
    yield from filter(None, map(problem, expected()))


def problem(name: Name) -> str | None:
    """Return what is wrong with `name`, with its place; None if nothing is."""
    if not is_there(name):
        return f"{name.module}.{name.path} is missing"
    if name.parameters:
        parameters = tuple(inspect.signature(_find(name)[1]).parameters)
        if parameters[: len(name.parameters)] != name.parameters:
            return f"{name.module}.{name.path} takes other parameters"
    return None


def is_there(name: Name) -> bool:
    """Return whether there is something of that name."""
    owner, target = _find(name)
    return target is not None or _is_of_instances(owner, name.path.rpartition(".")[2])


def expected() -> Iterator[Name]:
    """Yield the names that this Streamlit has, by the list."""
    optional = {".starlette": has_starlette(), "authlib": is_authlib_installed()}
    for use in USES:
        for name in use.names:
            is_here = name.since <= version() and (name.until is None or version() <= name.until)
            if is_here and all(there or part not in name.module for part, there in optional.items()):
                yield name


def _find(name: Name) -> tuple[Any, Any]:
    """Return what `name` stands for, None if there is nothing, after what it is an attribute of."""
    try:
        target: Any = importlib.import_module(name.module)
    except ImportError:
        return None, None
    owner = None
    for part in name.path.split("."):
        owner, target = target, getattr(target, part, None)
    return owner, target


def _is_of_instances(cls: Any, attribute: str) -> bool:
    """Return whether instances of `cls` have the attribute: it is a field, or some method speaks of it."""
    if not isinstance(cls, type):
        return False
    if any(attribute in vars(base).get("__annotations__", ()) for base in cls.__mro__):
        return True
    methods = [method for base in cls.__mro__ for method in vars(base).values() if isinstance(method, FunctionType)]
    return any(attribute in method.__code__.co_names for method in methods)
