"""Signing in by the app itself: the cookie, who is signed in, and what ends that; on a real server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.host.signing_in import OF_THE_APP, follow, granted, redirect
from tests.servers import ROOT, SECRET, AppServer, Browser, Tab

APP = """
import json

import streamlit as st

import secure_media as sm

asked = st.query_params
principal = sm.current_principal()
st.text(json.dumps(None if principal is None else [principal.subject, dict(principal.claims)]))
try:
    if "revoke" in asked:
        sm.revoke(subject=asked["revoke"])
    if "in" in asked:
        sm.login(asked["in"], **json.loads(asked.get("terms", "{}")))
    if "out" in asked:
        sm.logout()
    if "link" in asked:
        st.text(sm.share_link(b"for a subject", subject=asked["link"], expires_in=60))
    if "bound" in asked:
        st.text(sm.signed_url_for(b"for who is here", bind="subject"))
except sm.ScriptError as error:
    st.text(f"error: {error}")
st.download_button("x", f"for {asked.get('who', principal and principal.subject)}", "a.txt")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app that signs in anyone who asks."""
    folder = tmp_path_factory.mktemp("app")
    arguments = f"secret={SECRET!r}, ledger={str(folder / 'ledger.sqlite')!r}"
    with AppServer(APP, folder=folder, run_arguments=arguments) as running:
        yield running


def signed_in(server: AppServer, subject: str, query: str = "") -> Browser:
    """Return a browser in which somebody has just signed in."""
    browser = Browser(server)
    with browser.open(query=f"in={subject}{query}") as tab:
        assert follow(browser, granted(tab)).status == 303
    return browser


def principal(tab: Tab) -> str:
    """Return what the script knew of who is signed in, in its last run."""
    return [text for text in tab.texts() if text.startswith(("null", "["))][-1]


def test_somebody_who_signs_in_is_known_on_every_page(server: AppServer) -> None:
    """The page comes back where it was, with a cookie that no script can read; a new tab and F5 know who it is."""
    ann = Browser(server)
    with ann.open(query="in=ann&terms={%22claims%22:{%22role%22:%22auditor%22}}") as tab:
        assert principal(tab) == "null"
        before = dict(ann.cookies)
        response = follow(ann, granted(tab))

    assert response.status == 303
    assert response.headers["location"] == "../?in=ann&terms={%22claims%22:{%22role%22:%22auditor%22}}".replace(
        "{", "%7B"
    ).replace("}", "%7D")
    (line,) = response.set_cookies
    assert "; HttpOnly; SameSite=Lax; Max-Age=43200" in line
    assert "no-store" in response.headers["cache-control"]
    assert response.headers["referrer-policy"] == "no-referrer"
    assert ann.cookies != before
    for _ in range(2):
        with ann.open(query="in=ann") as tab:
            assert '"ann"' in principal(tab)
            assert '"role": "auditor"' in principal(tab)
            assert '"auth_time": ' in principal(tab)
            assert redirect(tab) is None
            assert ann.get(tab.urls()[0]).body == b"for ann"


def test_sign_in_survives_a_restart(tmp_path: Path) -> None:
    """The cookie says it, and the ledger, a file, says what has ended."""
    arguments = f"secret={SECRET!r}, ledger={str(tmp_path / 'ledger.sqlite')!r}"
    with AppServer(APP, folder=tmp_path, run_arguments=arguments) as server:
        ann, bob, cleo = (signed_in(server, name) for name in ("ann", "bob", "cleo"))
        with ann.open(query="revoke=bob"), cleo.open(query="out=1"):
            pass
        server.stop()
        server.start()
        for browser, known in ((ann, True), (bob, False), (cleo, False)):
            with browser.open() as tab:
                assert (principal(tab) != "null") is known


def test_grant_is_for_one_browser_once(server: AppServer) -> None:
    """Neither another browser nor another cookie of this one has anything of it, and it is redeemed a single time."""
    ann, bob = Browser(server), Browser(server)
    with ann.open(query="in=ann") as tab, bob.open(query="who=bob"):
        url = granted(tab)
        for thief in (bob, Browser(server)):
            assert follow(thief, url).status == 403
        again = dict(ann.cookies)
        assert follow(ann, url).status == 303
        assert follow(ann, url).status == 403
        ann.cookies = again
        assert follow(ann, url).status == 403
    assert "sign_in_grant=eyJ" not in server.log


def test_newer_grant_of_a_session_is_the_one(server: AppServer) -> None:
    """A script that signs somebody else in meanwhile has changed its mind."""
    ann = Browser(server)
    with ann.open(query="in=ann") as tab:
        older = granted(tab)
        tab.rerun(query="in=bob")
        assert follow(ann, older).status == 403
        assert follow(ann, granted(tab)).status == 303
    with ann.open() as tab:
        assert '"bob"' in principal(tab)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="cross-site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="sibling"),
        pytest.param({"Sec-Fetch-Site": "none"}, id="typed"),
        pytest.param({"Sec-Fetch-Site": ""}, id="empty"),
    ],
)
def test_other_sites_sign_nobody_in(server: AppServer, headers: dict[str, str]) -> None:
    """A page of another site that leads here is refused, and has not spent the grant."""
    ann = Browser(server)
    with ann.open(query="in=ann") as tab:
        url = granted(tab)
        assert follow(ann, url, **headers).status == 403
        assert follow(ann, url, **{"Sec-Purpose": "prefetch"}).status == 204
        assert ann.get(url, OF_THE_APP, method="POST").status == 405
        assert ann.get(url, OF_THE_APP, method="HEAD").status == 405
        assert follow(ann, url).status == 303


def test_other_sites_sign_nobody_out(server: AppServer) -> None:
    """No address that another site can lead a browser to ends a sign-in, with a grant of that site's own or without."""
    ann, mallory = signed_in(server, "ann"), Browser(server)
    with mallory.open(query="in=mallory") as tab, ann.open() as page:
        place = granted(tab)
        for path in (place, place.partition("?")[0], "/secure-media/", "/auth/logout", "/", "/?out=1"):
            for method in ("GET", "POST"):
                answer = ann.get(path, {"Sec-Fetch-Site": "cross-site"}, method)
                assert [line for line in answer.set_cookies if "sm_" in line] == [], path
        assert ann.get(page.urls()[0]).status == 200
        page.rerun()
        assert '"ann"' in principal(page)
        assert follow(mallory, place).status == 303


