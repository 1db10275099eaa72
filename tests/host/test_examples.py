"""Each example runs, and what it shows reaches the browser that it was shown to and no other."""

from __future__ import annotations

import contextlib
import importlib
import socket
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.host.signing_in import follow, granted, redirect
from tests.servers import ROOT, SECRET, STREAMLIT, AppServer, Browser, Tab

FOLDER = ROOT / "examples"
ALL = sorted(FOLDER.glob("[0-9]*.py"))
#: Those that the installed Streamlit can run.
EXAMPLES = [path for path in ALL if STREAMLIT >= (1, 57) or "st.App" not in path.read_text("utf-8")]
#: Those that show nothing to anyone who is not signed in.
SIGNED_IN = {"07_jwt", "08_own_login", "10_streamlit_login"}
DEMO = [sys.executable, "-m", "secure_media.cli", "demo"]


@contextlib.contextmanager
def serve(example: Path, command: Sequence[str] | None = None) -> Iterator[AppServer]:
    """Start an example where it listens by itself, for somebody who has a screen, and never had a Streamlit before."""
    # A screen on which nothing is opened.
    screen = {"DISPLAY": ":0", "BROWSER": "true"} if command else {}
    options = {"server.address": None, **({"server.headless": None} if command else {})}
    env = {"SECURE_MEDIA_SECRET": SECRET, "SECURE_MEDIA_LEDGER": "memory", **screen}
    server = AppServer(example, command=command or [sys.executable, "{script}"], env=env, options=options, wait=False)
    server.base = "/dashboard" if ".mount(" in example.read_text("utf-8") else ""
    server.wait_until_ready()
    with server:
        yield server


def assert_reach(server: AppServer, *, everybody: bool = False) -> None:
    """Assert who on the network can connect: nobody but this machine, unless it is said to be for everybody."""
    if not sys.platform.startswith("linux"):
        return  # elsewhere, this machine has one address of its own
    try:
        socket.create_connection(("127.0.0.2", server.port), timeout=5).close()
    except ConnectionRefusedError:
        answers = False
    else:
        answers = True
    assert answers is everybody
    assert everybody or "Network URL" not in server.log


@pytest.mark.parametrize(
    "example", [pytest.param(path, id=path.stem) for path in EXAMPLES if path.stem not in SIGNED_IN]
)
def test_example_runs(example: Path) -> None:
    """The page of an example has no error; its media are for its browser alone, and the page for this machine."""
    with serve(example) as server:
        assert_reach(server)
        ann, mallory = Browser(server), Browser(server).visit()
        with ann.open() as tab:
            assert tab.exceptions() == []
            urls = tab.urls()
            assert urls
            assert {ann.get(url).status for url in urls} == {200}
            assert {mallory.get(url).status for url in urls} == {403}


def test_example_with_endpoints_guards_one_of_them() -> None:
    """The report is for a browser that has the page open, the other endpoint for everybody."""
    with serve(FOLDER / "06_endpoints.py") as server:
        ann, mallory = Browser(server), Browser(server).visit()
        with ann.open():
            assert ann.get("/reports/q3").body == b"Report q3: all is well\n"
            assert mallory.get("/reports/q3").status == 403
            assert mallory.get("/ping").body == b"pong\n"


def test_example_with_a_login_service_is_for_auditors() -> None:
    """Ann, an auditor, gets the media of her page; nobody else does, signed in as a guest or not at all."""
    with serve(FOLDER / "07_jwt.py") as server:
        assert_reach(server)
        ann, mallory = Browser(server), Browser(server).visit()
        with ann.open() as tab:
            assert tab.exceptions() == []
            urls, links = tab.urls(), [link.url for link in tab.elements("link_button")]
            assert urls
            assert {ann.get(url).status for url in urls} == {403}
            sign_in(ann, links, "bob")
            assert {ann.get(url).status for url in urls} == {403}
            sign_in(ann, links, "ann")
            assert {ann.get(url).status for url in urls} == {200}
            sign_in(mallory, links, "ann")
            assert {mallory.get(url).status for url in urls} == {403}


