"""Streamlit's own login: what it signs its cookie with, and where people sign in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from streamlit import config
from streamlit.runtime.secrets import secrets_singleton

from secure_media.core.keys import is_guessable
from secure_media.core.login_cookies import Form, LoginCookies
from secure_media.core.login_policy import LoginRules, Logins, StreamlitLogin
from secure_media.core.policy import Policy
from secure_media.errors import ConfigurationError
from secure_media.host import compatibility
from secure_media.host.internals import FIRST_STARLETTE, LAST_TORNADO
from secure_media.host.providers import providers
from secure_media.http.origins import origin_of

#: 112 bits, below which Streamlit warns, in bytes. Anyone who has a cookie of their own can try secrets out.
_SHORTEST_SECRET = 14


def login_rules(policies: Iterable[Policy | None], *, asgi: bool) -> LoginRules | None:
    """
    Tell the policies for Streamlit's login how to read it, and return what they have in common.

    Args:
        policies: All policies of the app.
        asgi: Whether it is an ASGI app, which has Streamlit's Starlette server in any case.

    Returns:
        None if no policy is for Streamlit's login.

    Raises:
        ConfigurationError: One is, and nobody could ever be signed in.
    """
    rules = [rule for policy in policies if policy for rule in policy.parts if isinstance(rule, StreamlitLogin)]
    if not rules:
        return None
    auth = _auth_section()
    if not auth and not config.get_option("server.enableXsrfProtection"):
        raise ConfigurationError(
            "streamlit_login(): with server.enableXsrfProtection off and no [auth] in secrets.toml, Streamlit itself "
            "takes nobody for signed in. Set it to true"
        )
    logins = Logins(LoginCookies(_secret(auth), _form(asgi=asgi)), _origin(auth))
    for rule in rules:
        rule.logins = logins
    listens = any(rule.back_channel for rule in rules)
    return LoginRules(logins, any(rule.everywhere for rule in rules), providers(auth) if listens else ())


def _auth_section() -> Mapping[str, Any]:
    """Return ``[auth]`` of Streamlit's secrets; an empty one if there is none."""
    section = secrets_singleton.get("auth") if secrets_singleton.load_if_toml_exists() else None
    return section if isinstance(section, Mapping) else {}


def _secret(auth: Mapping[str, Any]) -> str:
    """Return what Streamlit signs the cookie with. Its default is made up at start, so that no login would last."""
    name, secret = "cookie_secret in [auth] of secrets.toml", auth.get("cookie_secret")
    if secret is None and config.is_manually_set("server.cookieSecret"):
        name, secret = "server.cookieSecret", config.get_option("server.cookieSecret")
    if secret is None:
        raise ConfigurationError(
            "streamlit_login(): there is no secret that Streamlit's login cookie is signed with. Set cookie_secret in "
            "[auth] of .streamlit/secrets.toml (run `secure-media keygen` to make one)"
        )
    encoded = secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else b""
    if len(encoded) < _SHORTEST_SECRET or is_guessable(encoded):
        msg = (
            f"streamlit_login(): {name} can be guessed, and with it anybody's login. It has to be text of at least "
            f"{_SHORTEST_SECRET} bytes. Run `secure-media keygen` to make one"
        )
        raise ConfigurationError(msg)
    return str(secret)


def _origin(auth: Mapping[str, Any]) -> str | None:
    """Return where people sign in, as Streamlit writes it into the cookie; None if it is not said."""
    uri = auth.get("redirect_uri")
    if uri is None:
        return None
    port = str(config.get_option("server.port"))
    origin = origin_of(uri.replace("{port}", port)) if isinstance(uri, str) else None
    if origin is None:
        raise ConfigurationError(
            "streamlit_login(): redirect_uri in [auth] of secrets.toml is no address of an app. It has to be like "
            "https://app.example/oauth2callback"
        )
    return origin


def _form(*, asgi: bool) -> Form:
    """Return which server writes the cookie."""
    version = compatibility.version()
    starlette = version > LAST_TORNADO or (
        version >= FIRST_STARLETTE and (asgi or bool(config.get_option("server.useStarlette")))
    )
    return Form.STARLETTE if starlette else Form.TORNADO
