"""The built documentation loads nothing from other hosts: no fonts, no scripts, no pictures. Checked at each build."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

#: What loads something when a page is opened. A link in the text does not.
_LOADS = {
    "script": "src",
    "link": "href",
    "img": "src",
    "source": "src",
    "iframe": "src",
    "video": "src",
    "audio": "src",
}
_REMOTE = ("http:", "https:", "//")
#: A `link` that names an address without loading it.
_NAMES_ONLY = {"canonical", "alternate", "next", "prev"}


class _Loads(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.remote: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        address = found.get(_LOADS.get(tag, "")) or ""
        if address.startswith(_REMOTE) and found.get("rel") not in _NAMES_ONLY:
            self.remote.append(address)


def on_post_build(config: Any, **kwargs: Any) -> None:
    """Fail if a page loads something from another host, or if a style does."""
    site = Path(config["site_dir"])
    found = set[str]()
    for page in site.rglob("*.html"):
        parser = _Loads()
        parser.feed(page.read_text("utf-8"))
        found.update(f"{page.relative_to(site)}: {address}" for address in parser.remote)
    for style in site.rglob("*.css"):
        text = style.read_text("utf-8")
        if any(f"url({quote}{remote}" in text for quote in ("", '"', "'") for remote in _REMOTE):
            found.add(f"{style.relative_to(site)}: a URL of another host")
    if found:
        raise PluginError(f"loaded from elsewhere: {', '.join(sorted(found))}")
