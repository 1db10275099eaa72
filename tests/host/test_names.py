"""Files of every name that a file system holds, over a real server: linked to, fetched, shown and saved."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_from_bytes

import pytest

from secure_media.http.urls import exact_path
from tests.host.test_links import is_refused
from tests.servers import SECRET, AppServer, Browser, Response, eventually, trail

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not take every byte in a name")

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6364f80f0000010500010fa35e0000000049454e44ae426082"
)
APP = """
import json
from pathlib import Path
import streamlit as st
import secure_media as sm

q = st.query_params
for kind, name in json.loads(q.get("link", "[]")):
    try:
        source = {"path": Path(name), "name": name, "bytes": b"packed"}[kind]
        filename = name if kind == "bytes" else None
        st.text(sm.share_link(source, expires_in=600, filename=filename))
    except sm.SecureMediaError as error:
        st.text(f"{type(error).__name__}: {error}")
if "show" in q:
    name = json.loads(q["show"])
    sm.image(f"files/{name}", expires_in=600)
    sm.image(Path("files") / name)
    sm.download_button("one", source=f"files/{name}", key="1")
    sm.download_button("two", source=Path("files") / name, key="2")
for name in q.get_all("offer"):
    sm.download_button(f"path {name}", source=Path("files") / name)
    sm.download_button(f"file {name}", (Path("files") / name).open("rb"))
    sm.download_button(f"name {name}", source=f"files/{name}")
"""

#: What is in the folder, each with its own name as its content.
NAMES = [
    b"12:30 report.csv",
    b"con.txt",
    b"logs/aux.log",
    b"notes.",
    b" draft.txt ",
    b"sub. /draft.txt",
    b"caf\xe9.txt",
    b"caf\xc3\xa9.txt",
    b"caf\xef\xbf\xbd.txt",
    b"\xff\xfe/\x80\x81.bin",
    b"cut \xe2\x82",
    b"a\\b.txt",
    b"two\nlines\r\nSet-Cookie: a=b.txt",
    b"\x01\x1b[31mred\x7f\t.txt",
    "a\u2028b\x85\u202egpj.txt".encode(),
    "\ue000\U0001f512/\u05e9\u05dc.csv".encode(),
    b"100%25 of %50.txt",
    b"what?#&;+=%2F..txt",
    b"x" * 255,
    ("日" * 85).encode(),
]

#: Names whose types machines do not agree on, and what is sent for them.
TYPES = {
    "data.csv.gz": "application/gzip",
    "drawing.svgz": "application/gzip",
    "segment.ts": "video/mp2t",
    "rows.jsonl": "application/jsonl",
    "table.parquet": "application/vnd.apache.parquet",
    "model.glb": "model/gltf-binary",
}


def put(folder: Path, name: bytes, content: bytes) -> None:
    """Write a file whose name is these bytes."""
    path = os.path.join(os.fsencode(folder), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve a folder of odd names and a data cache, below a base path."""
    folder = tmp_path_factory.mktemp("names")
    for name in NAMES:
        put(folder / "files", name, name)
    put(folder / "files", b"caf\xe9: 1.png", PIXEL)
    put(folder / "files", b".hidden", b"hidden")
    for packed in TYPES:
        put(folder / "files", packed.encode(), b"packed")
    put(folder / "cache", b"blobs/abc", b"a blob")
    put(folder, b"outside.txt", b"outside")
    (folder / "cache/snapshots/main").mkdir(parents=True)
    for link, target in (("model.json", "../../blobs/abc"), ("out.json", "../../../outside.txt"), ("gone", "nothing")):
        (folder / "cache/snapshots/main" / link).symlink_to(target)
    (folder / "files/link.txt").symlink_to("con.txt")
    collections = "{'files': 'files', 'cache': Collection('cache', follow_symlinks=True)}"
    head = (
        "from secure_media import Collection, secure_run\n"
        f"secure_run(__file__, secret={SECRET!r}, audit_log='audit.jsonl', collections={collections})\n"
    )
    options = {"server.baseUrlPath": "some/app"}
    with AppServer(head + APP, guarded=False, folder=folder, options=options) as server:
        yield server
        assert "Traceback" not in server.log


def links(server: AppServer, *asked: tuple[str, str]) -> list[str]:
    """Return what the script says to these sources, the origin left out."""
    with Browser(server).open(query=f"link={quote(json.dumps(asked))}") as tab:
        assert tab.exceptions() == []
        return [text.removeprefix(server.origin) for text in tab.texts()]


