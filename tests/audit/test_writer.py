"""The thread that writes the audit trail: nobody waits for it but those who have to, and nothing gets lost unsaid."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from secure_media.audit.trail import Trail
from secure_media.audit.writer import Writer

LINE = b"0123456789abcde\n"


class Held(Trail):
    """A trail on a disk that stands still until it is let go."""

    def __init__(self) -> None:
        super().__init__("the disk", clock=lambda: 0.0)
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self.fails = False
        self.content = b""
        self.closed = False

    def close(self) -> None:
        self.closed = True

    def _put(self, data: bytes) -> int:
        self.reached.set()
        assert self.go_on.wait(60)
        if self.fails:
            raise OSError(28, "No space left on device")
        self.content += data
        return len(data)


@pytest.fixture
def held() -> Iterator[Held]:
    """Return a trail that stands still."""
    held = Held()
    yield held
    held.go_on.set()


def test_nobody_waits_for_the_disk(held: Held) -> None:
    """While the disk stands still lines are taken, and they are written in their order when it goes on."""
    writer = Writer(held)
    lines = [b"line %d\n" % number for number in range(1000)]

    for line in lines:
        assert writer.put(line) is None
    assert held.content == b""

    held.go_on.set()
    writer.flush()
    assert held.content == b"".join(lines)
    writer.close()
    assert held.closed


@pytest.mark.parametrize("fails", [pytest.param(False, id="written"), pytest.param(True, id="full-disk")])
def test_anyone_who_has_to_know_is_told(held: Held, fails: bool) -> None:
    """Where an event has to be in the file, the answer comes when it is there, or when that has failed."""
    writer = Writer(held)
    held.fails = fails
    written = writer.put(LINE, wanted=True)
    assert written is not None
    assert held.reached.wait(60)
    assert not written.done()

    held.go_on.set()

    assert written.result(60) is not fails
    writer.close()


def test_what_finds_no_room_is_counted_in_its_place(held: Held, caplog: pytest.LogCaptureFixture) -> None:
    """What comes faster than it can be written is lost, the file says where and how much, and the log that it is."""
    writer = Writer(held, most=10 * len(LINE))
    assert writer.put(LINE) is None
    assert held.reached.wait(60)

    told = [writer.put(LINE, wanted=True) for _ in range(25)]

    lost = [each for each in told if each is not None and each.done()]
    assert len(lost) == 16
    assert not any(each.result() for each in lost)
    held.go_on.set()
    writer.flush()
    assert all(each.result(60) for each in told[:9] if each is not None)
    writer.put(LINE)
    writer.flush()
    assert held.content.count(LINE) == 11
    before, gap = held.content.split(b'{"time"')
    assert before == LINE * 10
    assert b'"event": "audit.lost", "lost": 16}\n' in gap
    assert [record.getMessage().split()[0] for record in caplog.records] == ["audit.failing", "audit.goes_on"]
    writer.close()


def test_half_of_the_room_is_free_again_before_more_is_taken(held: Held) -> None:
    """A disk that is a little too slow leaves few gaps, not one after each line."""
    writer = Writer(held, most=4 * len(LINE))
    assert writer.put(LINE) is None
    assert held.reached.wait(60)
    first = [writer.put(LINE, wanted=True) for _ in range(4)]
    assert [each is not None and each.done() for each in first] == [False, False, False, True]
    held.go_on.set()
    writer.flush()

    again = writer.put(LINE, wanted=True)

    assert again is not None
    assert again.result(60)
    writer.close()


def test_what_waits_is_written_before_the_end(held: Held) -> None:
    """Who lets go of the trail waits until all of it is written; what comes later is told that it is not."""
    writer = Writer(held)
    for _ in range(10):
        writer.put(LINE)
    closing = threading.Thread(target=writer.close)
    closing.start()
    held.go_on.set()
    closing.join(60)

    assert held.content == LINE * 10
    late = writer.put(LINE, wanted=True)
    assert late is not None
    assert late.result(60) is False
