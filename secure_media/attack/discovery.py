"""Finds what there is to attack: opens a running app as a browser does, and looks at what it is shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from secure_media.attack.found import FoundTarget, Medium
from secure_media.attack.given import LONGEST, SHORTEST, Given, canary, facts_of
from secure_media.attack.page import Page
from secure_media.attack.probing import probe
from secure_media.attack.redaction import plain
from secure_media.errors import AppError
from secure_media.testing import Browser, Response, RunningApp, Tab
from secure_media.testing.people import Person

#: How long a page may take that never comes to its end, in seconds.
_ENDLESS = 10.0
_NO_MEDIA = (
    "the app shows no media to a new session, so there is nothing to attack: name a page that shows some (--page, "
    "--query), or somebody who is shown some (--cookie, --header)"
)
_ONLY_OTHERS = (
    f"all media of that page are longer than {LONGEST >> 20} MiB, shorter than {SHORTEST} bytes, or links on terms: "
    "name a page with others (--page, --query)"
)


@dataclass
class Files:
    """
    The files that are attacked.

    Args:
        shown: Which.
        canaries: Bytes that are in them alone, by kind.
        etag: The validator of the image.
    """

    shown: list[Medium] = field(default_factory=list)
    canaries: dict[str, bytes] = field(default_factory=dict)
    etag: str | None = None


@contextmanager
def opened(
    app: RunningApp,
    victim: Person,
    other: Person,
    page: Page,
    *,
    pace: Callable[[], None],
    sleep: Callable[[float], None] = time.sleep,
    wait_after_closing: float | None = None,
) -> Iterator[FoundTarget]:
    """
    Open the app twice, as two people or as one and a stranger, and go on with what the first one was shown.

    The stranger's session runs no script: it is shown nothing, so that nothing is theirs.

    Args:
        app: The app.
        victim: Who is shown something.
        other: Who is not.
        page: The page to open.
        pace: Called before each connection.
        sleep: Waits for seconds.
        wait_after_closing: How long to wait when the pages were closed; None to try nothing after that.

    Raises:
        AppError: There is no app, or nothing to attack in it.
    """
    probe(app, victim)
    with ExitStack() as closing:
        browser = _browser(app, victim, "victim", other)
        tab = closing.enter_context(Tab(browser.visit()))
        _run(tab, page)
        if page.name and any(message.WhichOneof("type") == "page_not_found" for message in tab.messages):
            raise AppError(f"the app has no page {page.name!r:.60}: give its name as it is in its URL")
        stranger = _foreign(app, other, victim, closing)

        def leave() -> None:
            closing.close()
            sleep(wait_after_closing or 0)

        known = {} if wait_after_closing is None else {"leave": leave}
        given = facts_of(page, browser, victim, other)
        yield _target(tab, stranger, given, {"pace": pace, **known, **given.facts})


def _target(tab: Tab, stranger: Browser, given: Given, known: dict[str, Any]) -> FoundTarget:
    """Return what is known of the app whose page is open in `tab`."""
    browser, app = tab.browser, tab.browser.app
    files = _files(browser, tab)
    files.canaries.update(given.canaries)
    if "next_person" in known and _opens(app, given.left, Browser(app), files):
        # The app asks nobody who they are: whoever uses the browser has what it was shown.
        del known["next_person"]
    if "stolen" in known and _opens(app, given.thief, stranger, files):
        # A browser's cookie is all that it takes, whoever signs in there: a name that was added would prove nothing.
        known["stolen"] = stranger.cookie_header()
    known |= {} if files.etag is None else {"etag": files.etag}
    return FoundTarget(
        host=app.host,
        port=app.port,
        tls=app.tls_context() if app.tls else None,
        base=app.base,
        media={medium.kind: medium.path for medium in files.shown},
        canaries=files.canaries,
        victim=browser.cookie_header(),
        attacker=stranger.cookie_header(),
        victim_session=tab.session_id,
        app=app,
        shown_media=tuple(files.shown),
        streamlit=_version(tab),
        lines={
            cookies: tuple(f"{name}: {value}" for name, value in who.headers.items())
            for cookies, who in (
                (browser.cookie_header(), browser),
                (stranger.cookie_header(), stranger),
                ("; ".join(f"{name}={value}" for name, value in given.thief.items()), stranger),
            )
        },
        **known,
    )


def _opens(app: RunningApp, cookies: Mapping[str, str], stranger: Browser, files: Files) -> bool:
    """Return whether a browser with those cookies gets the image in the name of the stranger."""
    image = next(medium for medium in files.shown if medium.kind == "image")
    return Browser(app, cookies=cookies, headers=stranger.headers).get(image.path.removeprefix(app.base)).status == 200


def _browser(app: RunningApp, person: Person, name: str, other: Person) -> Browser:
    # Requests are told apart by their cookies; people who have none are given one.
    told = {"attacked-as": name} if person.headers or other.headers else {}
    return Browser(app, cookies={**person.cookies, **told}, headers=person.headers)


def _foreign(app: RunningApp, other: Person, victim: Person, closing: ExitStack) -> Browser:
    """Open a session for the other one; there is none where strangers get no page."""
    stranger = _browser(app, other, "attacker", victim)
    try:
        closing.enter_context(Tab(stranger.visit()))
    except AppError:
        if other:
            raise AppError("the app does not open for the second person: see --other-cookie, --other-header") from None
    return stranger


def _run(tab: Tab, page: Page) -> None:
    """Run the script, until it has come to its end, or has gone on for long."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    message = BackMsg()
    message.rerun_script.query_string = page.query.removeprefix("?")
    message.rerun_script.page_name = page.name.strip("/")
    tab.send(message)
    until = time.monotonic() + _ENDLESS
    try:
        for received in tab.receive():
            ended = received.WhichOneof("type") == "script_finished"
            if (ended and received.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN) or time.monotonic() > until:
                break
    except AppError:
        if not tab.urls():
            raise


