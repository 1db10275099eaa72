"""The file with the secrets: read at start, and again when it has changed, without a restart."""

from __future__ import annotations

import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from secure_media.audit.console import say
from secure_media.core.keys import MIN_SECRET_BYTES, KeyRing
from secure_media.errors import ConfigurationError

logger = logging.getLogger(__name__)

#: How often the file is looked at, in seconds.
_LOOK_EVERY = 1.0
#: For how long nobody may have written to the file before it is read, in seconds. Half of a secret is a secret too.
_SETTLED_AFTER = 1.0
#: The same for a file that ends within a line with a new secret, in seconds: it may be half of one, or be meant so.
_SETTLED_WITHOUT_AN_END = 30.0
#: When a file was written so long ago that it is done for sure, by the machine's own clock, in seconds.
_LONG_AGO = 5.0
#: How paths begin that are neither absolute nor may be anything else.
_RELATIVE = ("~", "./", "../", ".\\", "..\\", ".streamlit")
#: What is longer is no number that anybody has written into a setting, in bits.
_LONGEST_NUMBER = 1024


class _State(NamedTuple):
    """What a file looks like from outside; `touched` is when it was last written, moved or changed its mode."""

    device: int
    inode: int
    size: int
    mode: int
    touched: int
    modified: int


class KeyFile:
    """
    The file that the keys were read from. When it changes, the ring does, without a restart.

    Args:
        name: What to call the setting in errors.
        value: The path.
        clock: A monotonic clock, in seconds.
        wall: Seconds since the epoch.
    """

    def __init__(
        self,
        name: str,
        value: Any,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._name = name
        self._value = value
        self._clock = clock
        self._wall = wall
        #: What the file looked like when it was read, and what it looked like last.
        self._read = self._seen = self._look()
        self._seen_at = clock()
        self._next_look = clock() + _LOOK_EVERY
        self._secrets, _ = read_secret_file(name, value)
        self.ring = ring_of(name, self._secrets)

    def watch(self, wait: Callable[[float], object] = time.sleep) -> None:
        """
        Look at the file from now on, once a second, in a thread: nobody who is served waits for a disk.

        Args:
            wait: Waits for so many seconds.
        """
        threading.Thread(target=self._watch, args=(wait,), name="secure_media.keys", daemon=True).start()

    def _watch(self, wait: Callable[[float], object]) -> None:
        while True:
            wait(_LOOK_EVERY)
            try:
                self.refresh()
            except Exception:
                logger.exception("keys.not_read")

    def refresh(self) -> None:
        """
        Read the file again if it has changed; that is looked at once a second at most.

        It is read when it has stayed the same for a second: anyone who writes it in place is not done at once. Where it
        ends in a new secret, and not in the end of a line, half a minute: that may be half of one. A file that will not
        do changes nothing: the keys stay as they were, and the log says why.
        """
        now = self._clock()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_EVERY
        state = self._look()
        if state != self._seen:
            self._seen, self._seen_at = state, now
        if state == self._read or not self._is_settled(state, now, _SETTLED_AFTER, _LONG_AGO):
            return
        try:
            secrets, ends = read_secret_file(self._name, self._value)
            if self._look() != state:
                return  # somebody has begun to write it
            self._refuse_what_was_cut_off(secrets)
            whole = ends or not secrets or secrets[-1] in self._secrets
            if not whole and not self._is_settled(state, now, _SETTLED_WITHOUT_AN_END, _SETTLED_WITHOUT_AN_END):
                return
            before = [key.kid for key in self.ring]
            if self.ring.rotate(secrets, setting=self._name):
                say(logging.INFO, f"{self._name}: keys rotated: {_change(before, [key.kid for key in self.ring])}")
            self._secrets = secrets
        except ConfigurationError as error:
            logger.error("keys.not_rotated %s", error)
        self._read = state

    def _is_settled(self, state: _State | None, now: float, unchanged: float, untouched: float) -> bool:
        """Return whether nobody is just writing the file: it has not changed for so long, as seen or by the disk."""
        if now - self._seen_at >= unchanged:
            return True
        return state is not None and self._wall() - state.touched / 1e9 >= untouched

    def _refuse_what_was_cut_off(self, secrets: list[str]) -> None:
        """Refuse a secret that is only the beginning of one that is known: the disk was full, or the copy broke off."""
        for secret in secrets:
            if any(known != secret and known.startswith(secret) for known in self._secrets):
                msg = f"{self._name}: a secret in it is only the beginning of the one before; write the whole file anew"
                raise ConfigurationError(msg)

    def _look(self) -> _State | None:
        try:
            status = expanded(self._value).stat()
        except (OSError, ValueError, RuntimeError):
            return None
        return _State(
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mode,
            max(status.st_mtime_ns, status.st_ctime_ns),
            status.st_mtime_ns,
        )


def ring_of(name: str, secrets: Any) -> KeyRing:
    """Return the ring of one secret or several; `name` is the setting that they come from."""
    if isinstance(secrets, (str, bytes)):
        secrets = [secrets]
    if not isinstance(secrets, Iterable):
        msg = f"{name}: expected a secret or a list of secrets, got {type(secrets).__name__}"
        raise ConfigurationError(msg)
    return KeyRing((part.strip() if isinstance(part, str) else part for part in secrets), setting=name)


def _change(before: list[str], after: list[str]) -> str:
    """Return what became of the keys, by their names."""
    retired, dropped = after[1:], [kid for kid in before if kid not in after]
    parts = [f"{after[0]} signs"]
    if retired:
        parts.append(f"{', '.join(retired)} still verif{'ies' if len(retired) == 1 else 'y'}")
    if dropped:
        parts.append(f"{', '.join(dropped)} {'was' if len(dropped) == 1 else 'were'} dropped")
    return "; ".join(parts)


def read_secret_file(name: str, value: Any) -> tuple[list[str], bool]:
    """
    Return the secrets in a file, and whether its last line ends.

    They are one a line, newest first; blank lines and lines that begin with # do not count.
    """
    shown = named(value, value)
    try:
        path = expanded(value)
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            msg = f"{name}: {shown} is not a file"
            raise ConfigurationError(msg)
        if os.name == "posix" and mode & stat.S_IROTH:
            msg = (
                f"{name}: everyone on this machine can read {shown}. Run: chmod 600 {shown} "
                "(for a mounted Kubernetes secret, set defaultMode: 0400)"
            )
            raise ConfigurationError(msg)
        text = path.read_text("utf-8-sig")
    except OSError as error:
        msg = f"{name}: cannot read {shown}: {error.strerror}"
        raise ConfigurationError(msg) from None
    except RuntimeError:
        msg = f"{name}: {shown} has no home directory to begin with"
        raise ConfigurationError(msg) from None
    except UnicodeDecodeError:
        msg = f"{name}: {shown} is not a text file; write one secret a line"
        raise ConfigurationError(msg) from None
    except ValueError:
        msg = f"{name}: {shown!r} is not a path"
        raise ConfigurationError(msg) from None
    lines = [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]
    return lines, text.endswith(("\n", "\r"))


def expanded(value: Any) -> Path:
    """Return the path that `value` stands for."""
    return Path(str(value)).expanduser()


def shown(value: Any) -> str:
    """Return a wrong value as an error may show it. One that may be a secret in a wrong place is only described."""
    if isinstance(value, (str, os.PathLike)):
        text = os.fspath(value)
        if isinstance(text, str):
            return f"text of {len(text)} characters" if may_be_a_secret(text) else f"{text!r:.200}"
    if isinstance(value, int) and value.bit_length() > _LONGEST_NUMBER:
        return "a very large number"  # Python refuses to write it out
    return repr(value) if value is None or isinstance(value, (bool, int, float)) else type(value).__name__


def named(value: Any, path: Any) -> str:
    """Return what an error may call the file at `path`, which stands as `value` in a setting."""
    return "the file (what it is called looks like a secret itself)" if may_be_a_secret(str(value)) else str(path)


def may_be_a_secret(text: str) -> bool:
    """
    Return whether `text` holds a word that is long enough for a secret, and that is no path to a file.

    There may be several with commas between them, or the end of a line after it, as files of secrets have it.
    """
    return any(map(_may_be_one, text.split(",")))


def _may_be_one(text: str) -> bool:
    text = text.strip()
    if all(len(word.encode("utf-8", "surrogatepass")) < MIN_SECRET_BYTES for word in text.split()):
        return False
    # "/" is a digit of base64 too.
    return not (Path(text).is_absolute() and Path(*Path(text).parts[:2]).is_dir()) and not text.startswith(_RELATIVE)