def test_plain_http_in_an_intranet_signs_in(server: AppServer) -> None:
    """Browsers say nothing of sites there; the grant does, which nobody has for another's browser."""
    ann = Browser(server)
    with ann.open(query="in=ann") as tab:
        assert ann.get(granted(tab)).status == 303


def test_over_https_the_cookie_is_the_hosts(server: AppServer) -> None:
    """Behind a proxy with HTTPS the signed-in cookie is __Host- and Secure, under the name that it had."""
    ann = Browser(server, headers={"Sec-Fetch-Site": "same-origin"}, site="https://app.example")
    with ann.open(query="in=ann") as tab:
        before = set(ann.cookies)
        (line,) = follow(ann, granted(tab)).set_cookies
    assert line.startswith("__Host-sm_")
    assert line.endswith("; Secure")
    assert set(ann.cookies) == before


@pytest.mark.parametrize("planted", [pytest.param("in=ann", id="in"), pytest.param("out=1", id="out")])
def test_cookie_from_before_sees_nothing_afterwards(server: AppServer, planted: str) -> None:
    """Anyone who knew the cookie before somebody signed in, or out, has nothing of what is shown then."""
    ann = Browser(server).visit() if planted == "in=ann" else signed_in(server, "ann")
    mallory = Browser(server, cookies=dict(ann.cookies))
    with ann.open(query=planted) as tab:
        url = redirect(tab)
        assert url is not None
        if planted == "in=ann":
            follow(ann, granted(tab))
    with ann.open(query="who=somebody") as tab:
        (url,) = tab.urls()
        assert ann.get(url).body == b"for somebody"
        assert mallory.get(url).status == 403


def test_signing_out_ends_media_in_every_tab(server: AppServer) -> None:
    """Other tabs get 403 at once, also with the cookie from before, and their scripts know that nobody is there."""
    ann = signed_in(server, "ann")
    copied = Browser(server, cookies=dict(ann.cookies))
    with ann.open() as one, ann.open(query="who=second") as two:
        urls = [tab.urls()[0] for tab in (one, two)]
        assert [ann.get(url).status for url in urls] == [200, 200]
        one.rerun(query="out=1")
        assert redirect(one) == f"{server.url}?out=1"
        for browser in (ann, copied):
            assert [browser.get(url).status for url in urls] == [403, 403]
        two.rerun(query="who=second")
        assert principal(two) == "null"
    with copied.open() as tab:  # even a page that is opened with it is nobody's
        assert principal(tab) == "null"
    with ann.open(query="who=nobody&out=1") as tab:
        assert principal(tab) == "null"
        assert redirect(tab) is None
        assert ann.get(tab.urls()[0]).body == b"for nobody"


