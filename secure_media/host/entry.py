"""
The edge at which the developer's code calls ours: what is wrong with a call is one line, and never a traceback.

A traceback quotes the line of every frame, and the one of the caller may be ``guard(app, secret="...")``.
"""

from __future__ import annotations

import functools
import inspect
import logging
import multiprocessing
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn, ParamSpec, TypeVar

import click

from secure_media import spelling
from secure_media.audit.console import say
from secure_media.errors import ConfigurationError

P = ParamSpec("P")
T = TypeVar("T")

#: What a process ends with after a wrong setting.
_WRONG_SETTING = 2
#: What tells uvicorn and gunicorn that a worker which they would start again will not start.
_WORKER_CANNOT_START = 3


class Refusal(ConfigurationError, SystemExit):
    """
    A `ConfigurationError` that has been said already, so that it ends the program without a traceback.

    It is a `SystemExit`, which Python, uvicorn, gunicorn and Streamlit's command line take for what it is. Anyone who
    expects a `ConfigurationError` can catch it as one.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def said_in_one_line(function: Callable[P, T]) -> Callable[P, T]:
    """
    Let whatever is wrong with a call of `function` end the program with one line on stderr.

    In a script that a server is running it is said on the page, and the script stops.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            refuse(f"{_name(function)}(): {_misspelt(signature, kwargs) or error}")
        try:
            return function(*args, **kwargs)
        except Refusal:
            raise
        except ConfigurationError as error:
            message = str(error)
        except Exception as error:  # noqa: BLE001 - it is shown, and ends the program
            # A fault of ours, or of the machine. From here on inwards it quotes none of the caller's lines.
            traceback.print_exception(type(error), error, error.__traceback__)
            refuse(f"{_name(function)}() failed with {type(error).__name__}", code=1)
        refuse(message)

    return called


def told_of_misspellings(function: Callable[P, T]) -> Callable[P, T]:
    """Have the error about an argument that `function` does not have say which one may have been meant."""
    signature = inspect.signature(function)
    known = frozenset(signature.parameters)

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        if not kwargs.keys() <= known and (misspelt := _misspelt(signature, kwargs)):
            msg = f"{_name(function)}() {misspelt}"
            raise TypeError(msg)
        return function(*args, **kwargs)

    return called


def made_in_one_line(cls: type[T]) -> type[T]:
    """Let whatever is wrong with the arguments of a class be one line, as `said_in_one_line` does."""
    type.__setattr__(cls, "__init__", said_in_one_line(cls.__init__))
    return cls


def refuse(why: str, *, code: int | None = None) -> NoReturn:
    """
    Say what is wrong, and end the program; in a script that a server is running, end the script.

    Args:
        why: What is wrong, and the fix.
        code: What the process ends with.
    """
    if is_page():
        say_once(why)
        stop_page(why)
    click.echo(f"secure_media: {why}", err=True)
    if code is None:
        is_worker = multiprocessing.parent_process() is not None or "gunicorn" in sys.modules
        code = _WORKER_CANNOT_START if is_worker else _WRONG_SETTING
    raise Refusal(why, code) from None


@functools.lru_cache(maxsize=64)
def say_once(why: str) -> None:
    """Write to the log what stops a page: whoever has started or edited the app does not look at it at once."""
    say(logging.ERROR, why)


def is_page() -> bool:
    """Return whether the code that asks is a script that a server is running for somebody's page."""
    if not is_real(runtime()):
        return False
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    return get_script_run_ctx(suppress_warning=True) is not None


def runtime() -> Any:
    """Return the runtime of this process, or None."""
    module = sys.modules.get("streamlit.runtime.runtime")
    return module.Runtime.instance() if module is not None and module.Runtime.exists() else None


def is_real(runtime: Any) -> bool:
    """Return whether `runtime` serves anything: there may be none, or the mock that ``AppTest`` puts there."""
    module = sys.modules.get("streamlit.runtime.runtime")
    return module is not None and issubclass(type(runtime), module.Runtime)


def frame_of_the_caller() -> FrameType | None:
    """Return the frame of the code that called into this package."""
    frame = inspect.currentframe()
    own = __name__.partition(".")[0]
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == own:
        frame = frame.f_back
    return frame


def stop_page(why: str) -> None:
    """Show why the script stops in place of the page, and stop it. Goes on where there is no page."""
    import streamlit as st

    st.error(why, icon="🔒")
    st.stop()


def _name(function: Callable[..., Any]) -> str:
    return function.__qualname__.removesuffix(".__init__")


def _misspelt(signature: inspect.Signature, given: dict[str, Any]) -> str:
    """Return what to say of an argument that there is not, and which may have been meant."""
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in signature.parameters.values())
    for name in given:
        if name not in signature.parameters and not takes_any:
            return f"got an unexpected keyword argument {name!r}{spelling.hint(name, signature.parameters)}"
    return ""
