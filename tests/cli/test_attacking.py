"""The command that attacks: red against stock Streamlit, green against a guarded app, and clear about all else."""

from __future__ import annotations

import importlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from secure_media.attack.campaign import chosen, run
from secure_media.attack.discovery import opened
from secure_media.attack.model import Result
from secure_media.attack.pace import Pace
from secure_media.attack.page import Page
from secure_media.errors import AppError
from secure_media.testing import RunningApp
from secure_media.testing.people import Person
from tests.attacks.by_url import CANARIES, SCRIPT, guarded, stock
from tests.attacks.test_attacks import COUNTS
from tests.cli.shell import Shell
from tests.host.test_protecting import KEY, sso
from tests.host.test_routes import certificate
from tests.servers import SECRET, STARLETTE, AppServer, Browser, free_port
from tests.wire import Line

#: What is known of Streamlit's media, as findings, on each server.
KNOWN = {"open-media", "no-cache-control", "no-confining-headers", "guessable-id", "uploads-by-others"}
ON_TORNADO = {"type-from-url", "cacheable-by-parameter", "etag-is-a-hash", "server-error"}
FAST = ("--rate", "1000")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Return an app as Streamlit serves it."""
    with stock(tmp_path_factory.mktemp("stock")) as server:
        yield server


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Return the same app with its media guarded, below a base path."""
    with guarded(tmp_path_factory.mktemp("guarded")) as server:
        yield server
        assert "Traceback" not in server.log


def test_stock_streamlit_is_found_open(shell: Shell, bare: AppServer) -> None:
    """All that is known of Streamlit's media is found, with its fix, and nothing secret is in any report."""
    files = [f"--{name}={name}" for name in ("html", "json", "junit", "sarif")]
    result = shell.run("attack", bare.url, *FAST, *files)

    report = json.loads(Path("json").read_text("utf-8"))
    found = {finding["id"]: finding for finding in report["findings"]}
    expected = KNOWN if STARLETTE else KNOWN | ON_TORNADO
    assert result.code == 1
    assert expected <= set(found)
    assert set(found) - expected <= {"server-error"}  # newer servers fail at other requests
    for finding in found.values():
        assert finding["title"] in result.out
        assert finding["text"].count(". ") == 1
        assert finding["fix"].startswith("Serve the app with `secure-media run app.py`")
        assert finding["evidence"][0]["request"].split("\n")[0].endswith(" HTTP/1.1")
    everything = "".join(Path(name).read_text("utf-8") for name in ("html", "json", "junit", "sarif")) + result.out
    assert not [canary for canary in CANARIES if canary in everything]
    assert "Streamlit " in result.out
    assert "/_stcore/metrics is open to everyone" in result.out


def test_guarded_app_is_found_closed(shell: Shell, own: AppServer) -> None:
    """Against the guard, nothing is found, in hundreds of attacks that each come after an honest request."""
    result = shell.run("attack", own.url, *FAST, "--json", "report.json")

    summary = json.loads(Path("report.json").read_text("utf-8"))["summary"]
    assert result.code == 0
    assert "nothing found: 0 of " in result.last
    assert summary["stood"] > 700
    assert (summary["findings"], summary["fell"], summary["unproven"]) == (0, 0, 0)


def test_reports_are_what_their_formats_ask_for(shell: Shell, bare: AppServer) -> None:
    """SARIF holds to its schema, JUnit counts as it lists, and the page needs nothing but itself."""
    shell.run("attack", bare.url, *FAST, "--family", "no-credential", "--family", "sniffing", "--sarif=s", "--junit=j")
    shell.run("attack", bare.url, *FAST, "--family", "no-credential", "--html=h")

    log = json.loads(Path("s").read_text("utf-8"))
    suites = ET.parse("j").getroot()  # noqa: S314 - what was written a moment ago
    page = Path("h").read_text("utf-8")
    importlib.import_module("sarif_pydantic").Sarif.model_validate(log)
    assert {result["ruleId"] for result in log["runs"][0]["results"]} >= {"open-media", "no-confining-headers"}
    assert len(suites.findall(".//testcase")) == int(suites.get("tests", 0))
    assert len(suites.findall(".//failure")) == int(suites.get("failures", 0)) > 10
    assert "default-src 'none'; style-src 'sha256-" in page.replace("&#39;", "'")
    assert "<script" not in page
    assert "src=" not in page


def test_page_that_was_closed_is_found_open_later(shell: Shell, bare: AppServer) -> None:
    """With a wait at the end, what outlives its page is found; without one it is not looked for."""
    families = ("--family", "expired")
    result = shell.run("attack", bare.url, *FAST, *families, "--after-closing", "0")

    assert result.code == 1
    assert "Files are served after the page was closed" in result.out
    assert "none of these attacks can be tried" in shell.run("attack", bare.url, *FAST, *families).err


