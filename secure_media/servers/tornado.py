"""The Tornado adapter, for Streamlit 1.45 to 1.56. Only modules that begin with this one's name import Tornado."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import PathMatches, ReversibleRuleRouter, Rule
from tornado.web import Application, RequestHandler

from secure_media.errors import ConfigurationError
from secure_media.gate.back_channel import BACK_CHANNEL
from secure_media.gate.gate import Gate
from secure_media.http.urls import MEDIA, OWN, STATIC, UPLOAD
from secure_media.servers.public import is_public
from secure_media.servers.tornado_guarded import (
    ASKS_ITSELF,
    Amend,
    Endpoint,
    GuardedHealth,
    GuardedStatic,
    GuardedUpload,
    Handshake,
    Implausible,
    NotYet,
    Protected,
    WhileUnproved,
    signs_out,
)
from secure_media.servers.tornado_media import SecureMediaFileHandler, WithBody, WithMessage
from secure_media.servers.tornado_requests import GATE


class _OtherMethods(PathMatches):
    """
    Matches requests that may have a body.

    Not all requests: Tornado closes a connection on which it was answered before the body was there, also if there is
    none.
    """

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        return None if request.method in {"GET", "HEAD"} else super().match(request)


class _Messages(PathMatches):
    """Matches requests whose body is what they are about."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        return super().match(request) if request.method == "POST" else None


def mount(
    application: Application,
    gate: Gate,
    *,
    base_path: str,
    runtime: Any,
    static_dir: str | None,
    handlers: Iterable[Any],
) -> None:
    """
    Put the guard in front of the routes of Streamlit's `application`.

    Args:
        application: Streamlit's.
        gate: Answers requests.
        base_path: ``server.baseUrlPath`` as ``/base``, or the empty string.
        runtime: Streamlit's runtime.
        static_dir: The directory behind ``/app/static/``, if it is served.
        handlers: The user's own: (pattern, handler class) or (pattern, handler class, arguments).

    Raises:
        ConfigurationError: One of `handlers` is of another form.
    """
    base = re.escape(base_path)
    application.settings[GATE] = gate
    application.transforms.insert(0, type("Amend", (Amend,), {"gate": gate}))
    rules: list[Any] = [
        Rule(WhileUnproved(gate), NotYet),
        Rule(_Messages(rf"^{base}{BACK_CHANNEL}$"), WithMessage, {"path": ""}),
        Rule(_OtherMethods(rf"^{base}(?:{MEDIA}|{OWN}).*$"), WithBody, {"path": ""}),
        (rf"^{base}(?:{MEDIA}|{OWN}).*$", SecureMediaFileHandler, {"path": ""}),
        (r"^.*%00.*$", Implausible),
        (
            rf"^{base}{UPLOAD}(?P<session_id>[^/]+)/(?P<file_id>[^/]+)/?$",
            GuardedUpload,
            {"file_mgr": runtime.uploaded_file_mgr, "is_active_session": runtime.is_active_session},
        ),
        (rf"^{base}/_stcore/health/?$", GuardedHealth, {"callback": lambda: runtime.is_ready_for_browser_connection}),
        (rf"^{base}/_stcore/stream/?$", Handshake, {"runtime": runtime}),
    ]
    if signs_out() is not None:
        rules.append((rf"^{base}/auth/logout/?$", signs_out(), {"base_url": base_path.strip("/")}))
    if static_dir is not None:
        rules.append((rf"^{base}{STATIC}(.*)$", GuardedStatic, {"path": static_dir}))
    rules.extend(_guarded(handler, base) for handler in handlers)
    application.add_handlers(r".*", rules)
    if gate.attendance is not None:
        _protect_all(application.default_router)


def _protect_all(router: ReversibleRuleRouter) -> None:
    """
    Put the entrance in front of every handler, Streamlit's and whoever else's, that does not ask by itself.

    Raises:
        ConfigurationError: There is something that is no handler, and could not be asked.
    """
    for rule in router.rules:
        target = rule.target
        if isinstance(target, ReversibleRuleRouter):
            _protect_all(target)
        elif not (isinstance(target, type) and issubclass(target, RequestHandler)):
            msg = f"protect: {type(target).__name__} in the server's routes is not a handler that can be protected"
            raise ConfigurationError(msg)
        elif not (issubclass(target, (*ASKS_ITSELF, SecureMediaFileHandler)) or is_public(target)):
            rule.target = type(target.__name__, (Protected, target), {})


def _guarded(handler: Any, base: str) -> tuple[Any, ...]:
    if (
        not isinstance(handler, tuple)
        or len(handler) not in (2, 3)
        or not isinstance(handler[0], str)
        or not (isinstance(handler[1], type) and issubclass(handler[1], RequestHandler))
    ):
        msg = r'handlers: expected tuples such as (r"/reports/(.*)", MyHandler) with a Tornado RequestHandler class'
        raise ConfigurationError(msg)
    pattern, cls, *arguments = handler
    if not is_public(cls):
        cls = type(cls.__name__, (Endpoint, cls), {})
    return (rf"^{base}{pattern.removeprefix('^')}", cls, *arguments)
