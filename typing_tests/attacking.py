"""What people write who run the attacks on an app of their own."""

from __future__ import annotations

from collections.abc import Iterator

from secure_media.attack import FAMILIES, Attack, Family, Result, Target, Verdict, all_attacks, attempt, confirm

target = Target(
    host="127.0.0.1",
    port=8501,
    base="/app",
    media={"image": "/app/media/0.png"},
    canaries={"image": b"bytes that nobody else is shown"},
    victim="a=b",
    attacker="a=c",
)


def findings() -> Iterator[str]:
    """Yield what is wrong, as sentences."""
    for attack in all_attacks():
        result = attempt(target, attack)
        if result.verdict is Verdict.FELL:
            yield f"{attack.sentence} {attack.family.why} CWE-{attack.family.cwe}: {result.problems[0]}"
        elif result.verdict is Verdict.NOT_TRIED:
            yield f"{attack.id}: needs {result.missing}"
    yield from confirm(target)


attacks: tuple[Attack, ...] = all_attacks()
family: Family = FAMILIES[0]
result: Result = attempt(target, attacks[0])
problems: list[str] = confirm(target)