@pytest.mark.parametrize(
    ("page", "said"),
    [
        pytest.param(("--query", "empty=1"), "shows no media to a new session", id="shows-nothing"),
        pytest.param(("--page", "broken"), "Its script fails: no database", id="fails"),
        pytest.param(("--page", "none"), "the app has no page 'none'", id="is-not-there"),
    ],
)
def test_page_without_media_is_no_verdict(shell: Shell, bare: AppServer, page: tuple[str, str], said: str) -> None:
    """A page that shows nothing, fails, or does not exist is an error that says what to give."""
    result = shell.run("attack", bare.url, *page)

    assert result.code == 2
    assert said in result.err


def test_page_is_chosen_by_its_name(shell: Shell, bare: AppServer) -> None:
    """The page that is named is opened, and what it shows is attacked; the report says which."""
    result = shell.run("attack", bare.url, *FAST, "--page", "other", "--family", "no-credential", "--json=j")

    target = json.loads(Path("j").read_text("utf-8"))["target"]
    assert result.code == 1
    assert target["page"] == "page other"
    assert {medium["size"] for medium in target["media"]} == {len(b"content of the page")}


def test_links_are_not_used_up(shell: Shell, own: AppServer) -> None:
    """A URL with a token, which may be good for one use, is not asked for; if there is no other, that is said."""
    result = shell.run("attack", own.url, "--query", "empty=1&terms=1")

    assert result.code == 2
    assert "all media of that page are" in result.err
    assert "links on terms" in result.err


def test_link_that_is_given_is_attacked(shell: Shell, own: AppServer) -> None:
    """With a link, the attacks on links are tried as well; one to elsewhere, or to nothing, is an error."""
    with Browser(own).open() as tab:
        link = tab.texts()[-1]
    families = ("--family", "moved", "--family", "forged", "--json=j")
    result = shell.run("attack", own.url, *FAST, *families, "--link", link)
    missing = shell.run("attack", own.url, "--link", link.replace("letter", "no-letter"))
    foreign = shell.run("attack", own.url, "--link", "http://127.0.0.2/letter.txt")

    attacks = json.loads(Path("j").read_text("utf-8"))["attacks"]
    assert result.code == 0
    assert {attack["verdict"] for attack in attacks if attack["id"].startswith("link-")} >= {"stood"}
    assert (missing.code, foreign.code) == (2, 2)
    assert "expected what opens a file for anyone, got 403" in missing.err
    assert "expected a file of the app's own" in foreign.err
    assert link.partition("media_token=")[2] not in Path("j").read_text("utf-8")


def test_what_is_given_besides_is_attacked(shell: Shell, own: AppServer) -> None:
    """With a static file, links of other names, and what is beside them, the families on these are tried, and stand."""
    with Browser(own).open() as tab:
        folder, report = tab.texts()[-3:-1]
    families = ("static", "traversal", "moved", "timing", "forged", "tampered")
    named = [part for family in families for part in ("--family", family)]
    given = ("--folder-link", f"{folder}report%20of%20May.pdf", "--static", "app/static/notes.txt", "--link", report)
    result = shell.run("attack", own.url, *FAST, *named, *given, "--outside", "outside.txt", "--json=j", "--html=h")

    report = json.loads(Path("j").read_text("utf-8"))
    by_family = {family["id"]: family for family in report["families"]}
    assert (result.code, report["findings"]) == (0, [])
    # Another app of the same software is not there to be visited.
    assert by_family["static"]["stood"] == COUNTS["static"] - 2
    # What had to be put there to be found is not.
    needs = {attack["missing"] for attack in report["attacks"] if attack["family"] == "traversal" and attack["missing"]}
    assert by_family["traversal"]["stood"] > 250
    assert {text.partition(":")[0] for text in needs} == {
        "a folder into which hidden files and links were put, and another one beside it, to be found",
        "such a link to a folder in which symbolic links are followed",
    }
    assert by_family["moved"]["stood"] == COUNTS["moved"]
    assert folder.partition("media_token=")[2].partition("/")[0] not in Path("j").read_text() + Path("h").read_text()


