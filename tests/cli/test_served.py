"""Links of the command line on a real server: what `sign` makes is served, until `revoke` says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.servers import SECRET, AppServer, Browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app with a collection, below a base path."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "files" / "talk").mkdir(parents=True)
    (folder / "files" / "report.txt").write_text("the report")
    (folder / "files" / "talk" / "one.txt").write_text("one")
    with AppServer(
        "",
        run_arguments=f"secret={SECRET!r}, collections={{'files': 'files'}}, deployment='beta'",
        options={"server.baseUrlPath": "some/app"},
        folder=folder,
    ) as server:
        yield server


@pytest.fixture
def here(shell: Shell, server: AppServer, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return a shell where the server was started."""
    monkeypatch.chdir(server.folder)
    monkeypatch.setenv("SECURE_MEDIA_DEPLOYMENT", "beta")
    return Shell(Path(server.folder))


def _sign(shell: Shell, server: AppServer, resource: str, *options: str) -> str:
    """Return a link, without the origin and the base path."""
    url = f"http://127.0.0.1:{server.port}{server.base}"
    result = shell.run("sign", resource, "--expires-in", "1h", "--url", url, *options)
    assert result.out.startswith(url)
    return result.out.strip().removeprefix(url)


def test_signed_link_is_served_until_it_is_revoked(here: Shell, server: AppServer) -> None:
    """A stranger opens a link until it is revoked beside the running server, and explain says what the server does."""
    stranger = Browser(server)
    link, other = (_sign(here, server, "files/report.txt") for _ in range(2))

    assert stranger.get(link).body == b"the report"
    assert here.run("explain", f"{server.base}{link}").last == "allowed by the link"
    assert here.run("revoke", f"{server.base}{link}").code == 0
    assert stranger.get(link).status == 403
    assert "- the link was revoked\n" in here.run("explain", f"{server.base}{link}").out
    assert stranger.get(other).status == 200


def test_link_that_has_to_be_confirmed_is_explained(here: Shell, server: AppServer) -> None:
    """With uses, the link shows a page until somebody presses, and explain says which of the two a browser gets."""
    link = _sign(here, server, "files/report.txt", "--max-uses", "1")
    browser = Browser(server)
    pressed = browser.get(link, {"Sec-Fetch-Site": "same-origin"}, method="POST")
    cookie = pressed.set_cookies[0].partition(";")[0]

    assert b"<form" in browser.get(link).body
    looking = here.run("explain", f"{server.base}{link}")
    assert "\nconfirmed: no\n" in looking.out
    assert looking.last == "allowed by the link: a page with a button, and the file where a person presses it"
    assert looking.code == 0
    assert "\nconfirm: yes: " in here.run("inspect", f"{server.base}{link}").out
    taking = here.run("explain", f"{server.base}{link}", "--cookie", cookie)
    assert "\nconfirmed: in this browser, until " in taking.out
    assert taking.last == "allowed by the link"
    assert browser.get(link, {"Cookie": cookie}).body == b"the report"


def test_used_up_link_is_explained(here: Shell, server: AppServer) -> None:
    """A link for one use is used, and explain says of the second request what the server says."""
    options = ("--max-uses", "1", "--no-confirm", "--download", "--filename", "Q3.txt")
    link = _sign(here, server, "files/report.txt", *options)
    assert "\nconfirm: no: " in here.run("inspect", f"{server.base}{link}").out
    first, second = (Browser(server).get(link) for _ in range(2))

    assert (first.status, second.status) == (200, 403)
    assert "Q3.txt" in first.headers["content-disposition"]
    assert "- used up: 1 of 1\n" in here.run("explain", f"{server.base}{link}").out


def test_link_to_a_folder_is_served(here: Shell, server: AppServer) -> None:
    """A folder's link opens what is below, and nothing beside it."""
    path, _, query = _sign(here, server, "files/talk/").partition("?")

    assert Browser(server).get(f"{path}one.txt?{query}").body == b"one"
    assert Browser(server).get(f"/secure-media/files/files/report.txt?{query}").status == 403


def test_cookie_of_a_browser_is_recognised(here: Shell, server: AppServer) -> None:
    """The cookie that the server sets is the one that explain verifies."""
    browser = Browser(server).visit()
    result = here.run("explain", f"{server.base}/media/{'a' * 40}", "--cookie", "-", stdin=browser.cookie_header())

    assert ", by a genuine cookie\n" in result.out