def test_subject_that_is_revoked_is_signed_out_everywhere(server: AppServer) -> None:
    """In every browser, on the open page; and may sign in again."""
    ann, elsewhere, bob = signed_in(server, "ann"), signed_in(server, "ann"), signed_in(server, "bob")
    with ann.open() as tab, elsewhere.open() as other, bob.open() as third:
        urls = [(browser, each.urls()[0]) for browser, each in ((ann, tab), (elsewhere, other), (bob, third))]
        assert [browser.get(url).status for browser, url in urls] == [200, 200, 200]
        third.rerun(query="revoke=ann")
        assert [browser.get(url).status for browser, url in urls] == [403, 403, 200]
        tab.rerun()
        assert principal(tab) == "null"
    with elsewhere.open(query="in=ann") as tab:
        assert follow(elsewhere, granted(tab)).status == 303
    with elsewhere.open() as tab:
        assert '"ann"' in principal(tab)


def test_revocation_comes_before_the_cookie(server: AppServer) -> None:
    """A person who is signed out everywhere while their page is on its way for the cookie does not get it."""
    ann = Browser(server)
    with ann.open(query="in=ann") as tab:
        with Browser(server).open(query="revoke=ann"):
            pass
        assert follow(ann, granted(tab)).status == 403
        tab.rerun(query="revoke=ann&in=ann")  # in this order, at one moment
        assert follow(ann, granted(tab)).status == 303


def test_only_session_ends_the_others(server: AppServer) -> None:
    """Earlier sign-ins of the same subject end when the new one begins, and links for them stay."""
    first, bob = signed_in(server, "cleo"), signed_in(server, "bob")
    with bob.open(query="link=cleo") as tab:
        (link,) = [text.removeprefix(server.origin) for text in tab.texts() if text.startswith("http")]
    assert first.get(link).status == 200
    second = signed_in(server, "cleo", "&terms={%22only_session%22:true}")
    for browser, known in ((first, False), (second, True), (bob, True)):
        with browser.open() as tab:
            assert (principal(tab) != "null") is known
    assert (first.get(link).status, second.get(link).status) == (403, 200)


def test_links_are_for_a_subject(server: AppServer) -> None:
    """What is made for a subject, or bound to one, is theirs in each of their browsers, and nobody else's."""
    ann, elsewhere, bob = signed_in(server, "ann"), signed_in(server, "ann"), signed_in(server, "bob")
    with bob.open(query="link=ann") as tab, ann.open(query="bound=1") as own:
        links = [
            text.removeprefix(server.origin) for each in (tab, own) for text in each.texts() if text.startswith("http")
        ]
    assert len(links) == 2
    for browser, statuses in (
        (ann, [200, 200]),
        (elsewhere, [200, 200]),
        (bob, [403, 403]),
        (Browser(server).visit(), [403, 403]),
    ):
        assert [browser.get(link).status for link in links] == statuses


def test_signing_in_as_somebody_else_ends_who_was_there(server: AppServer) -> None:
    """A browser has one person at a time: the cookie of the one before is worthless, also elsewhere."""
    browser = signed_in(server, "ann")
    copied = Browser(server, cookies=dict(browser.cookies))
    with browser.open(query="in=bob") as tab:
        assert follow(browser, granted(tab)).status == 303
    for each, known in ((browser, '"bob"'), (copied, "null")):
        with each.open() as tab:
            assert known in principal(tab)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        pytest.param("in=" + "x" * 257, "subject: expected", id="long-subject"),
        pytest.param("in=", "subject: expected", id="no-subject"),
        pytest.param("in=a&terms={%22expires_in%22:0}", "expires_in: expected", id="no-time"),
        pytest.param("in=a&terms={%22idle%22:%22x%22}", "idle: expected", id="no-idle"),
        pytest.param("in=a&terms={%22claims%22:{%22x%22:NaN}}", "claims: expected a dict of JSON", id="no-json"),
        pytest.param("in=a&terms={%22claims%22:[1]}", "claims: expected a dict of JSON", id="no-dict"),
        pytest.param("in=a&terms={%22claims%22:{%22sub%22:%22b%22}}", "claims: expected a dict of JSON", id="sub"),
        pytest.param(
            "in=a&terms={%22claims%22:{%22x%22:%22" + "y" * 4000 + "%22}}", "claims: the cookie would", id="long"
        ),
    ],
)
def test_what_will_not_do_is_one_sentence(server: AppServer, query: str, said: str) -> None:
    """The page goes nowhere."""
    with Browser(server).open(query=query) as tab:
        assert [text for text in tab.texts() if text.startswith(f"error: {said}")]
        assert redirect(tab) is None


