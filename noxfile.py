"""
Everything that is checked, by name. `nox` alone runs all of it, on a machine with nothing but Python and pip.

Each generation of Streamlit is tested in an environment of its own: only one of them can be installed at a time.
"""

from __future__ import annotations

import os
import sys

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.stop_on_first_error = False

PROJECT = nox.project.load_toml("pyproject.toml")
GROUPS = PROJECT["dependency-groups"]

#: Streamlit 1.53-1.61 by itself answers all media with 500 on starlette 1.8 and later, and fails on 1.4.0.
WORKING_STARLETTE = "starlette<1.8,!=1.4.0"

#: What is supported: the oldest release, the ends of both server generations, and the newest.
MATRIX: dict[str, tuple[list[str], dict[str, str]]] = {
    "oldest": (["streamlit==1.45.1"], {}),
    "tornado-1.52": (["streamlit==1.52.2"], {}),
    "tornado-last": (["streamlit==1.56.0"], {}),
    "starlette-optional": (["streamlit[starlette]==1.56.0", WORKING_STARLETTE], {"SECURE_MEDIA_TEST_STARLETTE": "1"}),
    "starlette-first": (["streamlit==1.57.0", WORKING_STARLETTE], {}),
    "newest": (["streamlit"], {}),
}
#: Where the tests in a browser and with an object store run: the last release of the one server, and the newest of the
#: other.
IN_A_BROWSER = ("tornado-last", "newest")


@nox.session
def check(session: nox.Session) -> None:
    """Lint, types and the architecture."""
    session.install("streamlit[starlette]==1.56.0", WORKING_STARLETTE, *GROUPS["check"], "-e", ".", "nox")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session
def core(session: nox.Session) -> None:
    """The decision, by itself: every branch of it."""
    session.install("streamlit", *GROUPS["test"], "coverage", "-e", ".")
    session.run("coverage", "run", "-m", "pytest", "-q", "tests/core")
    session.run("coverage", "report", "--fail-under=100")


@nox.session
@nox.parametrize("generation", [nox.param(name, id=name) for name in MATRIX])
def tests(session: nox.Session, generation: str) -> None:
    """All tests on one generation of Streamlit, the ones in a browser where they tell something new."""
    packages, env = MATRIX[generation]
    thorough = generation in IN_A_BROWSER
    session.install(*packages, *GROUPS["test"], *(GROUPS["stores"] if thorough else ()), "-e", ".")
    paths = list(session.posargs) or ["tests"]
    if thorough:
        session.run(sys.executable, "tests/browser/install.py", external=True)
    elif not session.posargs:
        paths += ["--ignore=tests/browser"]
    session.run("pytest", "-q", "-n", str(min(4, os.cpu_count() or 1)), "--dist=loadfile", *paths, env=env)
