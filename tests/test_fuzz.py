"""The kept inputs of every parser, without a fuzzer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz import parsers
from tests.fuzz.run import CORPUS

KEPT = sorted(path for path in CORPUS.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", [pytest.param(path, id=f"{path.parent.name}-{path.name}") for path in KEPT])
def test_kept_input_breaks_nothing(path: Path) -> None:
    """What was worth keeping holds."""
    parsers.PARSERS[path.parent.name](path.read_bytes())


def test_every_parser_has_inputs_to_begin_with() -> None:
    """No parser begins with nothing, and no input is of a parser that there is not."""
    assert {path.parent.name for path in KEPT} == set(parsers.PARSERS)


def test_parser_that_is_wrong_is_found_out() -> None:
    """What holds of every input is looked at: a parser that takes everything does not get through."""
    refuse: Callable[..., None] = parsers._require_refusal

    with pytest.raises(AssertionError):
        refuse(lambda text: text, "forged")
