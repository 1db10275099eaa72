"""What a script passes as ``allow=`` is asked on every request for that medium, whoever asks and however it came."""

from __future__ import annotations

import functools
import pickle
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import jwt
import pytest

from secure_media import allow_if, own_session, signed_url
from secure_media import jwt as jwt_of
from secure_media.core.policy import Policy
from secure_media.errors import GrantError
from secure_media.host.allowing import MOST_KNOWN, Conditions
from secure_media.host.replays import Handed, kept, unkept
from secure_media.host.terms import GrantTerms, rule
from secure_media.testing import access, decide
from tests.browser.chromium import HAS_PDF
from tests.servers import ROOT, SECRET, AppServer, Browser, Response, Tab, eventually

MEDIA = ROOT / "examples" / "media"
APP = f"""
import pathlib, time
from secure_media import allow_if, jwt, own_session, secure_run, signed_url

signed_in = jwt(cookie="sso", key={SECRET!r}, algorithms=["HS256"], issuer="login", audience="media")
secure_run(__file__, secret={SECRET!r}, policy=(own_session() | signed_url()) & signed_in)

import streamlit as st
import secure_media as sm

MEDIA = pathlib.Path({str(MEDIA)!r})
PICTURE, SCAN = str(MEDIA / "icon.png"), str(MEDIA / "logo.png")
what = st.query_params.get("show", "")

def doctors(context):
    return "doctors" in context.groups

def go_on(name="go-on"):
    while not pathlib.Path(name).exists():
        time.sleep(0.01)
    return True

def fails(context):
    raise SystemExit("the condition says so")

async def later(context):
    return doctors(context)

@st.cache_data
def cached():
    sm.image(SCAN, allow=doctors)

@st.cache_data(persist="disk")
def persisted():
    sm.image(SCAN, allow=lambda context: doctors(context) and True)

@st.cache_resource
def cached_film():
    sm.video(str(MEDIA / "film.mp4"), subtitles=str(MEDIA / "subtitles.vtt"), allow=doctors)

if what == "image":
    sm.image(SCAN, allow=doctors)
if what == "async":
    sm.image(SCAN, allow=later)
if what == "policy":
    sm.image(SCAN, allow=allow_if(doctors) | allow_if(lambda context: context.subject == "owner"))
if what == "audio":
    sm.audio(str(MEDIA / "sound.wav") if (MEDIA / "sound.wav").exists() else b"RIFF sound", allow=doctors)
if what == "film":
    cached_film()
if what == "pdf":
    sm.pdf(str(MEDIA / "report.pdf"), allow=doctors)
if what == "button":
    sm.download_button("save", "the report", "report.txt", allow=doctors)
if what == "made":
    sm.download_button("save", lambda: "made later", "report.txt", allow=doctors)
if what == "zip":
    sm.download_zip("all", {{"a.txt": b"one"}}, allow=doctors)
if what == "cached":
    cached()
if what == "persisted":
    persisted()
if what == "step-up":
    sm.image(SCAN, allow=lambda context: context.signed_in_within(300))
if what == "loop":
    for group in ("doctors", "nurses", "nobody"):
        sm.image(SCAN, allow=lambda context: group in context.groups)
if what == "plain":
    st.image(SCAN)
if what == "terms":
    sm.image(SCAN)
if what == "waits":
    st.image(PICTURE)
    sm.image(SCAN, allow=allow_if(lambda context: go_on(), timeout=60))
if what == "hangs":
    sm.image(SCAN, allow=allow_if(lambda context: go_on("end"), timeout=0.2))
if what == "fails":
    sm.image(SCAN, allow=fails)
if what == "truthy":
    sm.image(SCAN, allow=lambda context: "yes")
if what == "counted":
    sm.download_button("save", "the report", "report.txt", allow=doctors, max_uses=1)
"""

