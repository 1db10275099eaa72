"""
Looking is not taking: what a link of few uses gives to scanners, previews and prefetchers, and what to the person.

Over a real server, below a base path. Requests look as those of the clients do that they stand for.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin

import pytest

from secure_media.core.keys import KeyRing
from secure_media.core.model import Action, Resource, ResourceKind
from secure_media.core.tokens import GrantCodec
from secure_media.host.deployment import deployment_name
from secure_media.host.issuing import Issuer
from secure_media.http.urls import path_to
from secure_media.stores.sqlite import SqliteLedger
from tests.host.test_links import APP, below, call, is_refused, partly, share, stranger
from tests.servers import SECRET, AppServer, Browser, Response, eventually

REPORT = b"the report " + bytes(range(256)) * 40
HUGE = hashlib.shake_256(b"huge").digest(3_000_000) * 10
WILD = "<b>&\"'}{name}.txt"

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
NAVIGATION = {
    "User-Agent": CHROME,
    "Accept": HTML,
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-User": "?1",
    "Sec-Fetch-Dest": "document",
}
PRESS = {**NAVIGATION, "Sec-Fetch-Site": "same-origin"}

#: Who looks without a person behind it.
LOOKS = {
    "slack": {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "Range": "bytes=0-32767"},
    "whole-range": {"Range": "bytes=0-"},
    "whatsapp": {"User-Agent": "WhatsApp/2.23.20.0 A", "Accept": "*/*"},
    "mail-scanner": {"User-Agent": CHROME, "Accept": HTML},
    "navigation": NAVIGATION,
    "from-the-mail": {**NAVIGATION, "Sec-Fetch-Site": "cross-site", "Referer": "https://mail.example/"},
    "prefetch": {**NAVIGATION, "Sec-Purpose": "prefetch"},
    "prerender": {**NAVIGATION, "Sec-Purpose": "prefetch;prerender"},
    "picture": {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image", "Sec-Fetch-Site": "cross-site"},
    "curl": {"User-Agent": "curl/8.5.0", "Accept": "*/*"},
    "condition": {"If-None-Match": "*"},
    "nothing": {},
}

AHEAD_OF_TIME = {
    "sec-purpose": {"Sec-Purpose": "prefetch"},
    "anonymous": {"Sec-Purpose": "prefetch;anonymous-client-ip"},
    "prerender": {"Sec-Purpose": "prefetch;prerender"},
    "purpose": {"Purpose": "prefetch"},
    "firefox": {"X-Moz": "prefetch"},
    "safari": {"X-Purpose": "preview"},
    "capitals": {"sec-purpose": "PreFetch"},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app that calls what its URL says, below a base path."""
    folder = tmp_path_factory.mktemp("confirming")
    (folder / "files").mkdir()
    for name, content in (("report.txt", REPORT), ("huge.bin", HUGE), ("gone.txt", b"gone"), (WILD, b"wild")):
        (folder / "files" / name).write_bytes(content)
    arguments = f"secret={SECRET!r}, collections={{'files': 'files'}}"
    with AppServer(APP, run_arguments=arguments, options={"server.baseUrlPath": "some/app"}, folder=folder) as server:
        yield server
        assert "Traceback" not in server.log


@pytest.fixture
def author(server: AppServer) -> Browser:
    """Return the browser in which links are made."""
    return Browser(server).visit()


def made(server: AppServer, source: str = "files/report.txt", **arguments: Any) -> str:
    """Return a link as `share_link` makes it, without a session to make it in."""
    arguments = {"confirm": True, "max_uses": None, "expires_in": 5400, **arguments}
    resource, action = Resource(ResourceKind.FILE, source), Action(arguments.pop("action", "view"))
    codec = GrantCodec(KeyRing([SECRET]), deployment=deployment_name("", server.base))
    issuer = Issuer(codec, SqliteLedger(None))
    arguments["confirm"] &= arguments["max_uses"] is not None
    if "ip" in arguments:
        arguments["network"] = arguments.pop("ip")
    return path_to(resource, action, issuer.new(resource, action, arguments.pop("expires_in"), **arguments))


