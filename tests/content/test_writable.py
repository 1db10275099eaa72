"""Whether a ledger can be written is found out without making one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from secure_media.content.writable import why_not_writable
from secure_media.errors import LedgerUnavailableError
from secure_media.stores.sqlite import SqliteLedger

pytestmark = pytest.mark.skipif(os.name != "posix", reason="what fails here fails in another way elsewhere")


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Let nothing of this process have room on any disk."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", ["ledger.sqlite3", "not/there/yet/ledger.sqlite3"])
def test_nothing_is_left_behind(tmp_path: Path, name: str) -> None:
    """A ledger that could be made is not made, and neither are the folders on the way to it."""
    SqliteLedger(tmp_path / name).check_writable()

    assert list(tmp_path.iterdir()) == []


def test_ledger_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    """Looking changes nothing about a ledger in use."""
    ledger = SqliteLedger(tmp_path / "ledger.sqlite3")
    ledger.revoke_everything()
    before = sorted((path.name, path.stat().st_mtime_ns) for path in tmp_path.iterdir())

    ledger.check_writable()

    assert sorted((path.name, path.stat().st_mtime_ns) for path in tmp_path.iterdir()) == before
    ledger.revoke_subject("anna")
    ledger.close()


def test_ledger_in_memory_can_always_be_written() -> None:
    """Memory needs no disk."""
    SqliteLedger(None).check_writable()


def test_place_where_nothing_can_be_made_is_refused(tmp_path: Path) -> None:
    """The error names the file, the reason and the setting."""
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "ledger.sqlite3"

    with pytest.raises(LedgerUnavailableError, match=r"Not a directory\. Set SECURE_MEDIA_LEDGER to a file") as caught:
        SqliteLedger(path).check_writable()

    assert str(path) in str(caught.value)


@pytest.mark.usefixtures("full_disk")
def test_disk_without_room_is_refused(tmp_path: Path) -> None:
    """That a file can be made is not enough; there has to be room for something in it."""
    assert why_not_writable(tmp_path / "ledger.sqlite3") == "File too large"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that not even root can write to is Linux's")
def test_what_permissions_say_is_not_enough() -> None:
    """Root may do everything by the permissions, and still cannot write to a disk that is read-only."""
    assert why_not_writable(Path("/proc/ledger.sqlite3")) is not None


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write to every file")
def test_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """A ledger that may only be read is no ledger."""
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"")
    path.chmod(0o400)

    assert why_not_writable(path) == "Permission denied"
