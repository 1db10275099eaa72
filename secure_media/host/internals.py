"""
Every name of Streamlit that secure_media touches beside ``import streamlit``, with what for and since when.

None of them is documented. They are looked at before anything is hooked, and a Streamlit that has moved one is refused:
hooking half of it would serve media unguarded. A test finds the names in the code of this package and compares.
"""

from __future__ import annotations

from typing import NamedTuple

OLDEST = (1, 45)
#: The last release with the Tornado server, and the first with the Starlette server, which is optional up to then.
LAST_TORNADO, FIRST_STARLETTE = (1, 56), (1, 53)

_PROTO = "streamlit.proto"
_CACHING = "streamlit.runtime.caching"
_REPLAY = "streamlit.runtime.caching.cached_message_replay"
_STORAGE = "streamlit.runtime.memory_media_file_storage"
_SERVER = "streamlit.web.server"
_STARLETTE = "streamlit.web.server.starlette"


class Name(NamedTuple):
    """
    One name.

    Args:
        module: Where it is.
        path: What it is called there.
        parameters: Those that it has to take, in this order, before any others.
        since: The first release with it.
        until: The last release with it; None if the newest has it.
    """

    module: str
    path: str
    parameters: tuple[str, ...] = ()
    since: tuple[int, int] = OLDEST
    until: tuple[int, int] | None = None


class Use(NamedTuple):
    """
    What some names are for.

    Args:
        purpose: What for.
        names: The names.
    """

    purpose: str
    names: tuple[Name, ...]


def _tornado(module: str, path: str, *parameters: str) -> Name:
    return Name(module, path, parameters, until=LAST_TORNADO)


def _starlette(module: str, path: str, *parameters: str, since: tuple[int, int] = FIRST_STARLETTE) -> Name:
    return Name(module, path, parameters, since=since)


