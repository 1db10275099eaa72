"""Content codings: who gets a medium as it is and who its gzip form, under which validator, and what that costs."""

from __future__ import annotations

import gzip
import random
import threading
from typing import Any

import pytest

from secure_media.content.turns import Turns
from secure_media.core.model import Action
from secure_media.gate import media
from tests.gate.worlds import Answer, World
from tests.servers import eventually

TABLE = b"a,b,c\n1,2,3\n" * 500
#: Text that does not get smaller.
DENSE = random.Random(1).randbytes(2000)
FETCH = {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(autouse=True)
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    """Return the threads that compress: of each test its own, since one of the test before may not be through yet."""
    turns = Turns(2, "test.compression", most_waiting=0)
    monkeypatch.setattr(media, "COMPRESSING", turns)
    return turns


class Table:
    """A table that a page shows, and who asks for it with her cookie."""

    def __init__(self, content: bytes = TABLE, kind: str = "text/csv", name: str | None = None) -> None:
        self.world = World()
        self.path = self.world.show("anna", "anna-session", content, kind, name)

    def ask(self, accepts: str | list[str] | None = "gzip", method: str = "GET", **headers: str) -> Answer:
        """Ask for it."""
        lines: dict[str, str | list[str]] = {name.replace("_", "-"): value for name, value in headers.items()}
        if accepts is not None:
            lines["Accept-Encoding"] = accepts
        return self.world.ask(self.path, {"Cookie": self.world.cookie(), **lines}, method)


def is_plain(answer: Answer, content: bytes = TABLE, *, varies: bool = True) -> bool:
    """Return whether it is the whole as it is; and whether a cache is told that others get it otherwise."""
    assert answer.header("Vary") == ("Accept-Encoding" if varies else None)
    return (answer.said, answer.header("Content-Encoding")) == ((200, content), None)


def is_compressed(answer: Answer, content: bytes = TABLE) -> bool:
    """Return whether it is the gzip form."""
    if answer.header("Content-Encoding") != "gzip":
        return False
    assert answer.header("Vary") == "Accept-Encoding"
    assert answer.header("Content-Length") == str(len(answer.body))
    assert len(answer.body) < len(content)
    return (answer.status, gzip.decompress(answer.body)) == (200, content)


@pytest.mark.parametrize(
    ("accepts", "compressed"),
    [
        pytest.param("gzip", True, id="gzip"),
        pytest.param("br, gzip;q=0.5", True, id="list"),
        pytest.param(["br", "gzip"], True, id="two-headers"),
        pytest.param(["gzip", "br"], True, id="two-headers-first"),
        pytest.param("*", True, id="any"),
        pytest.param("gzip;q=0", False, id="not-gzip"),
        pytest.param("br", False, id="another"),
        pytest.param("", False, id="none"),
        pytest.param(None, False, id="nothing-said"),
    ],
)
def test_who_takes_gzip_gets_it(accepts: Any, compressed: bool) -> None:
    """Each time the same: as it is made, and when it is known. Whoever does not take it gets the bytes as they are."""
    table = Table()
    found = [table.ask(accepts) for _ in range(3)]

    assert (is_compressed if compressed else is_plain)(found[0])
    assert found[1:] == found[:1] * 2
    assert is_plain(table.ask("identity"))
    assert is_compressed(table.ask("gzip"))


def test_two_forms_have_two_validators() -> None:
    """A player that has a part of the one must not get the rest of the other."""
    table = Table()
    plain, compressed = table.ask("identity"), table.ask("gzip")

    assert compressed.header("ETag") == (plain.header("ETag") or "")[:-1] + '-gzip"'
    assert plain.header("Accept-Ranges") == "bytes"
    assert compressed.header("Accept-Ranges") is None


@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
def test_part_is_of_the_bytes_as_they_are(known: bool) -> None:
    """Nothing is compressed for a range, and none is cut out of what was compressed."""
    table = Table()
    if known:
        assert is_compressed(table.ask())

    answer = table.ask(Range="bytes=3-9")
    assert answer.said == (206, TABLE[3:10])
    assert answer.header("Content-Encoding") is None
    assert answer.header("Vary") == "Accept-Encoding"
    assert table.ask(Range="lines=1-2").said == (200, TABLE)


@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
@pytest.mark.parametrize("ending", ['"', '-gzip"'], ids=["plain", "compressed"])
def test_who_has_either_form_need_not_get_it_again(known: bool, ending: str) -> None:
    """Which it has shows by its validator, which comes back; also where the form has to be made anew for others."""
    table = Table()
    if known:
        assert is_compressed(table.ask())
    etag = (table.ask("identity").header("ETag") or "")[:-1] + ending

    answer = table.ask(If_None_Match=etag)
    assert answer.said == (304, b"")
    assert answer.header("ETag") == etag
    assert answer.header("Vary") == "Accept-Encoding"
    assert is_compressed(table.ask(If_None_Match='"of another state"'))


def test_validator_of_the_gzip_form_is_known_to_those_only_who_take_it() -> None:
    """Who cannot read it any more gets the bytes."""
    table = Table()
    etag = table.ask().header("ETag") or ""

    assert is_plain(table.ask(None, If_None_Match=etag))


@pytest.mark.parametrize(
    ("kind", "content", "varies", "compressed"),
    [
        pytest.param("text/csv", TABLE, True, True, id="table"),
        pytest.param("application/json; charset=utf-8", TABLE, True, True, id="parameter"),
        pytest.param("image/svg+xml", TABLE, True, True, id="drawing"),
        pytest.param("image/png", TABLE, False, False, id="picture"),
        pytest.param("text/csv", TABLE[:1000], False, False, id="short"),
        pytest.param("text/csv", DENSE, True, False, id="dense"),
    ],
)
def test_only_what_gets_smaller_is_compressed(kind: str, content: bytes, varies: bool, compressed: bool) -> None:
    """Of what is not worth it by its type or size, nobody is told that others get it otherwise."""
    table = Table(content, kind)
    for _ in range(2):
        answer = table.ask()
        assert is_compressed(answer, content) if compressed else is_plain(answer, content, varies=varies)


@pytest.mark.parametrize(
    ("terms", "compressed"),
    [
        pytest.param({}, True, id="plain"),
        pytest.param({"jti": "j"}, True, id="revocable"),
        pytest.param({"content_type": "image/png"}, False, id="as-a-picture"),
        pytest.param({"jti": "j", "max_uses": 5}, False, id="counted"),
    ],
)
def test_link_whose_uses_are_counted_delivers_the_bytes_as_they_are(terms: dict[str, Any], compressed: bool) -> None:
    """Uses are counted by them. Any other link gives either form, by the type that it presents the medium as."""
    table = Table()
    for _ in range(2):
        answer = table.world.ask(table.world.link(table.path, **terms), {"Accept-Encoding": "gzip"})
        assert is_compressed(answer) if compressed else is_plain(answer, varies=False)
        assert is_compressed(table.ask())


@pytest.mark.parametrize(
    ("name", "headers", "compressed"),
    [
        pytest.param("table.csv", FETCH, False, id="check"),
        pytest.param("table.csv", {**FETCH, "Sec-Fetch-Mode": "navigate"}, True, id="click"),
        pytest.param("table.csv", {**FETCH, "Sec-Fetch-Dest": "document"}, True, id="tab"),
        pytest.param("table.csv", {}, True, id="program"),
        pytest.param(None, FETCH, True, id="shown"),
    ],
)
def test_nothing_is_compressed_for_a_check_of_the_page(
    name: str | None, headers: dict[str, str], compressed: bool
) -> None:
    """Streamlit's page asks whether a download is there and reads nothing: that is no reason to make anything."""
    table = Table(name=name)

    assert (is_compressed if compressed else is_plain)(table.ask(**headers))
    assert is_compressed(table.ask())
    assert is_compressed(table.ask(**headers))


def test_who_comes_while_others_compress_does_not_wait(turns: Turns) -> None:
    """Where no thread is free for it, the bytes are sent as they are; later, the gzip form. A look needs no thread."""
    table, go_on = Table(), threading.Event()
    etag = (table.ask("identity").header("ETag") or "")[:-1] + '-gzip"'
    others = [turns.submit(number, lambda: go_on.wait(60)) for number in range(2)]
    try:
        assert is_plain(table.ask())
        assert table.ask(If_None_Match=etag).said == (304, b"")
    finally:
        go_on.set()
    assert [each.result(60) for each in others] == [True, True]
    eventually(lambda: is_compressed(table.ask()), "a thread that is free")


def test_download_of_a_view_is_compressed_as_well() -> None:
    """The name to save it under changes nothing of the bytes."""
    table = Table()
    link = table.world.link(table.path, Action.DOWNLOAD, filename="table.csv")
    answer = table.world.ask(link, {"Accept-Encoding": "gzip"})

    assert is_compressed(answer)
    assert "table.csv" in (answer.header("Content-Disposition") or "")
    assert is_plain(table.ask(None))