def press(browser: Browser, link: str, headers: Mapping[str, str] = PRESS, *, body: bytes | None = None) -> Response:
    """Press the button of the page that `link` shows, and keep what the browser is given."""
    response = browser.get(link, headers, method="POST", body=body)
    for line in response.set_cookies:
        name, _, value = line.partition(";")[0].partition("=")
        if "Max-Age=0" in line:
            browser.cookies.pop(name, None)
        else:
            browser.cookies[name] = value
    return response


def follow(browser: Browser, link: str, headers: Mapping[str, str] = NAVIGATION) -> Response:
    """Press the button, and go where that leads."""
    response = press(browser, link)
    assert response.status == 303
    base = browser.server.base
    # A fragment is for the client alone (RFC 9110, section 7.1).
    there, _ = urldefrag(urljoin(f"{base}{link}", response.headers["location"]))
    return browser.get(there.removeprefix(base), headers)


def is_the_page(response: Response) -> bool:
    """Return whether a response is the page with the button, and so without a byte of any file."""
    return response.status == 200 and b'<form method="post">' in response.body and REPORT not in response.body


def is_the_refusal_page(response: Response) -> bool:
    """Return whether a response is the refusal in the form that people get."""
    return response.status == 403 and b"This address does not work here" in response.body


# --- looking


@pytest.mark.parametrize("headers", [pytest.param(headers, id=name) for name, headers in LOOKS.items()])
def test_looking_spends_nothing(server: AppServer, headers: dict[str, str]) -> None:
    """Whoever looks, however often and in whatever way, gets the same page; then the person presses and has it."""
    link = made(server, max_uses=1)
    looks = [stranger(server).get(link, headers) for _ in range(3)]
    assert all(is_the_page(look) for look in looks)
    head = stranger(server).get(link, headers, method="HEAD")
    assert (head.status, head.headers["content-length"]) == (200, str(len(looks[0].body)))
    person = stranger(server)
    assert is_the_page(person.get(link, NAVIGATION))
    assert follow(person, link).body == REPORT
    assert is_the_refusal_page(person.get(link, NAVIGATION))
    assert is_the_refusal_page(stranger(server).get(link, NAVIGATION))


def test_page_says_what_there_is(server: AppServer, author: Browser) -> None:
    """The page names the file, its size, its time and its uses, and has one button, no script, nothing to load."""
    page = stranger(server).get(share(author, max_uses=3), NAVIGATION)
    text = page.body.decode()
    assert "<title>report.txt</title>" in text
    assert re.search(r"<dd>10 kB</dd>", text)
    assert re.search(r"<dd>(?:9|10) minutes<br><small>until \d+ \w+ \d{4}, \d\d:\d\d UTC</small></dd>", text)
    assert "<dd>3 more times</dd>" in text
    assert text.count("<button") == 1
    assert not re.search(r"<script|\bon\w+=|\bsrc=|https?://|url\(|@import", text)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "private, no-store"
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["referrer-policy"] == "strict-origin"
    assert page.headers["x-content-type-options"] == "nosniff"
    rules = page.headers["content-security-policy"]
    assert rules.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in rules
    assert "form-action 'self'" in rules
    assert "unsafe" not in rules
    assert page.set_cookies == ()


def test_page_is_the_same_for_every_kind_of_file(server: AppServer) -> None:
    """A picture, a download and a document have the same page but for what it says of them."""
    pages = [
        stranger(server).get(made(server, max_uses=1, filename="same", **arguments), NAVIGATION)
        for arguments in ({}, {"content_type": "image/png"}, {"content_type": "text/html"}, {"action": "download"})
    ]
    assert len({re.sub(rb"<dd>\d+ minutes<br>.*?</dd>", b"", page.body) for page in pages}) == 1


