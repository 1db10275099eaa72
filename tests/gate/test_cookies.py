"""The browser cookie: which one a response sets, for how long, and what it takes the place of."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from secure_media.core.identity import Identified
from secure_media.core.login_cookies import COOKIE, Form, LoginCookies
from secure_media.core.login_policy import LoginRules, Logins
from secure_media.core.model import Browser, Credentials
from secure_media.core.principal import Principal, SignIn
from secure_media.core.questions import Name
from secure_media.errors import ScriptError
from secure_media.gate.cookies import MOST_BYTES
from tests import logins, people
from tests.gate.worlds import BEYOND, LIFETIME, NOW, Answer, World

PAGE = {"Accept": "text/html"}
HTTPS = {"X-Forwarded-Proto": "https"}
LOGIN_RULES = LoginRules(Logins(LoginCookies(logins.SECRET, Form.STARLETTE), None), everywhere=False)


def lines(answer: Answer) -> list[list[str]]:
    """Return the parts of each ``Set-Cookie``, without the value of the cookie."""
    parts = [line.split("; ") for line in answer.all("set-cookie")]
    return [[pair.partition("=")[0], *attributes] for pair, *attributes in parts]


def pair(answer: Answer) -> str:
    """Return name and value of the last cookie that a response sets, as browsers send it back."""
    return answer.all("set-cookie")[-1].partition(";")[0]


def who(world: World, cookie: str, *, secure: bool = False) -> Identified:
    """Return whom a cookie names."""
    name, _, value = cookie.partition("=")
    found = world.identity.identify(Credentials(cookies=((name, value),), secure=secure), now=world.now)
    assert isinstance(found, Identified)
    return found


@pytest.mark.parametrize(
    ("secure", "partitioned", "attributes"),
    [
        pytest.param(False, False, ["SameSite=Lax"], id="http"),
        pytest.param(True, False, ["SameSite=Lax", "Secure"], id="https"),
        pytest.param(False, True, ["SameSite=Lax"], id="http-in-a-frame"),
        pytest.param(True, True, ["SameSite=None", "Partitioned", "Secure"], id="https-in-a-frame"),
    ],
)
@pytest.mark.parametrize("lasting", [True, False])
def test_new_browser_gets_a_cookie(secure: bool, partitioned: bool, attributes: list[str], lasting: bool) -> None:
    """No script reads it, no other site has it sent, and it ends with the window where its key does not last."""
    world = World()
    world.identity.partitioned, world.identity.lasting = partitioned, lasting

    first, second = (world.ask("/base/", {**PAGE, **(HTTPS if secure else {})}) for _ in range(2))

    ends = [f"Max-Age={LIFETIME}"] if lasting else []
    last = ["Secure"] if secure else []
    same = [each for each in attributes if each != "Secure"]
    assert lines(first) == [[world.identity.cookie_name(secure=secure), "Path=/", "HttpOnly", *same, *ends, *last]]
    found = [who(world, pair(answer), secure=secure) for answer in (first, second)]
    assert [each.fresh for each in found] == [True, True]
    assert found[0].browser != found[1].browser


@pytest.mark.parametrize(
    ("cookie", "kept"),
    [
        pytest.param(World.cookie, True, id="genuine"),
        pytest.param(lambda world: world.cookie()[:-2], False, id="tampered"),
        pytest.param(lambda world: f"{world.cookie()}; {world.cookie('bert')}", False, id="planted-beside-it"),
    ],
)
def test_known_browser_keeps_its_cookie(cookie: Callable[[World], str], kept: bool) -> None:
    """A cookie that does not hold is overwritten by one for a browser that nobody has seen before."""
    world = World()
    greeted = world.ask("/base/", {**PAGE, "Cookie": cookie(world)})

    assert len(greeted.all("set-cookie")) == (0 if kept else 1)
    if not kept:
        assert who(world, pair(greeted)).browser.id not in {"anna", "bert"}


@pytest.mark.parametrize("place", ["/base/", "media"])
def test_cookie_is_renewed_past_half_of_its_life(place: str) -> None:
    """On the page and with each of its media, for the same browser; never before, and not where it was refused."""
    world = World()
    headers = {**PAGE, "Cookie": world.cookie()}
    path = world.media["anna"] if place == "media" else place
    world.now += LIFETIME / 2
    assert world.ask(path, headers).all("set-cookie") == []

    world.now += 1
    renewed = world.ask(path, headers)

    assert renewed.status == 200
    assert lines(renewed) == [
        [world.identity.cookie_name(secure=False), "Path=/", "HttpOnly", "SameSite=Lax", f"Max-Age={LIFETIME}"]
    ]
    assert who(world, pair(renewed)) == Identified(Browser("anna"), fresh=True)
    assert world.ask(path, {**PAGE, "Cookie": pair(renewed)}).all("set-cookie") == []
    assert world.ask(world.media["bert"], headers).all("set-cookie") == []


@pytest.mark.parametrize("place", ["/base/", "media"])
@pytest.mark.parametrize("partitioned", [True, False])
def test_cookie_of_the_host_is_renewed_as_one(place: str, partitioned: bool) -> None:
    """What browsers send over HTTPS only is not given away over HTTP, whatever a proxy forgets to say."""
    world = World()
    world.identity.partitioned = partitioned
    cookie = world.cookie(secure=True)
    world.now += LIFETIME * 0.6
    renewed = world.ask(world.media["anna"] if place == "media" else place, {**PAGE, "Cookie": cookie})

    assert renewed.status == 200
    (line,) = lines(renewed)
    assert line[0] == world.identity.cookie_name(secure=True)
    assert line[-1] == "Secure"
    assert ("Partitioned" in line) is partitioned


@pytest.mark.parametrize("place", ["/base/", "media"])
def test_cookie_of_plain_http_is_not_renewed_over_https(place: str) -> None:
    """Anyone in the neighbourhood can have planted it: the browser gets a new id there."""
    world = World()
    world.now += LIFETIME * 0.6
    answer = world.ask(world.media["anna"] if place == "media" else place, {**PAGE, **HTTPS, "Cookie": world.cookie()})
    if place == "media":
        assert (answer.status, answer.all("set-cookie")) == (403, [])
    else:
        assert who(world, pair(answer), secure=True).browser != Browser("anna")


@pytest.mark.parametrize(
    ("until", "late", "seconds"),
    [
        pytest.param(86400, 0.0, 3600, id="idle-time"),
        pytest.param(1000, 0.0, 1000, id="its-end"),
        pytest.param(1000, 0.5, 1000, id="its-end-rounded-up"),
        pytest.param(5, 5.5, 1, id="past-its-end"),
    ],
)
def test_cookie_of_a_sign_in_lasts_as_long_as_that(until: int, late: float, seconds: int) -> None:
    """Until the browser has been away for too long, or the sign-in is over, and never for no time at all."""
    world = World()
    sign_in = SignIn("sign-in", Principal("anna", {"sub": "anna"}), NOW - 1, 3600, int(NOW) + until)
    grant = world.gate.signing_in.offer(Browser("anna"), "anna-session", sign_in, alone=False, back="")
    cookie = world.cookie()
    world.now += late

    redeemed = world.ask(f"/base/secure-media/session?sign_in_grant={grant}", {"Cookie": cookie})

    name = world.identity.cookie_name(secure=False)
    assert lines(redeemed) == [[name, "Path=/", "HttpOnly", "SameSite=Lax", f"Max-Age={seconds}"]]
    if not late:
        assert who(world, pair(redeemed)).browser.sign_in == sign_in


@pytest.mark.parametrize("secure", [True, False])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_browser_goes_on_under_a_name_as_good_as_before(secure: bool, scheme: str) -> None:
    """Somebody who signs in keeps a cookie of the host, and gets one wherever it is known to come over HTTPS."""
    world = World()
    grant = world.gate.signing_in.offer(
        Browser("anna"), "anna-session", people.sign_in("anna", at=NOW - 1), alone=False, back=""
    )
    headers = {"Cookie": world.cookie(secure=secure)}
    redeemed = world.ask(f"/base/secure-media/session?sign_in_grant={grant}", headers, scheme=scheme)

    if scheme == "https" and not secure:
        assert redeemed.status == 403  # what anyone could have planted is no browser there
    else:
        assert redeemed.status == 303
        assert lines(redeemed)[0][0] == world.identity.cookie_name(secure=secure or scheme == "https")


def test_longest_cookie_is_one_that_browsers_keep() -> None:
    """A script that says more of somebody than fits is told so; by the name that the cookie has over HTTPS."""
    world, sizes = World(), []
    for length in range(2810, 2830):
        sign_in = people.sign_in("anna", at=NOW - 1, more="x" * length)
        value = world.identity.issue(Browser("b" * 22, sign_in), now=NOW)
        size = len(f"{world.identity.cookie_name(secure=True)}{value}")
        sizes.append(size)
        offer = functools.partial(world.gate.signing_in.offer, Browser("anna"), "anna-session", sign_in)
        if size <= MOST_BYTES:
            assert offer(alone=False, back="")
        else:
            with pytest.raises(ScriptError, match=f"would have {size} bytes, and browsers keep up to 4096"):
                offer(alone=False, back="")
    assert {MOST_BYTES, MOST_BYTES + 1} <= set(sizes)


@pytest.mark.parametrize(
    ("partitioned", "removal"), [(True, ["SameSite=Lax"]), (False, ["SameSite=None", "Partitioned"])]
)
def test_twin_of_a_cookie_is_removed(partitioned: bool, removal: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """Of two cookies of one name, in a partition and in none, the last one set goes on in the place that is meant."""
    world = World()
    world.identity.partitioned = partitioned
    name, first = world.cookie(secure=True).split("=")
    world.now += 5
    twins = f"{world.cookie('bert', secure=True)}; {name}={first}"
    meant = ["SameSite=None", "Partitioned"] if partitioned else ["SameSite=Lax"]
    with caplog.at_level(logging.INFO, "secure_media.gate.cookies"):
        greeted = world.ask("/base/", {**PAGE, **HTTPS, "Cookie": twins})
        grant = world.gate.signing_in.offer(
            Browser("bert"), "bert-session", people.sign_in("bert", at=NOW), alone=False, back=""
        )
        signed_in = world.ask(f"/base/secure-media/session?sign_in_grant={grant}", {**HTTPS, "Cookie": twins})

    for answer, lasts in ((greeted, LIFETIME), (signed_in, 3600)):
        assert lines(answer) == [
            [name, "Path=/", "HttpOnly", *removal, "Max-Age=0", "Secure"],
            [name, "Path=/", "HttpOnly", *meant, f"Max-Age={lasts}", "Secure"],
        ]
        assert answer.all("set-cookie")[0].startswith(f"{name}=;")
    assert who(world, pair(greeted), secure=True).browser == Browser("bert")
    assert [record.getMessage().split()[0] for record in caplog.records] == ["cookie.twin_removed"] * 2
    assert world.ask("/base/", {**PAGE, **HTTPS, "Cookie": pair(greeted)}).all("set-cookie") == []


def test_sign_in_that_has_ended_leaves_another_browser() -> None:
    """Somebody who was signed out goes on as nobody has been seen before."""
    world = World()
    headers = {**PAGE, **world.signed_in()}
    assert world.ask("/base/", headers).all("set-cookie") == []

    world.ledger.end([Name("sub", "anna")], until=None)
    answer = world.ask("/base/", headers)

    browser = who(world, pair(answer)).browser
    assert browser.sign_in is None
    assert browser.id != "anna"


def test_outage_of_the_ledger_signs_nobody_out(tmp_path: Path) -> None:
    """While nobody can tell whether a sign-in has ended, its cookie stays where it is."""
    (tmp_path / "file").write_text("not a database, " * 100)
    world = World(ledger=tmp_path / "file")
    assert len(world.ask("/base/", PAGE).all("set-cookie")) == 1

    assert world.ask("/base/", {**PAGE, **world.signed_in()}).all("set-cookie") == []


@pytest.mark.parametrize(
    ("secure", "scheme", "known"),
    [
        pytest.param(False, "http", True, id="http"),
        pytest.param(True, "http", True, id="cookie-of-the-host"),
        pytest.param(False, "http", False, id="nobody-over-http"),
        pytest.param(True, "https", True, id="https"),
        pytest.param(True, "https", False, id="nobody-over-https"),
    ],
)
def test_browser_is_another_one_after_the_logout(secure: bool, scheme: str, known: bool) -> None:
    """What it was shown was for the one who leaves: nobody who signs in there next has anything of it."""
    world = World(logins=LOGIN_RULES)
    cookie = world.cookie(secure=secure) if known else "other=1"
    gone = world.ask("/base/auth/logout", {"Cookie": f"{cookie}; {COOKIE}=whatever"}, scheme=scheme)

    assert gone.said == BEYOND
    ends = ["SameSite=Lax", f"Max-Age={LIFETIME}", *(["Secure"] if secure else [])]
    assert lines(gone) == [[world.identity.cookie_name(secure=secure), "Path=/", "HttpOnly", *ends]]
    assert who(world, pair(gone), secure=secure).browser.id != "anna"
