"""The providers of Streamlit's own login: who they are, and where their keys are, as they publish it themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from secure_media.core.compact import json_object
from secure_media.core.key_sources import KeySource, key_source
from secure_media.core.logout_tokens import Provider
from secure_media.core.verification_keys import ALGORITHMS, HMAC_KEY_BYTES
from secure_media.errors import ConfigurationError, KeysUnavailableError, MalformedCredentialError
from secure_media.stores.fetching import fetch, in_time

#: What is signed with if a provider does not say (OpenID Connect Core 1.0 section 2).
_USUAL = ("RS256",)
_ARGUMENT = "streamlit_login(backchannel_logout=...)"


def providers(auth: Mapping[str, Any]) -> tuple[Provider, ...]:
    """
    Return the providers in ``[auth]`` of Streamlit's secrets. Fetches what they publish, which takes its time.

    Args:
        auth: That section: a provider by itself, or one in each section below it, or both.

    Raises:
        ConfigurationError: There is none, or one publishes nothing that its tokens can be verified by.
    """
    found = tuple(_provider(*each) for each in _sections(auth))
    if not found:
        msg = (
            f"{_ARGUMENT}: nobody could say that somebody has signed out. Set client_id and server_metadata_url of the "
            "provider in [auth] of .streamlit/secrets.toml"
        )
        raise ConfigurationError(msg)
    return found


def _sections(auth: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what each provider's section is called, and its client and the address of its metadata."""
    sections = {"[auth]": auth, **{f"[auth.{name}]": each for name, each in auth.items() if isinstance(each, Mapping)}}
    for name, section in sections.items():
        client, url = section.get("client_id"), section.get("server_metadata_url")
        if client is None and url is None:
            continue
        if not isinstance(client, str) or not client or not isinstance(url, str):
            msg = f"{_ARGUMENT}: {name} of secrets.toml needs both client_id and server_metadata_url"
            raise ConfigurationError(msg)
        yield name, client, url


def _provider(section: str, client: str, url: str) -> Provider:
    """Return what the metadata at `url` say (OpenID Connect Discovery 1.0 section 3)."""
    argument = f"server_metadata_url in {section} of secrets.toml"
    source = key_source(url, _USUAL, argument=argument)
    try:
        metadata = json_object(in_time(lambda: fetch(source)))
    except KeysUnavailableError as error:
        msg = f"{argument}: no metadata at {source.shown}: {error}"
        raise ConfigurationError(msg) from None
    except MalformedCredentialError:
        msg = f"{argument}: what {source.shown} answers is no metadata of a provider"
        raise ConfigurationError(msg) from None
    issuer, keys = metadata.get("issuer"), metadata.get("jwks_uri")
    if not isinstance(issuer, str) or not issuer or "{" in issuer or not isinstance(keys, str):
        msg = (
            f"{argument}: {source.shown} names no issuer of its own (issuer) or no keys (jwks_uri), so that nobody "
            "could tell whose tokens are good. Give the address for your own tenant"
        )
        raise ConfigurationError(msg)
    return Provider(issuer, client, _keys(keys, metadata, argument))


def _keys(url: str, metadata: Mapping[str, Any], argument: str) -> KeySource:
    named = metadata.get("id_token_signing_alg_values_supported", _USUAL)
    # Never one that takes a secret: what is published is none.
    public = [name for name in ALGORITHMS if name not in HMAC_KEY_BYTES]
    algorithms = tuple(name for name in public if isinstance(named, (list, tuple)) and name in named)
    if not algorithms:
        msg = f"{argument}: the provider signs with none of {', '.join(public)}"
        raise ConfigurationError(msg)
    named_there = f"jwks_uri at {argument}"
    return key_source(url, algorithms, argument=named_there)._replace(argument=named_there)
