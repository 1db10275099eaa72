"""
Elements of cached functions: Streamlit keeps what they have given to the storage, and gives it again for each replay.

So what a session is shown by a replay, its own script has registered, as all else. Streamlit itself keeps this for some
elements only, and a replay knows nothing of the code that has shown one. Here it is kept for all of them, with what
makes the medium what it is: the terms on which it was shown, and the name under which a download is saved.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from streamlit import runtime
from streamlit.proto.Block_pb2 import Block
from streamlit.runtime import caching
from streamlit.runtime.caching import cache_utils
from streamlit.runtime.caching.cached_message_replay import BlockMsgData, CachedMessageReplayContext

from secure_media.host import messages
from secure_media.host.origins import is_fleeting
from secure_media.host.terms import GrantTerms

#: The attribute that holds what a `Kept` stands for. Looked up by name: Streamlit may forget and import again the
#: module that has made it (see `hooks.guarding`).
_ORIGIN = "secure_media_kept"


#: Begins the place under which something is kept; the id follows.
_PLACE = "secure_media "


class Handed(NamedTuple):
    """
    What an element has given to the storage.

    Args:
        given: Bytes or a path, or what stands for them.
        terms: On which it is shown, if on any.
        save_as: Under which name it is saved, if it is a download.
    """

    given: str | bytes
    terms: GrantTerms | None = None
    save_as: str | None = None


class Kept(bytes):
    """What Streamlit keeps of a medium that is more than its bytes."""


def kept(handed: Handed) -> str | bytes:
    """Return what Streamlit is to keep: what was given, or what stands for it."""
    if handed.terms is None and handed.save_as is None:
        return handed.given
    keep = Kept()
    setattr(keep, _ORIGIN, tuple(handed))
    return keep


def unkept(given: str | bytes) -> Handed:
    """Return what an element has given to the storage, now or before it was kept."""
    return Handed(*getattr(given, _ORIGIN, (given,)))


def keep(handed: Handed, mimetype: str, media_id: str) -> None:
    """
    Have Streamlit keep what an element has just given to the storage, if a cached function shows it.

    Streams that a download button offers are not kept: they are there once, and `st.cache_data` could not copy them.
    """
    if handed.save_as is None or not is_fleeting(handed.given):
        # Under a place of its own. The one in the layout may be that of another element where it is replayed.
        _save_media_data(kept(handed), mimetype, _PLACE + media_id)


#: Streamlit's own, which keeps media until the element that shows them is made. 1.45-1.67.
_save_media_data = getattr(caching.save_media_data, "__wrapped__", caching.save_media_data)


def hook() -> None:
    """Let nobody but `keep` keep media, and let replays register them before they are shown. Streamlit 1.45-1.67."""
    original = vars(cache_utils)["replay_cached_messages"]

    @functools.wraps(_save_media_data)
    def save_media_data(media_data: str | bytes, mimetype: str, media_id: str) -> None:
        """Do nothing: the storage has seen to it."""

    @functools.wraps(original)
    def replay_cached_messages(result: Any, *args: Any, **kwargs: Any) -> None:
        # A block is shown before the element with which Streamlit may have kept what is in it.
        if result.messages and any(isinstance(message, BlockMsgData) for message in result.messages):
            manager = runtime.get_instance().media_file_mgr
            for message in result.messages:
                for medium in getattr(message, "media_data", None) or ():
                    manager.add(medium.media, medium.mimetype, medium.media_id)
        original(result, *args, **kwargs)

    caching.save_media_data = save_media_data
    _keep_media_of_blocks()
    vars(cache_utils)["replay_cached_messages"] = replay_cached_messages


def _keep_media_of_blocks() -> None:
    """
    Have what a block shows (the avatar of a chat message) kept with it.

    Streamlit keeps it with the next element. There may be none, or it is of another function, whose replays would
    register for others what this one has shown.
    """
    context: Any = CachedMessageReplayContext
    call, save = context.calling_cached_function, context.save_block_message

    @functools.wraps(call)
    def calling_cached_function(self: Any, *arguments: Any, **named: Any) -> Any:
        _forget_pending(self)  # what was shown before this function is not its own
        return call(self, *arguments, **named)

    @functools.wraps(save)
    def save_block_message(self: Any, block_proto: Block, *arguments: Any, **named: Any) -> None:
        save(self, block_proto, *arguments, **named)
        shown = {_PLACE + media_id for media_id in messages.media_ids(block_proto)}
        own = [medium for medium in self._media_data if medium.media_id in shown]
        for captured in _captured(self) if own else ():
            if captured and captured[-1].message is block_proto:
                # Named as it is with elements, and of no class of ours: what is on the disk can be read without us.
                object.__setattr__(captured[-1], "media_data", own)

    context.calling_cached_function = calling_cached_function
    context.save_block_message = save_block_message


def _forget_pending(context: Any) -> None:
    """Let go of the media that wait for the next element."""
    if hasattr(context, "_media_data_var"):  # 1.67
        context._media_data_var.set(())
    else:
        context._media_data = []


def _captured(context: Any) -> list[list[Any]]:
    """Return the messages of each cached function that is just running."""
    stack = context._cached_message_stack
    if isinstance(stack, list):  # up to 1.66
        return stack
    return [capture.messages for capture in stack.get() if capture.active]
