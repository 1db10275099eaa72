"""What a browser or a cache between may do with an answer to the owner: keep it, run it, or show it to another site."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from secure_media.attack.cases.links import LINK
from secure_media.attack.families import CACHING, CROSS_SITE, SNIFFING
from secure_media.attack.model import SEEN, STATIC, Attack, Honest, Path, asking, media, of, static
from secure_media.attack.target import Target

#: An answer, if there is one, which no cache may keep for others.
ANSWERED = frozenset({200, 400, 403, 404})
PRIVATE = (("cache-control", r"\b(private|no-store)\b"),)
INERT = (("x-content-type-options", r"^nosniff$"),)
NOT_FOR_OTHERS = (("access-control-allow-origin", r"\*|example|null"),)
LURE = "a page of the attacker's"

#: What is served to the victim: where, and how the victim asks for it.
_SERVED: dict[str, tuple[Path, Honest, str]] = {
    **{kind: (media(kind), SEEN[kind], "victim") for kind in SEEN},
    "static": (static, STATIC, "victim"),
    "link": (lambda t: t.link, LINK, ""),
}


@of(CACHING)
def cache_deception() -> Iterable[Attack]:
    """Lure the victim to a URL that a cache takes for one that is the same for everyone."""
    for kind in SEEN:
        for name, end in {
            "css": ".css",
            "js": ".js",
            "folder": "/x.css",
            "folder-png": "/x.png",
            "encoded-slash": "%2fx.css",
            "semicolon": ";x.css",
            "encoded-semicolon": "%3bx.css",
            "encoded-question-mark": "%3fx.css",
            "encoded-hash": "%23x.css",
            "line-feed": "%0ax.css",
            "nul": "%00x.css",
            "query": "?x.css",
            "static-query": "?v=1.css",
            "tilde": "~x.css",
            "favicon": "/../favicon.png",
            "static-folder": "/..%2fstatic%2fx.css",
        }.items():
            yield Attack(
                f"cached-{kind}-{name}",
                LURE,
                f"lures the owner to the {kind} under a name that caches keep: {end}",
                asking(_longer(kind, end), who="victim"),
                ANSWERED,
                SEEN[kind],
                by_owner=True,
                says=PRIVATE,
            )


@of(CACHING)
def cache_headers() -> Iterable[Attack]:
    """Have a shared cache keep what the owner gets."""
    forms = {
        "plain": (),
        "part": ("Range: bytes=0-0",),
        "public": ("Cache-Control: max-stale=999999, public",),
        "authorization": ("Authorization: Basic eDp4",),
        "pragma": ("Pragma: cache",),
        "host": ("X-Forwarded-Host: cdn.example", "X-Forwarded-Scheme: http"),
        "original-url": ("X-Original-URL: /static/x.css",),
        "via": ("Via: 1.0 cache",),
    }
    for kind, (path, honest, who) in _SERVED.items():
        for name, lines in forms.items():
            yield Attack(
                f"cacheable-{kind}-{name}",
                "a cache between",
                f"keeps for everyone what the owner gets ({kind}, {name})",
                asking(path, *lines, who=who),
                frozenset({200, 206}),
                honest,
                by_owner=True,
                says=PRIVATE,
            )


@of(SNIFFING)
def sniffed() -> Iterable[Attack]:
    """Have a browser take for a script, or for a page, what is served as something else."""
    for kind, (path, honest, who) in _SERVED.items():
        for name, lines in {
            "plain": (),
            "script": ("Sec-Fetch-Dest: script", "Accept: */*"),
            "style": ("Sec-Fetch-Dest: style", "Accept: text/css"),
            "worker": ("Sec-Fetch-Dest: serviceworker", "Service-Worker: script"),
            "page": ("Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate", "Accept: text/html"),
            "frame": ("Sec-Fetch-Dest: iframe", "Sec-Fetch-Mode: navigate", "Accept: text/html"),
            "html": ("Accept: text/html;q=1, */*;q=0",),
        }.items():
            yield Attack(
                f"sniffed-{kind}-{name}",
                LURE,
                f"has the owner's browser guess what the {kind} is ({name})",
                asking(path, *lines, who=who),
                frozenset({200, 403}),
                honest,
                by_owner=True,
                says=INERT,
            )


@of(CROSS_SITE)
def read_by_other_sites() -> Iterable[Attack]:
    """Read with a script of another site what its visitor gets."""
    origins: dict[str, Callable[[Target], str]] = {
        "other": lambda t: "https://evil.example",
        "null": lambda t: "null",
        "subdomain": lambda t: f"http://{t.host}.example",
        "prefix": lambda t: f"{t.origin}.evil.example",
        "other-port": lambda t: f"http://{t.host}:1",
    }
    for kind, (path, honest, who) in _SERVED.items():
        for name, origin in origins.items():
            for mode in ("GET", "HEAD"):
                yield Attack(
                    f"cors-{kind}-{name}-{mode.lower()}",
                    LURE,
                    f"reads the {kind} from another origin, with the visitor's cookies ({name})",
                    _from(origin, path, who, mode),
                    frozenset({200, 403}),
                    honest,
                    by_owner=True,
                    lacks=NOT_FOR_OTHERS,
                )


def _longer(kind: str, end: str) -> Path:
    return lambda t: f"{t.shown(kind)}{end}"


def _from(origin: Callable[[Target], str], path: Path, who: str, method: str) -> Callable[[Target], bytes]:
    return lambda t: t.send(method, path(t), f"Origin: {origin(t)}", "Sec-Fetch-Mode: cors", cookie=t.cookies_of(who))
