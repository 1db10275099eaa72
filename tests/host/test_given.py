"""Arguments that change while the server runs: noticed once per change, never where nothing has changed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from secure_media import Collection, allow_if, jwt, own_session, signed_url
from secure_media.host.given import Given
from tests.servers import SECRET, AppServer, Browser, eventually

OTHER = "other-secret-9876543210-zyxwvutsrqponml"
CACHE: dict[str, int] = {}


def _is_staff(request: Any) -> bool:
    CACHE[str(len(CACHE))] = 1
    return bool(request.claims.get("staff"))


def _is_guest(request: Any) -> bool:
    return bool(request.claims.get("guest"))


def _one_of(names: list[str], cache: dict[str, int]) -> Callable[[Any], bool]:
    return lambda request: cache.setdefault(request.subject, 0) > 0 or request.subject in names


def _is_one_of(names: list[str], request: Any) -> bool:
    return request.subject in names


def _jwt(**others: Any) -> Any:
    return jwt(**{"cookie": "c", "key": SECRET, "algorithms": "HS256", "issuer": "i", "audience": "a", **others})


class _Rule:
    def __call__(self, request: Any) -> bool:
        return False

    def method(self, request: Any) -> bool:
        return False


#: Each makes the same value anew, as every run of a script does.
VALUES: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "number": lambda: 30.0,
    "flag": lambda: True,
    "text": lambda: SECRET,
    "list": lambda: [SECRET, OTHER.encode()],
    "path": lambda: Path("reports"),
    "mapping": lambda: {"a": "reports/", "b": Collection("b", policy=signed_url())},
    "policy": lambda: own_session() | signed_url(),
    "policy-of-another-kind": lambda: own_session() & signed_url(),
    "lambda": lambda: allow_if(lambda request: request.subject == "anna"),
    "function": lambda: own_session() & allow_if(_is_staff),
    "closure": lambda: allow_if(_one_of(["anna"], {})),
    "partial": lambda: allow_if(functools.partial(_is_one_of, ["anna"])),
    "method": lambda: allow_if(_Rule().method),
    "object": lambda: allow_if(_Rule()),
    "jwt": lambda: own_session() & _jwt(require=lambda claims: claims["groups"] == ["staff"]),
    "objects-of-others": lambda: [(r"/reports/(.*)", _Rule), object()],
}


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in VALUES.items()])
def test_what_is_made_anew_is_no_change(make: Callable[[], Any]) -> None:
    """Every run of a script makes its policies and collections anew; the same ones are no change."""
    given = Given({"argument": make()})

    assert [given.changed({"argument": make()}) for _ in range(3)] == [[], [], []]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(30, 31, id="number"),
        pytest.param(None, 30, id="given-now"),
        pytest.param(30, None, id="left-out-now"),
        pytest.param(True, 1, id="another-type"),
        pytest.param(SECRET, OTHER, id="secret"),
        pytest.param([SECRET], [OTHER, SECRET], id="rotated"),
        pytest.param({"a": "x"}, {"a": "y"}, id="collection"),
        pytest.param({"a": Collection("x")}, {"a": Collection("x", policy=signed_url())}, id="policy-of-a-collection"),
        pytest.param(None, own_session(), id="stricter-policy"),
        pytest.param(own_session() | signed_url(), own_session() & signed_url(), id="combination"),
        pytest.param(
            allow_if(lambda request: request.subject == "anna"),
            allow_if(lambda request: request.subject == "bert"),
            id="lambda",
        ),
        pytest.param(allow_if(_is_staff), allow_if(_is_guest), id="function"),
        pytest.param(_jwt(), _jwt(issuer="j"), id="issuer"),
        pytest.param(_jwt(), _jwt(key=OTHER), id="key"),
        pytest.param(_jwt(require={"a": 1}), _jwt(require={"a": 2}), id="claims"),
    ],
)
def test_change_is_told_once(before: Any, after: Any) -> None:
    """Another value is a change, once; back to the first and away again is another one."""
    given = Given({"argument": before, "other": 1})

    assert given.changed({"argument": after, "other": 1}) == ["argument"]
    assert given.changed({"argument": after, "other": 1}) == []
    assert given.changed({"argument": before, "other": 1}) == []
    assert given.changed({"argument": after, "other": 1}) == ["argument"]


def test_what_a_policy_remembers_is_no_change() -> None:
    """A condition may keep a cache; that it fills up is not a change of the setting."""
    cache: dict[str, int] = {}
    policy = allow_if(_one_of(["anna"], cache))
    given = Given({"policy": policy})

    cache["anna"] = 1

    assert given.changed({"policy": policy}) == []


def test_value_that_is_new_in_every_run_is_told_a_few_times() -> None:
    """A secret that the script makes up each time does not fill the log."""
    given = Given({"secret": "0"})

    told = [given.changed({"secret": str(number)}) for number in range(1, 100)]

    assert 0 < sum(map(len, told)) < 10


def test_iterator_is_left_alone() -> None:
    """An iterator is read by whoever it is for."""
    secrets = iter([SECRET])
    Given({"secret": secrets})

    assert next(secrets) == SECRET


def test_no_value_is_kept() -> None:
    """What is kept for comparison does not contain the secret, and two processes keep different things of it."""
    arguments: Mapping[str, Any] = {"secret": SECRET}
    one, two = Given(arguments), Given(arguments)

    assert SECRET not in repr(vars(one))
    assert repr(one) == "Given(secret)"
    assert vars(one)["_started"] != vars(two)["_started"]


def test_value_within_itself_is_compared() -> None:
    """A list that contains itself has an end."""
    ring: list[Any] = []
    ring.append(ring)

    assert Given({"a": ring}).changed({"a": ring}) == []


def test_hot_reload_of_an_argument_is_a_warning(tmp_path: Path) -> None:
    """When the script is edited, the log names what a restart is needed for, once, and no secret; the page goes on."""
    page = "import streamlit as st\nst.text('version 1')\n"
    arguments = f"secret={SECRET!r}, policy=own_session(), grace=30"
    script = "from secure_media import own_session, secure_run\nsecure_run(__file__, {})\n" + page

    def edited(server: AppServer, tab: Any, version: int, arguments: str) -> None:
        server.script.write_text(script.format(arguments).replace("version 1", f"version {version}"))

        def rerun() -> bool:
            tab.rerun()
            return bool(tab.texts()[-1] == f"version {version}")

        eventually(rerun, "the changed script runs")

    options = {"server.fileWatcherType": None}
    with AppServer(script.format(arguments), guarded=False, options=options, folder=tmp_path) as server:
        with Browser(server).open() as tab:
            tab.rerun()
            edited(server, tab, 2, arguments)
            assert "settings.ignored" not in server.log
            edited(server, tab, 3, arguments.replace("30", "60"))
            edited(server, tab, 4, arguments.replace("30", "60"))
            said = [line for line in server.log.splitlines() if "settings.ignored" in line]
            assert len(said) == 1
            assert "secure_run(grace=...) has another value" in said[0]
            edited(server, tab, 5, arguments.replace(SECRET, OTHER))
            said = [line for line in server.log.splitlines() if "settings.ignored" in line]
            assert ["secret" in line for line in said] == [False, True]
            assert tab.exceptions() == []
        assert OTHER not in server.log
        assert SECRET not in server.log


def test_guard_stays_loaded_when_the_script_is_edited(tmp_path: Path) -> None:
    """A package beside the script is loaded anew for each edit; the guard is not, wherever it is installed."""
    (tmp_path / "own.py").write_text("import secrets\nLOADED = secrets.token_hex()\n")
    script = """import sys
import streamlit as st
from secure_media import secure_run
secure_run(__file__, secret={secret!r})
import own
st.text(f"{version} " + str([own.LOADED, *(id(sys.modules[name]) for name in ("secure_media", "secure_media.core"))]))
"""

    with AppServer(
        script.format(secret=SECRET, version=1),
        guarded=False,
        options={"server.fileWatcherType": None},
        folder=tmp_path,
    ) as server:
        with Browser(server).open() as tab:

            def loaded(version: int) -> list[str]:
                def rerun() -> Any:
                    tab.rerun()
                    return tab.texts()[-1].startswith(f"{version} ")

                eventually(rerun, "the changed script runs")
                return str(tab.texts()[-1]).partition("[")[2].strip("]").split(", ")

            before = loaded(1)
            server.script.write_text(script.format(secret=SECRET, version=2))
            after = loaded(2)

    assert before[0] != after[0]
    assert before[1:] == after[1:]
