"""
Streamlit's elements for media, on terms: they look, take and return what the native ones do, and what they show needs
the grant that goes with it.

What the native elements show is there for the browser as long as the page is. What these show ends when you say so, is
for whom you say, and, for downloads, as often as you say.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import streamlit as st

from secure_media.errors import GrantError
from secure_media.host import script, terms
from secure_media.settings import DEFAULT_URL_LIFETIME

F = TypeVar("F", bound=Callable[..., Any])

Lifetime = float | datetime.timedelta


def _like_native(own: F) -> F:
    """Give `own` the parameters that the native element of its name has in the installed Streamlit, and its own."""
    native = getattr(st, own.__name__, None)
    if native is None:
        return own
    signature = inspect.signature(native)
    added = [
        parameter
        for parameter in inspect.signature(own).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    own.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *added])  # type: ignore[attr-defined]
    return own


@_like_native
def image(*args: Any, expires_in: Lifetime = DEFAULT_URL_LIFETIME, bind: str | None = None, **kwargs: Any) -> Any:
    """
    Show what `st.image` shows, for a time.

    Args:
        args: As for `st.image`.
        expires_in: For how long it can be fetched, in seconds or as a timedelta.
        bind: Who can fetch it: ``"browser"``, ``"session"`` or ``"subject"``. Default: the browser that it is shown to.
        kwargs: As for `st.image`.
    """
    with _on_terms(expires_in, bind):
        return st.image(*args, **kwargs)


@_like_native
def audio(*args: Any, expires_in: Lifetime = DEFAULT_URL_LIFETIME, bind: str | None = None, **kwargs: Any) -> Any:
    """Show what `st.audio` shows, for a time; the arguments that are added are those of `image`."""
    with _on_terms(expires_in, bind):
        return st.audio(*args, **kwargs)


@_like_native
def video(*args: Any, expires_in: Lifetime = DEFAULT_URL_LIFETIME, bind: str | None = None, **kwargs: Any) -> Any:
    """Show what `st.video` shows, subtitles included, for a time; the arguments that are added are those of `image`."""
    with _on_terms(expires_in, bind):
        return st.video(*args, **kwargs)


@_like_native
def pdf(*args: Any, expires_in: Lifetime = DEFAULT_URL_LIFETIME, bind: str | None = None, **kwargs: Any) -> Any:
    """Show what `st.pdf` shows, for a time; the arguments that are added are those of `image`."""
    if not hasattr(st, "pdf"):
        msg = f"pdf: Streamlit {st.__version__} has no st.pdf; it came with 1.49"
        raise GrantError(msg)
    with _on_terms(expires_in, bind):
        return st.pdf(*args, **kwargs)


@_like_native
def download_button(
    *args: Any,
    expires_in: Lifetime = DEFAULT_URL_LIFETIME,
    bind: str | None = None,
    max_uses: int | None = None,
    **kwargs: Any,
) -> bool:
    """
    Offer what `st.download_button` offers, for a time.

    Args:
        args: As for `st.download_button`.
        expires_in: For how long it can be downloaded, in seconds or as a timedelta.
        bind: Who can download it; see `image`.
        max_uses: How many times this page can download it.
        kwargs: As for `st.download_button`.
    """
    with _on_terms(expires_in, bind, max_uses) as from_now_on:
        return st.download_button(*_deferred_too(args, from_now_on), **_deferred_too(kwargs, from_now_on))


@contextlib.contextmanager
def _on_terms(expires_in: Any, bind: Any, max_uses: Any = None) -> Iterator[Callable[[], None]]:
    """
    Show on these terms what is shown inside of the block; without any under ``AppTest``.

    What is yielded makes them hold for the rest of another context.
    """
    asked = terms.Terms(terms.lifetime(expires_in), terms.binding(bind), terms.uses(max_uses))
    serving = script.deployment()
    if serving is None:
        yield lambda: None
        return
    script.heeds_links(serving)
    with serving.terms.shown_on(asked):
        yield lambda: serving.terms.from_now_on(asked)


def _deferred_too(arguments: Any, from_now_on: Callable[[], None]) -> Any:
    """Let the terms hold for data that are made when the button is pressed: outside of any script run, in a thread."""
    position: Any = "data" if isinstance(arguments, dict) else 1
    if position not in (arguments if isinstance(arguments, dict) else range(len(arguments))):
        return arguments
    data = arguments[position]
    if not callable(data):
        return arguments

    @functools.wraps(data)
    def make() -> Any:
        # Streamlit stores what comes back right after, in the same context, which then ends.
        from_now_on()
        return data()

    if isinstance(arguments, dict):
        return {**arguments, "data": make}
    return (*arguments[:1], make, *arguments[2:])
