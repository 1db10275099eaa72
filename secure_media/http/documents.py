"""
The two pages that people see: before a link of few uses gives its file away, and where an address does not work.

Without a script, and with nothing to load. All that varies is text, and escaped.
"""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import dataclass
from html import escape

from secure_media import amounts
from secure_media.content.sources import MemorySource
from secure_media.http import fields
from secure_media.http.confinement import ISOLATION
from secure_media.http.fields import Headers
from secure_media.http.responses import Response

_STYLE = """
:root{color-scheme:light dark;--ground:#f4f5f7;--card:#fff;--edge:#dfe2e7;--text:#1c2128;--soft:#59636f;\
--accent:#1d5fbf;--on-accent:#fff}
@media(prefers-color-scheme:dark){:root{--ground:#101318;--card:#191d24;--edge:#2c323c;--text:#e7eaef;\
--soft:#9ba5b3;--accent:#8ab4f8;--on-accent:#0d1420}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100svh;display:flex;align-items:center;justify-content:center;padding:1.5rem;\
background:var(--ground);color:var(--text);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;max-width:28rem;padding:2rem;background:var(--card);border:1px solid var(--edge);border-radius:.75rem}
h1{margin:0 0 .75rem;font-size:1.25rem;line-height:1.35;font-weight:600;overflow-wrap:anywhere;text-wrap:balance}
p{margin:0 0 1rem;color:var(--soft)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.4rem 1.25rem;margin:0 0 1.5rem;padding:1rem 0;\
border:solid var(--edge);border-width:1px 0}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
small{font-size:.875rem;color:var(--soft)}
form{margin:0}
button,a{display:block;width:100%;padding:.7rem 1rem;border:0;border-radius:.5rem;background:var(--accent);\
color:var(--on-accent);font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer}
button:hover,a:hover{filter:brightness(1.08)}
:focus-visible{outline:2px solid var(--accent);outline-offset:3px}
.again{display:none;padding:.75rem 1rem;border-left:.25rem solid var(--accent);background:var(--ground);\
color:var(--text)}
.again:target{display:block}
p+a{margin-top:1.5rem}
p:last-child{margin:1rem 0 0;font-size:.875rem}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

#: `data:` for the icon that says that there is none: browsers would ask for /favicon.ico.
_RULES = "default-src 'none'; img-src data:; style-src {style}; base-uri 'none'; form-action {form}"
_CONFIRMATION_RULES = _RULES.format(style=f"'sha256-{_STYLE_HASH}'", form="'self'") + "; frame-ancestors 'none'"
_REFUSAL_RULES = _RULES.format(style=f"'sha256-{_STYLE_HASH}'", form="'none'")
_OTHER_WORDS_RULES = _RULES.format(style="'unsafe-inline'", form="'none'")

_DOCUMENT = (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    '<meta name="robots" content="noindex, nofollow">\n<meta name="color-scheme" content="light dark">\n'
    '<link rel="icon" href="data:,">\n<style>{style}</style>\n</head>\n<body>\n<main>\n{content}\n</main>\n</body>\n'
    "</html>\n"
)

_REFUSAL = (
    "<h1>This address does not work here</h1>\n"
    "<p>It may have expired, been used up or withdrawn, or be meant for another browser.</p>\n"
    "<p>Open the app to find what you were looking for, or ask the person who sent you the link for a new one.</p>\n"
    '<a href="{app}" target="_top">Open the app</a>'
)

#: The fragment of the address to which a press leads: where this page is there again, it says what is missing.
AGAIN = "press-again"
_CONFIRMATION = (
    '<h1 dir="auto">{name}</h1>\n<p>Somebody shared this file with you.</p>\n<dl>\n{facts}\n</dl>\n'
    f'<p class="again" id="{AGAIN}">Your browser sent no cookie, so the file could not come. Allow cookies for this '
    "site, and press again.</p>\n"
    '<form method="post"><button type="submit">Get the file</button></form>\n'
    "<p>Nothing is sent before you press the button.</p>"
)

#: Stands in the words of others for where the app is.
APP = "{app}"

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Offer:
    """
    What somebody is offered.

    Args:
        name: What it is called; None if it has no name.
        size: In bytes, if that is known.
        until: When the link ends, in seconds since the epoch.
        uses: How many are left.
    """

    name: str | None
    size: int | None
    until: int
    uses: int


def confirmation(method: str, offer: Offer, *, now: float) -> Response:
    """Return the page with the one button that has to be pressed. It looks the same for every kind of file."""
    name = "A file" if offer.name is None else fields.safe_name(offer.name)
    facts = {
        "Size": None if offer.size is None else _size(offer.size),
        "Good for": f"{_span(offer.until - now)}<br><small>until {_moment(offer.until)}</small>",
        "Can be used": "once" if offer.uses == 1 else f"{offer.uses} more times",
    }
    listed = "\n".join(f"<dt>{term}</dt><dd>{fact}</dd>" for term, fact in facts.items() if fact is not None)
    content = _CONFIRMATION.format(name=escape(name), facts=listed)
    # With `no-referrer` the button's POST would say that it comes from nowhere (Fetch section 3.2); this says from
    # which site, and not from which page, whose address has the token in it.
    headers: Headers = (
        *{**dict(ISOLATION), "Referrer-Policy": "strict-origin"}.items(),
        ("Content-Security-Policy", _CONFIRMATION_RULES),
        ("X-Frame-Options", "DENY"),
        ("X-Robots-Tag", "noindex, nofollow"),
    )
    return _page(200, _DOCUMENT.format(title=escape(name), style=_STYLE, content=content), method, headers)


def refusal(method: str, app: str, words: str | None = None) -> Response:
    """
    Return the one page for every denial.

    Args:
        method: Of the request.
        app: The path at which the app is, percent-encoded.
        words: The page that an app has in place of ours.
    """
    if words is None:
        content = _REFUSAL.format(app=escape(app))
        page, rules = (
            _DOCUMENT.format(title="This address does not work", style=_STYLE, content=content),
            _REFUSAL_RULES,
        )
    else:
        page, rules = words.replace(APP, escape(app)), _OTHER_WORDS_RULES
    headers = (*ISOLATION, ("Content-Security-Policy", rules), ("X-Robots-Tag", "noindex, nofollow"))
    return _page(403, page, method, headers)


def _page(status: int, page: str, method: str, headers: Headers) -> Response:
    body = page.encode("utf-8", "replace")
    headers = (
        ("Content-Type", "text/html; charset=utf-8"),
        *headers,
        ("Cache-Control", "private, no-store"),
        ("Content-Length", str(len(body))),
    )
    return Response(status, headers, MemorySource(body), 0, 0 if method == "HEAD" else len(body))


def _size(count: int) -> str:
    """Return a number of bytes as people read it."""
    if count < 1000:
        return f"{count} byte{'' if count == 1 else 's'}"
    size, unit = count / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    return f"{size:.1f} {unit}" if size < 9.95 else f"{size:.0f} {unit}"


def _moment(seconds: int) -> str:
    """Return a moment to the minute, in UTC."""
    try:
        moment = time.gmtime(seconds)
    except (ValueError, OverflowError, OSError):  # the year 300000
        return "further notice"
    return f"{moment.tm_mday} {_MONTHS[moment.tm_mon - 1]} {moment.tm_year}, {moment.tm_hour:02}:{moment.tm_min:02} UTC"


def _span(seconds: float) -> str:
    """Return a duration in its largest unit that makes at least two, to the minute, and rounded down from there."""
    count = max(0, amounts.left(seconds))
    for size, unit in ((24 * 3600, "days"), (3600, "hours"), (60, "minutes")):
        if count >= 2 * size:
            return f"{count // size} {unit}"
    return f"{count} second{'' if count == 1 else 's'}"
