"""Offloading: what is left to nginx or to a store, under which headers, and which settings cannot mean that."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from secure_media.content.remote import RemoteSource
from secure_media.errors import ConfigurationError, StoreUnavailableError
from secure_media.gate.offload import offload
from secure_media.http import responses, serving
from secure_media.http.conditions import Conditions
from secure_media.http.representation import Presentation
from secure_media.stores.collections import Collection, Collections

CONTENT = b"0123456789"
METHODS = [pytest.param("GET", id="get"), pytest.param("HEAD", id="head")]
#: What nginx answers for itself.
VALIDATORS = {"Accept-Ranges", "Content-Length", "ETag", "Last-Modified"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a directory with a file in it."""
    (tmp_path / "film.mp4").write_bytes(CONTENT)
    return tmp_path


def _offloaded(folder: Path, key: str, method: str = "GET", **presented: Any) -> responses.Response | None:
    stored = Collections({"c": Collection(folder, offload="/internal/reports/")}).open(f"c/{key}")
    return offload(stored, replace(Presentation.of(stored), **presented), method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("save_as", [pytest.param(None, id="shown"), pytest.param("größe.mp4", id="saved")])
def test_response_for_nginx_has_our_headers_and_no_body(folder: Path, method: str, save_as: str | None) -> None:
    """Everything but what concerns the bytes themselves is as in a direct response; where they are is new."""
    presented = Presentation.of(Collections({"c": folder}).open("c/film.mp4"))
    direct = serving.serve(replace(presented, save_as=save_as), method, Conditions())

    handed_over = _offloaded(folder, "film.mp4", method, save_as=save_as)

    assert handed_over is not None
    assert (handed_over.status, handed_over.source) == (200, None)
    headers = dict(handed_over.headers)
    assert headers.pop("X-Accel-Redirect") == "/internal/reports/film.mp4"
    assert headers.pop("Content-Length") == "0"
    assert headers == {name: value for name, value in direct.headers if name not in VALIDATORS}
    assert ("Content-Disposition" in headers) is ("Content-Disposition" in dict(direct.headers))


@pytest.mark.parametrize(
    ("key", "location"),
    [
        pytest.param("a b/c.txt", "a%20b/c.txt", id="space-and-folder"),
        pytest.param("ö.txt", "%C3%B6.txt", id="not-ascii"),
        pytest.param("100%25.txt", "100%2525.txt", id="percent"),
        pytest.param("a?b=c.txt", "a%3Fb%3Dc.txt", id="question-mark"),
        pytest.param("#1.txt", "%231.txt", id="fragment"),
        pytest.param("a..b.txt", "a..b.txt", id="dots"),
        pytest.param("@named.txt", "%40named.txt", id="at"),
    ],
)
def test_location_is_encoded(tmp_path: Path, key: str, location: str) -> None:
    """A key stands percent-encoded in the header, since nginx decodes it once."""
    path = tmp_path / key
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(CONTENT)

    handed_over = _offloaded(tmp_path, key)

    assert handed_over is not None
    assert dict(handed_over.headers)["X-Accel-Redirect"] == f"/internal/reports/{location}"


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param("text/html; charset=utf-8", id="html"),
        pytest.param("Application/XHTML+xml", id="xhtml"),
        pytest.param("image/svg+xml", id="svg"),
        pytest.param("text/xml", id="xml"),
        pytest.param("application/xml ; a=b", id="xml-with-parameter"),
        pytest.param("text/xsl", id="xsl"),
        pytest.param("application/mathml+xml", id="mathml"),
    ],
)
def test_documents_are_not_left_to_nginx(folder: Path, content_type: str) -> None:
    """What might run scripts is sent from here, where its sandbox is certain."""
    assert _offloaded(folder, "film.mp4", content_type="application/pdf") is not None

    assert _offloaded(folder, "film.mp4", content_type=content_type) is None


def test_collection_without_offload_is_served_from_here(folder: Path) -> None:
    """Unless it is asked for, nobody else sends anything."""
    stored = Collections({"c": folder}).open("c/film.mp4")

    assert offload(stored, Presentation.of(stored), "GET") is None


# --- what the settings may be


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("/internal/", id="one-part"),
        pytest.param("/internal/reports-2_a.b~c/", id="signs"),
    ],
)
def test_location_may_be(folder: Path, location: str) -> None:
    """An internal location is a path that begins and ends with a slash."""
    stored = Collections({"c": Collection(folder, offload=location)}).open("c/film.mp4")

    assert stored.internal == f"{location}film.mp4"


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("", id="empty"),
        pytest.param("/", id="the-app-itself"),
        pytest.param("internal/", id="no-slash-in-front"),
        pytest.param("/internal", id="no-slash-at-the-end"),
        pytest.param("//internal/", id="two-slashes"),
        pytest.param("/a/../internal/", id="up"),
        pytest.param("/./internal/", id="here"),
        pytest.param("/internal/\n", id="line-end"),
        pytest.param("/int ernal/", id="space"),
        pytest.param("/internal?a=/", id="query"),
        pytest.param("/%69nternal/", id="encoded"),
        pytest.param("@internal/", id="named-location"),
        pytest.param("redirect", id="for-object-stores"),
        pytest.param("https://127.0.0.1/internal/", id="url"),
        pytest.param(True, id="true"),
        pytest.param(b"/internal/", id="bytes"),
    ],
)
def test_location_may_not_be(folder: Path, location: Any) -> None:
    """Anything else is refused at the start, with the collection's name and how it is written."""
    with pytest.raises(ConfigurationError, match=re.escape("collections['c']: offload=")) as caught:
        Collections({"c": Collection(folder, offload=location)})

    assert "/internal/reports/" in str(caught.value)


