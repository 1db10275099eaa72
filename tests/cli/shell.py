"""The command line as a test has it: in a folder of its own, with an eye on what must not be printed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from secure_media.cli.main import main
from secure_media.core.keys import KeyRing
from secure_media.core.model import Action, Grant, Resource, ResourceKind
from secure_media.core.tokens import GrantCodec
from secure_media.stores.sqlite import SqliteLedger
from tests.servers import ROOT, SECRET

OTHER_SECRET = "another-secret-9876543210-zyxwvutsrqponm"
REPORT = Resource(ResourceKind.FILE, "reports/q3.pdf")


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The last line of stdout."""
        return self.out.splitlines()[-1]


@dataclass
class Shell:
    """
    Runs commands.

    Args:
        folder: The current directory.
    """

    folder: Path
    signatures: list[str] = field(default_factory=list)

    def run(self, *args: str, stdin: str | bytes = "") -> Result:
        """Run a command in this process."""
        result = CliRunner().invoke(main, args, input=stdin, prog_name="secure-media")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return self._looked_at(args, Result(result.exit_code, result.stdout, result.stderr))

    def start(self, *args: str, stdin: str = "") -> Result:
        """Run a command in a process of its own."""
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(self.folder)}
        done = subprocess.run(
            [sys.executable, "-m", "secure_media.cli", *args],
            cwd=self.folder,
            env=environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return self._looked_at(args, Result(done.returncode, done.stdout, done.stderr))

    def token(
        self, resource: Resource = REPORT, *, secret: str = SECRET, made_for: str = "/", age: float = 0, **claims: Any
    ) -> str:
        """Return the token of a grant; by default one for a file, made `age` seconds ago and good for an hour."""
        iat = round(time.time() - age, 3)
        values: dict[str, Any] = {"action": Action.VIEW, "iat": iat, "exp": int(iat) + 3600, "jti": "an-id", **claims}
        token = GrantCodec(KeyRing([secret]), deployment=made_for).issue(Grant(resource, **values))
        self.signatures.append(token.rpartition(".")[2])
        return token

    def link(self, resource: Resource = REPORT, *, base: str = "", download: bool = False, **claims: Any) -> str:
        """Return a link, with a token as above."""
        path = "/media/" if resource.kind is ResourceKind.MEDIA else "/secure-media/files/"
        if download:
            claims["action"] = Action.DOWNLOAD
        token = self.token(resource, made_for=claims.pop("made_for", f"{base}/"), **claims)
        return f"{base}{path}{resource.name}?{'download=1&' if download else ''}media_token={token}"

    def spend(self, link: str, times: int) -> None:
        """Redeem a link, in the ledger that the app would use."""
        ledger = SqliteLedger(self.ledger)
        grant = GrantCodec(KeyRing([SECRET]), deployment="/").verify_signature(link.rpartition("=")[2])
        for _ in range(times):
            transfer = ledger.reserve(grant, 0, 10, 10, continues=False)
            assert transfer is not None
            transfer.ended(10, complete=True)
        ledger.close()

    @property
    def ledger(self) -> Path:
        """The file of the ledger, where it is by default."""
        return self.folder / ".streamlit" / "secure_media.sqlite3"

    def _looked_at(self, args: tuple[str, ...], result: Result) -> Result:
        """Fail if something was printed that must not be."""
        printed = result.out + result.err
        secrets = [SECRET, OTHER_SECRET, *self.signatures]
        assert not [secret for secret in secrets if secret in printed], args[:1]
        assert "Traceback" not in printed
        if result.code == 2:
            assert result.out == ""
            assert result.err.startswith("secure_media: ")
            assert result.err.count("\n") == 1
            assert "media_token=" not in result.err.replace("media_token=***", "")
        else:
            assert result.err == ""
        return result
