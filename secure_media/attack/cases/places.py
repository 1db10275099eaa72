"""Attacks on what lies beside media: uploads and static files."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from secure_media.attack.families import STATIC as STATIC_FILES
from secure_media.attack.families import UPLOADS
from secure_media.attack.model import (
    ELSEWHERE,
    NOBODY,
    REFUSED,
    STATIC,
    STRANGER,
    Attack,
    Build,
    Honest,
    Path,
    asking,
    of,
    static,
)
from secure_media.attack.target import Target

_FORM = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'
    b"planted\r\n--b--\r\n"
)


def writing(method: str, path: Path | None = None, *lines: str, who: str) -> Build:
    """Return a request that writes, into the victim's session by default, with the page's header against forgery."""

    def build(target: Target) -> bytes:
        cookies = target.cookies_of(who)
        pairs = [pair.partition("=") for pair in cookies.split("; ")]
        xsrf = next((value for name, _, value in pairs if name == "_streamlit_xsrf"), "x")
        form = ("Content-Type: multipart/form-data; boundary=b",) if method in ("PUT", "POST") else ()
        where = target.upload(target.victim_session) if path is None else path(target)
        body = _FORM if form else b""
        return target.send(method, where, f"X-Xsrftoken: {xsrf}", *form, *lines, body=body, cookie=cookies)

    return build


UPLOAD = Honest(writing("PUT", who="victim"), 204, None)


@of(UPLOADS)
def uploads() -> Iterable[Attack]:
    """Write into the victim's session, or take out of it."""
    for method in ("PUT", "DELETE", "POST", "PATCH", "GET", "HEAD"):
        for attacker, who in ((NOBODY, ""), (NOBODY, "anonymous"), (STRANGER, "attacker"), (STRANGER, "foreigner")):
            yield Attack(
                f"upload-{method.lower()}-{who or 'nobody'}",
                attacker,
                f"sends {method} to the victim's session",
                writing(method, who=who),
                REFUSED,
                UPLOAD,
            )


@of(UPLOADS)
def uploads_by_other_ways() -> Iterable[Attack]:
    """Name the victim's session by another path, or by a header."""
    ways: dict[str, Callable[[Target], str]] = {
        "slash": lambda t: t.upload(t.victim_session) + "/",
        "encoded-session": lambda t: t.upload("".join(f"%{ord(c):02x}" for c in t.victim_session)),
        "upper-case-session": lambda t: t.upload(t.victim_session.upper()),
        "through-own": lambda t: t.upload(f"{t.attacker_session}/../{t.victim_session}"),
        "through-own-encoded": lambda t: t.upload(f"{t.attacker_session}%2f..%2f{t.victim_session}"),
        "two-slashes": lambda t: t.upload(f"/{t.victim_session}"),
        "nul": lambda t: t.upload(f"{t.victim_session}%00"),
        "space": lambda t: t.upload(f"{t.victim_session}%20"),
        "encoded-upload": lambda t: t.upload(t.victim_session).replace("upload_file", "%75pload_file"),
        "encoded-core": lambda t: t.upload(t.victim_session).replace("_stcore", "%5fstcore"),
        "own-in-query": lambda t: f"{t.upload(t.victim_session)}?session_id={t.attacker_session}",
        "two-slashes-first": lambda t: t.upload(t.victim_session).replace("/_stcore", "//_stcore"),
    }
    for name, path in ways.items():
        yield Attack(
            f"upload-way-{name}",
            STRANGER,
            f"writes into the victim's session by another way: {name.replace('-', ' ')}",
            writing("PUT", path, who="attacker"),
            frozenset({400, 403, 404, 405}),
            UPLOAD,
            elsewhere=True,
        )
    yield Attack(
        "upload-way-out-of-own",
        STRANGER,
        "writes into its own session a file whose id leads to the victim's",
        writing("PUT", lambda t: t.upload(t.attacker_session, f"..%2f{t.victim_session}%2ffile"), who="attacker"),
        # 204: an id is only a name, and its own session may hold a file of any name.
        frozenset({204, 400, 403, 404}),
        UPLOAD,
        elsewhere=True,
    )
    yield Attack(
        "upload-own-form-into-victims",
        STRANGER,
        "names the victim's session in headers while writing into its own",
        lambda t: writing("PUT", None, f"X-Session-Id: {t.attacker_session}", who="attacker")(t),
        REFUSED,
        UPLOAD,
    )
    yield Attack(
        "upload-preflight",
        "a page of the attacker's",
        "asks whether it may write with the victim's cookies",
        lambda t: t.send(
            "OPTIONS",
            t.upload(t.victim_session),
            "Origin: http://example.com",
            "Access-Control-Request-Method: PUT",
            cookie=t.victim,
        ),
        frozenset({200, 204, 400, 403, 405}),
        UPLOAD,
    )


