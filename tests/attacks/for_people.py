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
from tests.attacks.apps import PIXEL, media_by_kind
from tests.host.signing_in import follow, granted
from tests.host.test_outages import cut
from tests.host.test_protecting import KEY, sso
from tests.servers import SECRET, AppServer, Browser, eventually

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
SHARED = f"""
from secure_media import jwt, own_session, secure_run
policy = own_session() & jwt(cookie="sso", key={KEY!r}, algorithms=["HS256"], issuer="gate", audience="app")
secure_run(__file__, secret={SECRET!r}, policy=policy)
"""
SIGNED = f"""
from secure_media import secure_run
secure_run(__file__, secret={SECRET!r}, sign_media_urls=True, grace=0.5)
"""
PICTURES = f"""
import base64
import streamlit as st
who = st.session_state.setdefault("whose", st.query_params.get("who", "nobody"))
st.text("session CANARY of " + who)
st.image(base64.b64decode({PIXEL!r}) + f"image CANARY of {{who}}.".encode())
st.audio(f"audio CANARY of {{who}}.".encode(), format="audio/wav")
st.download_button("save", f"download CANARY of {{who}}.".encode(), file_name="a.html", mime="text/html")
st.file_uploader("file")
"""
#: From where the proxy connects.
PROXY = "127.0.0.9"
#: Where the proxy says that somebody is who may have a file.
NEAR = "198.51.100.7"
NAMED = f"""
from secure_media import Collection, allow_if, secure_run, trusted_header
policy = trusted_header("Remote-User") & allow_if(lambda c: c.subject == "ann")
secure_run(
    __file__, secret={SECRET!r}, policy=policy, trusted_proxies=[{PROXY!r}],
    collections={{
        "ann": Collection("files", policy=policy),
        "near": Collection("near", policy=allow_if(lambda c: c.client_ip == {NEAR!r})),
    }},
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
def shared(folder: Path, env: Mapping[str, str] | None = None) -> Iterator[Target]:
    """An app with a page that Ann has open, and a browser in which Bob has signed in since."""
    canary = secrets.token_hex()
    with _serving(SHARED + PICTURES.replace("CANARY", canary), folder, env) as server:
        browser = Browser(server)
        early, other, broken = (browser.open(query=f"who={who}") for who in ("early", "early", "early-lost"))
        early_session, early_lost = broken.session_id, media_by_kind(broken)["image"]
        cut(broken)
        browser.cookies["sso"] = sso("ann")
        left = browser.open(query="who=ann")
        left_session = left.session_id
        left.close()
        with early, other, browser.open(query="who=ann") as tab:
            then = Browser(server, cookies={**browser.cookies, "sso": sso("bob")})
            unnamed = Browser(server, cookies={**browser.cookies, "sso": sso(None)})
            yield Target(
                host="127.0.0.1",
                port=server.port,
                exact=True,
                media=media_by_kind(tab),
                canaries={
                    **{kind: f"{kind} {canary} of ann".encode() for kind in ("image", "audio", "download")},
                    "session": f"session {canary} of ann".encode(),
                    "early": f"image {canary} of early.".encode(),
                    "early lost": f"image {canary} of early-lost.".encode(),
                },
                victim=browser.cookie_header(),
                victim_session=tab.session_id,
                left_session=left_session,
                next_person=then.cookie_header(),
                nameless=unnamed.cookie_header(),
                early=media_by_kind(early)["image"],
                early_session=early_session,
                early_lost=early_lost,
                log=lambda: server.log,
            )


@contextmanager
def named(folder: Path, env: Mapping[str, str] | None = None) -> Iterator[Target]:
    """An app with a file for Ann, as whom a proxy knows who asks; attackers come past it, and through it."""
    canary = f"canary of the file {secrets.token_hex()}"
    near = f"canary of the file for one address {secrets.token_hex()}"
    for name, text in {"files": canary, "near": near}.items():
        (folder / name).mkdir()
        (folder / name / "a.txt").write_text(text)
    with _serving(NAMED, folder, env) as server:

        def by_proxy(asked: bytes) -> list[Response]:
            address = ("127.0.0.1", server.port)
            return exchange(target, asked, over=socket.create_connection(address, PATIENCE, (PROXY, 0)))

        target = Target(
            host="127.0.0.1",
            port=server.port,
            exact=True,
            media={"image": "/secure-media/files/ann/a.txt"},
            canaries={"image": canary.encode(), "near": near.encode()},
            near="/secure-media/files/near/a.txt",
            near_address=NEAR,
            victim="",
            stolen="",
            identity="Remote-User: ann",
            by_proxy=by_proxy,
            log=lambda: server.log,
        )
        yield target


@contextmanager
def signed(folder: Path, env: Mapping[str, str] | None = None) -> Iterator[Target]:
    """An app in whose pages every URL has a grant: one that the victim has open, and one that was closed long ago."""
    canary = secrets.token_hex()
    with _serving(SIGNED + PICTURES.replace("CANARY", canary), folder, env) as server:
        victim, attacker = Browser(server), Browser(server)
        with victim.open(query="who=left") as left:
            (closed, *_) = left.urls()
        bare = closed.partition("?")[0]
        eventually(lambda: victim.get(bare).status == 403, "the end of what the closed page showed")
        with victim.open(query="who=victim") as tab, attacker.open(query="who=attacker"):
            yield Target(
                host="127.0.0.1",
                port=server.port,
                exact=True,
                canaries={
                    "granted": f"image {canary} of victim.".encode(),
                    "left": f"image {canary} of left.".encode(),
                    "planted": f"image {canary} of nobody.".encode(),
                },
                victim=victim.cookie_header(),
                attacker=attacker.cookie_header(),
                granted=tab.urls()[0],
                granted_left=closed,
                log=lambda: server.log,
            )


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
