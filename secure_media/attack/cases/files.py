"""Attacks on the files of a collection, by a thief who has a link to all of them: it must lead to nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from secure_media.attack.cases.file_names import in_other_case, keys, links_out
from secure_media.attack.families import TRAVERSAL
from secure_media.attack.model import MALFORMED, THIEF, Attack, Build, Honest, Path, asking, of
from secure_media.attack.target import Target

FOLDER = Honest(lambda t: t.get(f"{t.folder_link}{t.folder_file}"), 200, "folder")

FOLLOWED = Honest(lambda t: t.get(f"{t.followed_link}link-to-a-link.txt"), 200, "file")

#: Keys of what was put among the files of the kit's own apps, or of one of these files by a name that only it has.
_PLANTED = re.compile(
    r"hidden|\.git/|link-|folder-|files-2|inner|^loop|^root/|other|LETTER|caf|in%EF%AC%82|boo%E2|%256c|%EF%BD%8C|%C4%B1"
)

#: What cannot be the name of a file is refused; where there could be one, none is found.
NO_FILE = frozenset({403, 404})
#: The server's parser may stop these before.
NOT_EVEN_HTTP = MALFORMED | NO_FILE | {414}


@of(TRAVERSAL)
def files() -> Iterable[Attack]:
    """Ask for what is beside the files, for what is hidden among them, and for one of them under another name."""
    for name, key in keys().items():
        yield _attack(f"{name}-in-path", name, _with_token_in_path(key))
        yield _attack(f"{name}-in-query", name, _with_token_in_query(key))
    for name, path in _paths().items():
        yield _attack(name, name, path)
    for name, key in links_out().items():
        move = f"asks, with a link to files among which links are followed, for what is outside: {_said(name)}"
        yield Attack(f"file-followed-{name}", THIEF, move, asking(_followed(key)), NO_FILE, FOLLOWED)
    for name, raw in _rawkeys().items():
        move = f"asks for a file by bytes that are no URL: {_said(name)}"
        yield Attack(f"file-{name}", THIEF, move, _raw(raw), NOT_EVEN_HTTP, FOLDER, elsewhere=True)


def _paths() -> dict[str, Path]:
    """Return paths that leave the collection, or name it otherwise, by name."""
    return {
        "other-collection": lambda t: _collections(t, f"others/{t.folder_file}"),
        "sibling-as-collection": lambda t: t.planted and _collections(t, "files-2/secret.txt"),
        "collection-upper-case": lambda t: _collections(t, f"{in_other_case(_collection(t))}/{t.folder_file}"),
        "collection-empty": lambda t: _collections(t, f"/{t.folder_file}"),
        "collection-none": lambda t: _collections(t, ""),
        "collection-hidden": lambda t: _collections(t, ".streamlit/secrets.toml"),
        "collection-dots": lambda t: _collections(t, f"../{t.folder_file}"),
        "collection-dots-encoded": lambda t: _collections(t, f"%2e%2e%2f{t.folder_file}"),
        "collection-dot": lambda t: _collections(t, f"./{_collection(t)}/{t.folder_file}"),
        "collection-and-back": lambda t: _collections(t, f"x/../{_collection(t)}/{t.folder_file}"),
        "collection-full-width": lambda t: _collections(t, f"{_wide(_collection(t))}/{t.folder_file}"),
        "collection-with-nul": lambda t: _collections(t, f"{_collection(t)}%00/{t.folder_file}"),
        "collection-with-parameter": lambda t: _collections(t, f"{_collection(t)};a=b/{t.folder_file}"),
        "collection-alone": lambda t: t.folder_link.removesuffix("/"),
        "endpoint-again": lambda t: f"{t.folder_link}secure-media/files/{_collection(t)}/{t.folder_file}",
        "token-twice": lambda t: f"{t.folder_link}{t.folder_file}?{_token(t)}",
        "token-twice-in-path": lambda t: t.folder_link.replace(_token(t), f"{_token(t)}/{_token(t)}") + t.folder_file,
        "token-in-another-place": lambda t: _token_behind_the_endpoint(t),
        "token-encoded-name": lambda t: f"{t.folder_link}{t.folder_file}".replace("media_token", "Media_Token"),
        "token-and-dots": lambda t: _collections(t, f"{_collection(t)}/../{_collection(t)}/{t.folder_file}"),
        "no-token": lambda t: f"{_without_token(t)}{t.folder_file}",
    }


def _rawkeys() -> dict[str, bytes]:
    """Return keys that no URL has, since they are not encoded, by name."""
    return {
        "raw-backslash": b"..\\outside.txt",
        "raw-drive": b"C:\\Windows\\win.ini",
        "raw-unc": b"\\\\127.0.0.1\\C$\\win.ini",
        "raw-nul": b"letter.txt\x00.png",
        "raw-space": b"letter.txt .png",
        "raw-tab": b"..\t/outside.txt",
        "raw-latin-1": b"letter.txt\xff",
        "raw-utf-8": "\uff0e\uff0e/outside.txt".encode(),
        "raw-overlong": b"\xc0\xae\xc0\xae/outside.txt",
        "raw-escape": b"letter.txt\x1b[31m",
        "raw-fragment": b"../outside.txt#/letter.txt",
        "raw-seventy-kilobytes": b"a" * 70_000,
    }


def _attack(name: str, said: str, path: Path) -> Attack:
    move = f"asks, with a link to all files, for what is none of them: {_said(said)}"
    return Attack(f"file-{name}", THIEF, move, asking(path), NO_FILE, FOLDER)


def _with_token_in_path(key: str) -> Path:
    return lambda t: f"{t.folder_link}{_known(t, key)}"


def _followed(key: str) -> Path:
    return lambda t: f"{t.followed_link}{key}"


def _with_token_in_query(key: str) -> Path:
    return lambda t: f"{_without_token(t)}{_known(t, key)}?{_token(t)}"


def _raw(key: bytes) -> Build:
    return lambda t: t.get(t.folder_link.encode() + _known(t, key.decode("latin-1")).encode("latin-1"))


def _known(target: Target, key: str) -> str:
    """Return a key with the names that this app has, if it is one that means something there."""
    if _PLANTED.search(key):
        _ = target.planted
    if "../files/" in key:
        key = key.replace("../files/", f"../{_collection(target)}/")
    if "outside.txt" in key:
        key = key.replace("outside.txt", target.outside)
    return key.replace("letter.txt", target.folder_file)


def _collection(target: Target) -> str:
    """Return the last segment of the folder's path."""
    return target.folder_link.removesuffix("/").rpartition("/")[2]


def _collections(target: Target, name: str) -> str:
    return target.folder_link.removesuffix(f"{_collection(target)}/") + name


def _wide(name: str) -> str:
    """Return a name whose first letter is the full-width one."""
    return f"{quote(chr(ord(name[0]) + 0xFEE0))}{name[1:]}"


def _token_behind_the_endpoint(target: Target) -> str:
    token, rest = _token(target), f"{_collection(target)}/{target.folder_file}"
    return f"{_without_token(target).removesuffix(f'{_collection(target)}/')}{token}/{rest}"


def _token(target: Target) -> str:
    """Return the token of the link to all files, with its name."""
    return next(part for part in target.folder_link.split("/") if part.startswith("media_token="))


def _without_token(target: Target) -> str:
    return target.folder_link.replace(f"{_token(target)}/", "")


def _said(name: str) -> str:
    return name.replace("-", " ")
