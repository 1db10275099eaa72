"""
Streamlit's elements for media, on terms: they look, take and return what the native ones do, and what they show needs
the grant that goes with it.

What the native elements show is there for the browser as long as the page is. What these show ends when you say so, is
for whom you say, and, for downloads, as often as you say. They also take more kinds of sources, of any size: files of
collections, and bytes that are made piece by piece.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import streamlit as st

from secure_media.core.policy import Policy
from secure_media.core.rules import Condition
from secure_media.errors import ScriptError
from secure_media.host import elements, script, terms
from secure_media.host.deployment import Deployment
from secure_media.host.entry import told_of_misspellings
from secure_media.settings.table import DEFAULT_URL_LIFETIME

F = TypeVar("F", bound=Callable[..., Any])

Lifetime = float | datetime.timedelta
Allow = Policy | Condition | None

#: What of a download button may differ from run to run while it stays the same button.
_CHANGEABLE = frozenset({"data", "on_click", "args", "kwargs", "disabled"})


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


@told_of_misspellings
@_like_native
def image(
    *args: Any, expires_in: Lifetime = DEFAULT_URL_LIFETIME, bind: str | None = None, allow: Allow = None, **kwargs: Any
) -> Any:
    """
    Show what `st.image` shows, for a time.

    The first argument may also be ``"collection/key"``, an open file, an iterator or asynchronous iterator of bytes, or
    a function that returns one of these. Those are shown as they are, in whatever size. Text whose first part is the
    name of a collection is always taken for a file of that.

    Args:
        args: As for `st.image`.
        expires_in: For how long it can be fetched, in seconds or as a timedelta.
        bind: Who can fetch it: ``"browser"``, ``"session"`` or ``"subject"``. Default: the browser that it is shown to.
        allow: A condition, or a policy, that is asked besides the app's policy whenever it is fetched, whoever asks;
            see `allow_if`. What a function of the script refers to is kept as it is when this is shown.
        kwargs: As for `st.image`.

    Raises:
        ScriptError: An argument will not do, or there is no such file in the collection; a `GrantError` if it is the
            terms that will not do.
    """
    with _with_terms(expires_in, bind, allow=allow) as serving:
        args, kwargs = _shown("image", "image", serving, args, kwargs)
        return st.image(*args, **kwargs)


@told_of_misspellings
@_like_native
def audio(
    *args: Any, expires_in: Lifetime = DEFAULT_URL_LIFETIME, bind: str | None = None, allow: Allow = None, **kwargs: Any
) -> Any:
    """
    Show what `st.audio` shows, for a time.

    The arguments that are added are those of `image`, and so are the kinds of sources. What is made piece by piece
    goes to a file on the disk first, which has no name.
    """
    with _with_terms(expires_in, bind, allow=allow) as serving:
        args, kwargs = _shown("audio", "data", serving, args, kwargs)
        return st.audio(*args, **kwargs)


@told_of_misspellings
@_like_native
def video(
    *args: Any, expires_in: Lifetime = DEFAULT_URL_LIFETIME, bind: str | None = None, allow: Allow = None, **kwargs: Any
) -> Any:
    """Show what `st.video` shows, subtitles included, for a time; for the rest, see `audio`."""
    with _with_terms(expires_in, bind, allow=allow) as serving:
        args, kwargs = _shown("video", "data", serving, args, kwargs)
        return st.video(*args, **kwargs)


@told_of_misspellings
@_like_native
def pdf(
    *args: Any, expires_in: Lifetime = DEFAULT_URL_LIFETIME, bind: str | None = None, allow: Allow = None, **kwargs: Any
) -> Any:
    """Show what `st.pdf` shows, for a time; for the rest, see `audio`. A file is not read into memory."""
    if not hasattr(st, "pdf"):
        msg = f"pdf: Streamlit {st.__version__} has no st.pdf; it came with 1.49"
        raise ScriptError(msg)
    with _with_terms(expires_in, bind, allow=allow) as serving:
        args, kwargs = _shown("pdf", "data", serving, args, kwargs)
        return st.pdf(*args, **kwargs)


@told_of_misspellings
@_like_native
def download_button(
    *args: Any,
    source: Any = None,
    expires_in: Lifetime = DEFAULT_URL_LIFETIME,
    bind: str | None = None,
    max_uses: int | None = None,
    allow: Allow = None,
    **kwargs: Any,
) -> bool:
    """
    Offer what `st.download_button` offers, and more kinds of sources, for a time.

    As `data`, beside what `st.download_button` takes: a path, which is not read into memory; an iterator or
    asynchronous iterator of bytes, for one download; or a function that returns bytes, text, a path, a file or an
    iterator. The function is called when the download begins, for each anew, in a thread without a script's context.
    What it raises is logged, and the download fails.

    Args:
        args: As for `st.download_button`.
        source: Instead of `data`: the same, or the ``"collection/key"`` of a file. As `data`, text is the text, as in
            the native element: what somebody has typed never becomes the file of that name.
        expires_in: For how long it can be downloaded, in seconds or as a timedelta.
        bind: Who can download it; see `image`.
        max_uses: How many times this page can download it. Not together with `allow`.
        allow: What is asked besides; see `image`.
        kwargs: As for `st.download_button`.

    Raises:
        ScriptError: An argument will not do, or `data` is text of the form of a file's name in a collection.
    """
    with _with_terms(expires_in, bind, max_uses, allow) as serving:
        if source is not None:
            if len(args) > 1 or "data" in kwargs:
                raise ScriptError("source: expected either data or source, got both")
            kwargs["data"] = source
        given = _by_name(args, kwargs)
        data = given["data"]
        if serving is None:
            offer = elements.Offer(b"" if isinstance(source, str) else elements.unserved("download", data))
        elif isinstance(source, str):
            offer = serving.showing.named(source, given.get("mime"))
        else:
            offer = serving.showing.offered(data, _place(serving, given), disabled=bool(given.get("disabled")))
        return _offer(given, offer)


def download_zip(
    label: str,
    files: Any,
    *,
    file_name: str = "files.zip",
    expires_in: Lifetime = DEFAULT_URL_LIFETIME,
    bind: str | None = None,
    max_uses: int | None = None,
    allow: Allow = None,
    **kwargs: Any,
) -> bool:
    """
    Offer several files as one ZIP archive, which is made while it is sent: of any size, in constant memory.

    Who can download it can download all that is in it: whether a file may go in, policies of its collection included,
    is for the script to decide.

    Args:
        label: Of the button.
        files: The source of each file, by its name in the archive: ``"collection/key"``, a path, bytes, an open file,
            an iterator or asynchronous iterator of bytes, or a function that returns one of these when it is its turn.
            With one that gives its bytes only once, the archive can be downloaded only once.
        file_name: The name of the archive.
        expires_in: For how long it can be downloaded, in seconds or as a timedelta.
        bind: Who can download it; see `image`.
        max_uses: How many times this page can download it. Not together with `allow`.
        allow: What is asked besides; see `image`.
        kwargs: As for `st.download_button`, but for ``data`` and ``mime``.

    Raises:
        ScriptError: A name leads out of the archive ("Zip Slip") or is there twice, there is no such file, or what
            makes archives is not installed.
    """
    taken = sorted({"data", "mime", "source"} & set(kwargs))
    if taken:
        msg = f"{taken[0]}: an archive has none; pass files={{name: source, ...}}"
        raise ScriptError(msg)
    given = _by_name((label, b""), {**kwargs, "file_name": file_name, "mime": "application/zip"})
    with _with_terms(expires_in, bind, max_uses, allow) as serving:
        if serving is None:
            offer = elements.Offer()
        else:
            archive = serving.showing.archive(files)
            offer = serving.showing.supplied(archive, _place(serving, given), disabled=bool(given.get("disabled")))
        return _offer(given, offer)


@contextlib.contextmanager
def _with_terms(expires_in: Any, bind: Any, max_uses: Any = None, allow: Any = None) -> Iterator[Deployment | None]:
    """Show on these terms what is shown inside the block, and yield what serves it; None under ``AppTest``."""
    asked = terms.GrantTerms(terms.lifetime(expires_in), terms.binding(bind), terms.uses(max_uses))
    rule = terms.rule(allow, max_uses=asked.max_uses)
    serving = script.deployment()
    if serving is None:
        yield None
        return
    script.heeds_links(serving)
    if asked.max_uses is not None:
        serving.issuer.ledger.check_writable()
    if rule is not None:
        asked = dataclasses.replace(asked, allow=serving.conditions.name(rule))
    with serving.terms.shown_on(asked):
        yield serving


def _shown(
    kind: str, parameter: str, serving: Deployment | None, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments for the native element that shows, the source being one that it takes."""
    if not args and parameter not in kwargs:
        return args, kwargs  # it says what is missing
    value = args[0] if args else kwargs[parameter]
    value = elements.unserved(kind, value) if serving is None else serving.showing.element(kind, value)
    return ((value, *args[1:]), kwargs) if args else (args, {**kwargs, parameter: value})


def _offer(given: dict[str, Any], offer: elements.Offer) -> bool:
    """Show the native button with the arguments that are given, and what it offers."""
    data = offer.data(file_name=given.get("file_name"), mime=given.get("mime"))
    return st.download_button(**{**given, "data": data})


def _by_name(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a download button by their names; raise `TypeError` as the native one does."""
    return dict(inspect.signature(st.download_button).bind(*args, **kwargs).arguments)


def _place(serving: Deployment, given: dict[str, Any]) -> Callable[[], bytes]:
    """
    Return what names the button with these arguments on the page of the session that the script runs for.

    Two buttons of a page differ in one of them, or in their key: Streamlit sees to that.
    """

    def place() -> bytes:
        key = given.get("key")
        what = sorted((name, repr(value)) for name, value in given.items() if name not in _CHANGEABLE)
        element = [("key", str(key))] if key is not None else what
        return repr((script.holder(serving).session_id, element)).encode("utf-8", "surrogatepass")

    return place
