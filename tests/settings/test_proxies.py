"""The setting that names the proxies: how it is written, and that one wrong entry is one clear line."""

from __future__ import annotations

from typing import Any

import pytest

from secure_media.errors import ConfigurationError
from secure_media.http.forwarded import Proxies
from secure_media.settings.table import load


def _proxies(value: Any) -> Proxies:
    found = load(environ={}, secrets_section={}, trusted_proxies=value).trusted_proxies
    assert found is not None
    return found


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("10.0.0.5, 10.1.0.0/16,2001:db8::/48, unix:", id="text"),
        pytest.param(["10.0.0.5", " 10.1.0.0/16 ", "2001:DB8::/48", "unix"], id="list"),
        pytest.param(("::ffff:10.0.0.5", "::ffff:10.1.0.0/112", "2001:db8::/48", "unix:"), id="mapped"),
        pytest.param({"10.0.0.5/32", "10.1.0.0/16", "2001:db8::/48", "unix:"}, id="set"),
    ],
)
def test_every_form_names_the_same_proxies(value: Any) -> None:
    """A list or text, and any spelling of an address, names proxies; others are none."""
    proxies = _proxies(value)

    for peer in ("10.0.0.5", "::ffff:10.0.0.5", "10.1.255.255", "2001:db8:0:1::1", None):
        assert proxies.trusts(peer), peer
    for peer in ("10.0.0.6", "10.2.0.0", "127.0.0.1", "::1", "2001:db9::1", "", "10.0.0.5.example"):
        assert not proxies.trusts(peer), peer


@pytest.mark.parametrize(
    ("value", "said"),
    [
        pytest.param(["10.0.0.5", "10.0.0.1/8"], "'10.0.0.1/8' is no address or network; did you mean 10.0.0.0/8?"),
        pytest.param("10.0.0.5, proxy.example", "' proxy.example' is no address or network. Name addresses such as"),
        pytest.param(["10.0.0.5:8080"], "'10.0.0.5:8080' is no address or network. Name addresses such as"),
        pytest.param(["10.0.0.5", 5], "got an entry that is int"),
    ],
)
def test_wrong_entry_is_named(value: Any, said: str) -> None:
    """The error begins with the setting and names the entry, so that it is found in a long list."""
    with pytest.raises(ConfigurationError) as caught:
        _proxies(value)

    assert str(caught.value).startswith("trusted_proxies: ")
    assert said in str(caught.value)


def test_nothing_and_nobody_are_two_things() -> None:
    """An empty list trusts nobody; a setting that is not there, or an empty variable, leaves it to the server."""
    assert _proxies([]).are_nobody
    assert not _proxies([]).trusts("127.0.0.1")
    assert load(environ={}, secrets_section={}).trusted_proxies is None
    assert load(environ={"SECURE_MEDIA_TRUSTED_PROXIES": " "}, secrets_section={}).trusted_proxies is None
    assert not _proxies(["unix:"]).are_nobody


@pytest.mark.parametrize(
    ("value", "anyone"),
    [
        pytest.param("*", True, id="star"),
        pytest.param("10.0.0.5, *", True, id="star-beside-another"),
        pytest.param("0.0.0.0/0", True, id="all-of-v4"),
        pytest.param("::/0", True, id="all-of-v6"),
        pytest.param("::ffff:0:0/96", True, id="all-of-v4-mapped"),
        pytest.param("0.0.0.0/1, 128.0.0.0/1", True, id="two-halves"),
        pytest.param("128.0.0.0/1", True, id="half"),
        pytest.param([f"{number}.0.0.0/8" for number in range(64, 128)], True, id="a-quarter-in-pieces"),
        pytest.param("2000::/3", True, id="all-that-is-given-out"),
        pytest.param("10.0.0.0/8", False, id="private"),
        pytest.param("fc00::/7", False, id="private-v6"),
        pytest.param("fe80::/10", False, id="link-local"),
        pytest.param("130.211.0.0/22, 35.191.0.0/16", False, id="of-an-operator"),
        pytest.param("2600:1f00::/24", False, id="of-an-operator-v6"),
        pytest.param("unix:", False, id="socket"),
        pytest.param([], False, id="nobody"),
    ],
)
def test_anyone_is_known_in_every_spelling(value: Any, anyone: bool) -> None:
    """What lets anyone say who they are is known, be it written as a star, as a network or in pieces."""
    assert _proxies(value).are_anyone is anyone
