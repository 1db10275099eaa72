"""Install the programs that tests need, such as a browser and a proxy: `python tests/browser/install.py`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NEEDED = ("chromium", "firefox-esr", "ffmpeg", "nginx", "curl")


def main() -> int:
    """Install what is missing. Returns the exit code: only in CI is it a failure when that is not possible."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if not missing:
        return 0
    apt_get = shutil.which("apt-get")
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if apt_get is None or not is_root:
        print(f"install these to run all tests: {', '.join(missing)} (as root on Debian: {_command(missing)})")  # noqa: T201
        return 1 if os.environ.get("CI") == "true" else 0
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([apt_get, "update"], check=True, env=environment)
    subprocess.run([apt_get, "install", "--yes", "--no-install-recommends", *missing], check=True, env=environment)
    return 0


def _command(packages: list[str]) -> str:
    return f"apt-get install --no-install-recommends {' '.join(packages)}"


if __name__ == "__main__":
    sys.exit(main())
