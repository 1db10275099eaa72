"""`secure-media sign` and `secure-media revoke`: links that hold, and links that hold no more."""

from __future__ import annotations

import datetime
import fnmatch
import os
import time
from urllib.parse import unquote, urlsplit

import pytest

from secure_media.core.keys import KeyRing
from secure_media.core.model import Action, Disposition, Grant, Resource, ResourceKind
from secure_media.core.tokens import GrantCodec
from secure_media.http.urls import tokens_in
from secure_media.stores.sqlite import SqliteLedger
from tests.cli.shell import OTHER_SECRET, REPORT, Result, Shell
from tests.servers import SECRET

MEDIA_ID = "0123456789abcdef" * 2 + "01234567"
TWO_HOURS = ("--expires-in", "2h")


def _grant(result: Result, *, made_for: str = "/", secret: str = SECRET) -> Grant:
    """Return what a printed link grants."""
    assert result.code == 0, result
    parts = urlsplit(result.out.strip())
    (token,) = tokens_in(unquote(parts.path), parts.query)
    return GrantCodec(KeyRing([secret]), deployment=made_for).verify_signature(token)


def _is_revoked(shell: Shell, link: str) -> bool:
    """Return whether the ledger says so."""
    grant = GrantCodec(KeyRing([SECRET]), deployment="/").verify_signature(link.rpartition("=")[2])
    ledger = SqliteLedger(shell.ledger)
    try:
        return ledger.is_revoked(grant)
    finally:
        ledger.close()


# --- sign


@pytest.mark.parametrize(
    ("resource", "path", "granted"),
    [
        pytest.param("reports/q3.pdf", "/secure-media/files/reports/q3.pdf", REPORT, id="file"),
        pytest.param(
            "reports/a b/ü.pdf",
            "/secure-media/files/reports/a%20b/%C3%BC.pdf",
            Resource(ResourceKind.FILE, "reports/a b/ü.pdf"),
            id="file-to-quote",
        ),
        pytest.param(
            "videos/talk/",
            "/secure-media/*/files/videos/talk/",
            Resource(ResourceKind.FILE, "videos/talk/"),
            id="folder",
        ),
        pytest.param(
            "videos/", "/secure-media/*/files/videos/", Resource(ResourceKind.FILE, "videos/"), id="collection"
        ),
        pytest.param(MEDIA_ID, f"/media/{MEDIA_ID}", Resource(ResourceKind.MEDIA, MEDIA_ID), id="media"),
    ],
)
def test_link_is_for_what_was_asked(shell: Shell, resource: str, path: str, granted: Resource) -> None:
    """The link of a file, a folder or a medium leads there and is good for nothing else."""
    result = shell.run("sign", resource, *TWO_HOURS)

    # The token of a folder stands in the path, for relative URLs to keep it.
    wanted = path.replace("*", "media_token=*") if "*" in path else f"{path}?media_token=*"
    assert fnmatch.fnmatchcase(result.out.strip(), wanted)
    assert _grant(result).resource == granted


def test_claims_are_those_of_the_options(shell: Shell) -> None:
    """Every option ends up in the claim that it is for."""
    options = "--max-uses 3 --subject alice --ip 192.0.2.9/24 --download --filename Q3.pdf"
    more = "--content-type application/pdf --disposition inline --not-before 2020-01-31T09:00:00+01:00"
    result = shell.run("sign", "reports/q3.pdf", *TWO_HOURS, *options.split(), *more.split())
    grant = _grant(result)

    assert result.out.startswith("/secure-media/files/reports/q3.pdf?download=1&media_token=")
    assert (grant.max_uses, grant.sub, grant.network) == (3, "alice", "192.0.2.0/24")
    assert (grant.action, grant.filename, grant.content_type) == (Action.DOWNLOAD, "Q3.pdf", "application/pdf")
    assert grant.disposition is Disposition.INLINE
    assert grant.nbf == datetime.datetime(2020, 1, 31, 8, tzinfo=datetime.timezone.utc).timestamp()
    assert (grant.browser, grant.session) == (None, None)