def test_static_file_that_anyone_gets_is_found(shell: Shell, tmp_path: Path) -> None:
    """Where the static file that is given is open to all, as on stock Streamlit, that is a finding of its own."""
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "notes.txt").write_text("canary of the notes")
    command = (sys.executable, "-m", "streamlit", "run", "{script}")
    options = {"server.enableStaticServing": True}
    with AppServer(SCRIPT, guarded=False, command=command, folder=tmp_path, options=options) as server:
        result = shell.run("attack", server.url, *FAST, "--family", "static", "--static", "app/static/notes.txt")

    assert result.code == 1
    assert "Static files: an attack gets through" in result.out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param(("--static", "app/static/none.txt"), "--static: expected what opens a file for the", id="static"),
        pytest.param(("--static", "http://127.0.0.2/a.txt"), "--static: expected a file of the app's own", id="other"),
        pytest.param(("--folder-link", "secure-media/files/x/"), "--folder-link: expected what opens", id="folder"),
        pytest.param(("--folder-link", "app/static/notes.txt"), "--folder-link: expected what opens", id="no-link"),
    ],
)
def test_what_is_given_and_not_there_is_an_error(
    shell: Shell, own: AppServer, given: tuple[str, str], said: str
) -> None:
    """What does not open for whom it should be for is no verdict, and the option is named."""
    result = shell.run("attack", own.url, *FAST, *given)

    assert result.code == 2
    assert said in result.err


def test_people_are_who_their_cookies_say(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a sign-in, one person is the victim and another the attacker; no report has what they sent."""
    rule = f"jwt(cookie='sso', key={KEY!r}, algorithms=['HS256'], issuer='gate', audience='app')"
    header = rule.replace("cookie='sso'", "header='authorization'")
    policy = f"own_session() & ({rule} | {header})"
    text = f"from secure_media import jwt, own_session, secure_run\nsecure_run(__file__, secret={SECRET!r}, "
    script = f"{text}protect='app', policy={policy})\n{SCRIPT}"
    with AppServer(script, guarded=False, folder=tmp_path) as server:
        nobody = shell.run("attack", server.url)
        ann, bert = sso("ann"), sso("bert")
        monkeypatch.setenv("ATTACK_COOKIE", f"sso={ann}")
        both = shell.run("attack", server.url, *FAST, "--other-cookie", f"sso={bert}", "--json=j", "--html=h")
        monkeypatch.delenv("ATTACK_COOKIE")
        few = ("--family", "no-credential", "--family", "other-browser", "--json=k")
        by_header = shell.run("attack", server.url, *FAST, *few, "--header", f"Authorization: Bearer {ann}")

    assert nobody.code == 2
    assert "it asks people to sign in" in nobody.err
    assert (both.code, by_header.code) == (0, 0)
    reports = both.out + by_header.out + "".join(Path(name).read_text("utf-8") for name in "jhk")
    assert "attacked by a second person" in both.out
    # The browser's cookies alone open nothing here, so the next one who signs in there is tried too.
    tried = {attack["id"]: attack["verdict"] for attack in json.loads(Path("j").read_text("utf-8"))["attacks"]}
    assert {tried[f"next-person-image-{method}"] for method in ("get", "head")} == {"stood"}
    assert not [token for token in (ann, bert) if token in reports or token.split(".")[2] in reports]


def test_tls_is_verified(shell: Shell, tmp_path: Path) -> None:
    """A certificate that nobody trusts is an error that says what to give; with its file, the attacks go on."""
    certificate(tmp_path)
    options = {"server.sslCertFile": str(tmp_path / "cert.pem"), "server.sslKeyFile": str(tmp_path / "key.pem")}
    family = (*FAST, "--family", "no-credential")
    with AppServer(SCRIPT, options=options, folder=tmp_path) as server:
        untrusted = shell.run("attack", server.url, *family)
        trusted = shell.run("attack", server.url, *family, "--ca", str(tmp_path / "cert.pem"))

    assert untrusted.code == 2
    assert "is not trusted" in untrusted.err
    assert "--ca" in untrusted.err
    assert trusted.code == 0


def test_app_that_stops_in_the_middle_is_no_verdict(bare: AppServer) -> None:
    """An app that stops answering is an error that says when, whatever had stood until then."""
    pace = Pace(rate=1000, most=1000, seconds=60)
    with Line(bare.port) as line:

        def cut(result: Result, total: int) -> None:
            if result.attack.id == "nobody-download":
                line.cut()

        app = RunningApp(line.url)
        with opened(app, Person(), Person(), Page(), pace=pace) as target, pytest.raises(AppError) as raised:
            run(target, chosen(["no-credential"]), cut)

    assert "the app stopped answering after 5 of 14 attacks" in str(raised.value)


@pytest.mark.parametrize(
    ("bound", "said"),
    [
        pytest.param(("--max-requests", "20"), "20 requests", id="requests"),
        pytest.param(("--max-time", "1", "--rate", "20"), "1 s", id="time"),
    ],
)
def test_bounds_end_it_without_a_verdict(shell: Shell, own: AppServer, bound: tuple[str, ...], said: str) -> None:
    """What was not tried is not called closed: reaching a bound is an error unless something was found before."""
    result = shell.run("attack", own.url, *bound)

    assert result.code == 2
    assert f"not all attacks were tried: {said} were used up after " in result.err


def answering(status: int, headers: dict[str, str]) -> type[BaseHTTPRequestHandler]:
    """Return what answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve something that is no Streamlit app; return its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        pytest.param(404, {}, "no Streamlit app is there", id="other-app"),
        pytest.param(200, {}, "its WebSocket does not open", id="says-ok-to-all"),
        pytest.param(401, {"WWW-Authenticate": "Basic"}, "it asks people to sign in", id="sign-in"),
        pytest.param(302, {"Location": "https://idp.example/?state=x"}, "https://idp.example/, which is not", id="idp"),
        pytest.param(302, {"Location": "https://127.0.0.1:1/\x1b[31m"}, "to https: give that URL", id="https"),
        pytest.param(502, {}, "its server fails (502)", id="broken"),
    ],
)
def test_what_is_no_app_is_named(shell: Shell, status: int, headers: dict[str, str], said: str) -> None:
    """Whatever else answers there is told in a sentence, with what to do, and redirects are not followed."""
    with serving(answering(status, headers)) as url:
        result = shell.run("attack", url)

    assert result.code == 2
    assert said in result.err
    assert "\x1b" not in result.err
    assert "state=x" not in result.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(lambda: [], "give the URL", id="nothing"),
        pytest.param(lambda: ["ftp://127.0.0.1/"], "give where a browser opens the app", id="no-http"),
        pytest.param(lambda: [f"http://127.0.0.1:{free_port()}/"], "does not answer", id="nobody-there"),
        pytest.param(lambda: ["http://apps.example/"], "--i-am-authorised", id="elsewhere"),
        pytest.param(lambda: ["http://127.0.0.1.example/"], "--i-am-authorised", id="looks-like-here"),
        pytest.param(lambda: ["http://127.0.0.1/?id=7"], "a query by --query", id="query"),
        pytest.param(lambda: ["http://127.0.0.1/", "--family", "cachin"], "did you mean 'caching'?", id="family"),
        pytest.param(
            lambda: ["http://127.0.0.1/", "--family", "tokns"], "there are cookies, methods, ", id="like-none"
        ),
        pytest.param(lambda: ["http://127.0.0.1/", "--cookie", "secret-value"], "expected NAME=VALUE", id="cookie"),
        pytest.param(lambda: ["http://127.0.0.1/", "--cookie", "a=b\r\nX: y"], "expected NAME=VALUE", id="two-lines"),
        pytest.param(lambda: ["http://127.0.0.1/", "--header", "secret-value"], "expected 'NAME: VALUE'", id="header"),
        pytest.param(lambda: ["http://127.0.0.1/", "--header", "Cookie: a=b"], "see --cookie", id="cookie-as-header"),
        pytest.param(lambda: ["http://127.0.0.1/", "--html", "no/such/page.html"], "there is no folder", id="folder"),
        pytest.param(lambda: ["http://127.0.0.1/", "--query", "a\n"], "can be in a URL", id="query-of-two-lines"),
    ],
)
def test_what_cannot_be_attacked_is_one_line(shell: Shell, arguments: Callable[[], list[str]], said: str) -> None:
    """Each mistake has its own sentence, and none repeats a cookie or a header."""
    result = shell.run("attack", *arguments())

    assert result.code == 2
    assert said in result.err
    assert "secret-value" not in result.err