def test_longest_cookie_is_kept(server: AppServer) -> None:
    """What is just short enough comes back as a whole."""
    ann = Browser(server)
    with ann.open(query="in=ann&terms={%22claims%22:{%22x%22:%22" + "y" * 2600 + "%22}}") as tab:
        (line,) = follow(ann, granted(tab)).set_cookies
    assert 3600 < len(line.partition(";")[0]) <= 4096
    with ann.open() as tab:
        assert "y" * 2600 in principal(tab)


def test_browser_without_a_cookie_is_told(server: AppServer) -> None:
    """Where no cookie comes, nobody can be signed in, and the script says so."""
    with Browser(server).connect(query="in=ann") as tab:
        (text,) = [text for text in tab.texts() if text.startswith("error: ")]
        assert "login: the browser shows no cookie of this app" in text
        assert redirect(tab) is None
        tab.rerun(query="out=1")
        assert redirect(tab) is None


def test_signing_in_does_nothing_in_app_test(tmp_path: Path) -> None:
    """Under AppTest, where nothing is served, nobody is signed in, and no call fails but for its arguments."""
    script, test = tmp_path / "app.py", tmp_path / "test.py"
    script.write_text(
        "import streamlit as st\nimport secure_media as sm\n"
        "sm.login('ann', claims={'a': 1})\nsm.logout()\nst.text(sm.current_principal())\n"
    )
    test.write_text(
        "from streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({str(script)!r}).run(timeout=30)\n"
        "assert not app.exception, app.exception\n"
        "assert app.text[0].value == 'None'\n"
    )
    # In a process of its own: it leaves another __main__ behind.
    done = subprocess.run(
        [sys.executable, str(test)], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_renewed_sign_in_is_another_one(server: AppServer) -> None:
    """Somebody who has proved once more who they are gets other claims, and the cookie from before ends."""
    ann = signed_in(server, "ann")
    before = Browser(server, cookies=dict(ann.cookies))
    with ann.open(query="in=ann&terms={%22renew%22:true,%22claims%22:{%22level%22:2}}") as tab:
        assert follow(ann, granted(tab)).status == 303
    for browser, known in ((ann, '"level": 2'), (before, "null")):
        with browser.open() as tab:
            assert known in principal(tab)


def test_place_of_the_page_is_kept(server: AppServer) -> None:
    """The page goes back to where the frontend says that it was, and to nowhere outside of the app."""
    for page, name, back in (
        ("/report?in=ann&x=1#there", "report", "../report?in=ann&x=1"),
        ("/?x=1", "", "../?x=1"),
        ("/..", "", "../?in=ann"),
        ("/a/b%2F..", "b%2F..", "../?in=ann"),
    ):
        ann = Browser(server)
        with ann.open() as tab:
            message = BackMsg()
            message.rerun_script.query_string, message.rerun_script.page_name = "in=ann", name
            message.rerun_script.context_info.url = f"{server.origin}{page}"
            tab.send(message)
            tab.until_finished()
            assert follow(ann, granted(tab)).headers["location"] == back


def test_page_under_two_slashes_leads_to_no_other_site(server: AppServer) -> None:
    """A path is no host, whoever led the browser to it: the page is sent to this very origin."""
    with Browser(server).open() as tab:
        message = BackMsg()
        message.rerun_script.query_string = "in=ann"
        message.rerun_script.context_info.url = f"{server.origin}//evil.example/"
        tab.send(message)
        tab.until_finished()
        assert (redirect(tab) or "").startswith(f"{server.origin}/")
