"""The list of Streamlit's names that are touched, against the code of the package and the installed Streamlit."""

from __future__ import annotations

import pytest
from streamlit.auth_util import is_authlib_installed

from secure_media.host import compatibility
from secure_media.host.internals import FIRST_STARLETTE, USES, Name
from tests import touching
from tests.servers import STARLETTE, STREAMLIT

NAMES = [name for use in USES for name in use.names]
LISTED = {f"{name.module}.{name.path}" for name in NAMES}
LAST = {name.path.rpartition(".")[2] for name in NAMES}
MODULES = {name.module for name in NAMES}

#: Private names that are looked up and are not Streamlit's.
PRIVATE_OF_OTHERS = {
    "_TemporaryFileWrapper": "what tempfile returns",
    "_replace": "of named tuples, which document it",
    "_strip_protocol": "of fsspec's file systems",
}
#: What is set on objects of others, and is not of Streamlit's insides.
SET_ON_OTHERS = {
    "__call__": "of classes",
    "__defaults__": "of functions",
    "__kwdefaults__": "of functions",
    "__qualname__": "of functions",
    "active_script_hash": "a field of a message",
    "cacheable": "a field of a message",
    "cell_contents": "of what functions close over",
    "check_hostname": "of ssl",
    "file_id": "a field of a message",
    "hash": "a field of a message",
    "on_headers_complete": "of uvicorn, which may be another one: see `connections`",
    "target": "of a rule of Tornado's routes",
    "verify_mode": "of ssl",
}


def test_walk_sees_what_is_touched() -> None:
    """Imports, attributes, names in texts and patches are found, so a new one would be."""
    found = touching.dotted(MODULES)
    assert "streamlit.runtime.memory_media_file_storage.MemoryMediaFileStorage" in found
    assert "streamlit.web.bootstrap.Server" in found
    assert "streamlit.runtime.caching.cache_utils.replay_cached_messages" in found
    assert {"_create_app", "_storage", "_starlette_server", "_media_data_var"} <= touching.private()
    assert {"write_forward_msg", "save_media_data"} <= touching.patched()


def test_everything_that_is_touched_is_on_the_list() -> None:
    """No name of Streamlit's insides is imported, looked up or replaced without being checked at start."""
    unlisted = {
        name
        for name in touching.dotted(MODULES)
        if name.rstrip(".") not in MODULES
        and not any(f"{one}.".startswith(f"{name}.") or name.startswith(f"{one}.") for one in LISTED)
    }

    assert unlisted == set()
    assert touching.private() - LAST == set(PRIVATE_OF_OTHERS)
    assert touching.patched() - LAST == set(SET_ON_OTHERS)


def test_everything_on_the_list_is_touched() -> None:
    """No name is asked of Streamlit that the code does not need."""
    mentioned, imported = touching.mentioned(), touching.dotted(MODULES)

    assert {name for name in LISTED if name.rpartition(".")[2] not in mentioned} == set()
    direct = {name for name in LISTED if name.rpartition(".")[0] in MODULES}
    assert {name for name in direct if not any(f"{one}.".startswith(f"{name}.") for one in imported)} == set()


def test_this_streamlit_is_as_the_list_says() -> None:
    """Every supported release has each name where it is said to be, with the parameters that it has to take."""
    assert list(compatibility.problems()) == []


@pytest.mark.parametrize("name", [pytest.param(name, id=f"{name.module}.{name.path}") for name in NAMES])
def test_versions_of_the_list_are_right(name: Name) -> None:
    """A name is there in the releases that the list gives, and in no others."""
    is_here = name.since <= STREAMLIT and (name.until is None or name.until >= STREAMLIT)
    optional = (name.since == FIRST_STARLETTE and not STARLETTE) or not name.module.startswith("streamlit")
    optional = optional or ("authlib" in name.module and not is_authlib_installed())

    assert compatibility.is_there(name) == is_here or optional


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        pytest.param(Name("streamlit.gone", "run"), "streamlit.gone.run is missing", id="module"),
        pytest.param(Name("streamlit.web.bootstrap", "gone"), "streamlit.web.bootstrap.gone is missing", id="name"),
        pytest.param(
            Name("streamlit.runtime.runtime", "Runtime._gone"),
            "streamlit.runtime.runtime.Runtime._gone is missing",
            id="attribute",
        ),
        pytest.param(
            Name("streamlit.runtime.runtime", "Runtime.__init__", ("self", "script")),
            "streamlit.runtime.runtime.Runtime.__init__ takes other parameters",
            id="parameters",
        ),
    ],
)
def test_what_has_moved_is_named(name: Name, problem: str) -> None:
    """A name that is not where it was, or takes something else, is found out and named."""
    assert compatibility.problem(name) == problem
