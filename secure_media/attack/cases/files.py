"""Attacks on the files of a collection, by a thief who has a link to all of them: it must lead to nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from secure_media.attack.cases.file_names import keys, links_out
from secure_media.attack.families import TRAVERSAL
from secure_media.attack.model import MALFORMED, THIEF, Attack, Build, Honest, Path, asking, of
from secure_media.attack.target import Target

FOLDER = Honest(lambda t: t.get(f"{t.folder_link}letter.txt"), 200, "file")

FOLLOWED = Honest(lambda t: t.get(f"{t.followed_link}link-to-a-link.txt"), 200, "file")

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
        "other-collection": lambda t: _collections(t, "others/letter.txt"),
        "sibling-as-collection": lambda t: _collections(t, "files-2/secret.txt"),
        "collection-upper-case": lambda t: _collections(t, "FILES/letter.txt"),
        "collection-empty": lambda t: _collections(t, "/letter.txt"),
        "collection-none": lambda t: _collections(t, ""),
        "collection-hidden": lambda t: _collections(t, ".streamlit/secrets.toml"),
        "collection-dots": lambda t: _collections(t, "../letter.txt"),
        "collection-dots-encoded": lambda t: _collections(t, "%2e%2e%2fletter.txt"),
        "collection-dot": lambda t: _collections(t, "./files/letter.txt"),
        "collection-and-back": lambda t: _collections(t, "x/../files/letter.txt"),
        "collection-full-width": lambda t: _collections(t, f"{quote(chr(0xFF46))}iles/letter.txt"),
        "collection-with-nul": lambda t: _collections(t, "files%00/letter.txt"),
        "collection-with-parameter": lambda t: _collections(t, "files;a=b/letter.txt"),
        "collection-alone": lambda t: t.folder_link.removesuffix("/"),
        "endpoint-again": lambda t: f"{t.folder_link}secure-media/files/files/letter.txt",
        "token-twice": lambda t: f"{t.folder_link}letter.txt?{_token(t)}",
        "token-twice-in-path": lambda t: t.folder_link.replace(_token(t), f"{_token(t)}/{_token(t)}") + "letter.txt",
        "token-in-another-place": lambda t: _without_token(t).replace("files/files/", f"files/{_token(t)}/files/x"),
        "token-encoded-name": lambda t: f"{t.folder_link}letter.txt".replace("media_token", "Media_Token"),
        "token-and-dots": lambda t: t.folder_link.replace("/files/", "/files/../files/", 1) + "letter.txt",
        "no-token": lambda t: f"{_without_token(t)}letter.txt",
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
    return lambda t: f"{t.folder_link}{key}"


def _followed(key: str) -> Path:
    return lambda t: f"{t.followed_link}{key}"


def _with_token_in_query(key: str) -> Path:
    return lambda t: f"{_without_token(t)}{key}?{_token(t)}"


def _raw(key: bytes) -> Build:
    return lambda t: t.get(t.folder_link.encode() + key)


def _collections(target: Target, name: str) -> str:
    return target.folder_link.removesuffix("files/") + name


def _token(target: Target) -> str:
    """Return the token of the link to all files, with its name."""
    return next(part for part in target.folder_link.split("/") if part.startswith("media_token="))


def _without_token(target: Target) -> str:
    return target.folder_link.replace(f"{_token(target)}/", "")


def _said(name: str) -> str:
    return name.replace("-", " ")