@pytest.mark.parametrize(
    ("options", "confirm"),
    [
        pytest.param("--max-uses 1", True, id="default"),
        pytest.param("--max-uses 1 --confirm", True, id="confirm"),
        pytest.param("--max-uses 1 --ip 192.0.2.0/24", True, id="network"),
        pytest.param("--max-uses 1 --no-confirm", False, id="no-confirm"),
        pytest.param("--max-uses 1 --subject alice", False, id="subject"),
        pytest.param("--confirm", False, id="nothing-to-spend"),
    ],
)
def test_link_of_few_uses_has_to_be_confirmed(shell: Shell, options: str, confirm: bool) -> None:
    """Where whoever looks would spend a use, a person has to press a button, unless it is said otherwise."""
    assert _grant(shell.run("sign", "reports/q3.pdf", *TWO_HOURS, *options.split())).confirm is confirm


def test_each_link_has_an_id_of_its_own(shell: Shell) -> None:
    """Two links can be revoked one by one."""
    first, second = (_grant(shell.run("sign", "reports/q3.pdf", *TWO_HOURS)).jti for _ in range(2))

    assert first
    assert first != second


@pytest.mark.parametrize(
    ("lifetime", "seconds"),
    [
        pytest.param("90", 90, id="plain"),
        pytest.param("90s", 90, id="seconds"),
        pytest.param("15m", 900, id="minutes"),
        pytest.param("2h", 7200, id="hours"),
        pytest.param("1.5h", 5400, id="fraction"),
        pytest.param("7d", 604800, id="days"),
        pytest.param("366d", 366 * 86400, id="longest"),
        pytest.param("1w", 7 * 86400, id="week"),
        pytest.param("1h30m", 5400, id="two-units"),
        pytest.param("1d12h", 36 * 3600, id="day-and-a-half"),
        pytest.param("1w2d3h4m5s", 788645, id="all-units"),
        pytest.param("1h90m", 9000, id="more-than-the-next-unit"),
        pytest.param("1h 30m", 5400, id="space-between"),
        pytest.param("0h30m", 1800, id="no-hours"),
        pytest.param("1", 1, id="shortest"),
    ],
)
def test_lifetime_is_what_was_asked(shell: Shell, lifetime: str, seconds: float) -> None:
    """A lifetime has a unit, seconds if it has none."""
    before = time.time()
    grant = _grant(shell.run("sign", "reports/q3.pdf", "--expires-in", lifetime))

    assert before + seconds - 1 <= grant.exp <= time.time() + seconds + 1


