"""An app whose ledger cannot be written, as in a read-only container: what it says at start, and what still works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.test_links import APP, call, share
from tests.servers import SECRET, AppServer, Browser

ARGUMENTS = f"secret={SECRET!r}, collections={{'files': 'files'}}"
PAGE = f"{APP}\nif not calls:\n    st.download_button('Save', b'the content', 'a.txt')\n"


def _folder(folder: Path) -> Path:
    (folder / "files").mkdir()
    (folder / "files" / "report.txt").write_text("the report")
    (folder / "blocked").write_text("")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app whose ledger would be where no file can be."""
    folder = _folder(tmp_path_factory.mktemp("ledgers"))
    env = {"SECURE_MEDIA_LEDGER": "blocked/ledger.sqlite3"}
    with AppServer(PAGE, run_arguments=ARGUMENTS, folder=folder, env=env) as server:
        yield server


def test_it_is_said_at_start(server: AppServer) -> None:
    """One line names the file, the setting and what will not work, before anybody has made a link."""
    (line,) = [line for line in server.log.splitlines() if "ledger.read_only" in line]

    assert "blocked/ledger.sqlite3 cannot be written: Not a directory" in line
    assert "Set SECURE_MEDIA_LEDGER to a file that the app may write" in line


def test_what_needs_no_ledger_works(server: AppServer) -> None:
    """The page's own media, and links that are not counted, are delivered."""
    browser = Browser(server)
    with browser.open() as tab:
        assert browser.get(tab.urls()[0]).body == b"the content"
    link = share(browser)

    assert Browser(server).get(link).body == b"the report"


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(("share_link", ["files/report.txt"], {"expires_in": 60, "max_uses": 1}), id="share_link"),
        pytest.param(("download_button", ["Once", "text"], {"max_uses": 1}), id="download_button"),
        pytest.param(("revoke", [], {"everything": True}), id="revoke"),
    ],
)
def test_what_needs_a_ledger_is_an_error(server: AppServer, wanted: tuple[str, list[str], dict[str, int]]) -> None:
    """A link that could never open is not made; the script gets an error that names the cure."""
    (said,) = call(Browser(server).visit(), wanted)

    assert said.startswith("LedgerUnavailableError: ledger: ")
    assert "Set SECURE_MEDIA_LEDGER" in said


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param("", id="writable"),
        pytest.param(", ledger='memory'", id="memory"),
        pytest.param(
            ", ledger='blocked/ledger.sqlite3', policy=__import__('secure_media').own_session()", id="no-links"
        ),
    ],
)
def test_nothing_is_said_where_nothing_is_wrong(tmp_path: Path, arguments: str) -> None:
    """Where the ledger can be written, or no link is heeded, there is no warning, and no file is made."""
    with AppServer(PAGE, run_arguments=f"{ARGUMENTS}{arguments}", folder=_folder(tmp_path)) as server:
        assert "ledger." not in server.log.replace("ledger.sqlite3", "")
        assert "WARNING" not in server.log
        assert not (tmp_path / ".streamlit" / "secure_media.sqlite3").exists()