#: A link that works once, for those whom the policy of its collection allows.
COUNTED = f"""
from secure_media import Collection, allow_if, jwt, secure_run, signed_url

signed_in = jwt(cookie="sso", key={SECRET!r}, algorithms=["HS256"], issuer="login", audience="media")
doctors = signed_in & allow_if(lambda context: "doctors" in context.groups) & signed_url()
reports = Collection("reports", policy=doctors)
secure_run(__file__, secret={SECRET!r}, ledger="memory", collections={{"reports": reports}})

import streamlit as st
import secure_media as sm

st.text(sm.share_link("reports/q3.txt", expires_in=600, max_uses=1, confirm=False))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve the app."""
    with AppServer(APP, guarded=False, folder=tmp_path_factory.mktemp("allow")) as running:
        yield running


def sso(*groups: str, **claims: Any) -> str:
    """Return the cookie of somebody in these groups."""
    said = {"iss": "login", "aud": "media", "exp": int(time.time()) + 86_400, "sub": "ann", "groups": groups, **claims}
    return f"sso={jwt.encode(said, SECRET, 'HS256')}"


DOCTOR, NURSE, NOBODY = sso("staff", "doctors"), sso("nurses", sub="eve"), ""


def fetch(browser: Browser, url: str, who: str, **headers: str) -> Response:
    """Return what somebody gets in that browser."""
    cookies = "; ".join(filter(None, (browser.cookie_header(), who)))
    return browser.server.request("GET", url, {"Cookie": cookies, **headers})


def refused(browser: Browser, url: str, *who: str) -> bool:
    """Return whether each of these gets the one refusal, also for a part, and with a cache to ask about."""
    answers = [
        fetch(browser, url, each, **headers)
        for each in who
        for headers in ({}, {"Range": "bytes=0-9"}, {"If-None-Match": "*"})
    ]
    return all((answer.status, answer.body) == (403, b"Forbidden\n") for answer in answers)


def shown(tab: Tab, show: str) -> list[str]:
    """Run the script of a tab so that it shows this, and return the media URLs of that run."""
    before = len(tab.messages)
    tab.rerun(query=f"show={show}")
    del tab.messages[:before]
    assert tab.exceptions() == []
    return tab.urls()


@pytest.mark.parametrize(
    ("show", "count"),
    [
        ("image", 1),
        ("async", 1),
        ("policy", 1),
        ("audio", 1),
        ("film", 2),
        *([("pdf", 1)] if HAS_PDF else []),
        ("button", 1),
        ("made", 1),
        ("zip", 1),
        ("cached", 1),
        ("persisted", 1),
    ],
)
def test_medium_is_for_those_whom_its_condition_allows(server: AppServer, show: str, count: int) -> None:
    """In the browser that it was shown to, with its grant: another principal is refused it, and so is nobody."""
    browser = Browser(server)
    with browser.open() as tab:
        urls = shown(tab, show)

        assert len(urls) == count
        for url in urls:
            for _ in range(2):  # the second might come by a shorter way
                assert fetch(browser, url, DOCTOR).status == 200
                assert refused(browser, url, NURSE, NOBODY)
            assert refused(browser, url.partition("?")[0], DOCTOR, NURSE)
            assert refused(Browser(server).visit(), url, DOCTOR, NURSE)


def test_url_stays_the_same_from_run_to_run(server: AppServer) -> None:
    """A function that the script makes anew is the same condition, so a film that plays does not start anew."""
    with Browser(server).open() as tab:
        for show in ("image", "async", "policy", "film", "step-up", "loop"):
            assert shown(tab, show) == shown(tab, show) != []


def test_replay_keeps_its_condition(server: AppServer) -> None:
    """What a cached function has shown in another session is on its condition there, too."""
    first, second = Browser(server), Browser(server)
    for show in ("cached", "persisted", "film"):
        with first.open() as tab:
            urls = shown(tab, show)
            assert {fetch(first, url, DOCTOR).status for url in urls} == {200}
        with second.open() as tab:
            again = shown(tab, show)
            assert [url.partition("?")[0] for url in again] == [url.partition("?")[0] for url in urls]
            assert {fetch(second, url, DOCTOR).status for url in again} == {200}
            assert all(refused(second, url, NURSE, NOBODY) for url in again)
            assert all(refused(second, url, DOCTOR) for url in urls)


