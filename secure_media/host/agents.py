"""Streamlit's agent API (1.67 and later): a session belongs to the principal in whose name it was made."""

from __future__ import annotations

import functools
import re
from typing import Any

from streamlit import config

from secure_media.core.policy import Policy
from secure_media.errors import ConfigurationError
from secure_media.gate.agents import name_of
from secure_media.host import compatibility
from secure_media.http.request import connection

#: What `get_data` takes for the name of a media file. Our ids are longer than Streamlit's.
_MEDIA_FILE_NAME = re.compile(r"(?P<id>[0-9a-f]{32,64})(?:\.[^./?#]+)?")
#: The member of ``st.user`` by which Streamlit tells whose session it is. An opaque name.
_WHO = "secure_media_agent"


def current() -> str | None:
    """Return the name of the agent whose request is just being served; None if it is none's."""
    page = connection.get()
    return None if page is None or page.request.agent is None else name_of(page.request.agent)


def refuse_unguarded(agent: Policy | None) -> None:
    """
    Refuse an agent API without a rule for it, and a rule that could let in nobody, or nothing is there for.

    Raises:
        ConfigurationError: It is so.
    """
    there = compatibility.version() >= (1, 67) and bool(config.get_option("server.enableAgentApi"))
    if there and agent is None:
        raise ConfigurationError(
            "server.enableAgentApi hands an app's data to callers that no guard can tell apart. Set it to false, or "
            "say who may call: agent=jwt(header='authorization', ...)"
        )
    if agent is None:
        return
    if not there:
        raise ConfigurationError("agent: there is no agent API. Set server.enableAgentApi (Streamlit 1.67 and later)")
    if agent.for_the_app() is None:
        msg = f"agent: {agent!r} knows no program by name. Use one that does: agent=jwt(header='authorization', ...)"
        raise ConfigurationError(msg)


def hook() -> None:
    """
    Let Streamlit tell agents apart by their principals: it compares who made a session with who uses it. 1.67.

    What comes past the gate is nobody, and an error.
    """
    from streamlit.runtime.agent import mcp  # type: ignore[import-not-found]
    from streamlit.web.server.starlette import starlette_agent_routes  # type: ignore[attr-defined]

    stock = starlette_agent_routes._user_info

    @functools.wraps(stock)
    def _user_info(request: Any) -> Any:
        who = current()
        if who is None:
            raise PermissionError("a request to the agent API that no guard has seen")
        return {**stock(request), _WHO: who}

    starlette_agent_routes._user_info = _user_info
    mcp._MEDIA_FILE_NAME = _MEDIA_FILE_NAME
