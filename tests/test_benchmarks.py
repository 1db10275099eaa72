"""What the benchmarks say is what was measured: ratios the right way round, and the time of all processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.load import Cost, processor_time
from benchmarks.tables import table

CELLS = {
    ("1KB", 8): {
        "guarded": [Cost(100, 10_000), Cost(200, 5_000), Cost(100, 10_000)],
        "stock": [Cost(150, 100), Cost(150, 100), Cost(300, 50)],
    },
    ("range", 8): {"guarded": [Cost(100, 10_000)]},
}

#: Starts a child that works, says for how long it has, and waits.
WORK = """
import subprocess, sys, time
if len(sys.argv) == 1:
    subprocess.run([sys.executable, __file__, "child"])
else:
    sum(range(5_000_000))
    print(time.process_time(), flush=True)
    sys.stdin.read()
"""


def test_ratio_is_above_one_where_ours_does_better() -> None:
    """Less processor time and more answers are better; a ratio is that of one round."""
    assert "| 100 | 150, **1.50** (0.75 to 3.00) |" in table(CELLS, "guarded", ("stock",), "cpu")
    assert "| 10,000 | 100, **100** (50.0 to 200) |" in table(CELLS, "guarded", ("stock",), "rate")


def test_row_without_a_rival_is_left_out() -> None:
    """What nobody else does has no line."""
    assert "range" not in table(CELLS, "guarded", ("stock",), "cpu")


def test_time_of_children_counts(tmp_path: Path) -> None:
    """The processor time of a server is that of its workers too."""
    script = tmp_path / "work.py"
    script.write_text(WORK, "utf-8")
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        of_the_child = float(process.stdout.readline())
        of_both = processor_time(process.pid)
        process.communicate()
    assert of_both > of_the_child > 0