def test_same_content_elsewhere_is_what_it_was(server: AppServer) -> None:
    """Plain for those whom their own script shows it plainly, and for nobody else; on terms alone, as before."""
    careful, careless = Browser(server), Browser(server)
    with careful.open() as one, careless.open() as other:
        (conditional,), (plain,) = shown(one, "image"), shown(other, "plain")
        (on_terms,) = shown(one, "terms")
        assert len({url.partition("?")[0] for url in (conditional, plain, on_terms)}) == 3

        assert fetch(careless, plain, NURSE).status == 200
        assert fetch(careful, on_terms, NURSE).status == 200
        assert fetch(careful, conditional, DOCTOR).status == 200
        assert refused(careful, conditional, NURSE)
        assert refused(careful, plain, DOCTOR, NURSE)
        token = on_terms.partition("?")[2]
        assert refused(careful, f"{conditional.partition('?')[0]}?{token}", DOCTOR, NURSE)


def test_step_up_needs_a_recent_sign_in(server: AppServer) -> None:
    """Somebody who signed in long ago, at no known time, or in the future is refused until they sign in again."""
    browser, now = Browser(server), int(time.time())
    with browser.open() as tab:
        (url,) = shown(tab, "step-up")

        assert fetch(browser, url, sso(auth_time=now - 5)).status == 200
        assert refused(
            browser, url, sso(auth_time=now - 1000), sso(), sso(auth_time=now + 1000), sso(auth_time=str(now)), NOBODY
        )
        assert fetch(browser, url, sso(auth_time=now - 5)).status == 200


def test_loop_asks_for_each_what_it_said_then(server: AppServer) -> None:
    """A condition that refers to the variable of a loop is asked with what that was when the picture was shown."""
    browser = Browser(server)
    with browser.open() as tab:
        urls = shown(tab, "loop")

        assert [fetch(browser, url, DOCTOR).status for url in urls] == [200, 403, 403]
        assert [fetch(browser, url, NURSE).status for url in urls] == [403, 200, 403]


def test_condition_that_waits_holds_up_nobody(server: AppServer) -> None:
    """While one waits, the page's health and other pictures are answered; then it decides."""
    browser, go_on = Browser(server), server.folder / "go-on"
    with browser.open() as tab, socket.create_connection(("127.0.0.1", server.port), timeout=30) as waiting:
        plain, slow = shown(tab, "waits")
        cookies = f"{browser.cookie_header()}; {DOCTOR}"
        waiting.sendall(f"GET {slow} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nCookie: {cookies}\r\n\r\n".encode())
        answered = [browser.get("/_stcore/health").status, *(fetch(browser, plain, DOCTOR).status for _ in range(3))]
        is_first = bool(select.select([waiting], [], [], 0)[0])
        go_on.touch()
        try:
            assert answered == [200] * 4
            assert not is_first
            assert waiting.recv(65536).startswith(b"HTTP/1.1 200 ")
        finally:
            go_on.unlink()


@pytest.mark.parametrize(
    ("show", "line"), [("hangs", "condition.timeout"), ("fails", "condition.failed"), ("truthy", "does not hold")]
)
def test_condition_that_does_not_say_yes_is_a_denial(server: AppServer, show: str, line: str) -> None:
    """One that hangs, wants to end the program, or says something else; it is in the log, and the server goes on."""
    browser = Browser(server)
    (server.folder / "end").unlink(missing_ok=True)
    with browser.open() as tab:
        (good,) = shown(tab, "image")
        assert fetch(browser, good, DOCTOR).status == 200
        (url,) = shown(tab, show)
        try:
            assert refused(browser, url, DOCTOR)
        finally:  # else what hangs would go on when the server is to end
            (server.folder / "end").touch()
        assert browser.get("/_stcore/health").status == 200
        eventually(lambda: line in server.log, line)


def test_uses_and_a_condition_do_not_go_together(server: AppServer) -> None:
    """Another condition is another medium, which would have uses of its own: that is refused in words."""
    with Browser(server).open() as tab:
        tab.rerun(query="show=counted")

        (error,) = tab.exceptions()
        assert "not together with max_uses" in error
        assert "share_link(..., max_uses=...) to a file of a collection" in error