@of(STATIC_FILES)
def static_files() -> Iterable[Attack]:
    """Read what the app serves to its users, or what lies beside it."""
    for attacker, who in ((NOBODY, ""), (NOBODY, "anonymous"), (STRANGER, "foreigner")):
        for method in ("GET", "HEAD"):
            yield Attack(
                f"static-{method.lower()}-{who or 'nobody'}",
                attacker,
                "reads a static file without a session in this app",
                asking(static, who=who, method=method),
                REFUSED,
                STATIC,
            )
    requests: dict[str, Build] = {
        "options": lambda t: t.send("OPTIONS", t.static),
        "post": lambda t: t.send("POST", t.static),
        "trace": lambda t: t.send("TRACE", t.static),
        "foo": lambda t: t.send("FOO", t.static),
        "encoded": lambda t: t.get(t.static.replace("static", "%73tatic")),
        "encoded-slash": lambda t: t.get(t.static.replace("app/", "app%2f")),
        "two-slashes": lambda t: t.get(t.static.replace("/app", "//app")),
        "two-slashes-inside": lambda t: t.get(t.static.replace("app/", "app//")),
        "two-slashes-behind": lambda t: t.get(t.static.replace("static/", "static//")),
        "dot": lambda t: t.get(t.static.replace("static/", "./static/")),
        "up": lambda t: t.get(t.static.replace("static/", "x/../static/")),
        "upper-case": lambda t: t.get(t.static.replace("static", "STATIC")),
        "frontend": lambda t: t.get(t.static.replace("/app/static", "/static/../app/static")),
        "without-app": lambda t: t.get(t.static.replace("/app/static", "/static")),
        "absolute-form": lambda t: t.get(f"http://{t.authority}{t.static}"),
        "none-match": lambda t: t.get(t.static, "If-None-Match: *"),
        "modified-since": lambda t: t.get(t.static, "If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT"),
        "range": lambda t: t.get(t.static, "Range: bytes=0-0"),
        "invalid-utf-8": lambda t: t.get(f"{t.static}%ff"),
    }
    for name, build in requests.items():
        yield Attack(
            f"static-way-{name}",
            NOBODY,
            f"comes to the static file by another way: {name.replace('-', ' ')}",
            build,
            ELSEWHERE | {204, 405},
            STATIC,
            elsewhere=True,
        )
    outside: dict[str, Callable[[Target], str]] = {
        "up": lambda t: f"../{t.outside}",
        "up-encoded": lambda t: f"%2e%2e/{t.outside}",
        "up-encoded-slash": lambda t: f"..%2f{t.outside}",
        "up-double-encoded": lambda t: f"%252e%252e%252f{t.outside}",
        "up-backslash": lambda t: f"..\\{t.outside}",
        "up-encoded-backslash": lambda t: f"..%5c{t.outside}",
        "up-overlong": lambda t: f"%c0%ae%c0%ae/{t.outside}",
        "up-twice": lambda t: f"....//{t.outside}",
        "down-and-up": lambda t: f"x/../../{t.outside}",
        "script": lambda t: "../app.py",
        "script-encoded": lambda t: "..%2fapp.py",
        "secrets": lambda t: "..%2f.streamlit%2fsecrets.toml",
        "environment": lambda t: "..%2f..%2f..%2f..%2f..%2f..%2f..%2fproc%2fself%2fenviron",
        "absolute": lambda t: "/etc/passwd",
        "absolute-encoded": lambda t: "%2fetc%2fpasswd",
        "nul": lambda t: f"..%2f{t.outside}%00.txt",
        "nul-inside": lambda t: "notes%00.txt",
        "long": lambda t: "a" * 5000,
        "deep": lambda t: "a/" * 2000,
        "directory": lambda t: "",
        "up-only": lambda t: "..",
    }
    for name, path in outside.items():
        for attacker, who in ((NOBODY, ""), (STRANGER, "attacker")):
            yield Attack(
                f"static-outside-{name}-{'stranger' if who else 'nobody'}",
                attacker,
                f"reads outside of the static files: {name.replace('-', ' ')}",
                asking(_beside_static(path), who=who),
                ELSEWHERE - {200},
                STATIC,
                elsewhere=True,
            )


def _beside_static(path: Path) -> Path:
    return lambda t: f"{t.static.rpartition('/')[0]}/{path(t)}"
