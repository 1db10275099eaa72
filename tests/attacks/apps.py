"""An app with a victim, attackers and people in it, and all that could be known of it."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from secure_media.attack import Target, confirm, jwt
from secure_media.attack.client import exchange
from secure_media.attack.target import credential_in
from secure_media.attack.websocket import answered, deferred
from secure_media.core.identity import BrowserIdentity
from secure_media.core.keys import KeyRing
from secure_media.host.deployment import deployment_name
from tests.attacks import old
from tests.host.signing_in import follow, granted
from tests.servers import MEDIA_URL, SECRET, STREAMLIT, AppServer, Browser, Tab

# The smallest PNG; decoders stop at its end, and what a test appends to it stays.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

AGENT_KEY = "key-of-the-agents-0123456789-abcdefghijk"
#: Whether the installed Streamlit has an agent API, which the app then has as well.
AGENT_API = STREAMLIT >= (1, 67)
AGENT = (
    f", agent=__import__('secure_media').jwt(header='authorization', key={AGENT_KEY!r}, algorithms=['HS256'], "
    "issuer='gate', audience='agents')"
)

#: Of another app of the same software.
FOREIGN_SECRET = "another-secret-0123456789-abcdefghijk"

SCRIPT = f"""
import base64

import streamlit as st
import streamlit.components.v1 as components
import secure_media as sm

who = st.query_params.get("who", "nobody")


def canary(kind):
    return f"canary of {{who}} in {{kind}}".encode()


if "in" in st.query_params:
    sm.login(st.query_params["in"], renew=True)
if "out" in st.query_params:
    sm.logout()
st.session_state.setdefault("whose", who)
st.text(f"canary of {{st.session_state.whose}} in session")
if sm.current_principal():
    st.text(f"canary of {{sm.current_principal().subject}} by name")
if who == "nobody":
    st.text(sm.share_link("files/letter.txt", expires_in=3600))
if who in ("nobody", "guest"):
    st.stop()
st.image(base64.b64decode({PIXEL!r}) + canary("image"))
st.audio(canary("audio"), format="audio/wav")
st.download_button("Report", canary("download"), file_name="report.html", mime="text/html")
st.file_uploader("File")
st.text(sm.share_link("files/letter.txt", expires_in=3600))
st.text(sm.signed_url_for("files/letter.txt", expires_in=3600))
st.text(sm.share_link("files/", expires_in=3600))
st.text(sm.share_link("followed/", expires_in=3600))
note = st.query_params.get("note", "nothing")
for seconds in (600, 86400) if note == "nothing" else ():
    sm.image(base64.b64decode({PIXEL!r}) + canary("terms"), expires_in=seconds)
if note == "nothing":
    badge = ("badge", "doctor")
    sm.image(base64.b64decode({PIXEL!r}) + canary("condition"), allow=lambda c: badge in c.credentials.cookies)
components.declare_component("echo", path=".")(text=note)
components.iframe(note)
st.text(sm.share_link("files/letter.txt", expires_in=3600, max_uses=1_000_000))
revoked = sm.share_link("files/letter.txt", expires_in=3600)
st.text(revoked)
sm.revoke(revoked)
if {STREAMLIT >= (1, 52)}:
    st.download_button("Later", lambda: canary("deferred"), file_name="later.txt", mime="text/plain")
if note == "nothing":
    sm.download_button("Made", lambda: canary("made"), file_name="made.csv", mime="text/csv", expires_in=3600)
