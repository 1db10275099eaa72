"""The ledger of a real server: one that is killed, and one that will not do."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.host.test_links import APP, HUGE, REPORT, is_refused, share, stranger
from tests.servers import SECRET, AppServer, Browser, body_until

PAGE = f"{APP}\nst.image(Path('picture.png').read_bytes())\n"


@pytest.mark.skipif(os.name != "posix", reason="locks are POSIX's")
def test_link_can_be_resumed_after_the_server_was_killed(tmp_path: Path) -> None:
    """SIGKILL in the middle of the only delivery of a link: the next server gives out the rest at once, and no more."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "huge.bin").write_bytes(HUGE)
    with AppServer(
        APP, run_arguments=f"secret={SECRET!r}, collections={{'files': 'files'}}", folder=tmp_path
    ) as server:
        link = share(Browser(server).visit(), "files/huge.bin", max_uses=1, confirm=False)
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            sock.sendall(f"GET {link} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
            begun = body_until(sock, 1_000_000)
            assert is_refused(stranger(server).get(link))
            server.stop(signal.SIGKILL)
        server.start()

        rest = stranger(server).get(link, {"Range": f"bytes={len(begun)}-"})

        assert rest.status == 206
        whole = begun + rest.body == HUGE
        assert whole
        assert is_refused(stranger(server).get(link))


def test_ledger_that_will_not_do_is_said_at_start_and_once(tmp_path: Path, picture: Path) -> None:
    """The log has one line however many ask; links are refused, and what a browser's own page shows goes on."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "report.txt").write_bytes(REPORT)
    (tmp_path / "picture.png").write_bytes(picture.read_bytes())
    (tmp_path / "ledger").write_text("This is no database, but it is longer than the header of one. " * 20)
    arguments = f"secret={SECRET!r}, collections={{'files': 'files'}}, ledger='ledger', sign_media_urls=True"
    with AppServer(APP, run_arguments=f"secret={SECRET!r}, collections={{'files': 'files'}}", folder=tmp_path) as good:
        link = share(Browser(good).visit())
        assert stranger(good).get(link).body == REPORT
    with AppServer(PAGE, run_arguments=arguments, folder=tmp_path) as server:
        assert server.log.count("ledger.unavailable") == 1
        assert all(is_refused(stranger(server).get(link)) for _ in range(5))
        browser = Browser(server)
        with browser.open() as tab:
            tab.rerun()
            (url,) = tab.urls()
            assert browser.get(url).status == 200

        assert server.log.count("ledger.unavailable") == 1
        assert "hook.failed" not in server.log
        assert "ledger_unavailable" not in server.log
