"""
Files of any size: in little memory, from any position on, to clients of any pace, and while they change on the disk.

Over a real server. What its process takes up is read from ``/proc``, so those tests need Linux.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.servers import SECRET, TIMEOUT, AppServer, Browser, eventually

MIB = 1024 * 1024

APP = """
import streamlit as st
import secure_media as sm
for name in st.query_params.get_all("share"):
    st.text(sm.share_link(name, expires_in=3600))
"""

#: What the file of the table contains: several chunks, and a bit.
TABLE = random.Random("table").randbytes(600_001)
SIZE = len(TABLE)
#: When that file was written to last.
MODIFIED = 1_704_190_830
THE_DAY_BEFORE, THEN, THE_DAY_AFTER = (f"{day} Jan 2024 10:20:30 GMT" for day in ("Mon, 01", "Tue, 02", "Wed, 03"))
LETTER = b"a short letter\n"
HIDDEN = b"nobody may see this"

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve a folder with everything in it that can be in a folder."""
    folder = tmp_path_factory.mktemp("files")
    files = folder / "files"
    (files / "talk").mkdir(parents=True)
    (files / "letter.txt").write_bytes(LETTER)
    (files / "table.bin").write_bytes(TABLE)
    os.utime(files / "table.bin", (MODIFIED, MODIFIED))
    for name in ("talk/index.html", ".hidden", "talk/.hidden"):
        (files / name).write_bytes(HIDDEN)
    (folder / "outside.txt").write_bytes(HIDDEN)
    (files / "dangling").symlink_to("nowhere")
    (files / "outside").symlink_to(folder / "outside.txt")
    (files / "inside").symlink_to("talk/index.html")
    (files / "around").symlink_to("talk", target_is_directory=True)
    os.mkfifo(files / "fifo")
    # 300 MB for many at once; 64 MB are still more than what fits into the buffers of two operating systems.
    write_random(files / "large.bin", 300 * MIB)
    write_random(files / "slow.bin", 64 * MIB)
    arguments = f"secret={SECRET!r}, collections={{'files': 'files'}}"
    # What a forked process takes up says little of what a server does: it has its parent's heap.
    with AppServer(APP, run_arguments=arguments, folder=folder, afresh=True) as server:
        yield server
    for name in ("large.bin", "slow.bin"):
        (files / name).unlink()


@pytest.fixture(scope="module")
def folder_link(server: AppServer) -> str:
    """Return a link to all of the files."""
    return share(server, "files/")


# --- in little memory


@linux
def test_large_file_reaches_eight_clients_in_little_memory(server: AppServer) -> None:
    """Eight clients get 300 MB each at the same time, byte for byte, and the server grows by less than 48 MiB."""
    link, wanted = share(server, "files/large.bin"), digest_of(server.folder / "files" / "large.bin")

    def fetch(_: int) -> str:
        with Transfer(server, link) as transfer:
            return digest(transfer)

    before = reset_peak(server)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(fetch, range(8))) == [wanted] * 8
    assert memory(server, "VmHWM") - before <= 48 * MIB


@linux
def test_slow_readers_hold_little_memory_and_stop_nobody(server: AppServer) -> None:
    """Fifty clients that stop reading hold less than 1 MiB each; the next one is served, and they can still go on."""
    link, letter = share(server, "files/slow.bin"), share(server, "files/letter.txt")
    begun, path = [], server.folder / "files" / "slow.bin"
    before = reset_peak(server)
    with ExitStack() as stack:
        for _ in range(50):
            begun.append(stack.enter_context(Transfer(server, link, slow=True)))
        for transfer in begun:
            transfer.sip(3)
        wait_until_it_reads_nothing(server)
        assert memory(server, "VmHWM") - before <= 50 * MIB
        assert server.request("GET", letter).body == LETTER
        assert digest(begun[7]) == digest_of(path)


