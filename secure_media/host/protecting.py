"""An app that is for known people only: what the settings say about it, and whether anybody could then open it."""

from __future__ import annotations

import functools

from secure_media.core.identity import BrowserIdentity
from secure_media.errors import ConfigurationError
from secure_media.gate.entrance import Protection
from secure_media.settings.table import Settings


def protection(settings: Settings, identity: BrowserIdentity) -> Protection | None:
    """
    Return how the app is protected; None if its media alone are guarded.

    Args:
        settings: The settings.
        identity: Knows what sets the cookies of this deployment apart.

    Raises:
        ConfigurationError: Nobody could open the app, or sign in as the settings say.
    """
    if settings.protect != "app":
        if settings.sign_in is not None:
            raise ConfigurationError(
                'sign_in: the app is open to everyone, so nobody is ever sent there. Add protect="app", or leave it out'
            )
        return None
    streamlit_login = any(part.is_streamlits_login for part in settings.policy.parts)
    cookie = f"{identity.cookie_name(secure=False)}_back"
    if callable(settings.sign_in):
        return Protection(cookie, streamlit_login=streamlit_login, own_page=True)
    if settings.policy.for_the_app() is None:
        raise ConfigurationError(
            f"protect: {settings.policy!r} knows browsers and links, but nobody by name, so nobody could open the app. "
            "Add a policy that does: policy=own_session() & jwt(...), for example; or a page of the app's own where "
            "sm.login() signs people in: sign_in=page, with a function that shows it"
        )
    word, _, name = (settings.sign_in or "").partition(":")
    if word != "streamlit":
        return Protection(cookie, settings.sign_in, streamlit_login=streamlit_login)
    if not streamlit_login:
        raise ConfigurationError(
            "sign_in: the policy does not heed Streamlit's own login, so that people would be sent to it in vain. "
            "Add streamlit_login() to it"
        )
    return Protection(cookie, provider=functools.partial(_token, name or "default"), streamlit_login=True)


def _token(provider: str) -> str:
    """Return what Streamlit's login has to be begun with. Good for two minutes."""
    from streamlit.auth_util import encode_provider_token

    token: str = encode_provider_token(provider)
    return token
