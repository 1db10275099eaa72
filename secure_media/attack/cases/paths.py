"""Attacks with the path."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import quote

from secure_media.attack.families import ABSOLUTE, PATHS, SNIFFING
from secure_media.attack.model import (
    ELSEWHERE,
    IMAGE,
    MALFORMED,
    NOBODY,
    REFUSED,
    SEEN,
    STRANGER,
    Attack,
    Build,
    Path,
    asking,
    of,
)
from secure_media.attack.target import Target


@of(PATHS)
def tricks_with_the_path() -> Iterable[Attack]:
    """Call the file by another name, for a guard that looks at one form and a server that looks at another."""
    below: dict[str, Path] = {
        "no-extension": lambda t: t.media_id,
        "other-extension": lambda t: f"{t.media_id}.css",
        "html": lambda t: f"{t.media_id}.html",
        "double-extension": lambda t: f"{t.name}.txt",
        "dot": lambda t: f"{t.media_id}.",
        "dots": lambda t: f"{t.media_id}...",
        "slash": lambda t: f"{t.name}/",
        "slash-dot": lambda t: f"{t.name}/.",
        "slash-name": lambda t: f"{t.name}/x.png",
        "up-and-down": lambda t: f"x/../{t.name}",
        "up-and-down-encoded": lambda t: f"x%2f..%2f{t.name}",
        "same-again": lambda t: f"../media/{t.name}",
        "same-again-encoded": lambda t: f"%2e%2e/media/{t.name}",
        "two-slashes": lambda t: f"/{t.name}",
        "dot-slash": lambda t: f"./{t.name}",
        "encoded-dot": lambda t: t.name.replace(".", "%2e"),
        "encoded-letters": lambda t: "".join(f"%{ord(c):02x}" for c in t.name),
        "double-encoded": lambda t: "".join(f"%25{ord(c):02x}" for c in t.name),
        "overlong-utf-8": lambda t: t.name.replace(".", "%c0%ae"),
        "full-width": lambda t: t.name.replace(".", quote("\uff0e")),
        "bad-percent": lambda t: f"{t.name}%",
        "bad-percent-hex": lambda t: f"{t.name}%zz",
        "iis-percent": lambda t: f"%u{ord(t.name[0]):04x}{t.name[1:]}",
        "invalid-utf-8": lambda t: f"{t.name}%ff%fe",
        "nul": lambda t: f"{t.media_id}%00.png",
        "nul-at-the-end": lambda t: f"{t.name}%00",
        "line-feed": lambda t: f"{t.name}%0a",
        "carriage-return": lambda t: f"{t.name}%0d%0aX-Injected:%20yes",
        "tab": lambda t: f"{t.name}%09",
        "space-behind": lambda t: f"{t.name}%20",
        "space-before": lambda t: f"%20{t.name}",
        "plus": lambda t: f"{t.name}+",
        "semicolon": lambda t: f"{t.name};jsessionid=1",
        "semicolon-extension": lambda t: f"{t.media_id}.txt;a=b",
        "encoded-question-mark": lambda t: f"{t.name}%3fv=1",
        "encoded-hash": lambda t: f"{t.name}%23",
        "fragment": lambda t: f"{t.name}#x",
        "query": lambda t: f"{t.name}?v=1",
        "empty-query": lambda t: f"{t.name}?",
        "two-question-marks": lambda t: f"{t.name}??v=1",
        "path-in-query": lambda t: f"{t.name}?/../../_stcore/health",
        "many-parameters": lambda t: f"{t.name}?{'&'.join(f'p{i}=1' for i in range(1000))}",
        "dots-in-query": lambda t: f"{t.name}?title=x&dl=1&download=true&public=1&debug=1",
        "upper-case": lambda t: t.name.upper(),
        "truncated-id": lambda t: t.name[1:],
        "prefix-of-id": lambda t: f"{t.media_id[:8]}*",
        "wildcard": lambda t: "*",
        "ten-kilobytes": lambda t: t.media_id * 250,
        "empty": lambda t: "",
        "list": lambda t: f"{t.media_id},{t.media_id}",
        "unicode-digit": lambda t: f"{quote(chr(0xFF11))}{t.name[1:]}",
        "right-to-left": lambda t: f"{quote(chr(0x202E))}{t.name}",
        "backslash": lambda t: f"x\\..\\{t.name}",
        "encoded-backslash": lambda t: f"x%5c..%5c{t.name}",
        "file": lambda t: "..%2f..%2f..%2f..%2fetc%2fpasswd",
        "beside-the-script": lambda t: f"../{t.outside}",
        "beside-the-script-encoded": lambda t: f"..%2f{t.outside}",
        "absolute-file": lambda t: "/etc/passwd",
    }
    for name, form in below.items():
        for attacker, who in ((NOBODY, ""), (STRANGER, "attacker")):
            yield Attack(
                f"path-{name}-{'stranger' if who else 'nobody'}",
                attacker,
                f"asks for the image under another name: {name.replace('-', ' ')}",
                asking(_below_media(form), who=who),
                REFUSED,
                IMAGE,
            )
    # Not decoded, these are no HTTP at all; a lenient parser lets some of them through to the guard.
    for name, raw in {
        "raw-nul": b"\x00",
        "raw-space": b" x",
        "raw-tab": b"\tx",
        "raw-latin-1": b"\xff",
        "raw-utf-8": "é".encode(),
        "raw-carriage-return": b"\rx",
        "raw-escape": b"\x1b[31m",
        "seventy-kilobytes": b"a" * 70_000,
    }.items():
        yield Attack(
            f"path-{name}",
            NOBODY,
            "asks for the image with bytes in the path that do not belong there",
            _image_and(raw),
            MALFORMED | {414},
            IMAGE,
            elsewhere=True,
        )


@of(PATHS)
def other_ways() -> Iterable[Attack]:
    """Come to the file by another way than below its folder."""
    around: dict[str, Callable[[Target], str]] = {
        "encoded-m": lambda t: f"{t.base}/%6dedia/{t.name}",
        "encoded-media": lambda t: f"{t.base}/%6d%65%64%69%61/{t.name}",
        "encoded-media-upper-case": lambda t: f"{t.base}/%6D%65%64%69%61/{t.name}",
        "double-encoded-media": lambda t: f"{t.base}/%256dedia/{t.name}",
        "encoded-slash": lambda t: f"{t.base}/media%2f{t.name}",
        "encoded-first-slash": lambda t: f"{t.base}/%2fmedia/{t.name}",
        "two-slashes-first": lambda t: f"{t.base}//media/{t.name}",
        "three-slashes-first": lambda t: f"{t.base}///media/{t.name}",
        "dot-first": lambda t: f"{t.base}/./media/{t.name}",
        "encoded-dot-first": lambda t: f"{t.base}/%2e/media/{t.name}",
        "up-first": lambda t: f"{t.base}/x/../media/{t.name}",
        "up-first-encoded": lambda t: f"{t.base}/x/%2e%2e/media/{t.name}",
        "out-of-core": lambda t: f"{t.base}/_stcore/../media/{t.name}",
        "out-of-component": lambda t: f"{t.base}/component/x/../../media/{t.name}",
        "out-of-static": lambda t: f"{t.base}/app/static/../../media/{t.name}",
        "out-of-frontend": lambda t: f"{t.base}/static/../media/{t.name}",
        "frontend-media": lambda t: f"{t.base}/static/media/{t.name}",
        "static-media": lambda t: f"{t.base}/app/static/media/{t.name}",
        "core-media": lambda t: f"{t.base}/_stcore/media/{t.name}",
        "core-media-id": lambda t: f"{t.base}/_stcore/media/{t.media_id}",
        "no-base": lambda t: f"/media/{t.name}",
        "base-twice": lambda t: f"{t.base}{t.base}/media/{t.name}",
        "base-encoded": lambda t: f"{''.join(c if c == '/' else f'%{ord(c):02x}' for c in t.base)}/media/{t.name}",
        "base-upper-case": lambda t: f"{t.base.upper()}/media/{t.name}",
        "base-slashes": lambda t: f"{t.base.replace('/', '//')}/media/{t.name}",
        "base-with-dot": lambda t: f"{t.base}.x/media/{t.name}",
        "other-base": lambda t: f"{t.base}/app/media/{t.name}",
        "page-media": lambda t: f"{t.base}/page/~/media/{t.name}",
        "upper-case-media": lambda t: f"{t.base}/MEDIA/{t.name}",
        "title-case-media": lambda t: f"{t.base}/Media/{t.name}",
        "media-with-parameter": lambda t: f"{t.base}/media;x=y/{t.name}",
        "media-with-dot": lambda t: f"{t.base}/media./{t.name}",
        "media-with-space": lambda t: f"{t.base}/media%20/{t.name}",
        "media-with-nul": lambda t: f"{t.base}/media%00/{t.name}",
        "media-with-tab": lambda t: f"{t.base}/media%09/{t.name}",
        "media-full-width": lambda t: f"{t.base}/{quote(chr(0xFF4D))}edia/{t.name}",
        "media-backslash": lambda t: f"{t.base}/\\media\\{t.name}",
        "media-encoded-backslash": lambda t: f"{t.base}/media%5c{t.name}",
        "no-first-slash": lambda t: f"media/{t.name}",
        "no-last-slash": lambda t: f"{t.base}/media",
        "id-in-query": lambda t: f"{t.base}/media?{t.name}",
        "id-in-parameter": lambda t: f"{t.base}/media?file={t.name}&id={t.media_id}",
        "id-alone": lambda t: f"{t.base}/{t.name}",
    }
    yield from _around(around)


@of(ABSOLUTE)
def absolute_forms() -> Iterable[Attack]:
    """Name scheme and host in the target of the request, or no path at all."""
    targets: dict[str, Callable[[Target], str]] = {
        "absolute-form": lambda t: f"http://{t.authority}{t.image}",
        "absolute-form-other-host": lambda t: f"http://example.com{t.image}",
        "absolute-form-https": lambda t: f"https://{t.authority}{t.image}",
        "absolute-form-with-user": lambda t: f"http://admin:admin@{t.authority}{t.image}",
        "absolute-form-two-slashes": lambda t: f"http://{t.authority}/{t.image}",
        "absolute-form-file": lambda t: f"file://{t.image}",
        "two-hosts": lambda t: f"//{t.authority}{t.image}",
        "asterisk": lambda t: "*",
    }
    yield from _around(targets)


def _around(around: dict[str, Callable[[Target], str]]) -> Iterable[Attack]:
    for name, path in around.items():
        for attacker, who in ((NOBODY, ""), (STRANGER, "attacker")):
            yield Attack(
                f"around-{name}-{'stranger' if who else 'nobody'}",
                attacker,
                f"comes to the image by another way: {name.replace('-', ' ')}",
                asking(path, who=who),
                ELSEWHERE,
                IMAGE,
                elsewhere=True,
            )


def _below_media(form: Path) -> Path:
    return lambda t: t.prefix + form(t)


def _image_and(more: bytes) -> Build:
    return lambda t: t.get(t.image.encode() + more)


def _renamed(kind: str, extension: str) -> Path:
    return lambda t: t.shown(kind).rpartition(".")[0] + extension


@of(SNIFFING)
def media_as_something_else() -> Iterable[Attack]:
    """Lure the victim to their own file under a name that would make it a script or a page of the app's origin."""
    kept = ("content-type", "content-disposition", "content-security-policy", "x-content-type-options", "cache-control")
    for kind in ("image", "audio", "download"):
        for extension in (".html", ".svg", ".js", ".css", ".xml", ".pdf", ".txt;a=b", "", ".html?v=1"):
            label = quote(extension.strip(".").replace("?", "-").replace(";", "-").replace("=", "-")) or "nothing"
            yield Attack(
                f"retyped-{kind}-{label}",
                "a page of the attacker's",
                f"links the victim to the {kind} under the extension {extension!r}",
                asking(_renamed(kind, extension), who="victim"),
                frozenset({200, 403, 404}),
                SEEN[kind],
                keeps=kept,
                by_owner=True,
            )