def fetch(server: AppServer, link: str) -> Response:
    """Fetch a link, base path included, as somebody who has nothing else."""
    return server.request("GET", link)


def test_file_of_any_name_is_linked_to_and_fetched(server: AppServer) -> None:
    """A link by name, by path or to the folder leads to the very file, byte for byte, with headers of one line each."""
    names = [os.fsdecode(name) for name in NAMES]
    made = links(server, ("name", "files/"), *((kind, f"files/{name}") for name in names for kind in ("name", "path")))
    folder, pairs = made[0], made[1:]

    for number, name in enumerate(NAMES):
        for link in (*pairs[2 * number : 2 * number + 2], folder + quote_from_bytes(name)):
            answer = fetch(server, link)
            assert (answer.status, answer.body) == (200, name), link
            assert "set-cookie" not in answer.headers
            assert answer.headers["content-disposition"].isprintable()


def test_name_is_no_other_files_name(server: AppServer) -> None:
    """The character that stands for lost bytes names no file with such bytes, and no file stands for its neighbour."""
    (folder,) = links(server, ("name", "files/"))
    assert fetch(server, f"{folder}caf%E9.txt").body == b"caf\xe9.txt"
    assert fetch(server, f"{folder}caf%C3%A9.txt").body == "café.txt".encode()
    assert fetch(server, f"{folder}caf%EF%BF%BD.txt").body == b"caf\xef\xbf\xbd.txt"

    assert fetch(server, f"{folder}caf%E8.txt").status == 404
    assert fetch(server, f"{folder}caf%ED%B3%A9.txt").status == 404
    assert fetch(server, f"{folder}con.txt%0A").status == 404
    assert fetch(server, f"{folder}con.txt%00").status == 403
    assert fetch(server, f"{folder}sub.%20/../con.txt").status == 403
    assert fetch(server, f"{folder}%FF%FE/%2e%2e/con.txt").status == 403


def test_link_to_one_odd_name_opens_no_other(server: AppServer) -> None:
    """A token for a name with lost bytes is one for that name alone."""
    (link,) = links(server, ("name", "files/caf\udce9.txt"))
    assert fetch(server, link).body == b"caf\xe9.txt"

    for other in ("caf%C3%A9.txt", "caf%EF%BF%BD.txt", "caf%E8.txt", "con.txt"):
        assert is_refused(fetch(server, link.replace("caf%E9.txt", other)))


def test_odd_names_are_whole_lines_of_the_audit_log(server: AppServer) -> None:
    """A line break in a name does not begin another line of the log."""
    (link,) = links(server, ("name", "files/two\nlines\r\nSet-Cookie: a=b.txt"))
    assert fetch(server, link).status == 200

    name = "file/files/two\nlines\r\nSet-Cookie: a=b.txt"
    eventually(lambda: any(event["resource"] == name for event in trail(server.folder)), "an event of that name")


def test_elements_show_and_offer_files_of_odd_names(server: AppServer) -> None:
    """A picture and a download with such a name, of a collection or by path, are shown and saved."""
    browser = Browser(server)
    with browser.open(query=f"show={quote(json.dumps(os.fsdecode(b'caf' + bytes([0xE9]) + b': 1.png')))}") as tab:
        assert tab.exceptions() == []
        answers = [browser.get(url) for url in tab.urls()]

    assert len(answers) >= 3
    assert {(answer.status, answer.body) for answer in answers} == {(200, PIXEL)}
    assert {answer.headers["content-type"] for answer in answers} == {"image/png"}
    saved = {answer.headers.get("content-disposition") for answer in answers} - {None}
    assert saved == {'attachment; filename="caf_: 1.png"'}


