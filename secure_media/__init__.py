"""
Authenticated media for Streamlit: images, audio, video and downloads reach the browser they were shown to, and no
other.
"""

from secure_media.core.policy import allow_if as allow_if
from secure_media.core.policy import jwt as jwt
from secure_media.core.policy import own_session as own_session
from secure_media.core.policy import signed_url as signed_url
from secure_media.errors import ConfigurationError as ConfigurationError
from secure_media.errors import SecureMediaError as SecureMediaError
from secure_media.host.launch import guard as guard
from secure_media.host.launch import secure_run as secure_run
from secure_media.servers.public import public as public

__all__ = [
    "ConfigurationError",
    "SecureMediaError",
    "allow_if",
    "guard",
    "jwt",
    "own_session",
    "public",
    "secure_run",
    "signed_url",
]
