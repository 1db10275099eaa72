"""
What secure_media takes for granted about Streamlit's insides, checked before anything is hooked.

A Streamlit that has moved one of these is refused: hooking half of it would serve media unguarded.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import streamlit

from secure_media.errors import ConfigurationError

OLDEST = (1, 45)

#: Every hook: where it is, and the parameters it has to take. For all supported versions.
_EVERYWHERE: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("streamlit.web.bootstrap", "Server", ()),
    ("streamlit.web.bootstrap", "run", ("main_script_path", "is_hello", "args", "flag_options")),
    ("streamlit.web.cli", "main", ()),
    ("streamlit.web.server.server", "Server.start", ("self",)),
    ("streamlit.runtime.runtime", "Runtime.__init__", ("self", "config")),
    (
        "streamlit.runtime.memory_media_file_storage",
        "MemoryMediaFileStorage.load_and_get_id",
        ("self", "path_or_data", "mimetype", "kind", "filename"),
    ),
    ("streamlit.runtime.memory_media_file_storage", "MemoryMediaFileStorage.get_url", ("self", "file_id")),
    ("streamlit.runtime.memory_media_file_storage", "MemoryMediaFileStorage.get_file", ("self", "filename")),
    ("streamlit.runtime.memory_media_file_storage", "MemoryMediaFileStorage.delete_file", ("self", "file_id")),
    ("streamlit.runtime.memory_media_file_storage", "get_extension_for_mimetype", ("mimetype",)),
    (
        "streamlit.runtime.session_manager",
        "SessionManager.connect_session",
        ("self", "client", "script_data", "user_info", "existing_session_id", "session_id_override"),
    ),
    ("streamlit.runtime.session_manager", "SessionManager.disconnect_session", ("self", "session_id")),
    ("streamlit.runtime.session_manager", "SessionManager.close_session", ("self", "session_id")),
    ("streamlit.runtime.session_manager", "SessionManager.get_active_session_info", ("self", "session_id")),
    ("streamlit.runtime.session_manager", "SessionClient.write_forward_msg", ("self", "msg")),
    ("streamlit.runtime.app_session", "AppSession.handle_backmsg", ("self", "msg")),
    ("streamlit.runtime.app_session", "AppSession.flush_browser_queue", ("self",)),
    ("streamlit.runtime.caching", "save_media_data", ()),
    ("streamlit.runtime.caching", "CACHE_DATA_MESSAGE_REPLAY_CTX._media_data", ()),
    ("streamlit.runtime.caching", "CACHE_DATA_MESSAGE_REPLAY_CTX._cached_message_stack", ()),
    (
        "streamlit.runtime.caching.cached_message_replay",
        "CachedMessageReplayContext.save_block_message",
        ("self", "block_proto"),
    ),
    (
        "streamlit.runtime.caching.cached_message_replay",
        "CachedMessageReplayContext.calling_cached_function",
        ("self", "func"),
    ),
    ("streamlit.runtime.caching.cache_utils", "replay_cached_messages", ("result",)),
    (
        "streamlit.runtime.media_file_manager",
        "MediaFileManager.add",
        ("self", "path_or_data", "mimetype", "coordinates"),
    ),
)
#: Up to 1.56.
_TORNADO: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("streamlit.web.server.server", "Server._create_app", ("self",)),
    ("streamlit.web.server.media_file_handler", "MediaFileHandler", ()),
    ("streamlit.web.server.app_static_file_handler", "AppStaticFileHandler", ()),
    (
        "streamlit.web.server.upload_file_request_handler",
        "UploadFileRequestHandler.initialize",
        ("self", "file_mgr", "is_active_session"),
    ),
    ("streamlit.web.server.browser_websocket_handler", "BrowserWebSocketHandler.initialize", ("self", "runtime")),
)
#: From 1.53, where it is optional until 1.56.
_STARLETTE: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("streamlit.web.server.starlette.starlette_app", "create_streamlit_middleware", ()),
    ("streamlit.web.server.starlette.starlette_app", "create_streamlit_routes", ("runtime",)),
    ("streamlit.web.server.starlette.starlette_server", "create_starlette_app", ("runtime",)),
)


def version() -> tuple[int, int]:
    """Return the (major, minor) version of the installed Streamlit."""
    major, minor = streamlit.__version__.split(".")[:2]
    return int(major), int(minor)


def has_tornado() -> bool:
    """Return whether this Streamlit has its Tornado server."""
    return version() < (1, 57)


def has_starlette() -> bool:
    """Return whether this Streamlit has its Starlette server, and what it needs is installed."""
    if version() < (1, 53):
        return False
    try:
        importlib.import_module("starlette.applications")
        importlib.import_module("uvicorn")
    except ModuleNotFoundError:
        return False
    return True


def check() -> None:
    """
    Make sure that every hook has its target.

    Raises:
        ConfigurationError: This Streamlit is too old, or has another inside than the known ones.
    """
    if version() < OLDEST:
        msg = (
            f"streamlit {streamlit.__version__} is too old: secure_media guards {OLDEST[0]}.{OLDEST[1]} and later. "
            "Run: pip install --upgrade streamlit"
        )
        raise ConfigurationError(msg)
    for problem in _problems():
        msg = (
            f"streamlit {streamlit.__version__} is not one that secure_media knows how to guard: {problem}. "
            "Install a supported release of Streamlit, or a newer secure_media"
        )
        raise ConfigurationError(msg)


def _problems() -> Iterator[str]:
    hooks = _EVERYWHERE
    if has_tornado():
        hooks += _TORNADO
    if has_starlette():
        hooks += _STARLETTE
    for module, name, parameters in hooks:
        target = _find(module, name)
        if target is None:
            yield f"{module}.{name} is missing"
        elif parameters and _parameters(target)[: len(parameters)] != parameters:
            yield f"{module}.{name} takes other parameters"
    config = _find("streamlit.runtime.runtime", "RuntimeConfig")
    fields = {field.name for field in dataclasses.fields(config)} if dataclasses.is_dataclass(config) else set()
    for name in ("media_file_storage", "session_manager_class", "script_path"):
        if name not in fields:
            yield f"streamlit.runtime.runtime.RuntimeConfig.{name} is missing"


def _find(module: str, name: str) -> Any:
    try:
        target: Any = importlib.import_module(module)
    except ImportError:
        return None
    for part in name.split("."):
        target = getattr(target, part, None)
    return target


def _parameters(target: Any) -> tuple[str, ...]:
    return tuple(inspect.signature(target).parameters)
