"""
Strangers in a protected app that signs people in itself: sessions that run its sign-in page, and never its script.

Which of the two a session runs is decided once, when it is made. There is no way from the one to the other: a page
whose person becomes known, or nobody any more, gets a new session.
"""

from __future__ import annotations

from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.script_data import ScriptData

_STAND_IN = Path(__file__).parent / "stand_in" / "sign_in.py"
#: What of all that a page may ask its session for is a stranger's: nothing that others would notice.
_ALLOWED = frozenset({"app_heartbeat", "rerun_script", "stop_script"})


def stand_in(of_the_app: ScriptData) -> ScriptData:
    """Return what a stranger's session runs in place of the app's script."""
    # The first one that is made settles for the whole process whether the app has a folder of pages. 1.45-1.67.
    PagesManager(of_the_app.main_script_path)
    return ScriptData(str(_STAND_IN))


def may_ask(message: BackMsg) -> bool:
    """Return whether a stranger's page may send `message` to its session."""
    return message.WhichOneof("type") in _ALLOWED
