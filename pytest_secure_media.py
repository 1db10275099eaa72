"""
The plugin for pytest: fixtures for tests of one's own guarded app, and the attacks of `secure_media.attack` as tests.

It is imported wherever the package is installed, so it imports nothing of it before it is used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from secure_media.testing import Browser, RunningApp
    from secure_media.testing.chosen import ChosenApp
    from secure_media.testing.forbidden import ExpectForbidden

#: Values of cookies and headers that are not to be in the list of processes.
_VARIABLES = {
    name: f"ATTACK_{name.upper().replace('-', '_')}" for name in ("cookie", "header", "other-cookie", "other-header")
}
_CHOSEN: pytest.StashKey[ChosenApp] = pytest.StashKey()
_NO_APP = (
    "which app? Give --secure-media-app app.py or --secure-media-url URL, or secure_media_app = app.py in pytest's "
    "configuration"
)
#: Each option, what it takes, and what it is for.
_OPTIONS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("app", {"metavar": "FILE"}, "start this app, and attack it"),
    ("command", {"metavar": "COMMAND"}, "start the app by this command, in which {script} and {port} are filled in"),
    ("url", {"metavar": "URL"}, "attack the app that runs there"),
    ("cookie", {"metavar": "NAME=VALUE", "action": "append"}, "open the app with this cookie: as somebody signed in"),
    ("header", {"metavar": "NAME: VALUE", "action": "append"}, "likewise with this header"),
    ("other-cookie", {"metavar": "NAME=VALUE", "action": "append"}, "attack with this cookie: as somebody else"),
    ("other-header", {"metavar": "NAME: VALUE", "action": "append"}, "likewise with this header"),
    ("page", {"metavar": "NAME"}, "attack what this page of the app shows"),
    ("query", {"metavar": "QUERY"}, "attack what the app shows with this query in its URL"),
    ("link", {"metavar": "URL"}, "attack this link to a file for anyone as well; it may be used up"),
    ("folder-link", {"metavar": "URL"}, "attack this link to a folder as well; with the name of a file behind it"),
    ("static", {"metavar": "PATH"}, "attack this file of the static folder as well, such as app/static/notes.txt"),
    ("outside", {"metavar": "NAME"}, "a file beside the folders that are served, such as app.py"),
    (
        "identity",
        {"metavar": "NAME: VALUE"},
        "as a proxy in front says to the app that the first person asks",
    ),
    ("ca", {"metavar": "FILE"}, "trust this authority in TLS"),
    ("i-am-authorised", {"action": "store_true"}, "attack another machine: its owner has allowed it"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("secure-media", "media of a Streamlit app (streamlit-secure-media)")
    for name, how, purpose in _OPTIONS:
        group.addoption(f"--secure-media-{name}", help=purpose, **how)
    parser.addini(
        "secure_media_app", "the script that guarded_app starts; without attacks, unless an option asks for them"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Find out which app is meant; end with a sentence where that cannot be."""
    values = {name: config.getoption(f"--secure-media-{name}") for name, _, _ in _OPTIONS}
    configured = config.getini("secure_media_app")
    if not any(values.values()) and not configured:
        return
    from secure_media.errors import AppError
    from secure_media.testing.chosen import ChosenApp, person

    for name, variable in _VARIABLES.items():
        values[name] = [*(values[name] or ()), *os.environ.get(variable, "").splitlines()]
    script = values["app"]
    if script is None and values["url"] is None and configured:
        script = str(config.rootpath / configured)
    try:
        config.stash[_CHOSEN] = ChosenApp(
            script=script,
            command=values["command"],
            url=values["url"],
            authorised=values["i-am-authorised"],
            ca=values["ca"],
            somebody=person(values["cookie"], values["header"]),
            stranger=person(values["other-cookie"], values["other-header"]),
        )
    except AppError as error:
        raise pytest.UsageError(f"secure-media: {error}") from None


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> Iterator[None]:
    """Add the attacks, and have them after all else and in their order, whatever is chosen from them or shuffled."""
    attacks: list[pytest.Item] = []
    if config.getoption("--secure-media-app") or config.getoption("--secure-media-url"):
        from secure_media.attack import as_tests
        from secure_media.attack.page import Page

        names = ("page", "query", "link", "folder-link", "static", "outside", "identity")
        page = Page(*(config.getoption(f"--secure-media-{name}") or "" for name in names))
        attacks = as_tests.tests(session, _chosen(config), page)
    items += attacks
    yield
    order = {id(item): place for place, item in enumerate(attacks, 1)}
    items.sort(key=lambda item: order.get(id(item), 0))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the app, if it was started."""
    chosen = config.stash.get(_CHOSEN, None)
    if chosen is not None:
        chosen.close()


@pytest.fixture(scope="session")
def guarded_app(pytestconfig: pytest.Config) -> RunningApp:
    """The app under test, as pytest was told: started once for all tests, or reached by its URL."""
    from secure_media.errors import AppError

    try:
        return _chosen(pytestconfig).app()
    except AppError as error:
        # Where it was started is in no way the fault of the code there.
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def first_browser(pytestconfig: pytest.Config, guarded_app: RunningApp) -> Browser:
    """A browser of an honest person, which has not opened the app yet."""
    return _chosen(pytestconfig).somebody.browser(guarded_app)


@pytest.fixture
def second_browser(pytestconfig: pytest.Config, guarded_app: RunningApp) -> Browser:
    """Another browser of the same person, which has not opened the app yet either."""
    return _chosen(pytestconfig).somebody.browser(guarded_app)


@pytest.fixture
def attacker(pytestconfig: pytest.Config, guarded_app: RunningApp) -> Iterator[Browser]:
    """A stranger's browser that has the app open itself, as far as strangers get, and was shown nothing."""
    from secure_media.errors import AppError
    from secure_media.testing import Tab

    browser = _chosen(pytestconfig).stranger.browser(guarded_app)
    with ExitStack() as closing:
        # Strangers may get no page. That the app answers at all is seen where the honest person opens it.
        with suppress(AppError):
            closing.enter_context(Tab(browser.visit()))
        yield browser


@pytest.fixture(scope="session")
def expect_forbidden(guarded_app: RunningApp) -> ExpectForbidden:
    """Fails unless a response is the one refusal, without any of the secrets: `expect_forbidden(response, b"...")`."""
    from secure_media.testing.forbidden import ExpectForbidden

    return ExpectForbidden(guarded_app)


def _chosen(config: pytest.Config) -> ChosenApp:
    chosen = config.stash.get(_CHOSEN, None)
    if chosen is None:
        raise pytest.UsageError(_NO_APP)
    return chosen