@linux
def test_two_hundred_connections_that_do_nothing_stop_nobody(server: AppServer) -> None:
    """With 200 connections open that say nothing, not all, or do not listen, others get page, media and files."""
    link, letter = share(server, "files/slow.bin"), share(server, "files/letter.txt")
    with ExitStack() as stack:
        idle = []
        for number in range(150):
            idle.append(stack.enter_context(socket.create_connection(("127.0.0.1", server.port), TIMEOUT)))
            if number % 2:
                idle[-1].sendall(f"GET {letter} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode())
        slow = [stack.enter_context(Transfer(server, link, slow=True)) for _ in range(50)]
        for transfer in slow:
            transfer.sip(1)
        everyone = [*idle, *(transfer.sock for transfer in slow)]

        assert server.request("GET", letter).body == LETTER
        assert share(server, "files/letter.txt").startswith("/secure-media/")
        with Transfer(server, share(server, "files/large.bin")) as large:
            assert digest(large) == digest_of(server.folder / "files" / "large.bin")

        assert len(everyone) == 200
        assert {is_open(sock) for sock in everyone} == {True}
        idle[1].sendall(b"Connection: close\r\n\r\n")
        assert b"".join(iter(lambda: idle[1].recv(65536), b"")).endswith(LETTER)


# --- what breaks off


def test_curl_resumes_a_transfer_that_broke_off(server: AppServer, tmp_path: Path) -> None:
    """`curl -C -` fetches the rest of a download that was cut, and the file is whole."""
    curl = shutil.which("curl")
    if curl is None:
        message = "curl is not installed. On Debian: apt-get install curl"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    url, saved = server.origin + share(server, "files/large.bin"), tmp_path / "saved.bin"
    fetch = [curl, "--silent", "--show-error", "--fail", "--output", str(saved)]
    # Slow enough that it cannot be over before it is stopped.
    with subprocess.Popen([*fetch, "--limit-rate", "20M", url]) as first:
        eventually(lambda: saved.exists() and saved.stat().st_size > MIB, "the first MiB")
        first.kill()
    begun = saved.stat().st_size
    assert MIB < begun < 300 * MIB

    whole = [*fetch, "--continue-at", "-", "--write-out", "%{response_code} %{size_download}", url]
    said = subprocess.run(whole, check=True, capture_output=True, text=True, timeout=TIMEOUT).stdout

    assert said == f"206 {300 * MIB - begun}"
    assert digest_of(saved) == digest_of(server.folder / "files" / "large.bin")
    saved.unlink()


def append(path: Path) -> None:
    """Let the file grow."""
    with path.open("ab") as file:
        file.write(HIDDEN * MIB)


def shrink(path: Path) -> None:
    """Cut the second half off."""
    os.truncate(path, path.stat().st_size // 2)


def overwrite(path: Path) -> None:
    """Put other bytes where the end was."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(HIDDEN * MIB)


def replace(path: Path) -> None:
    """Put another file in its place."""
    other = path.with_name("other.bin")
    other.write_bytes(HIDDEN * MIB)
    other.replace(path)


@pytest.mark.parametrize(
    ("change", "is_cut", "status"),
    [
        pytest.param(append, True, 200, id="grows"),
        pytest.param(shrink, True, 200, id="shrinks"),
        pytest.param(overwrite, True, 200, id="is overwritten"),
        pytest.param(replace, False, 200, id="is replaced"),
        pytest.param(Path.unlink, False, 404, id="vanishes"),
    ],
)
def test_file_that_changes_during_its_transfer(
    server: AppServer, folder_link: str, change: Callable[[Path], None], is_cut: bool, status: int
) -> None:
    """Whoever fetches it gets the file that they asked for, or a transfer that breaks off; never bytes of another."""
    content, path = random.Random("changing").randbytes(48 * MIB), server.folder / "files" / "changing.bin"
    path.write_bytes(content)
    try:
        with Transfer(server, f"{folder_link}changing.bin", slow=True) as transfer:
            transfer.sip(1)
            assert (transfer.status, transfer.headers["content-length"]) == (200, str(len(content)))
            change(path)
            received = b"".join(transfer)
        is_a_beginning = content.startswith(received)
        assert is_a_beginning
        assert (len(received) < len(content)) == is_cut
        assert server.request("HEAD", f"{folder_link}changing.bin").status == status
    finally:
        path.unlink(missing_ok=True)


# --- HTTP


@pytest.mark.parametrize(
    ("headers", "status", "start", "stop"),
    [
        pytest.param({}, 200, 0, SIZE, id="all"),
        pytest.param({"Range": "bytes=0-0"}, 206, 0, 1, id="first byte"),
        pytest.param({"Range": f"bytes={SIZE - 1}-{SIZE - 1}"}, 206, SIZE - 1, SIZE, id="last byte"),
        pytest.param({"Range": "bytes=1000-300000"}, 206, 1000, 300_001, id="across chunks"),
        pytest.param({"Range": "bytes=-70000"}, 206, SIZE - 70_000, SIZE, id="suffix"),
        pytest.param({"Range": f"bytes=-{SIZE * 2}"}, 206, 0, SIZE, id="long suffix"),
        pytest.param({"Range": "bytes=500000-"}, 206, 500_000, SIZE, id="open"),
        pytest.param({"Range": "bytes=0-"}, 206, 0, SIZE, id="open from the start"),
        pytest.param({"Range": f"bytes=600000-{SIZE * 9}"}, 206, 600_000, SIZE, id="beyond the end"),
        pytest.param({"Range": f"bytes={SIZE}-"}, 416, 0, 0, id="behind the end"),
        pytest.param({"Range": "bytes=-0"}, 416, 0, 0, id="no bytes"),
        pytest.param({"Range": "bytes=0-9,20-29"}, 200, 0, SIZE, id="several"),
        pytest.param({"Range": "lines=0-9"}, 200, 0, SIZE, id="unknown unit"),
        pytest.param({"Range": "bytes=9-0"}, 200, 0, SIZE, id="backwards"),
        pytest.param({"Range": "bytes=a-b"}, 200, 0, SIZE, id="no numbers"),
        pytest.param({"Range": "bytes=0-9", "If-Range": "{etag}"}, 206, 0, 10, id="If-Range with the tag"),
        pytest.param({"Range": "bytes=0-9", "If-Range": '"other"'}, 200, 0, SIZE, id="If-Range with another tag"),
        pytest.param({"Range": "bytes=0-9", "If-Range": "W/{etag}"}, 200, 0, SIZE, id="If-Range with a weak tag"),
        pytest.param({"Range": "bytes=0-9", "If-Range": THE_DAY_BEFORE}, 200, 0, SIZE, id="If-Range with another date"),
        pytest.param({"Range": "bytes=0-9", "If-Range": THE_DAY_AFTER}, 200, 0, SIZE, id="If-Range with a later date"),
        pytest.param({"If-None-Match": "{etag}"}, 304, 0, 0, id="If-None-Match with the tag"),
        pytest.param({"If-None-Match": '"other", W/{etag}'}, 304, 0, 0, id="If-None-Match with it in a list"),
        pytest.param({"If-None-Match": "*"}, 304, 0, 0, id="If-None-Match with anything"),
        pytest.param({"If-None-Match": '"other"'}, 200, 0, SIZE, id="If-None-Match with another tag"),
        pytest.param({"If-None-Match": "{etag}", "Range": "bytes=0-9"}, 304, 0, 0, id="If-None-Match before a range"),
        pytest.param({"If-Modified-Since": THEN}, 304, 0, 0, id="If-Modified-Since then"),
        pytest.param({"If-Modified-Since": THE_DAY_AFTER}, 304, 0, 0, id="If-Modified-Since the day after"),
        pytest.param({"If-Modified-Since": THE_DAY_BEFORE}, 200, 0, SIZE, id="If-Modified-Since the day before"),
        pytest.param({"If-Modified-Since": "yesterday"}, 200, 0, SIZE, id="If-Modified-Since no date"),
        pytest.param(
            {"If-Modified-Since": THEN, "If-None-Match": '"other"'}, 200, 0, SIZE, id="If-None-Match before a date"
        ),
        pytest.param({"If-Match": "{etag}"}, 200, 0, SIZE, id="If-Match with the tag"),
        pytest.param({"If-Match": '"other"'}, 412, 0, 0, id="If-Match with another tag"),
        pytest.param({"If-Unmodified-Since": THEN}, 200, 0, SIZE, id="If-Unmodified-Since then"),
        pytest.param({"If-Unmodified-Since": THE_DAY_BEFORE}, 412, 0, 0, id="If-Unmodified-Since the day before"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_a_request_asks_for(
    server: AppServer, folder_link: str, method: str, headers: Mapping[str, str], status: int, start: int, stop: int
) -> None:
    """Ranges and conditions are answered by RFC 9110, with the right bytes under the right numbers."""
    link = f"{folder_link}table.bin"
    etag = server.request("HEAD", link).headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{40}"', etag)
    answer = server.request(method, link, {name: value.replace("{etag}", etag) for name, value in headers.items()})
    if method == "HEAD" and status in (206, 416):  # a range is for GET only
        status, start, stop = 200, 0, SIZE
    assert answer.status == status
    ranges = {206: f"bytes {start}-{stop - 1}/{SIZE}", 416: f"bytes */{SIZE}"}
    assert answer.headers.get("content-range") == ranges.get(status)
    if status < 400:
        assert answer.headers["etag"] == etag
        assert answer.headers["last-modified"] == THEN
        assert answer.headers["accept-ranges"] == "bytes"
    if status in (200, 206):
        assert answer.headers["content-length"] == str(stop - start)
        is_right = answer.body == (TABLE[start:stop] if method == "GET" else b"")
        assert is_right


@pytest.mark.parametrize(
    ("key", "status"),
    [
        pytest.param("talk", 404, id="folder"),
        pytest.param("talk/", 403, id="folder and slash"),
        pytest.param("", 403, id="collection"),
        pytest.param(".hidden", 403, id="hidden file"),
        pytest.param("talk/.hidden", 403, id="hidden file in a folder"),
        pytest.param("fifo", 404, id="FIFO"),
        pytest.param("dangling", 404, id="link to nowhere"),
        pytest.param("outside", 404, id="link to outside"),
        pytest.param("inside", 404, id="link to inside"),
        pytest.param("around/index.html", 404, id="through a linked folder"),
        pytest.param("letter.txt/x", 404, id="below a file"),
        pytest.param("absent.txt", 404, id="absent"),
        pytest.param("talk/absent/absent.txt", 404, id="in an absent folder"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_is_no_file_is_neither_served_nor_listed(
    server: AppServer, folder_link: str, method: str, key: str, status: int
) -> None:
    """A link to all files gives neither a listing nor what is hidden, linked or no file at all."""
    assert server.request("GET", f"{folder_link}talk/index.html").body == HIDDEN
    answer = server.request(method, f"{folder_link}{key}")
    said = {403: b"Forbidden\n", 404: b"Not Found\n"}[status]
    assert (answer.status, answer.body) == (status, said if method == "GET" else b"")
    assert answer.headers["content-length"] == str(len(said))


# --- helpers


class Transfer:
    """
    One response, at the pace at which it is asked for.

    Args:
        server: Where from.
        path: Of the file, with its token.
        slow: Whether as little as possible is to wait in the buffers on the way.
    """

    def __init__(self, server: AppServer, path: str, *, slow: bool = False) -> None:
        self.sock = socket.socket()
        self.sock.settimeout(TIMEOUT)
        if slow:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        self.sock.connect(("127.0.0.1", server.port))
        self.sock.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        received = b""
        while b"\r\n\r\n" not in received:
            piece = self.sock.recv(10_000)
            assert piece, "the server hung up before the end of the head"
            received += piece
        head, _, self._body = received.partition(b"\r\n\r\n")
        start, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(start.split(" ")[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    def sip(self, times: int) -> None:
        """Read 10 KB, so many times, and keep them."""
        for _ in range(times):
            self._body += self.sock.recv(10_000)

    def __iter__(self) -> Iterator[bytes]:
        """Yield all that comes until the server hangs up."""
        yield self._body
        try:
            while piece := self.sock.recv(256 * 1024):
                yield piece
        except ConnectionResetError:
            return

    def __enter__(self) -> Transfer:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()


def share(server: AppServer, name: str) -> str:
    """Return a link to `name`, without the origin."""
    with Browser(server).open(query=f"share={name}") as tab:
        assert tab.exceptions() == []
        return tab.texts()[0].removeprefix(server.origin)


def write_random(path: Path, size: int) -> None:
    """Write a file of which no two stretches are alike, without holding it in memory."""
    source = random.Random(path.name)
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(source.randbytes(MIB))


def digest(transfer: Transfer) -> str:
    """Return the hash of all that comes."""
    hashed = hashlib.sha256()
    for piece in transfer:
        hashed.update(piece)
    return hashed.hexdigest()


def digest_of(path: Path) -> str:
    """Return the hash of a file."""
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(MIB), b""):
            hashed.update(piece)
    return hashed.hexdigest()


def process_file(server: AppServer, name: str) -> Path:
    """Return where Linux says something about the server's process."""
    assert server.process is not None
    return Path("/proc") / str(server.process.pid) / name


def memory(server: AppServer, name: str) -> int:
    """Return what the server's process takes up (`VmRSS`), or took up at its peak (`VmHWM`), in bytes."""
    found = re.search(rf"^{name}:\s+(\d+) kB", process_file(server, "status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def reset_peak(server: AppServer) -> int:
    """Forget the peak so far, and return what the server's process takes up now, in bytes."""
    process_file(server, "clear_refs").write_text("5")
    return memory(server, "VmRSS")


def wait_until_it_reads_nothing(server: AppServer) -> None:
    """Return when the server has read nothing from its disk for half a second: all that may wait in memory does."""
    seen: deque[str] = deque(maxlen=10)

    def is_still() -> bool:
        seen.append(process_file(server, "io").read_text().split("\n")[0])
        return seen.count(seen[0]) == 10

    eventually(is_still, "the end of reading")


def is_open(sock: socket.socket) -> bool:
    """Return whether neither side has closed the connection."""
    established = 1
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == established