def test_store_cannot_be_left_to_nginx() -> None:
    """A location is for directories, and an error for an object store."""
    pytest.importorskip("fsspec")

    with pytest.raises(ConfigurationError, match="use 'redirect'"):
        Collections({"c": Collection("memory://box/root", offload="/internal/reports/")})


def test_store_without_presigned_urls_is_refused() -> None:
    """Where no URL can be made, the start says so."""
    pytest.importorskip("fsspec")

    with pytest.raises(ConfigurationError, match="offload='redirect' needs a store that knows presigned URLs"):
        Collections({"c": Collection("memory://box/root", offload="redirect")})


def test_offload_shows_in_the_repr() -> None:
    """Who looks at a collection sees that its files are sent by somebody else."""
    assert repr(Collection("films", offload="/internal/")) == "Collection('films', policy=None, offload='/internal/')"


# --- presigned URLs


class Store:
    """A store in memory that signs as a test says."""

    async_impl = False
    protocol: Any = ("s3", "s3a")

    def __init__(self, sign: Callable[..., Any]) -> None:
        self.sign = sign

    @staticmethod
    def _strip_protocol(path: str) -> str:
        return path

    def invalidate_cache(self) -> None:
        """Have no cache."""

    def info(self, path: str) -> dict[str, Any]:
        """Tell of the object."""
        return {"name": path, "type": "file", "size": 10, "ETag": "1"}

    def presign(self, disposition: str | None = None) -> str:
        """Return what a source in this store makes of `sign`."""
        source = RemoteSource(lambda: self, "bucket/film.mp4", collection="films")
        return source.presign("video/mp4", disposition)


@pytest.mark.parametrize(
    ("protocol", "disposition", "expected"),
    [
        pytest.param(("s3", "s3a"), None, {"ResponseContentType": "video/mp4"}, id="s3"),
        pytest.param(
            ("s3", "s3a"),
            "attachment",
            {"ResponseContentType": "video/mp4", "ResponseContentDisposition": "attachment"},
            id="s3-saved",
        ),
        pytest.param(
            ("gs", "gcs"), "attachment", {"response_type": "video/mp4", "response_disposition": "attachment"}, id="gcs"
        ),
        pytest.param("abfs", "attachment", {}, id="one-that-cannot-be-told"),
    ],
)
def test_store_is_told_what_it_understands(protocol: Any, disposition: str | None, expected: dict[str, str]) -> None:
    """A URL is made for a minute, with the type and the name where the store has words for them."""
    asked: dict[str, Any] = {}

    def sign(path: str, **arguments: Any) -> str:
        asked.update(path=path, **arguments)
        return "https://store/bucket/film.mp4?Signature=x"

    store = Store(sign)
    store.protocol = protocol

    assert store.presign(disposition) == "https://store/bucket/film.mp4?Signature=x"
    assert asked == {"path": "bucket/film.mp4", "expiration": 60, **expected}


def _raise(error: Exception) -> Any:
    raise error


@pytest.mark.parametrize(
    "sign",
    [
        pytest.param(lambda path, **_: _raise(NotImplementedError("a-secret")), id="not-implemented"),
        pytest.param(lambda path, **_: _raise(PermissionError("a-secret")), id="no-key"),
        pytest.param(lambda path, **_: "https://a-secret/\r\nSet-Cookie: a=b", id="line-end"),
        pytest.param(lambda path, **_: "/a-secret", id="path"),
        pytest.param(lambda path, **_: "javascript:a-secret", id="script"),
        pytest.param(lambda path, **_: "https://a-secret/größe", id="not-ascii"),
        pytest.param(lambda path, **_: None, id="none"),
    ],
)
def test_store_that_makes_no_url_is_unavailable(sign: Callable[..., Any]) -> None:
    """Whatever else comes of signing becomes one error, without the store's own words."""
    assert Store(lambda path, **_: "http://store/x").presign() == "http://store/x"

    with pytest.raises(StoreUnavailableError) as caught:
        Store(sign).presign()

    assert "'films'" in str(caught.value)
    assert "a-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("method", "sent"), [pytest.param("GET", 302, id="get"), pytest.param("HEAD", None, id="head")]
)
def test_redirect_is_for_get_and_kept_by_nobody(folder: Path, method: str, sent: int | None) -> None:
    """A presigned URL is good for one method, and nobody may keep where it leads."""
    asked: list[Any] = []

    def presign(*of: Any) -> str:
        asked.append(of)
        return "https://store/film?Signature=x"

    stored = replace(Collections({"c": folder}).open("c/film.mp4"), presign=presign)
    saved = replace(Presentation.of(stored), content_type="video/x", save_as="film.mp4")

    response = offload(stored, saved, method)

    direct = dict(serving.serve(saved, method, Conditions()).headers)
    assert asked == ([("video/x", direct["Content-Disposition"])] if sent else [])
    assert direct["Content-Disposition"].startswith("attachment")
    assert (None if response is None else response.status) == sent
    if response is not None:
        headers = dict(response.headers)
        assert headers["Location"] == "https://store/film?Signature=x"
        assert headers["Cache-Control"] == "private, no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Content-Length"] == "0"
        assert set(responses.no_content().headers) < set(response.headers)
        assert response.source is None
