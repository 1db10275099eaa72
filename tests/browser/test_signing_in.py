"""Streamlit's own login with a real OpenID provider, in Chromium: who signs in sees media, who signs out does not."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser import install
from tests.browser.chromium import fetch, image_url, new_browser, open_page, wait_until_loaded
from tests.servers import ROOT, SECRET, AppServer, eventually, free_port

PROVIDER = Path(__file__).parent / "provider"
EXAMPLE = ROOT / "examples" / "10_streamlit_login.py"
SECRETS = """
[auth]
redirect_uri = "{origin}/oauth2callback"
cookie_secret = "the-secret-of-streamlits-cookie-0123456789"
client_id = "the-app"
client_secret = "the-secret-of-the-client"
server_metadata_url = "http://127.0.0.1:{provider}/.well-known/openid-configuration"
client_kwargs = {{ prompt = "login", scope = "openid profile email" }}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app for people that a provider on this machine knows."""
    folder, port, provider_port = tmp_path_factory.mktemp("signing-in"), free_port(), free_port()
    modules = install.provider()
    assert modules is not None, "the provider is not installed. Run: python tests/browser/install.py"
    origin = f"http://127.0.0.1:{port}"
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "secrets.toml").write_text(SECRETS.format(origin=origin, provider=provider_port))
    with (folder / "provider.log").open("wb") as log:
        provider = subprocess.Popen(
            [install.node(), str(modules / "provider.js"), str(provider_port), origin], stdout=log, stderr=log
        )
    try:
        # The app asks it who it is when it starts.
        eventually(lambda: answers(provider_port), "the provider's first answer")
        with AppServer(EXAMPLE, env={"SECURE_MEDIA_SECRET": SECRET}, folder=folder, port=port) as server:
            yield server
            assert "Traceback" not in server.log
    finally:
        provider.terminate()
        provider.wait(30)


def answers(port: int) -> bool:
    """Return whether something answers on that port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), 10).close()
    except OSError:
        return False
    return True


def sign_in(context: BrowserContext, server: AppServer, name: str) -> Page:
    """Sign in under that name, and return the page once its pictures are there."""
    page = open_page(context, server.url)
    page.get_by_role("button", name="Sign in").click()
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill("any")
    page.locator("button[type=submit]").click()
    page.locator("input[name=prompt][value=consent]").wait_for(state="attached")
    page.locator("button[type=submit]").click()
    page.get_by_text(name, exact=True).wait_for()
    wait_until_loaded(page)
    return page


def sign_out(page: Page) -> None:
    """Sign out of the app, which leads to the provider where this Streamlit goes there."""
    with page.expect_response(lambda response: urlsplit(response.url).path == "/auth/logout") as response:
        page.get_by_role("button", name="Sign out").click()
    assert response.value.status == 302


def test_who_signs_out_is_out_everywhere_and_nobody_sees_what_another_one_sees(
    chromium: Browser, server: AppServer
) -> None:
    """Media end in the other tab and for a copy of the cookies, at once; other people go on with what is theirs."""
    with new_browser(chromium) as hers, new_browser(chromium) as his, new_browser(chromium) as thiefs:
        ann = sign_in(hers, server, "ann")
        bob = sign_in(his, server, "bob")
        common, only_ann, only_bob = image_url(ann, 0), image_url(ann, 1), image_url(bob, 1)
        assert image_url(bob, 0) == common
        assert [fetch(ann, url) for url in (common, only_ann, only_bob)] == [200, 200, 403]
        assert [fetch(bob, url) for url in (common, only_ann, only_bob)] == [200, 403, 200]

        other_tab = open_page(hers, server.url)
        wait_until_loaded(other_tab)
        assert fetch(other_tab, only_ann) == 200
        thiefs.add_cookies(hers.cookies())  # type: ignore[arg-type]
        thief = open_page(thiefs, server.url)
        assert fetch(thief, only_ann) == 200

        sign_out(ann)

        assert fetch(other_tab, only_ann) == 403
        assert fetch(other_tab, common) == 403
        assert fetch(thief, only_ann) == 403
        assert [fetch(bob, url) for url in (common, only_bob)] == [200, 200]


def test_who_signs_out_at_the_provider_is_out_of_the_app(chromium: Browser, server: AppServer) -> None:
    """The provider itself tells the app, in whose pages nobody has clicked; others go on."""
    with new_browser(chromium) as hers, new_browser(chromium) as his:
        ann, bob = sign_in(hers, server, "anna"), sign_in(his, server, "bert")
        url, other = image_url(ann, 1), image_url(bob, 1)
        assert [fetch(ann, url), fetch(bob, other)] == [200, 200]

        elsewhere = hers.new_page()
        elsewhere.goto(f"{provider_of(server)}/session/end")
        elsewhere.locator("button[value=yes]").click()

        eventually(lambda: elsewhere.title() is not None and fetch(ann, url) == 403, "the end of her media")
        assert fetch(bob, other) == 200


def provider_of(server: AppServer) -> str:
    """Return where the provider of an app is."""
    secrets = (server.folder / ".streamlit" / "secrets.toml").read_text()
    found = re.search(r"http://127\.0\.0\.1:\d+(?=/\.well-known)", secrets)
    assert found is not None
    return found[0]