USES = (
    Use(
        "to be started as `streamlit run` starts an app, with its options and its configuration, but with a guarded "
        "server",
        (
            Name("streamlit.web.bootstrap", "Server"),
            Name("streamlit.web.cli", "main"),
            Name("streamlit.web.cli", "main_run"),
            Name(f"{_SERVER}.server", "Server.start", ("self",)),
            Name(f"{_SERVER}.server", "Server.stopped"),
            Name(f"{_SERVER}.server", "Server._runtime"),
            Name(f"{_SERVER}.server", "Server.main_script_path"),
        ),
    ),
    Use(
        "what Streamlit is configured to do, and `[secure_media]` of its secrets",
        (
            Name("streamlit.config", "get_option", ("key",)),
            Name("streamlit.file_util", "get_app_static_dir", ("main_script_path",)),
            Name("streamlit.runtime.secrets", "secrets_singleton.load_if_toml_exists"),
            Name("streamlit.runtime.secrets", "secrets_singleton.get"),
        ),
    ),
    Use(
        "to send somebody who wants to open a protected app to Streamlit's own login",
        (Name("streamlit.auth_util", "encode_provider_token", ("provider",)),),
    ),
    Use(
        "our modules are not forgotten when a source file changes",
        (Name("streamlit.watcher.folder_black_list", "DEFAULT_FOLDER_BLACKLIST"),),
    ),
    Use(
        "to give the runtime a storage and a session manager of ours, and to find out whether there is one already",
        (
            Name("streamlit.runtime.runtime", "Runtime.__init__", ("self", "config")),
            Name("streamlit.runtime.runtime", "Runtime.exists"),
            Name("streamlit.runtime.runtime", "Runtime.instance"),
            Name("streamlit.runtime.runtime", "Runtime.stop", ("self",)),
            Name("streamlit.runtime.runtime", "Runtime.media_file_mgr"),
            Name("streamlit.runtime.runtime", "RuntimeConfig.media_file_storage"),
            Name("streamlit.runtime.runtime", "RuntimeConfig.session_manager_class"),
            Name("streamlit.runtime.runtime", "RuntimeConfig.script_path"),
            Name("streamlit.runtime", "get_instance"),
            Name("streamlit.runtime.media_file_manager", "MediaFileManager._storage"),
        ),
    ),
    Use(
        "the storage: ids that are an HMAC of the whole content, large files that stay on the disk, and no bytes for a "
        "reader whom the guard has not let in",
        (
            Name(
                _STORAGE,
                "MemoryMediaFileStorage.load_and_get_id",
                ("self", "path_or_data", "mimetype", "kind", "filename"),
            ),
            Name(_STORAGE, "MemoryMediaFileStorage.get_url", ("self", "file_id")),
            Name(_STORAGE, "MemoryMediaFileStorage.get_file", ("self", "filename")),
            Name(_STORAGE, "MemoryMediaFileStorage.delete_file", ("self", "file_id")),
            Name(_STORAGE, "MemoryFile"),
            Name(_STORAGE, "get_extension_for_mimetype", ("mimetype",)),
            Name("streamlit.runtime.media_file_storage", "MediaFileKind.DOWNLOADABLE"),
            Name("streamlit.runtime.media_file_storage", "MediaFileKind.MEDIA"),
            Name("streamlit.runtime.media_file_storage", "MediaFileStorageError"),
        ),
    ),
    Use(
        "which session a script is running for",
        (
            Name("streamlit.runtime.scriptrunner", "get_script_run_ctx", ("suppress_warning",)),
            Name("streamlit.runtime.scriptrunner", "ScriptRunContext.session_id"),
        ),
    ),
    Use(
        "the page where people sign in, for the sessions of strangers in place of the script",
        (
            Name("streamlit.runtime.pages_manager", "PagesManager.__init__", ("self", "main_script_path")),
            Name("streamlit.runtime.script_data", "ScriptData.main_script_path"),
        ),
    ),
    Use(
        "to send a page away for the cookie of somebody who signs in, as `st.login` does",
        (Name("streamlit.runtime.scriptrunner", "ScriptRunContext.enqueue", ("self", "msg")),),
    ),
    Use(
        "which browser a session belongs to, when it begins, breaks off and ends",
        (
            Name(
                "streamlit.runtime.session_manager",
                "SessionManager.connect_session",
                ("self", "client", "script_data", "user_info", "existing_session_id", "session_id_override"),
            ),
            Name("streamlit.runtime.session_manager", "SessionManager.disconnect_session", ("self", "session_id")),
            Name("streamlit.runtime.session_manager", "SessionManager.close_session", ("self", "session_id")),
            Name("streamlit.runtime.session_manager", "SessionManager.get_active_session_info", ("self", "session_id")),
            Name("streamlit.runtime.session_manager", "ActiveSessionInfo.session"),
        ),
    ),
    Use(
        "what a session is sent, recorded as it leaves; where a URL carries a grant, it is put in here",
        (
            Name("streamlit.runtime.session_manager", "SessionClient.write_forward_msg", ("self", "msg")),
            Name("streamlit.runtime.app_session", "AppSession.flush_browser_queue", ("self",)),
            Name(f"{_PROTO}.ForwardMsg_pb2", "ForwardMsg"),
        ),
    ),
    Use(
        "what a client asks for: deferred downloads belong to the session that offers them",
        (
            Name("streamlit.runtime.app_session", "AppSession.handle_backmsg", ("self", "msg")),
            Name(f"{_PROTO}.BackMsg_pb2", "BackMsg"),
        ),
    ),
    Use(
        "to say on a page why it shows no media",
        (
            Name(f"{_PROTO}.Alert_pb2", "Alert"),
            Name(f"{_PROTO}.RootContainer_pb2", "RootContainer"),
            Name(f"{_PROTO}.WidthConfig_pb2", "WidthConfig"),
        ),
    ),
    Use(
        "what a cached function shows is kept whole, and each session that it is replayed to gets it as its own, on "
        "the terms that it was made on",
        (
            Name("streamlit.runtime.media_file_manager", "MediaFileManager.add", ("self", "path_or_data", "mimetype")),
            Name(_CACHING, "save_media_data"),
            Name(f"{_CACHING}.cache_utils", "replay_cached_messages", ("result",)),
        ),
    ),
    Use(
        "what a block shows, as the avatar of a chat message, is kept with that block and its own function, not with "
        "whatever comes next",
        (
            Name(_REPLAY, "BlockMsgData"),
            Name(_REPLAY, "CachedMessageReplayContext.save_block_message", ("self", "block_proto")),
            Name(_REPLAY, "CachedMessageReplayContext.calling_cached_function", ("self", "func")),
            Name(_CACHING, "CACHE_DATA_MESSAGE_REPLAY_CTX._media_data"),
            Name(_CACHING, "CACHE_DATA_MESSAGE_REPLAY_CTX._media_data_var", since=(1, 67)),
            Name(_CACHING, "CACHE_DATA_MESSAGE_REPLAY_CTX._cached_message_stack"),
            Name(f"{_PROTO}.Block_pb2", "Block"),
        ),
    ),
    Use(
        "Streamlit's own login: what it signs its cookie with, and the address where people sign out; where Authlib is "
        "installed, without which nobody can sign in",
        (
            Name("streamlit.config", "is_manually_set", ("option_name",)),
            Name("streamlit.auth_util", "is_authlib_installed"),
            _tornado(f"{_SERVER}.oauth_authlib_routes", "AuthLogoutHandler.initialize", "self", "base_url"),
        ),
    ),
    Use(
        "guarded handlers in front of Streamlit's, for media, the static folder, uploads and the WebSocket: they are "
        "for the browser that has the session",
        (
            _tornado(f"{_SERVER}.server", "Server._create_app", "self"),
            _tornado(f"{_SERVER}.media_file_handler", "MediaFileHandler"),
            _tornado(f"{_SERVER}.app_static_file_handler", "AppStaticFileHandler"),
            _tornado(
                f"{_SERVER}.upload_file_request_handler",
                "UploadFileRequestHandler.initialize",
                "self",
                "file_mgr",
                "is_active_session",
            ),
            _tornado(f"{_SERVER}.routes", "HealthHandler.initialize", "self", "callback"),
            _tornado(f"{_SERVER}.browser_websocket_handler", "BrowserWebSocketHandler.initialize", "self", "runtime"),
            Name("streamlit.runtime.runtime", "Runtime.uploaded_file_mgr"),
            Name("streamlit.runtime.runtime", "Runtime.is_active_session", ("self", "session_id")),
            Name("streamlit.runtime.runtime", "Runtime.is_ready_for_browser_connection"),
        ),
    ),
    Use(
        "Tornado's own: to send a head of ours, uncompressed, and nothing that a handler has put there before",
        (
            _tornado("tornado.web", "RequestHandler._headers"),
            _tornado("tornado.web", "RequestHandler._headers_written"),
            _tornado("tornado.web", "RequestHandler._transforms"),
        ),
    ),
    Use(
        "the guard, as an ASGI middleware, for the server and for `st.App` alike; and endpoints of your own, and the "
        "files of collections, before the catch-all",
        (
            _starlette(f"{_STARLETTE}.starlette_app", "create_streamlit_middleware"),
            _starlette(f"{_STARLETTE}.starlette_app", "create_streamlit_routes", "runtime"),
            _starlette(f"{_STARLETTE}.starlette_app", "App"),
        ),
    ),
    Use(
        "to send headers and body of small media at once, and to end the server where it may not go on",
        (
            _starlette(f"{_SERVER}.server", "Server._starlette_server"),
            _starlette(f"{_STARLETTE}.starlette_server", "UvicornServer._socket"),
            _starlette(f"{_STARLETTE}.starlette_server", "UvicornServer.stopped"),
            _starlette(f"{_STARLETTE}.starlette_server", "UvicornServer.stop", "self"),
        ),
    ),
    Use(
        "a session that is made by the agent API belongs to the principal in whose name it was made",
        (_starlette(f"{_STARLETTE}.starlette_agent_routes", "_user_info", "request", since=(1, 67)),),
    ),
    Use(
        "`get_data` of the agent API knows the names of our media",
        (_starlette("streamlit.runtime.agent.mcp", "_MEDIA_FILE_NAME", since=(1, 67)),),
    ),
    Use(
        "`app.run()` of a guarded `st.App`, which is to serve the guarded one",
        (_starlette(f"{_STARLETTE}.starlette_server", "UvicornRunner"),),
    ),
)