def test_uses_and_the_policy_of_a_collection_go_together(tmp_path: Path) -> None:
    """What that error offers instead: a counted link is for those whom the collection's policy allows."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "q3.txt").write_text("the report")
    with AppServer(COUNTED, guarded=False, folder=tmp_path) as server:
        browser = Browser(server)
        with browser.open() as tab:
            assert tab.exceptions() == []
            (link,) = (text.removeprefix(server.origin) for text in tab.texts())
        assert refused(browser, link, NURSE, NOBODY)
        assert fetch(browser, link, DOCTOR).body == b"the report"
        assert fetch(browser, link, DOCTOR).status == 403


# --- which conditions are the same


LEVEL = 1


def _of_script(source: str, **names: Any) -> Any:
    """Return the function ``condition`` of a script with that source, as Streamlit runs one."""
    module = {"__name__": "__main__", **names}
    exec(compile(source, "app.py", "exec"), module)  # noqa: S102 - a script of these tests
    return module["condition"]


def _at_least(level: int) -> Callable[[Any], bool]:
    return lambda context: context.claims.get("level", 0) >= level


IN = "condition = lambda context: group in context.groups"
HELPED = "def helper(context): return group in context.groups\ncondition = lambda context: helper(context)"
MUTUAL = "def one(c): return two(c)\ndef two(c): return group in c.groups or one(c)\ncondition = one"
DEFAULT = "condition = lambda context, wanted=group: wanted in context.groups"
NESTED = "condition = lambda context: any(group == each for each in context.groups)"


@pytest.mark.parametrize("source", [IN, HELPED, MUTUAL, DEFAULT, NESTED])
def test_functions_of_a_script_are_the_same_by_what_they_say(source: str) -> None:
    """The same source with the same names is one condition, in every run; with other values it is another."""
    conditions = Conditions()
    first = conditions.name(allow_if(_of_script(source, group="a", unused=object())))

    assert conditions.name(allow_if(_of_script(source, group="a", unused=object()))) == first
    assert conditions.name(allow_if(_of_script(source, group="b"))) != first
    assert conditions.name(allow_if(_of_script(source + " ", group="a"), timeout=1)) != first
    found = conditions.find(first)
    assert found is not None
    assert decide(found, access(groups=["a"]))
    assert not decide(found, access(groups=["b"])) or source == MUTUAL


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(1, True, id="one-and-true"),
        pytest.param(1, 1.0, id="integer-and-float"),
        pytest.param("1", b"1", id="text-and-bytes"),
        pytest.param(["a"], ["a"], id="two-lists"),
        pytest.param({"a"}, {"a"}, id="two-sets"),
        pytest.param(None, False, id="none-and-false"),
        pytest.param((lambda: 1), (lambda: 2), id="functions"),
    ],
)
def test_what_they_refer_to_tells_them_apart(one: Any, other: Any) -> None:
    """Equal is not the same: what could be changed, or is of another type, makes another condition."""
    conditions, source = Conditions(), "condition = lambda context: context.claims['x'] == wanted"

    first = conditions.name(allow_if(_of_script(source, wanted=one)))

    assert conditions.name(allow_if(_of_script(source, wanted=one))) == first
    assert conditions.name(allow_if(_of_script(source, wanted=other))) != first


def test_condition_is_kept_as_it_was() -> None:
    """What the script does with its names later changes nothing; of a list that it shares, everything is seen."""
    allowed = ["anna"]
    condition = _of_script(
        "condition = lambda c: group in c.groups and c.subject in allowed", group="a", allowed=allowed
    )
    conditions = Conditions()
    found = conditions.find(conditions.name(allow_if(condition)))
    assert found is not None
    assert decide(found, access(subject="anna", groups=["a"]))

    condition.__globals__["group"] = "b"
    assert decide(found, access(subject="anna", groups=["a"]))
    assert not decide(found, access(subject="anna", groups=["b"]))
    allowed.clear()
    assert not decide(found, access(subject="anna", groups=["a"]))


def test_functions_of_modules_go_with_the_times() -> None:
    """A module's function sees what the module has now; what it has closed over tells it from its likes."""
    conditions = Conditions()
    name = conditions.name(allow_if(_at_least(2)))
    found = conditions.find(name)

    assert conditions.name(allow_if(_at_least(2))) == name
    assert conditions.name(allow_if(_at_least(3))) != name
    assert found is not None
    assert decide(found, access(claims={"level": 2}))
    assert not decide(found, access(claims={"level": 1}))
    kept_function: Any = conditions.find(conditions.name(allow_if(_of_module)))
    assert isinstance(kept_function.condition, FunctionType)
    assert kept_function.condition.__globals__ is globals()


