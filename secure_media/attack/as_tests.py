"""The attacks as tests for pytest: one for each, on the app that pytest was told of."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from secure_media.attack.campaign import chosen
from secure_media.attack.causes import cause_of
from secure_media.attack.client import exchange
from secure_media.attack.discovery import opened
from secure_media.attack.found import FoundTarget
from secure_media.attack.model import Attack, Result, Verdict
from secure_media.attack.pace import OutOfBoundsError, Pace
from secure_media.attack.page import Page
from secure_media.attack.redaction import Redaction
from secure_media.attack.trial import attempt, confirm
from secure_media.errors import AppError
from secure_media.testing import AppServer
from secure_media.testing.chosen import ChosenApp

#: The name under which the attacks stand among the tests.
NAME = "secure-media"
#: Options of the command in what it says; pytest has them under longer names.
_OPTION = re.compile(
    r"(?<![\w-])--(page|query|link|folder-link|static|identity|cookie|header|other-cookie|other-header|ca)\b"
)
#: For apps that somebody else has started: connections per second, and altogether, and seconds.
_RATE, _MOST, _SECONDS = 100, 20_000, 900


class AttackError(Exception):
    """
    An attack got through, or proves nothing.

    Args:
        text: What happened, without anything secret.
    """


class Campaign:
    """
    The app, opened as two people do, for as long as it is attacked.

    Args:
        app: The app.
        page: What is opened of it.
    """

    def __init__(self, app: ChosenApp, page: Page) -> None:
        self._app, self._page = app, page
        self._open = ExitStack()
        self._target: FoundTarget | None = None
        self._redaction = Redaction()
        self._over: str | None = None

    def target(self) -> FoundTarget:
        """Return the opened app; skip where that has failed before."""
        if self._over is not None:
            pytest.skip(self._over)
        if self._target is None:
            try:
                self._target = self._opened()
            except AppError as error:
                self._over = "the app cannot be attacked, as the first of these tests says"
                raise AppError(_OPTION.sub(r"--secure-media-\1", str(error))) from None
        return self._target

    def _opened(self) -> FoundTarget:
        app = self._app.app()
        people = self._app.somebody, self._app.stranger
        pace = _at_once if isinstance(app, AppServer) else Pace(rate=_RATE, most=_MOST, seconds=_SECONDS)
        somebody, stranger = people
        target = self._open.enter_context(opened(app, somebody, stranger, self._page, pace=pace))
        secrets = [value for who in people for value in (*who.cookies.values(), *who.headers.values())]
        names = [name for who in people for name in who.headers]
        self._redaction = Redaction([*target.credentials(), *secrets], names, target.canaries.values())
        return target

    def attempt(self, attack: Attack) -> None:
        """
        Try an attack; skip it if something is not known that it needs.

        Raises:
            AttackError: It got through, or the victim was not served, so that a refusal means nothing.
        """
        target = self.target()
        try:
            result = attempt(target, attack)
        except OutOfBoundsError as error:
            self._over = f"the bounds of what an app is asked were reached: {error.bound}"
            raise AttackError(self._over) from None
        except OSError as error:
            result = Result(attack, Verdict.UNPROVEN, (f"the connection broke: {type(error).__name__}",))
        if result.verdict is Verdict.NOT_TRIED:
            pytest.skip(f"needs {result.missing}")
        if result.verdict is Verdict.UNPROVEN and not _serves(target):
            self._over = f"the app has stopped serving what its page shows, after {attack.id}"
            raise AttackError(self._over)
        if result.verdict is not Verdict.STOOD:
            raise AttackError(self._told(result))

    def confirm(self) -> None:
        """
        See that the victim is still served.

        Raises:
            AttackError: It is not, so that refusals before may have meant nothing.
        """
        problems = confirm(self.target())
        if problems:
            raise AttackError("\n".join(self._redaction.problem(problem) for problem in problems))

    def _told(self, result: Result) -> str:
        cause = cause_of(result.attack.id, result.attack.family)
        lines = [result.attack.sentence, "", *map(self._redaction.problem, result.problems)]
        if result.verdict is Verdict.FELL:
            lines += ["", f"{cause.title} ({', '.join(cause.references)}).", cause.text, cause.fix]
        if result.asked:
            lines += ["", *_indented(self._redaction.request(result.asked))]
        for answer in result.answers:
            lines += ["", *_indented(self._redaction.response(answer))]
        return "\n".join(lines)

    def close(self) -> None:
        """Close the pages."""
        self._open.close()


class Attacks(pytest.Collector):
    """All attacks, as a place among the tests."""

    def __init__(self, *, campaign: Campaign, **of_pytest: Any) -> None:
        super().__init__(**of_pytest)
        self._campaign = campaign

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """Yield a test for each attack, family by family, and one that the victim is served at the end."""
        families: dict[str, FamilyOfAttacks] = {}
        for attack in chosen():
            name = attack.family.id
            if name not in families:
                families[name] = FamilyOfAttacks.from_parent(self, name=name)
            yield AttackTest.from_parent(families[name], name=attack.id, attack=attack, campaign=self._campaign)
        yield LastTest.from_parent(self, name="victim-is-still-served", campaign=self._campaign)

    def teardown(self) -> None:
        """Close the pages when the last attack was tried."""
        self._campaign.close()


class FamilyOfAttacks(pytest.Collector):
    """A family of attacks, as a place among the tests."""

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """Yield nothing: the attacks are added to it in the order in which they are tried."""
        return iter(())


class _Test(pytest.Item):
    def __init__(self, *, campaign: Campaign, **of_pytest: Any) -> None:
        super().__init__(**of_pytest)
        self._campaign = campaign

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **options: Any) -> Any:
        """Return what happened, without a traceback, where it is the app's doing."""
        if isinstance(excinfo.value, (AttackError, AppError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *args, **options)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Return what stands above a failure."""
        return Path(self.path), None, self.nodeid


class AttackTest(_Test):
    """One attack as a test."""

    def __init__(self, *, attack: Attack, **others: Any) -> None:
        super().__init__(**others)
        self._attack = attack

    def runtest(self) -> None:
        """Try it."""
        self._campaign.attempt(self._attack)


class LastTest(_Test):
    """That the victim is still served, as a test."""

    def runtest(self) -> None:
        """Ask once more."""
        self._campaign.confirm()


def tests(session: pytest.Session, app: ChosenApp, page: Page) -> list[pytest.Item]:
    """Return a test for each attack."""
    attacks = Attacks.from_parent(session, name=NAME, nodeid=NAME, campaign=Campaign(app, page))
    return [node for node in attacks.collect() if isinstance(node, pytest.Item)]


def _serves(target: FoundTarget) -> bool:
    try:
        answers = exchange(target, target.get(target.image, cookie=target.victim))
    except OSError:
        return False
    return bool(answers) and answers[0].status == 200


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines()]


def _at_once() -> None:
    """Wait for nothing: the app was started for this."""
