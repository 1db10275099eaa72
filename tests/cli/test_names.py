"""Files of every name on the command line: signed, inspected, explained and revoked, each as what it is."""

from __future__ import annotations

import os
from urllib.parse import quote_from_bytes

import pytest

from tests.cli.shell import Shell

NAMES = [
    pytest.param("reports/12:30 con.txt.", id="names-that-windows-forbids"),
    pytest.param("reports/ aux.log ", id="spaces"),
    pytest.param("reports/caf\udce9.txt", id="no-utf-8"),
    pytest.param("reports/a\\b\nvalid: yes\x1b[31m.txt", id="line-break-and-escape"),
    pytest.param("reports/\u202egnp\ue000\ufffd.txt", id="right-to-left-and-private-use"),
    pytest.param("reports/\u2028\udcff/", id="folder"),
]


@pytest.mark.parametrize("name", NAMES)
def test_link_to_any_name_is_signed_and_understood(shell: Shell, name: str) -> None:
    """A signed link is ASCII and for that very name, and the other commands read it as such, in printable lines."""
    signed = shell.run("sign", name, "--expires-in", "1h30m")
    link = signed.out.strip()
    below = "x.txt" if name.endswith("/") else ""
    asked = f"{link}{below}"

    assert signed.code == 0
    assert link.isascii()
    assert link.isprintable()
    assert quote_from_bytes(os.fsencode(name)) in link
    explained = shell.run("explain", asked)
    assert (explained.code, explained.last) == (0, "allowed by the link"), explained
    inspected = shell.run("inspect", link)
    assert inspected.last.startswith("valid")
    assert all(line.isprintable() for line in inspected.out.splitlines() + explained.out.splitlines())
    revoked = shell.run("revoke", link)
    assert revoked.code == 0
    assert all(line.isprintable() for line in revoked.out.splitlines())
    assert shell.run("explain", asked).code == 1


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("caf%E8.txt", id="another-byte"),
        pytest.param("caf%EF%BF%BD.txt", id="the-character-for-lost-bytes"),
        pytest.param("caf%C3%A9.txt", id="the-same-letter-in-utf-8"),
    ],
)
def test_link_to_one_name_is_not_for_another(shell: Shell, given: str) -> None:
    """Names that differ in bytes which are no UTF-8 are different names."""
    link = shell.run("sign", "reports/caf\udce9.txt", "--expires-in", "1h").out.strip()
    assert shell.run("explain", link).code == 0

    assert shell.run("explain", link.replace("caf%E9.txt", given)).code == 1


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        pytest.param("reports/../q3.pdf", "it contains '.' or '..'", id="up"),
        pytest.param("reports/.hidden", "hidden files", id="hidden"),
        pytest.param("reports/.hidden/", "hidden folders", id="hidden-folder"),
        pytest.param("reports//q3.pdf", "empty part", id="two-slashes"),
        pytest.param("reports//", "empty part", id="two-slashes-at-the-end"),
        pytest.param("reports/" + "x" * 1025, "at most 1024 characters", id="too-long"),
        pytest.param("reports/\ud800", "surrogates", id="half-a-character"),
        pytest.param("/etc/passwd", "expected collection/key", id="path"),
    ],
)
def test_what_is_no_name_is_refused_for_its_reason(shell: Shell, resource: str, reason: str) -> None:
    """What cannot be signed is refused, and what is wrong with it is said."""
    result = shell.run("sign", resource, "--expires-in", "1h")

    assert result.code == 2
    assert reason in result.err