def test_families_are_listed(shell: Shell) -> None:
    """The list has every family with its number of attacks, and attacks nothing."""
    result = shell.run("attack", "--list")

    lines = result.out.splitlines()
    assert result.code == 0
    assert any(line.startswith("no-credential") for line in lines)
    assert all(int(line.split()[1]) >= 0 for line in lines)


def test_nothing_is_sent_to_what_was_not_named(shell: Shell) -> None:
    """Where an app sends browsers elsewhere, that other host hears nothing, cookies least of all."""
    asked = list[str]()

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)

    with serving(Elsewhere) as elsewhere, serving(answering(302, {"Location": elsewhere})) as url:
        result = shell.run("attack", url, "--cookie", "sso=secret-value")

    assert result.code == 2
    assert elsewhere in result.err
    assert asked == []


def test_sessions_of_others_are_left_alone(shell: Shell, bare: AppServer) -> None:
    """Somebody who has the app open meanwhile keeps page and media: nothing is sent into their session."""
    somebody = Browser(bare)
    with somebody.open() as tab:
        (url, *_) = tab.urls()
        result = shell.run("attack", bare.url, *FAST)
        tab.rerun()
        answer = somebody.get(url)

    assert result.code == 1
    assert (answer.status, b"canary of the picture" in answer.body) == (200, True)
    assert tab.exceptions() == []
