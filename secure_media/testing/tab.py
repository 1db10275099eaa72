"""An open page without a screen: Streamlit's WebSocket, and what comes through it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from secure_media.errors import AppError
from secure_media.testing.messages import media_urls
from secure_media.testing.tls import SharedTLSSocket

if TYPE_CHECKING:
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from typing_extensions import Self
    from websockets.sync.client import ClientConnection

    from secure_media.testing.browser import Browser

_NO_WEBSOCKETS = 'opening a page needs the package websockets: pip install "streamlit-secure-media[attack]"'
#: What the frontend sends in place of the XSRF cookie, where it has none.
_NO_TOKEN = "x"  # noqa: S105 - it is none
#: Elements that are pressed.
_BUTTONS = ("button", "download_button")


class Tab:
    """
    One open page of a browser. Its end is that of its session, as when a person closes it.

    Args:
        browser: In which it is opened.
        resume: The id of a session to go on with, as after a broken connection.

    Raises:
        AppError: The WebSocket was refused, or the package websockets is missing.
    """

    def __init__(self, browser: Browser, *, resume: str | None = None) -> None:
        self.browser = browser
        #: What came from the server so far, of type `ForwardMsg`.
        self.messages: list[ForwardMsg] = []
        #: By the ids of widgets, what is in them at the next run: text of an input, a number, a list of texts, True
        #: for a button that is being pressed, or a message `WidgetState` for whatever else there is.
        self.widget_states: dict[str, Any] = {}
        self._closing = contextlib.ExitStack()
        self.socket: ClientConnection = self._closing.enter_context(_connected(browser, resume))

    def begin(self, *, query: str = "", wait: bool = True) -> Self:
        """Run the script for the first time; close the page if that fails."""
        try:
            self.rerun(query=query, wait=wait)
        except BaseException:
            self.close()
            raise
        return self

    def send(self, message: BackMsg) -> None:
        """Send a message to the server."""
        from websockets.exceptions import ConnectionClosed

        try:
            self.socket.send(message.SerializeToString())
        except ConnectionClosed as error:
            raise AppError(f"the server has closed the page: {error}") from error

    def rerun(self, *, query: str = "", wait: bool = True, cached: Sequence[str] = ()) -> list[ForwardMsg]:
        """
        Run the script, and return the messages of that run.

        Args:
            query: The query of the page's URL.
            wait: Whether to return only when the run is over; else there are no messages yet.
            cached: The hashes of messages that need not be sent again.
        """
        from streamlit.proto.BackMsg_pb2 import BackMsg

        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.cached_message_hashes.extend(cached)
        for widget_id, value in self.widget_states.items():
            state = message.rerun_script.widget_states.widgets.add()
            _fill(state, value)
            state.id = widget_id
        self.send(message)
        return self.until_finished() if wait else []

    def click(self, button: str, *, wait: bool = True) -> list[ForwardMsg]:
        """
        Press a button, and return the messages of the run that follows.

        Args:
            button: What stands on it, or its id.
            wait: Whether to return only when the run is over.
        """
        shown = [element for kind in _BUTTONS for element in self.elements(kind)]
        widget_id = next((element.id for element in reversed(shown) if element.label == button), button)
        self.widget_states[widget_id] = True
        try:
            return self.rerun(wait=wait)
        finally:
            del self.widget_states[widget_id]

    def until_finished(self) -> list[ForwardMsg]:
        """Read messages until a run of the script has come to its end."""
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        received: list[ForwardMsg] = []
        for message in self.receive():
            received.append(message)
            finished = message.WhichOneof("type") == "script_finished"
            # A run that gives way to another one is not the end.
            if finished and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                break
        return received

    def receive(self) -> Iterator[ForwardMsg]:
        """
        Yield messages as they come.

        Raises:
            AppError: None came in time, or the server has closed the page.
        """
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
        from websockets.exceptions import ConnectionClosed

        while True:
            try:
                data = self.socket.recv(timeout=self.browser.app.timeout)
            except TimeoutError as error:
                raise AppError(f"the page heard nothing for {self.browser.app.timeout:g} seconds") from error
            except ConnectionClosed as error:
                raise AppError(f"the server has closed the page: {error}") from error
            if not isinstance(data, bytes):
                raise AppError("what came through the WebSocket is no message of Streamlit's")
            message = ForwardMsg()
            message.ParseFromString(data)
            self.messages.append(message)
            yield message

    @property
    def session_id(self) -> str:
        """The session's id, as the frontend knows it."""
        for message in reversed(self.messages):
            if message.WhichOneof("type") == "new_session":
                return str(message.new_session.initialize.session_id)
        raise AppError("the page has no session yet")

    def urls(self) -> list[str]:
        """Return every media URL that the page was sent, in order, once, as `Browser.get` takes them."""
        return list(dict.fromkeys(url for message in self.messages for url in media_urls(message)))

    def exceptions(self) -> list[str]:
        """Return what the script's errors say."""
        return [element.message for element in self.elements("exception")]

    def elements(self, kind: str) -> list[Any]:
        """Return the elements of that type (``text``, ``button``, ``imgs``), in the order in which they came."""
        return [
            getattr(message.delta.new_element, kind)
            for message in self.messages
            if message.WhichOneof("type") == "delta" and message.delta.new_element.WhichOneof("type") == kind
        ]

    def texts(self) -> list[str]:
        """Return what `st.text` said, in order."""
        return [element.body for element in self.elements("text")]

    def close(self) -> None:
        """Close the page."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _connected(browser: Browser, resume: str | None) -> ClientConnection:
    try:
        from websockets.exceptions import InvalidHandshake, InvalidStatus
        from websockets.sync.client import connect
    except ImportError:
        raise AppError(_NO_WEBSOCKETS) from None

    app = browser.app
    headers = app.headers_with(browser.sent())
    authority = next((headers.pop(name) for name in [*headers] if name.lower() == "host"), app.authority)
    token = browser.cookies.get("_streamlit_xsrf", _NO_TOKEN).strip('"')
    protocols: list[Any] = ["streamlit", token, *([resume] if resume else [])]
    origin: Any = browser.origin
    tls: dict[str, Any] = {}
    if app.tls:
        tls = {"ssl": app.tls_context(), "server_hostname": app.host}
        tls["ssl"].sslsocket_class = SharedTLSSocket
    try:
        connection: ClientConnection = connect(
            f"{'wss' if app.tls else 'ws'}://{authority}{app.base}/_stcore/stream",
            sock=app.dial(),
            subprotocols=protocols,
            additional_headers=headers,
            origin=origin,
            max_size=None,
            max_queue=None,  # else pings wait for an answer until somebody reads what came before them
            open_timeout=app.timeout,
            compression=None,
            **tls,
        )
        return connection
    except InvalidStatus as error:
        status = error.response.status_code
        told = f"{app.url} is no Streamlit app for this browser: its WebSocket is refused ({status})"
        raise AppError(told) from None
    except (InvalidHandshake, EOFError) as error:
        raise AppError(f"{app.url}: its WebSocket does not open: {type(error).__name__}") from None
    except OSError as error:
        raise app.silent(error) from None


def _fill(state: Any, value: Any) -> None:
    from google.protobuf.message import Message

    if isinstance(value, Message):
        state.CopyFrom(value)
    elif isinstance(value, bool):
        state.trigger_value = value
    elif isinstance(value, int):
        state.int_value = value
    elif isinstance(value, float):
        state.double_value = value
    elif isinstance(value, str):
        state.string_value = value
    else:
        state.string_array_value.data.extend(value)
