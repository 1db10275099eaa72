"""
Authenticated media for Streamlit: images, audio, video and downloads reach the browser they were shown to, and no
other.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from secure_media.core import header_policy as _header_policy
from secure_media.core import jwt_policy as _jwt_policy
from secure_media.core import login_policy as _login_policy
from secure_media.core import rules as _rules
from secure_media.core.principal import Principal as Principal
from secure_media.errors import ConfigurationError as ConfigurationError
from secure_media.errors import GrantError as GrantError
from secure_media.errors import ScriptError as ScriptError
from secure_media.errors import SecureMediaError as SecureMediaError
from secure_media.host.entry import made_in_one_line as _made_in_one_line
from secure_media.host.entry import said_in_one_line as _said_in_one_line
from secure_media.host.launch import guard as guard
from secure_media.host.launch import secure_run as secure_run
from secure_media.servers.public import public as public
from secure_media.stores.collections import Collection as Collection

if TYPE_CHECKING:
    from secure_media.core.header_policy import trusted_header as trusted_header
    from secure_media.core.jwt_policy import jwt as jwt
    from secure_media.core.login_policy import streamlit_login as streamlit_login
    from secure_media.core.rules import allow_if as allow_if
    from secure_media.core.rules import own_session as own_session
    from secure_media.core.rules import signed_url as signed_url
    from secure_media.links import revoke as revoke
    from secure_media.links import share_link as share_link
    from secure_media.links import signed_url_for as signed_url_for
    from secure_media.sign_in import current_principal as current_principal
    from secure_media.sign_in import login as login
    from secure_media.sign_in import logout as logout
    from secure_media.widgets import audio as audio
    from secure_media.widgets import download_button as download_button
    from secure_media.widgets import download_zip as download_zip
    from secure_media.widgets import image as image
    from secure_media.widgets import pdf as pdf
    from secure_media.widgets import video as video
else:
    allow_if = _said_in_one_line(_rules.allow_if)
    jwt = _said_in_one_line(_jwt_policy.jwt)
    own_session = _said_in_one_line(_rules.own_session)
    signed_url = _said_in_one_line(_rules.signed_url)
    streamlit_login = _said_in_one_line(_login_policy.streamlit_login)
    trusted_header = _said_in_one_line(_header_policy.trusted_header)

__all__ = [
    "Collection",
    "ConfigurationError",
    "GrantError",
    "Principal",
    "ScriptError",
    "SecureMediaError",
    "allow_if",
    "audio",
    "current_principal",
    "download_button",
    "download_zip",
    "guard",
    "image",
    "jwt",
    "login",
    "logout",
    "own_session",
    "pdf",
    "public",
    "revoke",
    "secure_run",
    "share_link",
    "signed_url",
    "signed_url_for",
    "streamlit_login",
    "trusted_header",
    "video",
]

_made_in_one_line(Collection)

#: What only a running script needs, and what needs Streamlit: imported when it is first asked for, so that a Streamlit
#: that cannot be guarded is refused with a sentence, and commands do not wait for it.
_IN_SCRIPTS = {
    **dict.fromkeys(("revoke", "share_link", "signed_url_for"), "secure_media.links"),
    **dict.fromkeys(("current_principal", "login", "logout"), "secure_media.sign_in"),
    **dict.fromkeys(("audio", "download_button", "download_zip", "image", "pdf", "video"), "secure_media.widgets"),
}


if not TYPE_CHECKING:  # else a misspelt name would be one of any type

    def __getattr__(name: str) -> Any:
        if name in _IN_SCRIPTS:
            return getattr(importlib.import_module(_IN_SCRIPTS[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
