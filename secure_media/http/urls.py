"""The guarded URLs: what they are made of, and what a request's URL says."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote_to_bytes

from secure_media.content.names import quoted
from secure_media.core.model import Action, Resource, ResourceKind

#: The URL parameter that carries a token.
TOKEN_PARAMETER = "media_token"  # noqa: S105 - the name of a parameter
#: The URL parameter that carries the grant with which a page comes for the cookie of somebody who signs in.
SIGN_IN_PARAMETER = "sign_in_grant"
#: The URL parameter that asks for a download instead of a view. Its value does not matter.
DOWNLOAD_PARAMETER = "download"

MEDIA = "/media/"
STATIC = "/app/static/"
UPLOAD = "/_stcore/upload_file/"
#: Everything of ours.
OWN = "/secure-media/"
FILES = f"{OWN}files/"

#: The token may stand in the path instead of the query: relative URLs, as playlists have them, then keep it.
_TOKEN_IN_PATH = re.compile(rf"{OWN}{TOKEN_PARAMETER}=([^/]*)/")
#: How many parameters an honest URL has at the most.
_MOST_PARAMETERS = 100


def path_to(resource: Resource, action: Action, token: str) -> str:
    """
    Return path and query, below the base path, of a link to `resource`.

    A link to a folder has its token in the path, so that what it contains can refer to its neighbours.
    """
    if resource.name.endswith("/"):
        return f"{OWN}{TOKEN_PARAMETER}={token}{FILES.removeprefix(OWN[:-1])}{quoted(resource.name)}"
    before = MEDIA if resource.kind is ResourceKind.MEDIA else FILES
    download = f"{DOWNLOAD_PARAMETER}=1&" if action is Action.DOWNLOAD else ""
    return f"{before}{quoted(resource.name)}?{download}{TOKEN_PARAMETER}={token}"


def tokens_in(path: str, query: str) -> tuple[str, ...]:
    """
    Return every token that a URL carries.

    Args:
        path: Decoded.
        query: Undecoded.
    """
    in_path = _TOKEN_IN_PATH.search(path)
    values = [in_path[1]] if in_path else []
    if TOKEN_PARAMETER in query:
        values += [value for name, value in _fields(query) if name == TOKEN_PARAMETER]
    return tuple(values)


def sign_in_grants_in(query: str) -> list[str]:
    """Return every sign-in grant in an undecoded query."""
    return [value for name, value in _fields(query) if name == SIGN_IN_PARAMETER]


def without_token(path: str) -> str:
    """Return the decoded `path` without the token that it may contain."""
    return _TOKEN_IN_PATH.sub(OWN, path, count=1)


def file_name(path: str) -> str:
    """Return the ``collection/key`` in a decoded path below the base path; an empty string if there is none."""
    in_path = _TOKEN_IN_PATH.match(path)  # further on it is part of a name
    own = path if in_path is None else f"{OWN}{path[in_path.end() :]}"
    return own.removeprefix(FILES) if own.startswith(FILES) else ""


def exact_path(path: str, raw: bytes) -> str:
    """
    Return `path` with each byte that is no UTF-8 as a surrogate (PEP 383), so that it names the file with that byte.

    Servers decode such bytes to U+FFFD, which stands for any of them. Where `raw` does not tell which, it
    is no path.

    Args:
        path: As the server has decoded it, maybe without what it is mounted under.
        raw: The path of the request, undecoded.
    """
    if "\ufffd" not in path:
        return path
    parts = unquote_to_bytes(raw.partition(b"?")[0]).decode("utf-8", "surrogateescape").split("/")
    if len(parts) <= path.count("/"):
        return ""
    ending = "/".join(parts[-path.count("/") :])
    exact = f"/{ending}"
    return exact if exact.encode("utf-8", "surrogateescape").decode("utf-8", "replace") == path else ""


def action_in(query: str) -> Action:
    """Return what an undecoded query asks to do."""
    if DOWNLOAD_PARAMETER not in query:
        return Action.VIEW
    return Action.DOWNLOAD if any(name == DOWNLOAD_PARAMETER for name, _ in _fields(query)) else Action.VIEW


def _fields(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS, errors="surrogateescape")
    except ValueError:
        return [(TOKEN_PARAMETER, "")]  # too many parameters to be honest: a token that cannot hold