@pytest.mark.parametrize(
    "lifetime",
    [
        pytest.param("-1", id="negative"),
        pytest.param("-2h", id="negative-hours"),
        pytest.param("0", id="zero"),
        pytest.param("0d", id="no-days"),
        pytest.param("0.5", id="below-a-second"),
        pytest.param("nan", id="nan"),
        pytest.param("inf", id="inf"),
        pytest.param("1e3", id="exponent"),
        pytest.param("367d", id="above-a-year"),
        pytest.param("9" * 12 + "d", id="huge"),
        pytest.param("9" * 400, id="beyond-a-float"),
        pytest.param("soon", id="word"),
        pytest.param("2 hours", id="words"),
        pytest.param("53w", id="weeks-above-a-year"),
        pytest.param("52w3d", id="units-above-a-year"),
        pytest.param("h", id="unit-alone"),
        pytest.param("30m1h", id="smallest-first"),
        pytest.param("1h1h", id="twice-the-same-unit"),
        pytest.param("1h30", id="last-without-a-unit"),
        pytest.param("1h-30m", id="minus-inside"),
        pytest.param("1h  30m", id="two-spaces"),
        pytest.param("9 0", id="space-inside"),
        pytest.param("1M", id="month-or-minute"),
        pytest.param("P1D", id="iso"),
        pytest.param("0h0m", id="nothing-in-two-units"),
        pytest.param("\u0663h", id="digits-of-another-script"),
        pytest.param("2H", id="upper-case"),
        pytest.param("2h\n", id="line-end"),
        pytest.param("", id="empty"),
    ],
)
def test_lifetime_that_is_none_is_refused(shell: Shell, lifetime: str) -> None:
    """Nothing is guessed of a lifetime that is negative, endless, too long or unreadable."""
    result = shell.run("sign", "reports/q3.pdf", f"--expires-in={lifetime}")

    assert result.code == 2
    assert "write seconds, such as 90, or amounts with units" in result.err
    assert "15m, 1h30m, 7d or 2w" in result.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param([], "RESOURCE", id="nothing"),
        pytest.param(["reports/q3.pdf"], "--expires-in", id="no-lifetime"),
        pytest.param(["reports/q3.pdf", "more", *TWO_HOURS], "too many arguments", id="two-resources"),
        pytest.param(["reports/q3.pdf", *TWO_HOURS, "--forever"], "--forever", id="unknown-option"),
        pytest.param(["reports", *TWO_HOURS], "RESOURCE", id="no-key"),
        pytest.param(["/etc/passwd", *TWO_HOURS], "RESOURCE", id="path"),
        pytest.param(["reports/../q3.pdf", *TWO_HOURS], "RESOURCE", id="dots"),
        pytest.param([MEDIA_ID.upper(), *TWO_HOURS], "RESOURCE", id="upper-case-media-id"),
        pytest.param(["reports/", *TWO_HOURS, "--max-uses", "1"], "whole folder", id="counted-folder"),
        pytest.param(["a/b", *TWO_HOURS, "--max-uses", "0"], "--max-uses", id="no-use"),
        pytest.param(["a/b", *TWO_HOURS, "--max-uses", "-3"], "--max-uses", id="negative-uses"),
        pytest.param(["a/b", *TWO_HOURS, "--max-uses", "1.5"], "--max-uses", id="half-a-use"),
        pytest.param(["a/b", *TWO_HOURS, "--ip", "10.0.0.0/33"], "--ip", id="no-network"),
        pytest.param(["a/b", *TWO_HOURS, "--ip", ""], "--ip", id="empty-network"),
        pytest.param(["a/b", *TWO_HOURS, "--subject", ""], "--subject", id="empty-subject"),
        pytest.param(["a/b", *TWO_HOURS, "--filename", "x" * 257], "--filename", id="long-name"),
        pytest.param(["a/b", *TWO_HOURS, "--disposition", "both"], "--disposition", id="disposition"),
        pytest.param(["a/b", *TWO_HOURS, "--not-before", "tomorrow"], "--not-before", id="no-moment"),
        pytest.param(["a/b", *TWO_HOURS, "--not-before", "2030-01-31T08:00:00"], "timezone", id="no-timezone"),
        pytest.param(["a/b", *TWO_HOURS, "--not-before", "1960-01-31T08:00:00Z"], "--not-before", id="before-1970"),
        pytest.param(["a/b", *TWO_HOURS, "--not-before", "2999-01-31T08:00:00Z"], "end before it begins", id="never"),
        pytest.param(["a" + "/ü" * 500, *TWO_HOURS], "too long", id="too-long"),
        pytest.param(["a/b", *TWO_HOURS, "--url", "reports.example"], "--url", id="no-scheme"),
        pytest.param(["a/b", *TWO_HOURS, "--url", "ftp://reports.example"], "--url", id="ftp"),
        pytest.param(["a/b", *TWO_HOURS, "--url", "https://"], "--url", id="no-host"),
        pytest.param(["a/b", *TWO_HOURS, "--url", "https://me:pw@reports.example"], "--url", id="with-user"),
        pytest.param(["a/b", *TWO_HOURS, "--url", "https://reports.example/?a=b"], "--url", id="with-query"),
        pytest.param(["a/b", *TWO_HOURS, "--url", "https://reports.example:99999"], "--url", id="port"),
        pytest.param(["a/b", *TWO_HOURS, "--url", "https://[::1"], "--url", id="broken-address"),
        pytest.param(
            ["a/b", *TWO_HOURS, "--url", "https://reports.example/x", "--base-path", "y"],
            "base path",
            id="contradiction",
        ),
    ],
)
def test_link_that_cannot_be_made_is_refused(shell: Shell, arguments: list[str], words: str) -> None:
    """What will not do is named in one line, and there is no link."""
    result = shell.run("sign", *arguments)

    assert result.code == 2
    assert words in result.err