def _of_module(context: Any) -> bool:
    return bool(context.claims["level"] > LEVEL)


def test_attributes_and_wrappers_count() -> None:
    """Two functions with the same code that say different things of themselves are two."""

    def marked(mark: str) -> Any:
        def condition(context: Any) -> bool:
            return bool(context.subject == mark)

        wrapper = functools.wraps(condition)(lambda context: wrapper.mark == context.subject)  # type: ignore[attr-defined]
        wrapper.mark = mark  # type: ignore[attr-defined]
        return wrapper

    conditions = Conditions()
    first, second = (conditions.find(conditions.name(allow_if(marked(mark)))) for mark in ("anna", "bert"))

    assert first is not None
    assert second is not None
    assert [decide(first, access(subject=who)) for who in ("anna", "bert")] == [True, False]
    assert [decide(second, access(subject=who)) for who in ("anna", "bert")] == [False, True]


def test_policies_are_the_same_by_their_parts() -> None:
    """Combined in the same way of the same conditions; another way, or another object, makes another."""
    conditions = Conditions()

    def name(build: Callable[[Policy, Policy, Policy], Policy]) -> str:
        return conditions.name(build(*(allow_if(_of_script(IN, group=group)) for group in "abc")))

    assert name(lambda a, b, c: a | b & c) == name(lambda a, b, c: a | b & c)
    names = {
        name(build)
        for build in (
            lambda a, b, c: a | b & c,
            lambda a, b, c: (a | b) & c,
            lambda a, b, c: a & b | c,
            lambda a, b, c: a,
            lambda a, b, c: a | a,
            lambda a, b, c: a & a,
        )
    }
    assert len(names) == 6
    assert conditions.name(signed_url()) != conditions.name(signed_url())
    policy = own_session()
    assert conditions.name(policy) == conditions.name(policy)


def test_only_the_last_conditions_are_known() -> None:
    """The oldest is forgotten, which makes it nobody's; one that is asked for again is no old one."""
    conditions = Conditions()
    first, second = (conditions.name(allow_if(_at_least(number))) for number in (-1, -2))
    for number in range(MOST_KNOWN - 1):
        conditions.name(allow_if(_at_least(number)))
        assert conditions.find(first) is not None

    assert conditions.find(second) is None
    assert conditions.name(allow_if(_at_least(-1))) == first
    assert conditions.name(allow_if(_at_least(-2))) != second


@pytest.mark.parametrize("allow", [True, False, "doctors", 1, ["doctors"]])
def test_condition_has_to_be_one(allow: Any) -> None:
    """What is neither a function nor a policy is refused, above all what is false."""
    assert isinstance(rule(lambda context: True, max_uses=None), Policy)
    assert rule(None, max_uses=1) is None

    with pytest.raises(GrantError, match="allow: expected"):
        rule(allow, max_uses=None)
    with pytest.raises(GrantError, match="not together with max_uses"):
        rule(lambda context: True, max_uses=1)


def test_keys_are_not_fetched_for_a_single_medium() -> None:
    """A policy whose keys nobody has fetched would refuse everybody: the script is told what to do instead."""
    published = jwt_of(
        cookie="sso", jwks_url="https://login.example/keys", algorithms=["RS256"], issuer="login", audience="media"
    )
    with pytest.raises(GrantError, match="fetched when the app starts"):
        rule(published & allow_if(lambda context: True), max_uses=None)


def test_condition_is_kept_with_a_cached_element_by_name() -> None:
    """A condition could not be copied, its name can; terms with it are other terms."""
    handed = Handed(b"\x89PNG", GrantTerms(60.0, allow="a-name"))

    assert unkept(pickle.loads(pickle.dumps(kept(handed)))) == handed  # noqa: S301
    assert len({GrantTerms(60.0, allow=name).name for name in (None, "a-name", "another")}) == 3