def test_name_of_a_file_is_text(server: AppServer, author: Browser) -> None:
    """What somebody has called a file, or a link, is shown and never obeyed."""
    (link,) = call(author, ("share_link", [f"files/{WILD}"], {"expires_in": 600, "max_uses": 1}))
    page = stranger(server).get(below(author, link), NAVIGATION)
    assert b"&lt;b&gt;&amp;&quot;&#x27;}{name}.txt</h1>" in page.body
    assert b"<b>" not in page.body
    spoofed = made(server, max_uses=1, filename="x\r\nSet-Cookie: a=b\u202efdp.exe</title><script>")
    page = stranger(server).get(spoofed, NAVIGATION)
    assert "xSet" not in page.headers
    assert "\u202e".encode() not in page.body
    assert b"<script" not in page.body
    assert page.set_cookies == ()


def test_uses_that_are_left_are_counted(server: AppServer) -> None:
    """Of two uses, the page says one after the first delivery; after the second there is no page any more."""
    link = made(server, max_uses=2)
    assert b"<dd>2 more times</dd>" in stranger(server).get(link).body
    person = stranger(server)
    assert follow(person, link).body == REPORT
    assert b"<dd>once</dd>" in stranger(server).get(link).body
    assert person.get(link).body == REPORT
    assert is_refused(stranger(server).get(link))


def test_file_that_is_gone_is_gone(server: AppServer) -> None:
    """Whoever has a link to a file that was deleted is told so, and not offered a button."""
    link = made(server, "files/gone.txt", max_uses=1)
    assert is_the_page(stranger(server).get(link))
    (server.folder / "files" / "gone.txt").unlink()
    assert stranger(server).get(link).status == 404


def test_bytes_are_offered_like_files(server: AppServer, author: Browser) -> None:
    """A link to bytes that a script has made has the page, too."""
    shared = {"content": "made by the script", "expires_in": 600, "max_uses": 1, "filename": "note.txt"}
    link = below(author, call(author, ("share_link", [], shared))[0])
    page = stranger(server).get(link, NAVIGATION)
    assert is_the_page(page)
    assert b"<dd>18 bytes</dd>" in page.body
    assert follow(stranger(server), link).body == b"made by the script"
    assert is_refused(stranger(server).get(link))


# --- pressing


def test_what_the_button_gives(server: AppServer) -> None:
    """The press answers with a cookie for this link and a relative way to the same address, and with nothing else."""
    link = made(server, max_uses=1, action="download", expires_in=600)
    response = press(stranger(server), link)
    assert response.status == 303
    assert response.headers["location"] == f"?{link.partition('?')[2]}#press-again"
    assert response.headers["cache-control"] == "private, no-store"
    assert response.body == b"See Other\n"
    (cookie,) = response.set_cookies
    assert re.fullmatch(r"sm_use_[0-9a-f]{16}=[\w.-]+; Path=/; HttpOnly; SameSite=Strict; Max-Age=(\d+)", cookie)
    assert 1 <= int(cookie.rpartition("=")[2]) <= 601


def test_cookie_over_https_is_of_this_host_only(server: AppServer) -> None:
    """Behind a proxy with HTTPS, the cookie has the prefix that no sibling can set, and no other counts."""
    link, tls = made(server, max_uses=1), {"X-Forwarded-Proto": "https"}
    person = stranger(server)
    (cookie,) = press(person, link, {**PRESS, **tls}).set_cookies
    assert cookie.startswith("__Host-sm_use_")
    assert cookie.endswith("; Secure")
    (name, value), *_ = person.cookies.items()
    planted = stranger(server)
    planted.cookies[name.removeprefix("__Host-")] = value
    assert is_the_page(planted.get(link, tls))
    assert person.get(link, tls).body == REPORT


def test_pressing_alone_spends_nothing(server: AppServer) -> None:
    """A hundred presses are no use; the first delivery is."""
    link = made(server, max_uses=1)
    for _ in range(100):
        assert press(stranger(server), link).status == 303
    assert follow(stranger(server), link).body == REPORT
    assert is_refused(stranger(server).get(link))