@pytest.mark.parametrize(
    "option", [pytest.param(option, id=option) for option in ("--disposition", "--max-uses", "--expires-in", "--ip")]
)
def test_token_in_the_wrong_place_is_not_repeated(shell: Shell, option: str) -> None:
    """Somebody pastes a token where something else belongs; it does not end up in a log of errors."""
    token = shell.token()
    result = shell.run("sign", "a/b", *TWO_HOURS, option, token)

    assert result.code == 2
    assert option in result.err
    assert token.split(".")[1][:10] not in result.err


@pytest.mark.parametrize(
    ("options", "start", "made_for"),
    [
        pytest.param(["--url", "https://r.example"], "https://r.example/secure-media/", "/", id="origin"),
        pytest.param(["--url", "http://[::1]:8501/"], "http://[::1]:8501/secure-media/", "/", id="address"),
        pytest.param(
            ["--url", "https://r.example/app/"], "https://r.example/app/secure-media/", "/app/", id="base-path"
        ),
        pytest.param(["--base-path", "app"], "/app/secure-media/", "/app/", id="base-path-alone"),
        pytest.param(
            ["--url", "https://r.example/mount/app", "--base-path", "/app"],
            "https://r.example/mount/app/secure-media/",
            "/app/",
            id="mounted",
        ),
        pytest.param(
            ["--url", "https://r.example/mount", "--base-path", "/"],
            "https://r.example/mount/secure-media/",
            "/",
            id="mounted-without-base-path",
        ),
        pytest.param(["--deployment", "beta"], "/secure-media/", "beta/", id="deployment"),
    ],
)
def test_link_is_made_for_its_app(shell: Shell, options: list[str], start: str, made_for: str) -> None:
    """The deployment's name and its base path are part of what is signed."""
    result = shell.run("sign", "reports/q3.pdf", *TWO_HOURS, *options)

    assert result.out.startswith(start)
    assert _grant(result, made_for=made_for).resource == REPORT


