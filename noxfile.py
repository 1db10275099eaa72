"""
Everything that is checked, by name. `nox` alone runs all of it, on a machine with nothing but Python and pip.

Each generation of Streamlit is tested in an environment of its own: only one of them can be installed at a time.
Environments know nothing of each other, so that two of them are tested at the same time.
"""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import nox
import nox.command

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["everything"]

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
    # uvicorn uses these where they are there; they parse requests in another way.
    "starlette-first": (["streamlit==1.57.0", WORKING_STARLETTE, "httptools", "uvloop"], {}),
    "newest": (["streamlit"], {}),
}
#: Where everything runs: the last release of the one server, and the newest of the other.
THOROUGH = ("tornado-last", "newest")
#: What runs on these two only: a browser, commands, and bytes that are sent by the same code whatever Streamlit it is.
#: The hooks into Streamlit are tested on every generation, and so are the attacks by those who have a page: there, each
#: attack is tried on one of its targets.
ON_TWO = (
    "tests/attacks/test_breakages.py",
    "tests/attacks/test_jwt_attacks.py",
    "tests/attacks/test_log_attacks.py",
    "tests/attacks/test_people_attacks.py",
    "tests/browser",
    "tests/cli",
    "tests/host/test_audit.py",
    "tests/host/test_backchannel_logout.py",
    "tests/host/test_codings.py",
    "tests/host/test_confirming.py",
    "tests/host/test_documents.py",
    "tests/host/test_examples.py",
    "tests/host/test_files.py",
    "tests/host/test_header_forms.py",
    "tests/host/test_ledger.py",
    "tests/host/test_ledgers.py",
    "tests/host/test_limits.py",
    "tests/host/test_links.py",
    "tests/host/test_memory.py",
    "tests/host/test_misspelt.py",
    "tests/host/test_names.py",
    "tests/host/test_next_person.py",
    "tests/host/test_offload.py",
    "tests/host/test_plugin.py",
    "tests/host/test_plugin_attacks.py",
    "tests/host/test_policies.py",
    "tests/host/test_proxies.py",
    "tests/host/test_published_keys.py",
    "tests/host/test_refusals.py",
    "tests/host/test_sources.py",
    "tests/host/test_stores.py",
    "tests/host/test_terminal.py",
    "tests/host/test_trusted_headers.py",
)
#: What runs on the newest release alone. In a browser: pages that are equal to the byte on both servers, as tests/host
#: shows, what browsers do with the answers, and people whom a gateway names; what the servers themselves do for a
#: browser (pages that end, films, large files, sign-in by a provider, restarts) is in a browser on both, and so is the
#: example with every element.
#: Commands and the plugin for pytest: the same clients, whichever server they reach.
ON_NEWEST = (
    "tests/browser/test_confirming.py",
    "tests/browser/test_cookies.py",
    "tests/browser/test_embedding.py",
    "tests/browser/test_gateways.py",
    "tests/browser/test_iframes.py",
    "tests/browser/test_links.py",
    "tests/browser/test_password_form.py",
    "tests/browser/test_people.py",
    "tests/browser/test_proxies.py",
    "tests/browser/test_sources.py",
    "tests/cli/test_attacking.py",
    "tests/cli/test_explaining.py",
    "tests/cli/test_help.py",
    "tests/cli/test_inspecting.py",
    "tests/cli/test_links.py",
    "tests/cli/test_names.py",
    "tests/cli/test_sentences.py",
    "tests/host/test_plugin.py",
    "tests/host/test_plugin_attacks.py",
)
#: What needs no Streamlit to speak of, so that one is enough.
FRAMEWORK_FREE = (
    "tests/core",
    "tests/audit",
    "tests/content",
    "tests/gate",
    "tests/http",
    "tests/settings",
    "tests/stores",
    "tests/test_amounts.py",
    "tests/test_architecture.py",
    "tests/test_benchmarks.py",
    "tests/test_bounds.py",
    "tests/test_docs.py",
    "tests/test_fuzz.py",
    "tests/test_spelling.py",
    "tests/test_testing.py",
)

#: Compiled modules are kept, also where the machine is set not to: half of what a server costs to start.
ENV = {"PYTHONDONTWRITEBYTECODE": ""}
#: Has the properties tried with more than the few examples of the gate (tests/properties.py).
AT_LENGTH = {"SECURE_MEDIA_TEST_PROFILE": "long"}
#: What `nox` alone runs, in the order in which it is begun: what takes longest first, so that nothing is left alone.
#: The units need no browser: they are tested while the newest installs the browsers for both of the thorough ones.
PARTS = (
    "units",
    *(f"tests({name})" for name in reversed(THOROUGH)),
    *(f"tests({name})" for name in MATRIX if name not in THOROUGH),
    "check",
    "docs",
)
#: Of those, so many at a time.
AT_A_TIME = 2
#: Tests wait for servers more than they compute. tests/conftest.py says in which order, and what one worker runs.
PARALLEL = ("-n", str(min(4, os.cpu_count() or 1)), "--no-loadscope-reorder")


