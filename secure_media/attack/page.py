"""Which page of an app is opened, and with which cookies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """
    Which page of the app is opened.

    Args:
        name: Its name, as in its URL; empty for the first one.
        query: The query of its URL.
        link: A link to a file of the app's, for anyone, which may be used up.
        folder_link: A link to a folder of the app's, for anyone, with the name of one of its files behind it.
        static: A file in the app's static folder.
        identity: The header, with its value, in which a proxy says that it is the first person who asks.
        outside: The name of a file beside the folders that are served, which nobody may read.

    Where a file is can be said by its URL, or by its path below the app's.
    """

    name: str = ""
    query: str = ""
    link: str = ""
    folder_link: str = ""
    static: str = ""
    outside: str = ""
    identity: str = ""


def pairs(text: str) -> Mapping[str, str]:
    """Return the cookies in the value of a Cookie header."""
    parts = (part.partition("=") for part in text.split(";"))
    return {name.strip(): value.strip() for name, _, value in parts if name.strip()}
