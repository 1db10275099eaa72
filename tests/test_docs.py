"""The documents say what is there: every setting, name and command, and only tests that exist."""

from __future__ import annotations

import inspect
import re

import pytest

import secure_media
from secure_media import settings
from secure_media.cli.main import main
from tests.servers import ROOT

README = (ROOT / "README.md").read_text("utf-8")
SECURITY = (ROOT / "SECURITY.md").read_text("utf-8")
TESTS = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))


def test_every_guarantee_names_a_test_that_exists() -> None:
    """Each numbered guarantee has a test, and each test named in SECURITY.md is defined."""
    guarantees = SECURITY.split("## Guarantees")[1].split("## Not guaranteed")[0]
    for number, text in re.findall(r"^(\d+)\. (.*?)(?=^\d+\. |\Z)", guarantees, re.MULTILINE | re.DOTALL):
        names = re.findall(r"`(test_\w+)`", text)
        assert names, f"guarantee {number} names no test"
        for name in names:
            assert f"def {name}(" in TESTS, f"{name} does not exist"


@pytest.mark.parametrize("name", [name for name in secure_media.__all__ if not name.endswith("Error")])
def test_every_public_name_is_in_the_readme(name: str) -> None:
    """Whoever reads the README has met every public name."""
    assert re.search(rf"\b{name}\b", README)


@pytest.mark.parametrize("name", sorted(set(inspect.signature(secure_media.secure_run).parameters) - {"script"}))
def test_every_argument_is_in_the_readme(name: str) -> None:
    """The table of settings has every argument of secure_run."""
    assert f"`{name}`" in README


@pytest.mark.parametrize("name", settings.NAMES)
def test_every_setting_is_in_the_readme(name: str) -> None:
    """The table of settings has the name of every setting in the environment and in secrets.toml."""
    assert f"`SECURE_MEDIA_{name.upper()}`" in README
    assert f"`{name}`" in README


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_is_in_the_readme(name: str) -> None:
    """Every command of secure-media is mentioned."""
    assert f"secure-media {name}" in README
