"""Compression: made once, where it is worth it, and bounded."""

from __future__ import annotations

import gzip
import hashlib
import threading

import pytest

from secure_media.content.sources import MemorySource
from secure_media.errors import MediaChangedError
from secure_media.http.compression import Compressed, compressed, is_compressible
from secure_media.http.conditions import Conditions
from secure_media.http.representation import Presentation
from secure_media.http.serving import serve

TABLE = b"id,name\n" + b"".join(b"%d,somebody\n" % number for number in range(50_000))
NOISE = hashlib.shake_256(b"noise").digest(200_000)
ETAG = '"an-id"'


class Counting(MemorySource):
    """Bytes that know how often they were read, and are read only when they may be."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.reads = 0
        self.reading, self.go = threading.Event(), threading.Event()
        self.go.set()

    def read(self, start: int, count: int) -> bytes:
        self.reads += 1
        self.reading.set()
        assert self.go.wait(60)
        return super().read(start, count)


def test_it_is_made_once_and_gives_the_bytes_back() -> None:
    """What was compressed is the whole, much smaller, and not made again."""
    source, forms = Counting(TABLE), Compressed()
    assert not forms.is_known("a")

    made = forms.make("a", source)

    assert made is not None
    assert gzip.decompress(made.content) == TABLE
    assert made.size < len(TABLE) / 2
    reads = source.reads
    assert forms.make("a", source) is forms.find("a") is made
    assert source.reads == reads


@pytest.mark.parametrize("content", [NOISE, NOISE[:2000]])
def test_what_does_not_get_smaller_is_left_alone(content: bytes) -> None:
    """That it is not worth it is found out once, early, and remembered."""
    source, forms = Counting(content), Compressed()

    assert forms.make("a", source) is None
    assert forms.is_known("a")
    reads = source.reads
    assert forms.make("a", source) is None
    assert source.reads == reads


def test_forms_do_not_fill_the_memory() -> None:
    """However many media there are, the forms take up so much and no more; the last used stay."""
    size = len(gzip.compress(TABLE, 5))
    forms = Compressed(limit=size * 5)
    forms.make("always", MemorySource(TABLE))

    for number in range(20):
        forms.make(f"m{number}", MemorySource(TABLE))
        assert forms.find("always") is not None
        held = [made.size for made in forms._sources.values() if made is not None]
        assert sum(held) == forms._size <= size * 5

    assert not forms.is_known("m0")
    assert forms.is_known("m19")


def test_two_at_once_do_not_make_it_twice() -> None:
    """Who comes while it is being made does not wait, and gets the bytes as they are."""
    source, forms = Counting(TABLE), Compressed()
    source.go.clear()
    first = threading.Thread(target=forms.make, args=("a", source))
    first.start()
    assert source.reading.wait(60)

    assert forms.make("a", source) is None
    assert not forms.is_known("a")

    source.go.set()
    first.join()
    assert forms.find("a") is not None
    assert forms._being_made == set()


def test_bytes_that_are_gone_are_not_remembered() -> None:
    """A file that was written to meanwhile has no form; the response says so in its own way."""

    class Gone(MemorySource):
        def read(self, start: int, count: int) -> bytes:
            raise MediaChangedError("gone")

    forms = Compressed()

    assert forms.make("a", Gone(TABLE)) is None
    assert not forms.is_known("a")
    assert forms.make("a", MemorySource(TABLE)) is not None


@pytest.mark.parametrize(
    ("content_type", "size", "worth_it"),
    [
        pytest.param("text/csv; charset=utf-8", 1024, True, id="csv"),
        pytest.param("TEXT/Plain", 10_000, True, id="text-in-capitals"),
        pytest.param("application/json", 10_000, True, id="json"),
        pytest.param("application/geo+json", 10_000, True, id="a-kind-of-json"),
        pytest.param("image/svg+xml", 10_000, True, id="svg"),
        pytest.param("application/javascript", 10_000, True, id="javascript"),
        pytest.param("text/csv", 1023, False, id="small"),
        pytest.param("text/csv", 32 * 1024 * 1024 + 1, False, id="too-large"),
        pytest.param("image/png", 10_000, False, id="png"),
        pytest.param("video/mp4", 10_000, False, id="video"),
        pytest.param("application/zip", 10_000, False, id="archive"),
        pytest.param("application/octet-stream", 10_000, False, id="unknown"),
        pytest.param("application/pdf", 10_000, False, id="pdf"),
    ],
)
def test_some_types_and_sizes_are_worth_it(content_type: str, size: int, worth_it: bool) -> None:
    """Text is, however it is called; what is compressed already, or too short, or too long, is not."""
    assert is_compressible(Presentation(MemorySource(bytes(size)), ETAG, content_type)) is worth_it


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_compressed_form_is_another_representation(method: str) -> None:
    """It has its own length and validator, says what it is, and has no ranges."""
    what = Presentation(MemorySource(TABLE), ETAG, "text/csv; charset=utf-8", varies=True)
    form = MemorySource(gzip.compress(TABLE))

    plain = serve(what, method, Conditions())
    packed = serve(compressed(what, form), method, Conditions(range="bytes=0-9"))

    assert dict(plain.headers) | {
        "ETag": '"an-id-gzip"',
        "Content-Encoding": "gzip",
        "Content-Length": str(form.size),
    } == dict(packed.headers) | {"Accept-Ranges": "bytes"}
    assert (packed.status, packed.stop) == (200, form.size if method == "GET" else 0)
    assert "Accept-Ranges" not in dict(packed.headers)
    unchanged = serve(compressed(what, form), method, Conditions(if_none_match='"an-id-gzip"'))
    assert (unchanged.status, dict(unchanged.headers)["Vary"]) == (304, "Accept-Encoding")
