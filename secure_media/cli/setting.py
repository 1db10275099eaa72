"""What commands know of the app: its keys, its name and its ledger, from the places where the app finds them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from secure_media.cli.command import Failure
from secure_media.core.identity import BrowserIdentity
from secure_media.core.keys import KeyRing
from secure_media.core.model import Grant
from secure_media.core.questions import Record
from secure_media.core.redemptions import Redemptions
from secure_media.core.tokens import GrantCodec
from secure_media.settings import table
from secure_media.stores.sqlite import SqliteLedger

F = TypeVar("F", bound=Callable[..., None])


class Records:
    """
    What is known here of revocations and uses.

    Args:
        file: The ledger's file; None if it is in the memory of the app.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        #: An empty one in place of one that is out of reach: `about` says so.
        self._ledger = SqliteLedger(file)

    @property
    def known(self) -> bool:
        """Whether there is anything to read."""
        return self._file is not None and os.path.exists(self._file)

    @property
    def about(self) -> str:
        """Where the knowledge comes from, in a few words."""
        if self._file is None:
            return "not known here: the ledger is in the memory of the app"
        if not self.known:
            return f"none: there is no ledger {self._file}, so nothing was written yet, or the app runs elsewhere"
        return f"as written in {self._file}"

    def record(self, grant: Grant) -> Record:
        """Return what became of `grant`."""
        return self._ledger.record(grant)


@dataclass(frozen=True, slots=True)
class Setting:
    """
    The app, as far as a command can know it.

    Args:
        keys: The key ring; None if no secret is set.
        deployment: The setting of that name.
        base_path: ``server.baseUrlPath`` as ``/base``, or the empty string, as configured here.
        ledger: The ledger's file; None if it is in memory.
        cookie_lifetime: In seconds.
    """

    keys: KeyRing | None
    deployment: str
    base_path: str
    ledger: Path | None
    cookie_lifetime: int

    def needed_keys(self) -> KeyRing:
        """Return the key ring, or fail."""
        if self.keys is None:
            raise Failure(
                "no secret is set. Set SECURE_MEDIA_SECRET or SECURE_MEDIA_SECRET_FILE to that of the app, or run this "
                "where its .streamlit/secrets.toml is"
            )
        return self.keys

    def codec(self, base_path: str) -> GrantCodec:
        """Return what issues and verifies the tokens of the app at `base_path`."""
        return GrantCodec(self.needed_keys(), deployment=self._name(base_path))

    def identity(self, base_path: str) -> BrowserIdentity:
        """Return what verifies the cookies of the app at `base_path`."""
        return BrowserIdentity(self.needed_keys(), deployment=self._name(base_path), lifetime=self.cookie_lifetime)

    def redemptions(self, base_path: str) -> Redemptions:
        """Return what verifies that the button of a link was pressed in a browser of the app at `base_path`."""
        return Redemptions(self.needed_keys(), deployment=self._name(base_path))

    def records(self) -> Records:
        """Return what is known of revocations and uses."""
        return Records(self.ledger)

    def _name(self, base_path: str) -> str:
        from secure_media.host.deployment import deployment_name

        return deployment_name(self.deployment, base_path)


def load(deployment: str | None) -> Setting:
    """
    Return the setting, from environment and secrets.

    Args:
        deployment: Instead of the one that is set.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    # A command says itself what is wrong with the ledger: without a handler, the log would say it on stderr once more.
    logging.getLogger("secure_media.stores").addHandler(logging.NullHandler())
    # Streamlit takes its time to be imported, which `secure-media --help` should not.
    from secure_media.host.deployment import base_path
    from secure_media.host.launch import secrets_section

    section = secrets_section()
    # Only ours: how many processes the server has is of no concern here.
    environ = {name: value for name, value in os.environ.items() if name.startswith("SECURE_MEDIA_")}
    loaded = table.load(deployment=deployment, environ=environ, secrets_section=section)
    return Setting(
        keys=None if loaded.ephemeral else loaded.keys,
        deployment=loaded.deployment,
        base_path=normal(os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH") or base_path()),
        # An app with its secret in the script has its ledger in a file, although no secret is set here.
        ledger=table.ledger_file(environ=environ, secrets_section=section),
        cookie_lifetime=loaded.cookie_lifetime,
    )


def normal(base_path: str) -> str:
    """Return `base_path` as ``/base``, or as the empty string, as the app does."""
    stripped = base_path.strip("/")
    return f"/{stripped}" if stripped else ""


def options_of_the_app(command: F) -> F:
    """Add the options by which a command is told which app is meant."""
    for option in (
        click.option(
            "--base-path", metavar="PATH", help="The app's server.baseUrlPath. Default: as in the URL or config.toml."
        ),
        click.option("--deployment", metavar="NAME", help="The app's `deployment`. Default: as set for the app."),
    ):
        command = option(command)
    return command
