"""Installs what measuring needs: programs from Debian, and an environment of its own for each that is measured."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import streamlit

from tests.browser.install import install
from tests.servers import ROOT

#: By the names of Debian's packages, which are those of the programs.
PROGRAMS = ("wrk", "nginx")
FOLDER = ROOT / ".nox"

_SAME = f"streamlit=={streamlit.__version__}"
#: What is installed in each. Those of the guarded app also have what secure_media needs.
ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "h11": (_SAME, "-e", str(ROOT)),
    "uvloop": (_SAME, "uvloop", "httptools", "-e", str(ROOT)),
    "tornado": ("streamlit==1.56.0", "-e", str(ROOT)),
    "gradio": ("gradio",),
    "jupyter": ("jupyter_server",),
}


def programs() -> None:
    """Install the programs that are missing; end if that is not possible."""
    missing = install(PROGRAMS)
    if missing:
        sys.exit(f"measuring needs {', '.join(missing)}")


def environment(name: str) -> str:
    """Return the Python of an environment, which is made if it is not there."""
    folder = FOLDER / f"bench-{name}"
    python, mark = folder / "bin" / "python", folder / "installed"
    packages = "\n".join(ENVIRONMENTS[name])
    if not mark.exists() or mark.read_text("utf-8") != packages:
        uv = shutil.which("uv", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))
        if uv is None:
            sys.exit("uv is missing; `nox -s bench` brings it")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
        command = [uv, "pip", "install", "--quiet", "--python", str(python), *ENVIRONMENTS[name]]
        subprocess.run(command, check=True)
        mark.write_text(packages, "utf-8")
    return str(python)


def versions(name: str, packages: tuple[str, ...]) -> dict[str, str]:
    """Return which release of these packages is in an environment; those that are not there are left out."""
    code = (
        "import importlib.metadata as m, sys\n"
        "for n in sys.argv[1:]:\n"
        "    try: print(n, m.version(n))\n"
        "    except m.PackageNotFoundError: pass"
    )
    found = subprocess.run([environment(name), "-c", code, *packages], capture_output=True, text=True, check=True)
    return dict(line.split() for line in found.stdout.splitlines())