def sign_in(browser: Browser, links: Sequence[str], name: str) -> None:
    """Follow the link of the login service for `name`, and keep the cookie."""
    (link,) = (link for link in links if link.endswith(f"/{name}"))
    with urllib.request.urlopen(link, timeout=30) as response:
        cookie, _, value = response.headers["Set-Cookie"].partition(";")[0].partition("=")
    browser.cookies[cookie] = value


def fill_in(tab: Tab, name: str, password: str) -> list[str]:
    """Send the form of the page, and return what errors say then."""
    fields = [element.id for element in tab.elements("text_input")][-2:]
    tab.widget_states.update(zip(fields, (name, password), strict=True))
    before = len(tab.elements("alert"))
    tab.click(tab.elements("button")[-1].id)
    return [alert.body for alert in tab.elements("alert")[before:]]


def test_example_with_a_form_of_its_own_is_for_members() -> None:
    """Who knows a password is signed in until they sign out; who guesses is stopped, and learns no names."""
    with serve(FOLDER / "08_own_login.py") as server:
        assert_reach(server)
        ann, mallory = Browser(server), Browser(server)
        with mallory.open() as tab:
            wrong = [fill_in(tab, "bob", f"guess {number}") for number in range(5)]
            assert wrong == [wrong[0]] * 5 == [fill_in(tab, "nobody", "guess")] * 5
            (stopped,) = fill_in(tab, "bob", "battery staple")
            assert stopped.startswith("Too many attempts")
            assert redirect(tab) is None
        with ann.open() as tab:
            assert tab.exceptions() == []
            assert tab.urls() == []
            assert fill_in(tab, " Ann ", "correct horse") == []
            assert follow(ann, granted(tab)).status == 303
        with ann.open() as tab:
            urls = tab.urls()
            assert {ann.get(url).status for url in urls} == {200}
            assert {mallory.get(url).status for url in urls} == {403}
            tab.click(next(button.id for button in tab.elements("button") if button.label == "Sign out"))
            assert redirect(tab) is not None
            assert {ann.get(url).status for url in urls} == {403}


def test_guesses_are_counted_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than the limit of each key, in any period; what is remembered has a bound."""
    monkeypatch.syspath_prepend(FOLDER)
    module, now = importlib.import_module("attempts"), [0.0]
    attempts = module.Attempts(900, lambda: now[0])

    assert [attempts.may_try({"address": 3, "ann": 2}) for _ in range(4)] == [True, True, False, False]
    assert attempts.may_try({"bob": 2})
    attempts.forget("ann")
    assert not attempts.may_try({"address": 3, "ann": 2})
    now[0] = 900.0
    assert attempts.may_try({"address": 3, "ann": 2})
    for number in range(20_000):
        attempts.may_try({number: 1})
    assert len(attempts._counts) == 10_000


def test_every_example_is_tried() -> None:
    """The examples are numbered without a gap, and those that are folders, which nothing here starts, have tests."""
    numbers = sorted(path.name[:2] for path in FOLDER.glob("[0-9]*"))  # a folder is one, too
    assert numbers == [f"{number:02}" for number in range(1, len(numbers) + 1)]
    assert len(ALL) >= 8
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").glob("*/test_*.py"))
    assert [path.name for path in FOLDER.glob("[0-9]*/") if path.name not in tests] == []


@pytest.mark.parametrize(
    ("arguments", "everybody"),
    [
        pytest.param([], False, id="demo"),
        pytest.param(["--address=0.0.0.0"], True, id="demo-for-everybody"),
    ],
)
def test_demo_is_for_this_machine(arguments: list[str], everybody: bool) -> None:
    """Nobody else on the network is shown the demo, unless somebody asks for that; and it starts without a question."""
    with serve(ALL[0], [*DEMO, "--port={port}", *arguments]) as server:
        assert_reach(server, everybody=everybody)
        assert "Email" not in server.log
