"""
Conditions on media: what a script passes as ``allow=``, kept so that the same condition has the same name in each run.

A script makes its functions anew in every run. Two of them are one condition if their code is the same and all that
they refer to: text, numbers and functions of the script by what they are, everything else by being the same object.
What a function of the script refers to is kept as it is when the medium is shown: a loop that goes on, or another
session, must not change what is asked about this one.
"""

from __future__ import annotations

import dis
import secrets
import threading
from collections.abc import Hashable, Iterator, Mapping
from types import CellType, CodeType, FunctionType
from typing import Any

from secure_media.core.policy import Pair, Policy
from secure_media.core.rules import AllowIf

#: How many conditions are known, the last ones; a medium in the store has its own. A replay of what a cached function
#: has shown on another one than these is refused until that runs anew.
MOST_KNOWN = 1000

_PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes})
#: The module that Streamlit runs a script as, anew in every run.
_SCRIPT = "__main__"


class Conditions:
    """
    Knows the conditions that scripts have shown media on, by name.

    Names are random, and kept in what Streamlit caches: a condition itself could not be.

    Threads: safe from any.
    """

    def __init__(self) -> None:
        self._names: dict[Hashable, str] = {}
        self._policies: dict[str, tuple[Hashable, Policy]] = {}
        self._lock = threading.Lock()

    def name(self, policy: Policy) -> str:
        """Return the name of `policy`: the same for the same condition, and for no other."""
        kept, identity = _policy(policy)
        with self._lock:
            name = self._names.get(identity) or secrets.token_hex(16)
            self._keep(name, identity, self._policies.pop(name, (identity, kept))[1])
            return name

    def find(self, name: str) -> Policy | None:
        """Return the policy of that name; None if it is not known any more."""
        with self._lock:
            known = self._policies.pop(name, None)
            if known is None:
                return None
            self._keep(name, *known)
            return known[1]

    def _keep(self, name: str, identity: Hashable, policy: Policy) -> None:
        """Note it as the newest. With the lock held."""
        self._names[identity] = name
        self._policies[name] = identity, policy
        if len(self._policies) > MOST_KNOWN:
            oldest, _ = self._policies.pop(next(iter(self._policies)))
            del self._names[oldest]


class _Same:
    """An object that is equal to itself alone. Kept, so that no other can have its address."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._value is other._value

    def __hash__(self) -> int:
        return id(self._value)


def _policy(policy: Policy) -> tuple[Policy, Hashable]:
    """Return `policy` as it is kept, and what is equal for policies that are the same."""
    if type(policy) is AllowIf:
        condition, identity = _Keeping().keep(policy.condition)
        return AllowIf(condition, policy.timeout), (AllowIf, policy.timeout, identity)
    if isinstance(policy, Pair):
        (left, of_left), (right, of_right) = _policy(policy.left), _policy(policy.right)
        return type(policy)(left, right), (type(policy), of_left, of_right)
    return policy, _Same(policy)


class _Keeping:
    """Keeps one condition, and the functions that it refers to, each once: they may refer to each other."""

    def __init__(self) -> None:
        self._functions: dict[int, tuple[FunctionType, int]] = {}
        #: Nobody else may get the address of what is in there.
        self._originals: list[FunctionType] = []

    def keep(self, value: Any) -> tuple[Any, Hashable]:
        """Return `value` as it is kept, and what is equal for values that are the same."""
        if type(value) is FunctionType:
            known = self._functions.get(id(value))
            return (known[0], ("again", known[1])) if known else self._function(value)
        if type(value) in _PLAIN:
            return value, (type(value), repr(value))
        return value, _Same(value)

    def _function(self, function: FunctionType) -> tuple[FunctionType, Hashable]:
        code, of_script = function.__code__, function.__globals__.get("__name__") == _SCRIPT
        around = {"__builtins__": __builtins__, "__name__": _SCRIPT} if of_script else function.__globals__
        cells = tuple(CellType() for _ in function.__closure__ or ())
        own = FunctionType(code, around, function.__name__, None, cells)
        self._functions[id(function)] = own, len(self._functions)
        self._originals.append(function)
        contents = [self._cell(old, new) for old, new in zip(function.__closure__ or (), cells, strict=True)]
        defaults = [self.keep(value) for value in function.__defaults__ or ()]
        own.__defaults__ = tuple(value for value, _ in defaults) if function.__defaults__ else None
        own.__kwdefaults__, named = self._items(function.__kwdefaults__ or {})
        attributes, extra = self._items(vars(function))
        vars(own).update(attributes)
        own.__qualname__ = function.__qualname__
        referred: Hashable = _Same(around)
        if of_script:
            there = function.__globals__
            found, referred = self._items({name: there[name] for name in sorted(_globals(code)) if name in there})
            around.update(found)
        return own, ("function", code, tuple(contents), tuple(of for _, of in defaults), named, extra, referred)

    def _cell(self, old: CellType, new: CellType) -> Hashable:
        try:
            content = old.cell_contents
        except ValueError:  # nothing is in it yet
            return None
        new.cell_contents, identity = self.keep(content)
        return identity

    def _items(self, items: Mapping[str, Any]) -> tuple[dict[str, Any], Hashable]:
        kept = {name: self.keep(value) for name, value in items.items()}
        return {name: value for name, (value, _) in kept.items()}, tuple((name, of) for name, (_, of) in kept.items())


def _globals(code: CodeType) -> set[str]:
    """Return the global names that `code`, or a function inside it, refers to."""
    return {
        str(step.argval)
        for each in _codes(code)
        for step in dis.get_instructions(each)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
    }


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