def test_after_pressing_pieces_and_resumes_work(server: AppServer) -> None:
    """In the browser that has pressed, a transfer that broke off is resumed; what comes in pieces is one use."""
    link = made(server, "files/huge.bin", max_uses=1)
    person = stranger(server)
    press(person, link)
    begun = partly(server, link, 1_000_000, f"Cookie: {person.cookie_header()}")
    assert is_the_page(stranger(server).get(link, {"Range": f"bytes={len(begun)}-"}))
    head = person.get(link, method="HEAD")
    assert head.headers["content-length"] == str(len(HUGE))
    middle = len(HUGE) // 2
    parts = [
        person.get(link, {"Range": f"bytes={start}-{stop - 1}", "If-Range": head.headers["etag"]})
        for start, stop in ((len(begun), middle), (middle, len(HUGE)))
    ]
    assert [part.status for part in parts] == [206, 206]
    whole = begun + parts[0].body + parts[1].body == HUGE
    assert whole
    assert eventually(lambda: is_refused(person.get(link, {"Range": "bytes=0-9"})), "the end of its use")
    assert is_refused(stranger(server).get(link))


def test_player_of_a_browser_that_has_pressed_gets_pieces_and_others_do_not(server: AppServer) -> None:
    """The cookie goes with what a player fetches; a link without it is the page, also for a player."""
    link, player = made(server, max_uses=2), {"Sec-Fetch-Dest": "video", "Range": "bytes=0-"}
    person = stranger(server)
    press(person, link)
    assert person.get(link, player).body == REPORT
    assert is_the_page(stranger(server).get(link, player))


def test_browser_that_has_pressed_prefetches_nothing(server: AppServer) -> None:
    """With the cookie, too, what nobody has asked for yet is not delivered, and no use."""
    link = made(server, max_uses=1)
    person = stranger(server)
    press(person, link)
    for headers in AHEAD_OF_TIME.values():
        ahead = person.get(link, headers)
        assert (ahead.status, ahead.body) == (204, b"")
    assert person.get(link).body == REPORT


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Sec-Fetch-Site": "same-origin"}, id="same-origin"),
        pytest.param({"Origin": "{origin}"}, id="plain-http"),
        pytest.param({"Origin": "https://x.example", "X-Forwarded-Host": "x.example"}, id="proxy"),
        pytest.param({"Origin": "https://x.example", "X-Forwarded-Host": "x.example:443"}, id="proxy-with-the-port"),
        pytest.param({"Origin": "http://x.example", "X-Forwarded-Host": "X.example, inner:8501"}, id="proxies"),
    ],
)
def test_button_of_the_own_page_works(server: AppServer, headers: dict[str, str]) -> None:
    """A press that comes from the page itself redeems the link, as far as browsers and proxies tell."""
    filled = {name: value.format(origin=server.origin) for name, value in headers.items()}
    assert press(stranger(server), made(server, max_uses=1), filled).status == 303


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="cross-site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="sibling"),
        pytest.param({"Sec-Fetch-Site": "none"}, id="no-site"),
        pytest.param({"Sec-Fetch-Site": "cross-site", "Origin": "{origin}"}, id="origin-does-not-help"),
        pytest.param({"Sec-Fetch-Site": "same-origin, cross-site"}, id="two-in-one"),
        pytest.param({"Origin": "http://evil.example"}, id="other-origin"),
        pytest.param({"Origin": "null"}, id="null"),
        pytest.param({"Origin": ""}, id="empty-origin"),
        pytest.param({"Origin": "//"}, id="no-scheme"),
        pytest.param({"Origin": "http://[::1"}, id="no-origin-at-all"),
        pytest.param({"Origin": "{origin}.evil.example"}, id="longer"),
        pytest.param({"Origin": "http://127.0.0.1:1"}, id="other-port"),
        pytest.param({"Origin": "http://x.example", "X-Forwarded-Host": "x.example:443"}, id="port-of-https"),
        pytest.param({"Origin": "http://user@x.example", "X-Forwarded-Host": "x.example"}, id="user"),
        pytest.param({"Origin": "http://user@x.example", "X-Forwarded-Host": "user@x.example"}, id="user-in-both"),
        pytest.param({"Origin": "http://x.example/y", "X-Forwarded-Host": "x.example/y"}, id="path"),
        pytest.param({"Origin": "http://x.example:x", "X-Forwarded-Host": "x.example:x"}, id="no-port"),
        pytest.param({"Origin": "http://", "X-Forwarded-Host": ""}, id="nothing-in-both"),
        pytest.param({"Origin": "{origin}", "X-Forwarded-Proto": "https"}, id="plain-http-to-https"),
        pytest.param({"Origin": "ftp://127.0.0.1"}, id="other-scheme"),
        pytest.param({"Referer": "{origin}/some/app/"}, id="referer-is-no-origin"),
        pytest.param({}, id="without-a-word"),
    ],
)
def test_button_is_not_pressed_by_others(server: AppServer, headers: dict[str, str]) -> None:
    """Another site, or a client that does not say where it comes from, redeems nothing; the person still can."""
    link = made(server, max_uses=1)
    filled = {name: value.format(origin=server.origin) for name, value in headers.items()}
    victim = stranger(server)
    response = press(victim, link, filled)
    assert response.status == 403
    assert response.set_cookies == ()
    assert is_the_page(victim.get(link))
    assert follow(victim, link).body == REPORT


