"""The Streamlit app that is measured, guarded and as `streamlit run` starts it."""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from benchmarks.load import Question
from benchmarks.rows import ROWS, SIZES, Credential, Row, content
from tests.servers import SECRET, AppServer, Browser

STOCK = """
import streamlit as st
from streamlit import runtime
from benchmarks.rows import ROWS, Credential, content

add = runtime.get_instance().media_file_mgr.add
for size, kind in dict.fromkeys((row.size, row.content_type) for row in ROWS):
    st.markdown(add(content(size), kind, str(size)))
"""
_LINKS = """
import secure_media as sm

for row in ROWS:
    if row.credential is Credential.LINK:
        st.text(sm.share_link(content(row.size), filename=row.file, expires_in=86_400))
    if row.credential is Credential.FILE:
        st.text(sm.share_link(f"files/{row.file}", expires_in=86_400))
"""
_BY_JWT = """
import json
from secure_media import jwt, secure_run

def by(algorithm, key):
    return jwt(cookie=algorithm, key=key, algorithms=[algorithm], issuer="benchmark", audience="benchmark")

hs, rs = (by(*each) for each in json.load(open("keys.json")).items())
secure_run(__file__, secret={secret!r}, policy=hs | rs)
"""


class Signers:
    """A login service: its keys, and its cookies."""

    def __init__(self) -> None:
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._keys = {
            "HS256": SECRET,
            "RS256": private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        }
        public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        #: What verifies them, by algorithm.
        self.verifying = {**self._keys, "RS256": public}

    def token(self, algorithm: str, number: int = 0) -> str:
        """Return what the service signs somebody in with, who has a number."""
        claims = {"iss": "benchmark", "aud": "benchmark", "sub": f"ann-{number}", "exp": int(time.time()) + 86_400}
        return jwt.encode(claims, self._keys[algorithm], algorithm=algorithm)


def write_files(folder: Path) -> None:
    """Write a file of each size."""
    folder.mkdir()
    for name, size in {row.file: row.size for row in ROWS}.items():
        (folder / name).write_bytes(content(size))


def jwt_head() -> str:
    """Return how a script begins whose media are for those whom the login service has signed in."""
    return _BY_JWT.format(secret=SECRET)


def guarded_script(files: Path) -> str:
    """Return the script of a guarded app, with a collection of these files."""
    arguments = f"secret={SECRET!r}, collections={{'files': {str(files)!r}}}"
    return f"from secure_media import secure_run\nsecure_run(__file__, {arguments})\n{STOCK}{_LINKS}"


class StreamlitApp:
    """
    One of the apps, with a page that is open.

    Args:
        python: The interpreter of its environment.
        script: What it runs.
        stock: Whether it is unguarded, and started by `streamlit run`.
        keys: What verifies the cookies of the login service.
    """

    def __init__(self, python: str, script: str, *, stock: bool = False, keys: dict[str, str] | None = None) -> None:
        command = [python, *(["-m", "streamlit", "run"] if stock else []), "{script}"]
        with ExitStack() as starting:
            folder = Path(starting.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            (folder / "keys.json").write_text(json.dumps(keys or {}), "utf-8")
            self._server = AppServer(script, guarded=False, command=command, folder=folder)
            starting.enter_context(self._server)
            assert self._server.process is not None
            self._pid = self._server.process.pid
            self._browser = Browser(self._server)
            tab = starting.enter_context(self._browser.open())
            assert not tab.exceptions(), tab.exceptions()
            #: The cookies of somebody who was shown nothing.
            self.stranger = Browser(self._server).visit().cookie_header()
            self._media = dict(zip(SIZES, (each.body for each in tab.elements("markdown")), strict=True))
            self.texts = [text.removeprefix(self._server.origin) for text in tab.texts()]
            self._closing = starting.pop_all()

    def close(self) -> None:
        """End it."""
        self._closing.close()

    def question(
        self, row: Row, *, target: str = "", cookie: str | None = None, wrong: tuple[str, str] | None
    ) -> Question:
        """
        Return what to ask for the bytes of a row.

        Args:
            row: Which.
            target: Where; the medium of that size if it is empty.
            cookie: What to send instead of the browser's own cookies; empty for none.
            wrong: Where to ask with which cookie, as somebody who gets nothing.
        """
        target = target or self._media[row.size]
        cookie = self._browser.cookie_header() if cookie is None else cookie
        refused = None
        if wrong is not None:
            there, shown = wrong
            refused = self._ask(there or target, shown, row, 403)
        if row.credential is Credential.NONE:
            return self._ask(target, "", row, 403)
        status = 200 if row.part is None else 206
        return self._ask(target, cookie, row, status, body=row.expected, wrong=refused)

    def _ask(
        self,
        target: str,
        cookie: str,
        row: Row,
        status: int,
        *,
        body: bytes | None = None,
        wrong: Question | None = None,
    ) -> Question:
        headers = {**row.headers, **({"Cookie": cookie} if cookie else {})}
        return Question(self._pid, self._server.port, target, headers, status, body, wrong)


def spoilt(credential: str) -> str:
    """Return a credential with another letter before the last ones, which are part of its signature."""
    place = len(credential) - 8
    return credential[:place] + ("A" if credential[place] != "A" else "B") + credential[place + 1 :]