def _files(browser: Browser, tab: Tab) -> Files:
    """Return what to attack: the smallest file of each kind."""
    base, urls = browser.app.base, tab.urls()
    if not urls:
        errors = [plain(error) for error in tab.exceptions()]
        raise AppError(f"{_NO_MEDIA}. Its script fails: {errors[0]}" if errors else _NO_MEDIA)
    files = Files()
    for size, url in sorted(_sizes(browser, urls)):
        response = browser.get(url)
        kind = _kind(response)
        if response.status != 200 or len(response.body) != size or kind in files.canaries:
            continue
        files.canaries[kind] = canary(response.body)
        files.shown.append(Medium(kind, f"{base}{url}", plain(response.headers.get("content-type", "")), size))
        if kind == "image" or "image" not in files.canaries:
            files.etag = response.headers.get("etag")
    if not files.shown:
        raise AppError(_ONLY_OTHERS)
    if "image" not in files.canaries:
        # Most attacks are on an image; another file will do.
        first = files.shown[-1]
        files.shown.append(replace(first, kind="image"))
        files.canaries["image"] = files.canaries[first.kind]
    return files


def _sizes(browser: Browser, urls: list[str]) -> Iterator[tuple[int, str]]:
    """
    Yield the files that can be asked for often, and of which a part can be told from all else.

    One with a token may be good for a few uses, and to ask for it would spend one.
    """
    for url in (url for url in urls if "?" not in url):
        head = browser.get(url, method="HEAD")
        length = head.headers.get("content-length", "")
        if head.status == 200 and length.isdecimal() and SHORTEST <= int(length) <= LONGEST:
            yield int(length), url


def _kind(response: Response) -> str:
    if response.headers.get("content-disposition", "").startswith("attachment"):
        return "download"
    return "audio" if response.headers.get("content-type", "").startswith(("audio/", "video/")) else "image"


def _version(tab: Tab) -> str:
    for message in tab.messages:
        if message.WhichOneof("type") == "new_session":
            return plain(message.new_session.initialize.environment_info.streamlit_version) or "unknown"
    return "unknown"