"""

#: Has the server write down every request, as both can be told to.
ACCESS_LOG = """
import logging
for logger in map(logging.getLogger, ("tornado.access", "uvicorn.access")):
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler())
"""


def show(server: AppServer, who: str) -> tuple[Browser, Tab]:
    """Open the app as a browser of its own."""
    browser = Browser(server)
    return browser, browser.open(query=f"who={who}")


def media_by_kind(tab: Tab) -> dict[str, str]:
    """Return the media paths that the tab was sent, base path included."""
    kinds = {"png": "image", "wav": "audio", "html": "download"}
    plain = [url for url in tab.urls() if "?" not in url]
    return {kinds[url.rpartition(".")[2]]: f"{tab.browser.server.base}{url}" for url in plain}


def on_terms(tab: Tab) -> list[str]:
    """Return the media paths with tokens that the tab was sent, base path included, in the order of the page."""
    return [f"{tab.browser.server.base}{url}" for url in tab.urls() if "?" in url]


def repeated(tab: Tab, who: str, url: str) -> dict[str, str]:
    """
    Have the app repeat a URL in the page of a tab, which shows no picture on terms then.

    Returns it as it came back, base path included, by where it stood and what was behind it.
    """
    base = tab.browser.server.base
    found = {}
    # A hash of the terms behind it, as anyone could compute it, and one of laxer ones.
    for name, query in (
        ("bare", ""),
        ("own-terms", "?media_terms=bb9c01b778f0ac55"),
        ("laxer", "?media_terms=d668a99f94fd11e8"),
    ):
        tab.rerun(query=f"who={who}&note={url.removeprefix(base).partition('?')[0]}{query}")
        found[f"{name}-component"] = base + MEDIA_URL.findall(tab.elements("component_instance")[-1].json_args)[0]
        found[f"{name}-iframe"] = base + MEDIA_URL.findall(tab.elements("iframe")[-1].src)[0]
    return found


def links_of(tab: Tab) -> list[str]:
    """Return the links that the page of a tab prints, as path and query."""
    return [text.removeprefix(tab.browser.server.origin) for text in tab.texts() if "/secure-media/" in text]


def pressed(server: AppServer, link: str) -> str:
    """Return the cookie that a browser gets in which the button of `link` is pressed."""
    response = server.request("POST", link, {"Sec-Fetch-Site": "same-origin"})
    return response.set_cookies[0].partition(";")[0]


def granting(tab: Tab) -> Callable[[], str]:
    """Return what has the page of a tab sent away to sign somebody in, and returns where, as path and query."""

    def grant() -> str:
        tab.rerun(query="who=guest&in=somebody")
        return tab.browser.server.base + granted(tab)

    return grant


def signed_in(server: AppServer, who: str, *, out: bool = False) -> tuple[Browser, str, Tab]:
    """Sign somebody in in a browser of their own, and out again; return it, its cookies before that, and its page."""
    browser = Browser(server)
    with browser.open(query=f"who={who}&in={who}") as tab:
        before = browser.cookie_header()
        assert follow(browser, granted(tab)).status == 303
    tab = browser.open(query=f"who={who}")
    assert browser.get(media_by_kind(tab)["image"].removeprefix(server.base)).status == 200
    if out:
        tab.rerun(query=f"who={who}&out=1")
    return browser, before, tab


def hide_among(files: Path, hidden: bytes, letter: bytes) -> None:
    """Put what no link leads to into a folder with files, and beside it: hidden files, links, a sibling of its name."""
    for name in ("files/.hidden", "files/.git/config", "files/inner/.git/config", "files-2/secret.txt"):
        path = files.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(hidden)
    # Names that another one becomes by normalisation or another encoding.
    for name in ("inner/note.txt", "caf\u00e9.txt", "infl.txt", "book.txt"):
        (files / name).write_bytes(letter)
    for name, leads_to in {
        "link-out.txt": "../outside.txt",
        "link-out-absolute.txt": str(files.parent / "outside.txt"),
        "link-in.txt": "letter.txt",
        "link-to-a-link.txt": "link-in.txt",
        "folder-out": "..",
        "folder-sibling": "../files-2",
        "folder-in": "inner",
        "loop": "loop",
        "root": "/",
        "link-out-winding.txt": f"{files}/inner/../../outside.txt",
        "link-out-and-in.txt": "../files/letter.txt",
    }.items():
        (files / name).symlink_to(leads_to)


def later(tab: Tab) -> dict[str, Any]:
    """Return what a page offers for later, and what has it made."""
    if STREAMLIT < (1, 52):
        return {}
    placeholder = tab.elements("download_button")[-1].deferred_file_id

    def take() -> bytes:
        tab.send(deferred(placeholder, tab.session_id))
        for message in tab.receive():
            if answered(message):
                (url,) = set(MEDIA_URL.findall(str(message)))
                return tab.browser.get(url).body
        raise AssertionError("no answer")

    return {"deferred": placeholder, "take": take}


def agents() -> dict[str, Any]:
    """Return what two agents say, where there is an agent API."""
    return {"agent": bearer("robot"), "other_agent": bearer("other")} if AGENT_API else {}


def bearer(subject: str) -> str:
    """Return what an agent says to prove in whose name it comes."""
    claims = {"iss": "gate", "aud": "agents", "exp": int(time.time()) + 3600, "sub": subject}
    return f"Bearer {jwt.forge({'alg': 'HS256'}, claims, AGENT_KEY.encode())}"


def cookie_of_another(secret: str, base: str) -> str:
    """Return the Cookie header of a browser that has visited an app with another secret."""
    identity = BrowserIdentity(KeyRing([secret]), deployment=deployment_name("", base), lifetime=3600)
    return f"{identity.cookie_name(secure=False)}={identity.issue(identity.new(), now=time.time())}"


#: With links looked at first there is no short way (`secure_media.gate.shortcut`): every request is decided anew.
LINKS_FIRST = "__import__('secure_media').signed_url() | __import__('secure_media').own_session()"


#: The base path of the app and its policy, as source, by the name of the target.
TARGETS = {"root": ("", "None"), "below": ("some/app", "None"), "decided-anew": ("", LINKS_FIRST)}


@contextmanager
def app(
    base_path: str, policy: str, folder: Path, env: Mapping[str, str] | None = None, script: str = SCRIPT
) -> Iterator[Target]:
    """
    An app with a victim and an attacker in it, both at their tabs.

    Once at the root, once below a base path, and once without what is remembered of earlier requests: what the victim
    and the attacker ask for is known already when an attack begins, and has been answered on the short way.
    """
    static, outside = f"canary of the static file {secrets.token_hex()}", f"canary outside {secrets.token_hex()}"
    (folder / "static").mkdir()
    (folder / "static" / "notes.txt").write_text(static, "utf-8")
    (folder / "outside.txt").write_text(outside, "utf-8")
    letter = f"canary of the letter {secrets.token_hex()}"
    (folder / "files").mkdir()
    (folder / "files" / "letter.txt").write_text(letter, "utf-8")
    (folder / "files" / "other.txt").write_text(letter, "utf-8")
    hide_among(folder / "files", outside.encode(), letter.encode())
    who = secrets.token_hex()
    options: dict[str, Any] = {"server.enableStaticServing": True, "server.baseUrlPath": base_path}
    options |= {"server.enableAgentApi": True} if AGENT_API else {}
    followed = f"__import__('secure_media').Collection({str(folder / 'files')!r}, follow_symlinks=True)"
    files = f"collections={{'files': {str(folder / 'files')!r}, 'followed': {followed}}}"
    arguments = f"secret={SECRET!r}, policy={policy}, {files}{AGENT if AGENT_API else ''}"
    with AppServer(script, options=options, folder=folder, run_arguments=arguments, env=env) as server:
        victim, shown = show(server, who)
        kept = victim.open(query=f"who={who}")  # what the app repeats takes the place of pictures in the other tab
        attacker, own = show(server, "the attacker")
        guest, asks = show(server, "guest")
        (member, before, members), (signed_out, _, was) = (
            signed_in(server, f"member+{who}"),
            signed_in(server, "somebody", out=True),
        )
        other, _, others = signed_in(server, f"other+{who}")
        left = victim.open(query=f"who=left+{who}")
        left_session = left.session_id
        left.close()
        for browser, tab in ((victim, shown), (attacker, own)) * 2:
            for path in media_by_kind(tab).values():
                assert browser.get(path.removeprefix(server.base)).status == 200
        etag = victim.get(media_by_kind(shown)["image"].removeprefix(server.base)).headers["etag"]
        target = Target(
            host="127.0.0.1",
            port=server.port,
            base=server.base,
            exact=True,
            media=media_by_kind(shown),
            canaries={
                **{
                    kind: f"canary of {who} in {kind}".encode()
                    for kind in ("image", "audio", "download", "terms", "condition", "made")
                },
                "static": static.encode(),
                "file": letter.encode(),
                "folder": letter.encode(),
                "member": f"canary of member {who} in image".encode(),
                "session": f"canary of left {who} in session".encode(),
                "deferred": f"canary of {who} in deferred".encode(),
                **({"agent": b"canary of robot by name"} if AGENT_API else {}),
            },
            secrets=(outside.encode(), SECRET.encode()),
            victim=victim.cookie_header(),
            attacker=attacker.cookie_header(),
            foreigner=cookie_of_another(FOREIGN_SECRET, server.base),
            victim_session=shown.session_id,
            attacker_session=own.session_id,
            static=f"{server.base}/app/static/notes.txt",
            outside="outside.txt",
            etag=etag,
            link=links_of(shown)[0],
            bound_link=links_of(shown)[1],
            foreign_link=old.link(FOREIGN_SECRET, server.base, exp=3600),
            cousin_link=old.link(SECRET, server.base, exp=3600, deployment="cousin"),
            old_links=old.links(SECRET, FOREIGN_SECRET, server.base, links_of(shown)[5]),
            old_cookies=old.cookies(SECRET, FOREIGN_SECRET, server.base, victim.cookie_header()),
            log=lambda: server.log,
            folder_link=links_of(shown)[2],
            followed_link=links_of(shown)[3],
            folder_file="letter.txt",
            planted=True,
            on_terms=on_terms(shown)[0],
            laxer_terms=on_terms(shown)[1],
            on_condition=on_terms(kept)[2],
            made=next(url for url in on_terms(kept) if ".csv?" in url),
            echoed=repeated(own, "the+attacker", on_terms(shown)[0]),
            echoed_later=repeated(shown, who, on_terms(shown)[0]),
            counted_link=links_of(shown)[4],
            redeemed=pressed(server, links_of(shown)[4]),
            other_redeemed=pressed(server, links_of(own)[4]),
            guest=guest.cookie_header(),
            grant=granting(asks),
            before=before,
            member=member.cookie_header(),
            members=media_by_kind(members)["image"],
            signed_out=signed_out.cookie_header(),
            signed_outs=media_by_kind(was)["image"],
            other_member=other.cookie_header(),
            left_session=left_session,
            scarce_link=lambda: old.scarce_link(SECRET, server.base),
            **later(shown),
            **agents(),
        )
        # What others are said to have made is real: made for this app, it would be served.
        assert exchange(target, target.get(old.link(SECRET, server.base, exp=3600)))[0].status == 200
        assert credential_in(cookie_of_another(SECRET, server.base))[0] == credential_in(target.victim)[0]
        yield target
        for tab in (shown, kept, own, asks, members, was, others):
            tab.close()


def logged(folder: Path, env: Mapping[str, str] | None = None) -> AbstractContextManager[Target]:
    """Return the app at the root, on a server that writes down every request."""
    return app("", "None", folder, env, ACCESS_LOG + SCRIPT)


_OF_A_CLIENT_THAT_HAS_GONE = re.compile(r"RuntimeError: unable to perform operation on <TCPTransport closed=True .*")


def unharmed(target: Target) -> list[str]:
    """Return what is wrong with the server after all attacks: it has failed, fallen, or written a credential down."""
    if exchange(target, target.get(f"{target.base}/_stcore/health"))[0].status != 200:
        return ["it does not answer any more"]
    log = target.log()
    found = re.findall(r"^ *Traceback[^\n]*\n(?: +[^\n]*\n)*([^\n]+)", log, re.MULTILINE)
    # Streamlit itself says so, of a deferred download that the guard has made one that there is not.
    found = [error for error in found if not error.endswith("MediaFileStorageError: Deferred file  not found")]
    # And uvloop, of what Streamlit itself writes to a client that has gone.
    found = [error for error in found if not _OF_A_CLIENT_THAT_HAS_GONE.fullmatch(error)]
    found += [
        f"a cookie of the {who}" for who in ("victim", "attacker") if credential_in(target.cookies_of(who))[1] in log
    ]
    return found + confirm(target)
