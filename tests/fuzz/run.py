"""
Fuzz one parser: `python -m tests.fuzz.run NAME SECONDS FOLDER`.

What is found on the way, and what has failed, goes into FOLDER. An input that is worth keeping, above all one that has
failed, belongs into `tests/fuzz/corpus/NAME`.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parent / "corpus"


def main() -> None:
    """Fuzz, and end with a status that is not 0 if something has failed."""
    name, seconds, folder = sys.argv[1:]
    found = Path(folder, name)
    found.mkdir(parents=True, exist_ok=True)
    atheris: Any = importlib.import_module("atheris")  # it is there where `nox -s fuzz` could install it
    with atheris.instrument_imports(include=["secure_media"]):
        parsers = importlib.import_module("tests.fuzz.parsers")
    options = ["-max_len=4096", f"-max_total_time={seconds}", f"-artifact_prefix={found}-", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(found), str(CORPUS / name)], parsers.PARSERS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