def at_once(session: nox.Session, *commands: Sequence[str], **options: Any) -> None:
    """Run commands, two at a time; fail, when all are over, if one of them did. Print what was kept back (`silent`)."""

    def run(command: Sequence[str]) -> None:
        output = session.run(*command, env=ENV, **options)
        if isinstance(output, str):
            print(output, flush=True)

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        running = [pool.submit(run, command) for command in commands]
    for each in running:
        each.result()


def install(session: nox.Session, *packages: str) -> None:
    """Install packages and the project, and compile once what all workers and servers are about to import."""
    session.install(*packages, "-e", ".")
    session.run("python", "-c", "from tests import forks; forks.compile_all()", env=ENV, silent=True)


@nox.session(venv_backend="none")
def everything(session: nox.Session) -> None:
    """All parts, two at a time; what each has printed is shown when it is over."""
    nox_itself = (sys.executable, "-m", "nox")
    at_once(session, *((*nox_itself, "-s", part) for part in PARTS), external=True, silent=True)


@nox.session
def check(session: nox.Session) -> None:
    """Lint, types (ours, and of what users write), and nothing that nobody uses."""
    session.install("streamlit[starlette]==1.56.0", WORKING_STARLETTE, *GROUPS["check"], "-e", ".", "nox")
    at_once(
        session,
        ("mypy",),
        ("basedpyright",),
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("python", "typing_tests/complete.py"),
        ("vulture",),
    )


@nox.session
def units(session: nox.Session) -> None:
    """What needs no server: the decision, every branch of it, and the bytes."""
    install(session, "streamlit", *GROUPS["test"], *GROUPS["stores"], "coverage")
    covered = ("coverage", "run", "-m", "pytest", "-q", "tests/core")
    rest = ("pytest", "-q", *PARALLEL, *(session.posargs or FRAMEWORK_FREE[1:]))
    at_once(session, covered, rest)
    session.run("coverage", "report", "--fail-under=100")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, in site/: whatever mkdocs warns of is an error, and so is what a page would load elsewhere."""
    session.install(*GROUPS["docs"])
    # The notice is about a release of mkdocs that is not out.
    session.run("mkdocs", "build", "--strict", "--quiet", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
@nox.parametrize("generation", [nox.param(name, id=name) for name in MATRIX])
def tests(session: nox.Session, generation: str) -> None:
    """The attacks and all that concerns Streamlit on one generation of it; on two of them, everything else too."""
    packages, env = MATRIX[generation]
    thorough = generation in THOROUGH
    more = [*GROUPS["provider"], *GROUPS["stores"]] if thorough else []
    install(session, *packages, *GROUPS["test"], *more)
    left_out = [*FRAMEWORK_FREE, *(() if generation == "newest" else ON_NEWEST), *(() if thorough else ON_TWO)]
    chosen = list(session.posargs) or ["tests", *(f"--ignore={path}" for path in left_out)]
    if thorough:
        session.run("python", "tests/browser/install.py")
    elif not session.posargs:
        env = {**env, "SECURE_MEDIA_TEST_SPREAD": "1"}
    session.run("pytest", "-q", *PARALLEL, *chosen, env={**ENV, **env})


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Try what nobody thought of, for two minutes: the properties at length, then bytes that follow the branches."""
    session.install("streamlit", *GROUPS["test"], "-e", ".")
    session.run("pytest", "-q", "-n2", *sorted(glob.glob("tests/*/test_*_properties.py")), env={**ENV, **AT_LENGTH})
    try:
        session.install(*GROUPS["fuzz"])
    except nox.command.CommandFailed:
        session.warn("atheris cannot be installed here, so nothing but the properties was tried")
        return
    found = os.path.join(session.create_tmp(), "found")
    for name in sorted(os.listdir("tests/fuzz/corpus")):
        session.run("python", "-m", "tests.fuzz.run", name, "7", found, silent=True, env=ENV)


@nox.session(default=False)
def mutate(session: nox.Session) -> None:
    """Break the decision everywhere, one place at a time: `nox -s mutate -- "secure_media.core.policy*"`, or all."""
    session.install("streamlit", *GROUPS["test"], *GROUPS["mutate"], "-e", ".")
    session.run("mutmut", "run", *session.posargs, env=ENV)
    session.run("mutmut", "results")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure, which checks nothing: `nox -s bench -- MODULE [arguments]`, of benchmarks/; by itself, `serve`."""
    session.install("streamlit", *GROUPS["test"], "uv", "-e", ".")
    module, *arguments = session.posargs or ["serve"]
    if module.startswith("-"):
        module, arguments = "serve", session.posargs
    session.run("python", "-m", f"benchmarks.{module}", *arguments, env=ENV)