def test_body_of_the_press_does_not_matter(server: AppServer) -> None:
    """A press with a body is a press; one with a body that never ends is answered all the same."""
    link = made(server, max_uses=1)
    assert press(stranger(server), link, body=b"media_token=x" * 9999).status == 303
    for path, status in ((link, b"303"), (made(server), b"405"), ("/media/x", b"405")):
        request = (
            f"POST {server.base}{path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nSec-Fetch-Site: same-origin\r\n"
            "Content-Length: 100000000000\r\n\r\nsome"
        )
        assert server.raw(request.encode(), until=b"\r\n\r\n").startswith(b"HTTP/1.1 " + status)


def test_post_of_anything_else_is_no_method(server: AppServer, author: Browser) -> None:
    """What needs no confirmation knows no POST, and what is refused is refused."""
    (signed,) = call(author, ("signed_url_for", ["files/report.txt"], {}))
    for link in (made(server), made(server, max_uses=1, confirm=False), below(author, signed)):
        response = press(author, link)
        assert (response.status, response.headers["allow"]) == (405, "GET, HEAD")
        assert press(author, link.partition("?")[0]).status == 405
        assert is_refused(press(author, f"{link}x", {"Sec-Fetch-Site": "same-origin"}))
    assert press(author, f"{made(server, 'files/')}report.txt").status == 405
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert author.get(made(server, max_uses=1), PRESS, method=method).status == 405


# --- whose it is


def test_cookie_of_one_link_is_none_for_another(server: AppServer) -> None:
    """What a browser got for one link opens no other, under neither name."""
    first, second = made(server, max_uses=1), made(server, max_uses=1)
    one, two = stranger(server), stranger(server)
    press(one, first)
    press(two, second)
    ((_, value),), ((name, _),) = one.cookies.items(), two.cookies.items()
    one.cookies[name] = value
    assert is_the_page(one.get(second))
    assert one.get(first).body == REPORT
    assert two.get(second).body == REPORT


