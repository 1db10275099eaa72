"""The types of files: one table, whatever this machine or other code has registered."""

from __future__ import annotations

import mimetypes

import pytest

from secure_media.content.types import type_of
from secure_media.http import fields


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("data.csv.gz", "application/gzip", id="csv-gz"),
        pytest.param("data.csv.bz2", "application/x-bzip2", id="csv-bz2"),
        pytest.param("data.json.xz", "application/x-xz", id="json-xz"),
        pytest.param("data.parquet.zst", "application/zstd", id="parquet-zst"),
        pytest.param("app.js.br", "application/x-brotli", id="js-br"),
        pytest.param("drawing.svgz", "application/gzip", id="svgz"),
        pytest.param("drawing.svg.gz", "application/gzip", id="svg-gz"),
        pytest.param("all.tar.gz", "application/gzip", id="tar-gz"),
        pytest.param("all.tgz", "application/gzip", id="tgz"),
        pytest.param("old.Z", "application/x-compress", id="capital-z"),
        pytest.param("segment.ts", "video/mp2t", id="ts"),
        pytest.param("table.parquet", "application/vnd.apache.parquet", id="parquet"),
        pytest.param("table.arrow", "application/vnd.apache.arrow.file", id="arrow"),
        pytest.param("table.feather", "application/vnd.apache.arrow.file", id="feather"),
        pytest.param("book.ipynb", "application/x-ipynb+json", id="ipynb"),
        pytest.param("map.geojson", "application/geo+json", id="geojson"),
        pytest.param("rows.jsonl", "application/jsonl", id="jsonl"),
        pytest.param("rows.ndjson", "application/x-ndjson", id="ndjson"),
        pytest.param("settings.toml", "application/toml", id="toml"),
        pytest.param("settings.yml", "application/yaml", id="yml"),
        pytest.param("module.wasm", "application/wasm", id="wasm"),
        pytest.param("photo.avif", "image/avif", id="avif"),
        pytest.param("photo.HEIC", "image/heic", id="heic-in-capitals"),
        pytest.param("clip.webm", "video/webm", id="webm"),
        pytest.param("song.m4a", "audio/mp4", id="m4a"),
        pytest.param("song.opus", "audio/ogg", id="opus"),
        pytest.param("scene.glb", "model/gltf-binary", id="glb"),
        pytest.param("scene.gltf", "model/gltf+json", id="gltf"),
        pytest.param("mail.msg", "application/vnd.ms-outlook", id="msg"),
        pytest.param("mail.eml", None, id="parts-with-types-of-their-own"),
        pytest.param("/a.folder/file", None, id="extension-of-the-folder"),
        pytest.param(".png", None, id="only-an-extension"),
        pytest.param("caf\udce9.png", "image/png", id="no-utf-8"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="none"),
    ],
)
def test_type_is_that_of_the_bytes_that_are_sent(name: str | None, expected: str | None) -> None:
    """The last extension says the type; what is compressed is of the type of the compressed file."""
    assert type_of(name) == expected


def test_nobody_else_changes_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine or other code tells `mimetypes` changes no type."""
    monkeypatch.setattr(mimetypes, "_db", None)
    mimetypes.add_type("text/html", ".csv")
    mimetypes.add_type("text/html", ".unheard-of")
    assert mimetypes.guess_type("a.csv")[0] == "text/html"

    assert type_of("a.csv") == "text/csv"
    assert type_of("a.unheard-of") is None


def test_every_type_in_the_table_can_be_sent() -> None:
    """No entry is one that becomes unknown bytes on its way into a header."""
    names = ("a.png", "a.csv", "a.pptx", "a.xlsb", "a.nq", "a.kml", "a.m3u8", "a.gpkg")
    kinds = [type_of(name) for name in names]

    assert None not in kinds
    assert [fields.media_type(kind).partition(";")[0] for kind in kinds] == kinds