def test_environment_names_deployment_and_base_path(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set for the app holds for its commands too."""
    monkeypatch.setenv("SECURE_MEDIA_DEPLOYMENT", "beta")
    monkeypatch.setenv("STREAMLIT_SERVER_BASE_URL_PATH", "/app/")
    result = shell.run("sign", "reports/q3.pdf", *TWO_HOURS)

    assert result.out.startswith("/app/secure-media/files/")
    assert _grant(result, made_for="beta/app/").resource == REPORT


def test_newest_secret_of_a_file_signs(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys may be in a file, newest first."""
    file = shell.folder / "keys"
    file.write_text(f"# of the app\n{OTHER_SECRET}\n{SECRET}\n")
    file.chmod(0o600)
    monkeypatch.delenv("SECURE_MEDIA_SECRET")
    monkeypatch.setenv("SECURE_MEDIA_SECRET_FILE", str(file))

    assert _grant(shell.run("sign", "reports/q3.pdf", *TWO_HOURS), secret=OTHER_SECRET).resource == REPORT


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["sign", "a/b", *TWO_HOURS], id="sign"),
        pytest.param(["explain", "/media/abc"], id="explain"),
        pytest.param(["revoke", "/secure-media/files/a/b?media_token=x"], id="revoke"),
    ],
)
def test_secret_is_needed(shell: Shell, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    """Without the app's secret nothing is signed or verified, least of all with a made-up one."""
    monkeypatch.delenv("SECURE_MEDIA_SECRET")
    result = shell.run(*command)

    assert result.code == 2
    assert "SECURE_MEDIA_SECRET" in result.err


def test_short_secret_is_not_repeated(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that will not do is named, not shown."""
    monkeypatch.setenv("SECURE_MEDIA_SECRET", "hunter2-hunter2")
    result = shell.run("sign", "a/b", *TWO_HOURS)

    assert result.code == 2
    assert "32 are needed" in result.err
    assert "hunter2" not in result.err


def test_sign_runs_in_a_process_of_its_own(shell: Shell) -> None:
    """With keys, deployment and base path from the app's .streamlit folder, a real command makes a link for it."""
    shell.ledger.parent.mkdir()
    shell.ledger.with_name("secrets.toml").write_text(
        f'[secure_media]\nsecret = "{OTHER_SECRET}"\ndeployment = "beta"\n'
    )
    shell.ledger.with_name("config.toml").write_text('[server]\nbaseUrlPath = "app"\n')
    os.environ.pop("SECURE_MEDIA_SECRET")  # the fixture puts it back
    result = shell.start("sign", "reports/q3.pdf", *TWO_HOURS)

    assert result.out.startswith("/app/secure-media/files/")
    assert _grant(result, made_for="beta/app/", secret=OTHER_SECRET).resource == REPORT


# --- revoke


def test_revoked_link_is_revoked_and_no_other(shell: Shell) -> None:
    """One link is withdrawn, the app's ledger says so, and another link for the same file still holds."""
    link, other = shell.link(jti="one"), shell.link(jti="other")
    shell.spend(shell.link(max_uses=1, jti="spent"), 1)  # an app has a ledger
    result = shell.run("revoke", link)

    assert result.code == 0
    assert result.out.startswith("revoked: the link to reports/q3.pdf that was good until 20")
    assert result.last == f"written to: {shell.ledger}"
    assert _is_revoked(shell, link)
    assert not _is_revoked(shell, other)


def test_link_can_come_from_stdin(shell: Shell) -> None:
    """A link need not stand in the history of the shell."""
    link = shell.link()
    result = shell.run("revoke", "-", stdin=f" https://r.example{link}\n")

    assert result.code == 0
    assert _is_revoked(shell, link)


def test_subject_loses_its_links(shell: Shell) -> None:
    """The links for one subject are withdrawn, those for others hold."""
    alice, bob = shell.link(sub="alice", jti="1"), shell.link(sub="bob", jti="2")
    result = shell.run("revoke", "--subject", "alice")

    assert (result.code, result.out.splitlines()[0]) == (
        0,
        "revoked: every link for subject 'alice' that was made until now",
    )
    assert _is_revoked(shell, alice)
    assert not _is_revoked(shell, bob)


def test_everything_is_revoked(shell: Shell) -> None:
    """Whatever was made until now is withdrawn; what is made later holds."""
    link = shell.link(age=1)
    result = shell.run("revoke", "--everything")

    assert result.code == 0
    assert _is_revoked(shell, link)
    assert not _is_revoked(shell, shell.link(age=-1))


def test_new_ledger_is_told_from_an_old_one(shell: Shell) -> None:
    """Who is in the wrong folder sees that there was no ledger."""
    first, second = (shell.run("revoke", "--everything").last for _ in range(2))

    assert first == f"written to: {shell.ledger} (a new file: is this where the app is started?)"
    assert second == f"written to: {shell.ledger}"


def test_ledger_is_where_the_environment_says(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger's place is that of the app, also for an app that has its secret in the script."""
    monkeypatch.delenv("SECURE_MEDIA_SECRET")
    monkeypatch.setenv("SECURE_MEDIA_LEDGER", "elsewhere.sqlite3")
    result = shell.run("revoke", "--everything")

    assert result.code == 0
    assert str(shell.folder / "elsewhere.sqlite3") in result.last
    assert (shell.folder / "elsewhere.sqlite3").exists()
    assert not shell.ledger.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param([], "one of them", id="nothing"),
        pytest.param(["LINK", "--everything"], "one of them", id="link-and-everything"),
        pytest.param(["LINK", "--subject", "alice"], "one of them", id="link-and-subject"),
        pytest.param(["--subject", "alice", "--everything"], "one of them", id="subject-and-everything"),
        pytest.param(["LINK", "LINK"], "too many arguments", id="two-links"),
        pytest.param(["LINK", "--really"], "--really", id="unknown-option"),
        pytest.param(["--subject", ""], "--subject", id="empty-subject"),
        pytest.param(["LINK&media_token=x"], "one media_token", id="two-tokens"),
        pytest.param(["/secure-media/files/reports/q3.pdf"], "one media_token", id="no-token"),
        pytest.param(["https://[/?media_token=x"], "not a URL", id="no-url"),
        pytest.param([""], "got nothing", id="empty"),
        pytest.param(["an-id"], "LINK: this is no link of secure_media, or it was changed", id="jti"),
        pytest.param(["FORGED"], "signature of the link does not match", id="forged"),
        pytest.param(["OTHER"], "signature of the link does not match", id="other-deployment"),
        pytest.param(["UNKNOWN"], "not in the ring", id="unknown-key"),
        pytest.param(["PAGE"], "has no id", id="page"),
    ],
)
def test_what_is_no_link_is_not_revoked(shell: Shell, arguments: list[str], words: str) -> None:
    """A link that was never issued here is an error, and nothing is written."""
    links = {
        "LINK": shell.link(),
        "FORGED": shell.link() + "A",
        "OTHER": shell.link(made_for="beta/"),
        "UNKNOWN": shell.link(secret=OTHER_SECRET),
        "PAGE": shell.link(jti=None),
    }
    for name, link in links.items():
        arguments = [argument.replace(name, link) for argument in arguments]
    result = shell.run("revoke", *arguments)

    assert result.code == 2
    assert words in result.err
    assert not shell.ledger.exists()


@pytest.mark.parametrize(
    ("ledger", "words"),
    [
        pytest.param("memory", "Set SECURE_MEDIA_LEDGER to a file", id="memory"),
        pytest.param("", "SECURE_MEDIA_LEDGER", id="empty"),
        pytest.param(".", "SECURE_MEDIA_LEDGER", id="folder"),
        pytest.param("text/ledger", "cannot be used", id="below-a-file"),
        pytest.param("text", "cannot be used", id="no-database"),
    ],
)
def test_ledger_that_cannot_be_written_is_an_error(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, ledger: str, words: str
) -> None:
    """Nobody is told that a link is withdrawn if it is not."""
    (shell.folder / "text").write_text("not a database, " * 100)
    monkeypatch.setenv("SECURE_MEDIA_LEDGER", ledger)
    result = shell.run("revoke", "--everything")

    assert result.code == 2
    assert words in result.err


def test_ledger_that_cannot_be_written_is_one_line(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a log that is set up, what the command says is all there is on stderr."""
    (shell.folder / "text").write_text("not a database, " * 100)
    monkeypatch.setenv("SECURE_MEDIA_LEDGER", "text")

    assert shell.start("revoke", "--everything").code == 2
    assert "file is not a database" in shell.start("explain", "-", stdin=shell.link()).out


def test_revoke_runs_in_a_process_of_its_own(shell: Shell) -> None:
    """A real command writes what the app's own ledger reads."""
    link = shell.link(age=1)
    assert not _is_revoked(shell, link)
    result = shell.start("revoke", "-", stdin=link)

    assert result.code == 0
    assert _is_revoked(shell, link)