def test_forged_cookie_is_none(server: AppServer, author: Browser) -> None:
    """A cookie that anything was changed about, or that is something else, gives the page."""
    link = made(server, max_uses=1)
    person = stranger(server)
    press(person, link)
    ((name, value),) = person.cookies.items()
    token = link.partition("media_token=")[2]
    browser_cookie = next(iter(author.cookies.values()))
    head, claims, signature = value.split(".")
    for forged in (
        "",
        "x",
        token,
        browser_cookie,
        f"{head}.{claims}.",
        f"{head}.{claims}.{signature[::-1]}",
        f"{value}.",
        f"{value}=",
    ):
        thief = stranger(server)
        thief.cookies[name] = forged
        assert is_the_page(thief.get(link)), forged
    planted = stranger(server)
    planted.headers["Cookie"] = f"{name}=planted; {name}={value}"
    assert planted.get(link).body == REPORT


def test_two_who_press_are_delivered_once(server: AppServer) -> None:
    """Of many who have pressed the button of a one-use link and fetch at the same moment, one gets the file."""
    link = made(server, "files/huge.bin", max_uses=1)
    people = [stranger(server) for _ in range(5)]
    for person in people:
        press(person, link)
    together = threading.Barrier(len(people))
    responses: list[Response] = []

    def fetch(person: Browser) -> None:
        together.wait()
        responses.append(person.get(link, NAVIGATION))

    threads = [threading.Thread(target=fetch, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = [response.body == HUGE for response in responses if response.status == 200]
    assert got == [True]
    assert sum(is_the_refusal_page(response) for response in responses) == len(people) - 1
    assert len({response.body for response in responses if response.status == 403}) == 1


def test_who_is_cut_off_before_the_first_byte_gets_the_page(server: AppServer) -> None:
    """Of many who have pressed and ask for the same range, each gets all of it, or the refusal as people get it."""
    for _ in range(5):
        link = made(server, max_uses=1)
        people = [stranger(server) for _ in range(8)]
        for person in people:
            press(person, link)
        together = threading.Barrier(len(people))
        responses: list[Response] = []

        def fetch(
            person: Browser, link: str = link, together: threading.Barrier = together, to: list[Response] = responses
        ) -> None:
            together.wait()
            to.append(person.get(link, {**NAVIGATION, "Range": f"bytes=0-{len(REPORT) - 1}"}))

        threads = [threading.Thread(target=fetch, args=(person,)) for person in people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [response.body for response in responses if response.status == 206] == [REPORT]
        assert all(is_the_refusal_page(response) for response in responses if response.status != 206)


def test_used_up_between_page_and_press(server: AppServer) -> None:
    """Who sees the page and presses after somebody else has had the file, is refused."""
    link = made(server, max_uses=1)
    late = stranger(server)
    assert is_the_page(late.get(link, NAVIGATION))
    pressed = stranger(server)
    press(pressed, link)
    assert follow(stranger(server), link).body == REPORT
    assert is_the_refusal_page(press(late, link))
    assert is_the_refusal_page(pressed.get(link, NAVIGATION))


def test_revoked_between_page_press_and_file(server: AppServer, author: Browser) -> None:
    """A link that is withdrawn is dead for who sees the page, and for who has pressed."""
    link = made(server, max_uses=1)
    looking, pressed = stranger(server), stranger(server)
    assert is_the_page(looking.get(link, NAVIGATION))
    press(pressed, link)
    call(author, ("revoke", [f"{server.origin}{server.base}{link}"], {}))
    assert is_the_refusal_page(press(looking, link))
    assert is_the_refusal_page(pressed.get(link, NAVIGATION))


def test_expired_between_page_press_and_file(server: AppServer) -> None:
    """A link that ends is over for who sees the page, and for who has pressed: the cookie does not outlast it."""
    link = made(server, max_uses=1, expires_in=5)
    pressed = stranger(server)
    assert is_the_page(stranger(server).get(link, NAVIGATION))
    (cookie,) = press(pressed, link).set_cookies
    assert int(re.findall(r"Max-Age=(\d+)", cookie)[0]) <= 6
    assert eventually(lambda: is_the_refusal_page(press(stranger(server), link)), "the end of the link")
    assert is_the_refusal_page(pressed.get(link, NAVIGATION))


def test_press_says_what_becomes_of_its_connection(server: AppServer) -> None:
    """A client that keeps connections can go on with this one, or is told that it is closed."""
    link = made(server, max_uses=1)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        for _ in range(5):
            connection.request("POST", f"{server.base}{link}", headers={"Origin": server.origin})
            response = connection.getresponse()
            assert response.status == 303
            response.read()
            if response.getheader("Connection") == "close":
                connection.close()
            connection.request("GET", f"{server.base}{link}")
            response = connection.getresponse()
            assert response.status == 200
            response.read()
    finally:
        connection.close()


def test_cookies_do_not_pile_up(server: AppServer) -> None:
    """A browser that opens many links keeps the cookies of the last few, and those work."""
    links = [made(server, max_uses=1) for _ in range(12)]
    person = stranger(server)
    for link in links:
        assert press(person, link).status == 303
    assert len(person.cookies) == 8
    assert len(person.cookie_header()) < 4096
    assert is_the_page(person.get(links[0]))
    assert person.get(links[-1]).body == person.get(links[4]).body == REPORT


# --- programs, and links that are bound


@pytest.mark.parametrize("headers", [pytest.param(headers, id=name) for name, headers in AHEAD_OF_TIME.items()])
def test_prefetch_of_a_link_for_programs_is_no_use(server: AppServer, headers: dict[str, str]) -> None:
    """Without confirmation a GET delivers, but not one that a browser makes ahead of time."""
    link = made(server, max_uses=1, confirm=False)
    for _ in range(3):
        ahead = stranger(server).get(link, headers)
        assert (ahead.status, ahead.body) == (204, b"")
    assert stranger(server).get(link).body == REPORT
    assert is_refused(stranger(server).get(link, headers))


def test_prefetch_of_a_download_on_terms_is_no_use(tmp_path: Path) -> None:
    """The URL of a button with one use, bound to the page, needs no confirmation, and no prefetch spends it."""
    script = """
        import secure_media as sm
        sm.download_button("bytes", b"made for you", "you.txt", max_uses=1)
        sm.download_button("made", lambda: iter([b"made for you, too"]), "too.txt", max_uses=1)
    """
    with AppServer(script, folder=tmp_path) as server, Browser(server).open() as tab:
        for url, body in zip(tab.urls(), (b"made for you", b"made for you, too"), strict=True):
            for headers in AHEAD_OF_TIME.values():
                assert tab.browser.get(url, headers).status == 204
            assert tab.browser.get(url, NAVIGATION).body == body
            assert is_the_refusal_page(tab.browser.get(url, NAVIGATION))


def test_link_for_a_network_has_to_be_confirmed(server: AppServer) -> None:
    """A scanner may sit in the network that a link is for, so that there is a button all the same."""
    link = made(server, max_uses=1, ip="127.0.0.0/8")
    assert is_the_page(stranger(server).get(link))
    assert follow(stranger(server), link).body == REPORT


def test_confirmation_cannot_be_taken_out(server: AppServer, author: Browser) -> None:
    """Whether a link has to be confirmed is signed: no other parameter, and no other spelling, changes that."""
    link = share(author, max_uses=1)
    for more in ("confirm=0", "confirm=false", "c=", "download=1"):
        response = stranger(server).get(f"{link}&{more}")
        assert is_the_page(response) or is_refused(response)
    token = link.partition("media_token=")[2]
    assert is_the_page(stranger(server).get(f"/secure-media/media_token={token}/files/files/report.txt"))
    assert follow(stranger(server), f"/secure-media/media_token={token}/files/files/report.txt").body == REPORT


def test_wrong_confirm_is_one_clear_error(author: Browser) -> None:
    """An argument that is neither True nor False is named."""
    (said,) = call(author, ("share_link", ["files/report.txt"], {"expires_in": 9, "max_uses": 1, "confirm": "no"}))
    assert said == "GrantError: confirm: expected True or False, got 'no'"
