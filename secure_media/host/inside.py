"""What `secure_run` finds out where it stands: whether a server is running the script, and whether it is ours."""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from secure_media.errors import ConfigurationError
from secure_media.host.entry import frame_of_the_caller, is_real, runtime, say_once, stop_page

logger = logging.getLogger(__name__)


def is_inside(script: str | os.PathLike[str], arguments: Mapping[str, Any]) -> bool:
    """
    Return whether a server is running the script. Stop the script if that server does not guard it as the script asks.

    Args:
        script: The script.
        arguments: What it passes to `secure_run`, what it leaves out included.
    """
    server = runtime()
    if server is None:
        return False
    if not is_real(server):
        return True  # streamlit.testing's AppTest: nothing is served
    from secure_media.host import hooks

    deployment = hooks.guarding(server)
    name = Path(script).name
    given = [argument for argument, value in arguments.items() if value is not None and value != ()]
    if deployment is None:
        other_way = "" if given else f" or with `secure-media run {name}`"
        _stop_the_script(
            "**This app was started without its guard, so it was stopped.** Its images, videos and downloads would be "
            f"open to anyone who has their URL.\n\nStart it with `python {name}`{other_way} instead."
        )
    if deployment.script != Path(script).resolve():
        if given:
            _stop_the_script(
                f"**`secure_run({given[0]}=...)` has no effect here, so the app was stopped.** Something else started "
                f"the server, with other settings.\n\nStart the app with `python {name}`, or set `{given[0]}` where "
                "the server is started."
            )
    elif deployment.given is not None:
        for argument in deployment.given.changed(arguments):
            logger.warning(
                "settings.ignored secure_run(%s=...) has another value than when the server was started, and goes on "
                "with that one; restart the app",
                argument,
            )
    return True


def is_imported_by_a_child_or_a_test(script: str | os.PathLike[str]) -> bool:
    """
    Return whether the script that calls is merely being imported.

    A worker that ``multiprocessing`` spawns imports the main script again, and so does a test; neither wants a server.
    """
    frame = frame_of_the_caller()
    if frame is None or frame.f_globals.get("__name__") == "__main__":
        return multiprocessing.parent_process() is not None
    return os.path.realpath(frame.f_globals.get("__file__") or "") == os.path.realpath(script)


def _stop_the_script(why: str) -> NoReturn:
    # On the page it is a visitor who reads it, in the log the one who can do something.
    say_once(why.replace("**", "").replace("\n\n", " "))
    stop_page(why)
    # Outside of a script's own thread there is no page, and nothing that st.stop() could stop.
    raise ConfigurationError(why)
