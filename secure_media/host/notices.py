"""
Says on a page why it shows no media: its browser sends no cookie, and so all of them are refused to it.

The notice stands where the first of them would be, so that nothing else moves, and it is there again after each rerun.
There is one for each part of the page that can be hidden by itself, such as a tab: a notice in a closed one would
explain nothing. Where none of them has a place of its own (a logo, what a component shows), it is the last thing on the
page.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from urllib.parse import quote

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.RootContainer_pb2 import RootContainer
from streamlit.proto.WidthConfig_pb2 import WidthConfig

from secure_media.core.model import short_hash
from secure_media.host.issuing import SessionBinding
from secure_media.host.messages import MediaUrl, is_run_of_all, read
from secure_media.host.protocol import is_pdf

logger = logging.getLogger(__name__)

#: Elements that show one thing, or offer it, and are worth nothing without it.
_MEDIA = frozenset({"audio", "download_button", "iframe", "imgs", "video"})
#: Blocks that a person opens and closes.
_HIDEABLE = frozenset({"dialog", "expandable", "popover", "tab"})
#: How many of those are remembered of a page.
MOST_HIDEABLE = 500
#: How many sessions the log names one by one.
_MOST_NAMED = 10

_MISSING = (
    "**Images, players and downloads do not work here.** Your browser sends no cookie, by which this app "
    "would know it.\n\n"
    "- Inside another page, [open the app in a tab of its own]({app}).\n"
    "- Otherwise, allow cookies for this site and reload the page, or ask the people who run the app."
)
_INVALID = (
    "**Images, players and downloads do not work here.** The cookie by which this app knows your browser does not hold "
    "any more.\n\n"
    "- Reload the page.\n"
    "- If that does not help, delete the cookies of this site and reload, or ask the people who run the app."
)

#: Parameters of Streamlit's, for pages in a frame.
_OF_A_FRAME = ("embed=", "embed_options=")

Path = tuple[int, ...]


class Notices:
    """
    The notices on one page.

    Args:
        is_its_own: Returns whether media are the page's own, and not merely named on it by somebody.
        lacks_cookie: Returns whether the page is refused the media at a URL because its browser is not known.
        text: Returns what to say, as Markdown.
        tell: Is called once it is sure that the page lacks something.
    """

    def __init__(
        self,
        *,
        is_its_own: Callable[[str], bool],
        lacks_cookie: Callable[[MediaUrl], bool],
        text: Callable[[], str],
        tell: Callable[[], None],
    ) -> None:
        self._is_its_own = is_its_own
        self._lacks_cookie = lacks_cookie
        self._text = text
        self._tell = tell
        self._told = False
        #: By whether the URL has a query, for one with a grant may be as good as a cookie.
        self._known: dict[bool, bool] = {}
        #: Blocks of this run that can be hidden, and the place of the notice in each, or in what is never hidden.
        self._hideable: dict[Path, None] = {}
        self._places: dict[Path, Path] = {}
        #: Of this run: whether something is lacking, how much stands in the main area, and which script put it there.
        self._lacking = False
        self._main = 0
        self._script = ""

    def put(self, message: ForwardMsg) -> list[ForwardMsg]:
        """Return what to send instead of `message`: itself, a notice in its place, or a last notice before it."""
        kind = message.WhichOneof("type")
        if kind == "new_session" and is_run_of_all(message):
            self._hideable.clear()
            self._places.clear()
            self._lacking, self._main = False, 0
        if kind == "script_finished":
            return [*self._last(message), message]
        place = tuple(message.metadata.delta_path)
        if kind == "ref_hash":
            self._vacate(place)
        if len(place) > 1 and place[0] == RootContainer.MAIN:
            self._main = max(self._main, place[1] + 1)
        self._script = message.metadata.active_script_hash or self._script
        lacking = any(map(self._lacks, read(message).media_urls()))
        if lacking and not self._told:
            self._told = True
            self._tell()
        self._lacking |= lacking and kind != "page_config_changed"  # its icon is no reason to say anything
        return [self._in_place(message, lacking=lacking) if kind == "delta" else message]

    def _last(self, finished: ForwardMsg) -> list[ForwardMsg]:
        """Return the notice at the end of a page that lacks something and has no notice yet."""
        if not self._lacking or self._places or finished.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY:
            return []
        last = ForwardMsg()
        last.metadata.delta_path.extend((RootContainer.MAIN, self._main))
        last.metadata.active_script_hash = self._script
        last.hash = "a hash"
        return [_notice(last, self._text())]

    def _in_place(self, message: ForwardMsg, *, lacking: bool) -> ForwardMsg:
        place, delta = tuple(message.metadata.delta_path), message.delta
        kind = delta.WhichOneof("type")
        if kind == "add_block":
            self._vacate(place)
            if delta.add_block.WhichOneof("type") in _HIDEABLE and len(self._hideable) < MOST_HIDEABLE:
                self._hideable[place] = None
        elif kind == "new_element":
            scope = self._scope(place)
            if lacking and _is_for_media(message) and self._places.setdefault(scope, place) == place:
                return _notice(message, self._text())
            if self._places.get(scope) == place:
                del self._places[scope]
        return message

    def _lacks(self, url: MediaUrl) -> bool:
        if not self._is_its_own(url.media_id):
            return False
        has_query = bool(url.query)
        if has_query not in self._known:
            self._known[has_query] = self._lacks_cookie(url)
        return self._known[has_query]

    def _scope(self, place: Path) -> Path:
        """Return the innermost block around `place` that can be hidden; else main area, sidebar or whatever it is."""
        around = (place[:length] for length in range(len(place) - 1, 1, -1))
        return next((block for block in around if block in self._hideable), place[:1])

    def _vacate(self, block: Path) -> None:
        """Forget the notices at and below `block`, which is filled anew."""
        self._places = {scope: place for scope, place in self._places.items() if place[: len(block)] != block}


def _is_for_media(message: ForwardMsg) -> bool:
    element = message.delta.new_element
    return element.WhichOneof("type") in _MEDIA or is_pdf(element)


def _notice(message: ForwardMsg, text: str) -> ForwardMsg:
    """Return `message` with a warning for its element, as `st.warning` makes one."""
    notice = ForwardMsg()
    notice.CopyFrom(message)
    notice.metadata.cacheable = False
    notice.delta.new_element.Clear()
    width = WidthConfig(use_stretch=True)
    alert = Alert(body=text, format=Alert.WARNING, icon=":material/cookie_off:", width_config=width)
    notice.delta.new_element.alert.CopyFrom(alert)
    if notice.hash:  # by which the frontend of 1.67 tells whether an element has changed
        notice.hash = hashlib.sha256(text.encode()).hexdigest()[:32]
    return notice


def text(holder: SessionBinding) -> str:
    """Return what to say to the person in front of the page of `holder`."""
    return _INVALID if holder.has_invalid_cookie else _MISSING.format(app=_by_itself(holder))


def _by_itself(holder: SessionBinding) -> str:
    """Return where the page is that `holder` shows, without what tells Streamlit that it stands in a frame."""
    page, _, query = holder.place.partition("?")
    kept = "&".join(part for part in query.split("&") if part and not part.startswith(_OF_A_FRAME))
    return quote(f"{holder.base_url}/{page}{'?' if kept else ''}{kept}", safe=":/[]%~?&=+")


class CookielessLog:
    """
    Tells the log of sessions whose browsers are not known, once of each.

    Of the first few by name, then of ever fewer with their number: anyone can open sessions without end.

    Args:
        embedded: Whether pages of other sites show the app in a frame.
    """

    def __init__(self, *, embedded: bool) -> None:
        self._embedded = embedded
        self._count = 0

    def tell(self, holder: SessionBinding, *, secure: bool) -> None:
        """
        Tell of one more.

        Args:
            holder: The session.
            secure: Whether its browser came over HTTPS.
        """
        self._count += 1
        count = self._count
        if count > _MOST_NAMED and count & (count - 1):  # 16, 32, 64 ...
            return
        if holder.has_invalid_cookie:
            logger.warning(
                "cookies.invalid session=%s sessions=%d: the browser sends a cookie of this app that does not hold, so "
                "the media on its page are refused. It gets a new one when the page is loaded again; if that recurs, "
                "have all processes of the app use the same secret and deployment",
                short_hash(holder.session_id),
                count,
            )
            return
        if self._embedded and not secure:
            cure = "browsers let cookies into frames of other sites over HTTPS only: serve the app over HTTPS"
        else:
            cure = "if a page of another site shows the app in a frame, set embedded=True"
        logger.warning(
            "cookies.missing session=%s sessions=%d: the browser sends no cookie, so its page gets no media. "
            "It may block cookies; %s. Where none can come, set sign_media_urls=True",
            short_hash(holder.session_id),
            count,
            cure,
        )
