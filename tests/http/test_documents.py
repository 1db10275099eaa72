"""The two pages that people see: what they say, and what they never do, whatever a file is called."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from secure_media.http.documents import Offer, confirmation, refusal
from secure_media.http.responses import Response

NOW = 1_800_000_000.0
OFFER = Offer("report.pdf", 1_240_000, int(NOW) + 7300, 1)
PAGES = [
    pytest.param(confirmation("GET", OFFER, now=NOW), id="confirmation"),
    pytest.param(refusal("GET", "/some/app/"), id="refusal"),
]


def text(plan: Response) -> str:
    """Return the body of a response."""
    assert plan.source is not None
    return plan.source.read(plan.start, plan.stop).decode()


class Outline(HTMLParser):
    """What a page is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and its attributes."""
        self.tags.append(tag)
        self.attributes += attrs


@pytest.mark.parametrize("page", PAGES)
def test_page_runs_and_loads_nothing(page: Response) -> None:
    """There is no script, no image, no frame, and no rule by which one would be allowed."""
    outline, headers = Outline(text(page)), dict(page.headers)

    assert not {"script", "img", "iframe", "object", "embed", "base", "input"} & set(outline.tags)
    assert not [name for name, _ in outline.attributes if name.startswith("on") or name in {"src", "style"}]
    assert [
        value for name, value in outline.attributes if name == "href" and value not in {"data:,", "/some/app/"}
    ] == []
    assert not re.search(r"url\(|@import|https?://", text(page))
    style = re.search(r"<style>(.*)</style>", text(page), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'sha256-{digest}';" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("page", PAGES)
def test_page_is_one_for_people(page: Response) -> None:
    """It has a title, a language, fits a phone, and knows light and dark."""
    body, outline = text(page), Outline(text(page))

    assert ("lang", "en") in outline.attributes
    assert re.search(r"<title>[^<]+</title>", body)
    assert 'content="width=device-width, initial-scale=1"' in body
    assert "@media(prefers-color-scheme:dark)" in body
    assert outline.tags.count("h1") == 1
    assert dict(page.headers)["Content-Length"] == str(len(body.encode()))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("</title><script>alert(1)</script>", id="script"),
        pytest.param('" onmouseover="alert(1)', id="attribute"),
        pytest.param("{name}{facts}{0}{title.__class__}", id="format"),
        pytest.param("%s%(name)s$name\\1", id="other-formats"),
        pytest.param("<!--", id="comment"),
        pytest.param("&lt;img&gt;", id="entities"),
        pytest.param("</style><img src=x onerror=alert(1)>", id="style"),
        pytest.param("\ud800\udfff.txt", id="halves-of-characters"),
        pytest.param("a\x00b\x1b[31m\r\nc", id="control-characters"),
        pytest.param("x" * 5000, id="long"),
    ],
)
def test_name_is_only_ever_text(name: str) -> None:
    """Whatever a file is called, the page has the same tags and attributes as for any other."""
    plain, wild = (text(confirmation("GET", Offer(each, 1, int(NOW) + 9, 1), now=NOW)) for each in ("plain", name))

    assert Outline(wild).tags == Outline(plain).tags
    assert Outline(wild).attributes == Outline(plain).attributes
    assert not re.search("[\x00\x1b\r\ud800-\udfff]", wild)
    assert len(wild) < len(plain) + 3000


def test_name_does_not_read_backwards() -> None:
    """A character that turns the order around does not make a program look like a document."""
    assert "\u202e" not in text(confirmation("GET", Offer("report\u202efdp.exe", 1, int(NOW) + 9, 1), now=NOW))


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9949, "9.9 kB"),
        (9960, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (1_240_000, "1.2 MB"),
        (8_000_000_000, "8.0 GB"),
        (7 * 10**15, "7000 TB"),
    ],
)
def test_size_is_readable(size: int, shown: str) -> None:
    """A size has two or three digits and a unit."""
    assert f"<dd>{shown}</dd>" in text(confirmation("GET", Offer("a", size, int(NOW) + 9, 1), now=NOW))


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        (0, "0 seconds"),
        (-5, "0 seconds"),
        (1, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (149, "2 minutes"),
        (3540, "59 minutes"),
        (3597, "60 minutes"),
        (3600, "60 minutes"),
        (7169, "119 minutes"),
        (7199, "2 hours"),
        (7200, "2 hours"),
        (2 * 86400 - 31, "47 hours"),
        (2 * 86400 - 1, "2 days"),
        (7 * 86400 - 61, "6 days"),
        (7 * 86400 - 3, "7 days"),
        (9 * 86400 + 5, "9 days"),
    ],
)
def test_time_that_is_left_is_readable(left: int, shown: str) -> None:
    """How long a link is good is said in one unit, rounded down, but for what it lacks of a minute by being opened."""
    assert f"<dd>{shown}<br>" in text(confirmation("GET", Offer("a", None, int(NOW) + left, 1), now=NOW))


def test_end_is_a_moment_in_one_zone() -> None:
    """The end is said in UTC, whatever the zone of the server, and a link may end after all calendars."""
    assert "until 15 Jan 2027, 10:01 UTC" in text(confirmation("GET", OFFER, now=NOW))
    assert confirmation("GET", Offer("a", 1, 2**53 - 1, 1), now=NOW).status == 200


def test_what_is_not_known_is_not_said() -> None:
    """Without a size there is no line for it, and what has no name is a file."""
    page = text(confirmation("GET", Offer(None, None, int(NOW) + 9, 5), now=NOW))

    assert "Size" not in page
    assert "<title>A file</title>" in page
    assert "<dd>5 more times</dd>" in page


@pytest.mark.parametrize(
    "make", [lambda method: confirmation(method, OFFER, now=NOW), lambda method: refusal(method, "/")]
)
def test_head_has_the_headers_and_no_body(make: object) -> None:
    """A HEAD is answered like a GET, without the page itself."""
    assert callable(make)
    get, head = make("GET"), make("HEAD")

    assert (head.status, head.headers) == (get.status, get.headers)
    assert head.stop == 0


def test_words_of_others_stand_as_they_are() -> None:
    """A page of the app's own is sent as it is, with the address of the app in it, and may load nothing either."""
    words = "<!doctype html><html lang='de'><style>p{color:red}</style><p>Geht nicht. <a href='{app}'>Zur App</a> {x}"
    page = refusal("GET", "/a%22b/", words)
    rules = dict(page.headers)["Content-Security-Policy"]

    assert page.status == 403
    assert text(page) == words.replace("{app}", "/a%22b/")
    assert rules.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'; ")
    assert "script" not in rules