def test_link_in_a_cache_is_served_under_its_own_name(server: AppServer) -> None:
    """Where the collection follows links, a path in a data cache becomes a link with that file's name and type."""
    by_name, by_path, folder = links(
        server,
        ("name", "cache/snapshots/main/model.json"),
        ("path", "cache/snapshots/main/model.json"),
        ("name", "cache/"),
    )

    for link in (by_name, by_path, f"{folder}snapshots/main/model.json"):
        answer = fetch(server, link)
        assert (answer.status, answer.body) == (200, b"a blob")
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["content-disposition"] == 'inline; filename="model.json"'
    for name in ("out.json", "gone"):
        assert fetch(server, f"{folder}snapshots/main/{name}").status == 404


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        pytest.param("path", "files/link.txt", "follow_symlinks=True", id="link"),
        pytest.param("name", "files/link.txt", "follow_symlinks=True", id="link-by-name"),
        pytest.param("path", "cache/snapshots/main/out.json", "leads out", id="link-out"),
        pytest.param("path", "cache/snapshots/main/gone", "nothing is stored", id="link-to-nowhere"),
        pytest.param("path", "files/.hidden", "hidden files", id="hidden"),
        pytest.param("name", "files/.hidden", "hidden files", id="hidden-by-name"),
        pytest.param("path", "outside.txt", "none of the collections ('files', 'cache')", id="outside"),
        pytest.param("path", "files/logs", "that is a folder", id="folder"),
        pytest.param("path", "files/absent", "No such file", id="absent"),
        pytest.param("name", "files/../outside.txt", "'..'", id="up"),
        pytest.param("name", "files/" + "x" * 300, "longer than the file system takes", id="long-part"),
        pytest.param("name", "files/" + "x/" * 600 + "x", "at most 1024", id="long-key"),
        pytest.param("name", "flies/con.txt", "did you mean 'files'?", id="mistyped-collection"),
        pytest.param("name", "con.txt", "pass a pathlib.Path", id="no-collection"),
    ],
)
def test_what_cannot_be_linked_to_is_refused_for_its_true_reason(
    server: AppServer, kind: str, name: str, reason: str
) -> None:
    """Nobody is sent round in a circle: what is wrong with that file is what is said, without a path of the server."""
    (said,) = links(server, (kind, name))

    assert said.startswith("GrantError: source: ")
    assert reason in said
    assert str(server.folder) not in said


def test_type_is_the_same_for_every_kind_of_source(server: AppServer) -> None:
    """Bytes, a path, an open file and a file of a collection with one name are of one type, that of the bytes sent."""
    made = links(
        server, *((kind, prefix + name) for name in TYPES for kind, prefix in (("bytes", ""), ("name", "files/")))
    )
    for number, expected in enumerate(TYPES.values()):
        for link in made[2 * number : 2 * number + 2]:
            answer = fetch(server, link)
            assert (answer.body, answer.headers["content-type"]) == (b"packed", expected)
            assert "content-encoding" not in answer.headers

    browser = Browser(server)
    with browser.open(query="&".join(f"offer={name}" for name in TYPES)) as tab:
        assert tab.exceptions() == []
        buttons = {element.label: element.url for element in tab.elements("download_button")}
        found = {label: browser.get(url).headers["content-type"] for label, url in buttons.items()}

    assert found == {f"{kind} {name}": TYPES[name] for name in TYPES for kind in ("path", "file", "name")}


# The path of a request


@pytest.mark.parametrize(
    ("path", "raw", "expected"),
    [
        pytest.param("/f/a.txt", b"", "/f/a.txt", id="nothing-lost"),
        pytest.param("/f/\u00e9", b"/f/%C3%A9", "/f/\u00e9", id="utf-8"),
        pytest.param("/f/\ufffd", b"/f/%FF", "/f/\udcff", id="lost-byte"),
        pytest.param("/f/\ufffd", b"/f/%EF%BF%BD", "/f/\ufffd", id="the-character-itself"),
        pytest.param("/f/\ufffd.txt", b"/f/%E2%82.txt", "/f/\udce2\udc82.txt", id="two-bytes-lost-as-one"),
        pytest.param("/f/\ufffd", b"/app/f/%FF", "/f/\udcff", id="mounted"),
        pytest.param("/f/\ufffd", b"/f/%FF?a=b/c", "/f/\udcff", id="with-a-query"),
        pytest.param("/f/\ufffd", b"", "", id="not-told"),
        pytest.param("/f/\ufffd", b"/g/%FF", "", id="another-path"),
        pytest.param("/f/\ufffd", b"/f/%FF/x", "", id="another-end"),
        pytest.param("/f/\ufffd", b"%FF", "", id="too-short"),
        pytest.param("//\ufffd", b"/%FF", "", id="one-slash-less"),
        pytest.param("/f/\ufffd", b"/f%2F%FF", "/f/\udcff", id="encoded-slash-as-the-server-has-it"),
    ],
)
def test_lost_bytes_are_found_again_or_there_is_no_path(path: str, raw: bytes, expected: str) -> None:
    """What the server could not decode is taken from the raw path, if that is the same path in all else."""
    assert exact_path(path, raw) == expected
