"""Apps for known people only: two that keep strangers out altogether, and one whose proxy says who asks."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from secure_media.attack import Target
from secure_media.attack.client import PATIENCE, Response, exchange
from tests.host.signing_in import follow, granted
from tests.host.test_protecting import KEY, sso
from tests.servers import SECRET, AppServer, Browser

CLOSED = f"""
from secure_media import jwt, own_session, secure_run
policy = own_session() & jwt(cookie="sso", key={KEY!r}, algorithms=["HS256"], issuer="gate", audience="app")
secure_run(__file__, secret={SECRET!r}, protect="app", policy=policy)
"""
OWN_PAGE = f"""
import secure_media as sm


def sign_in():
    import streamlit as st
    st.text("who are you?")
    if "in" in st.query_params:
        sm.login(st.query_params["in"])


sm.secure_run(__file__, secret={SECRET!r}, protect="app", sign_in=sign_in, ledger="memory")
"""
PAGE = """
import streamlit as st
st.text("CANARY")
st.download_button("save", b"CANARY", file_name="a.txt")
"""
#: From where the proxy connects.
PROXY = "127.0.0.9"
NAMED = f"""
from secure_media import Collection, allow_if, secure_run, trusted_header
policy = trusted_header("Remote-User") & allow_if(lambda c: c.subject == "ann")
secure_run(
    __file__, secret={SECRET!r}, policy=policy, trusted_proxies=[{PROXY!r}],
    collections={{"ann": Collection("files", policy=policy)}},
)
"""


@contextmanager
def closed(folder: Path, env: Mapping[str, str] | None = None) -> Iterator[Target]:
    """An app of which strangers get nothing, and somebody whom it knows."""
    canary = f"canary of the app {secrets.token_hex()}"
    with _serving(CLOSED + PAGE.replace("CANARY", canary), folder, env) as server:
        browser = Browser(server, cookies={"sso": sso()})
        with browser.open() as tab:
            yield _target(server, canary, browser, tab.session_id, closed=True)


@contextmanager
def own_page(folder: Path, env: Mapping[str, str] | None = None) -> Iterator[Target]:
    """An app that shows strangers where to sign in, and somebody who has."""
    canary = f"canary of the app {secrets.token_hex()}"
    with _serving(OWN_PAGE + PAGE.replace("CANARY", canary), folder, env) as server:
        browser = Browser(server)
        with browser.open(query="in=ann") as tab:
            assert follow(browser, granted(tab)).status == 303
        with browser.open() as tab:
            yield _target(server, canary, browser, tab.session_id)


@contextmanager
def named(folder: Path, env: Mapping[str, str] | None = None) -> Iterator[Target]:
    """An app with a file for Ann, as whom a proxy knows who asks; attackers come past it, and through it."""
    canary = f"canary of the file {secrets.token_hex()}"
    (folder / "files").mkdir()
    (folder / "files" / "a.txt").write_text(canary)
    with _serving(NAMED, folder, env) as server:

        def by_proxy(asked: bytes) -> list[Response]:
            address = ("127.0.0.1", server.port)
            return exchange(target, asked, over=socket.create_connection(address, PATIENCE, (PROXY, 0)))

        target = Target(
            host="127.0.0.1",
            port=server.port,
            exact=True,
            media={"image": "/secure-media/files/ann/a.txt"},
            canaries={"image": canary.encode()},
            victim="",
            stolen="",
            identity="Remote-User: ann",
            by_proxy=by_proxy,
            log=lambda: server.log,
        )
        yield target


def _serving(script: str, folder: Path, env: Mapping[str, str] | None) -> AppServer:
    (folder / "static").mkdir()
    (folder / "static" / "notes.txt").write_text("canary of the notes")
    options = {"server.enableStaticServing": True, "server.scriptHealthCheckEnabled": True}
    return AppServer(script, guarded=False, folder=folder, options=options, env=env)


def _target(server: AppServer, canary: str, person: Browser, session: str, *, closed: bool = False) -> Target:
    known: dict[str, Any] = {"closed": True, "nameless": f"sso={sso(None)}"} if closed else {}
    return Target(
        host="127.0.0.1",
        port=server.port,
        exact=True,
        canaries={"app": canary.encode(), "notes": b"canary of the notes"},
        person=person.cookie_header(),
        victim_session=session,
        log=lambda: server.log,
        **known,
    )
