"""The attacks on what is written down, on a server that logs every request: first the link that opens something."""

from __future__ import annotations

from pathlib import Path

from secure_media.attack import Result, Verdict, all_attacks, attempt, confirm
from secure_media.attack.families import LOGS
from tests.attacks.apps import logged, unharmed

ATTACKS = [attack for attack in all_attacks() if attack.family is LOGS]


def test_nothing_that_opens_anything_is_written_down(tmp_path: Path) -> None:
    """Each request is in the log, and no token is, however it is spelt; the link opens the file before and after."""
    with logged(tmp_path) as target:
        results: list[Result] = [attempt(target, attack) for attack in ATTACKS]
        assert confirm(target) == []
        assert unharmed(target) == []

    log = target.log()
    assert {result.attack.id: result for result in results if result.verdict is not Verdict.STOOD} == {}
    for spelt in ("media_token=***", "media%5Ftoken=***", "MEDIA_TOKEN=***", "sign%5Fin_grant=***"):
        assert spelt in log
