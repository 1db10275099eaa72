"""What is installed, and which of it is known not to go together."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from importlib import metadata

from secure_media.cli.doctor.findings import Finding, note, ok, problem, warning
from secure_media.version import __version__

#: The newest Streamlit that the tests have run on.
TESTED = (1, 67)
#: What a bug report needs the versions of.
_PACKAGES = (
    "streamlit",
    "tornado",
    "starlette",
    "uvicorn",
    "h11",
    "httptools",
    "uvloop",
    "itsdangerous",
    "pyjwt",
    "cryptography",
    "Authlib",
)

Versions = dict[str, str]


def installed() -> Versions:
    """Return the versions of what is installed, by name."""
    found = {"python": platform.python_version(), "secure_media": __version__}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def findings(versions: Versions, *, starlette: bool) -> Iterator[Finding]:
    """
    Yield what is to be said of the versions.

    Args:
        versions: As `installed` returns them.
        starlette: Whether the app runs on Streamlit's Starlette server.
    """
    yield ok("versions", ", ".join(f"{name} {version}" for name, version in versions.items()))
    streamlit, behind = numbers(versions["streamlit"]), numbers(versions.get("starlette", ""))
    if streamlit[:2] > TESTED:
        newest = ".".join(map(str, TESTED))
        yield note(
            "versions",
            f"streamlit {versions['streamlit']} is newer than {newest}, the newest that this release was tested with",
            "The app proves at start that its media are refused; look for a newer release of secure_media",
        )
    if starlette and behind and (1, 53) <= streamlit[:2] <= (1, 61) and (behind >= (1, 8) or behind == (1, 4, 0)):
        yield problem(
            "versions",
            f"streamlit {versions['streamlit']} by itself answers every media request with 500 on starlette "
            f"{versions['starlette']}",
            'Run: pip install "starlette<1.8,!=1.4.0"',
        )
    authlib = numbers(versions.get("Authlib", ""))
    if streamlit[:2] == (1, 45) and authlib >= (1, 6, 6):
        yield warning(
            "versions",
            f"st.login of streamlit {versions['streamlit']} does not work with Authlib {versions['Authlib']}",
            'Run: pip install "Authlib<1.6.6", or upgrade streamlit',
        )


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers at the beginning of a version, for comparison; none of what is not installed."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return () if found is None else tuple(map(int, found[0].split(".")))
