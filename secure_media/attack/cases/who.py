"""Attacks with the right request and the wrong credential, or none."""

from __future__ import annotations

from collections.abc import Iterable

from secure_media.attack.cases.cookies import _cookie, _splice
from secure_media.attack.families import NO_CREDENTIAL, OTHER_BROWSER
from secure_media.attack.model import (
    NOBODY,
    REFUSED,
    SEEN,
    STRANGER,
    Attack,
    Build,
    asking,
    image,
    media,
    of,
    table,
    token_of_victim,
)
from secure_media.attack.target import credential_in


@of(NO_CREDENTIAL)
def without_credentials() -> Iterable[Attack]:
    """Know the URL, and nothing else."""
    for kind in ("image", "audio", "download"):
        yield Attack(
            f"nobody-{kind}",
            NOBODY,
            f"asks for the {kind} by its URL",
            asking(media(kind)),
            REFUSED,
            SEEN[kind],
        )
        yield Attack(
            f"nobody-{kind}-head",
            NOBODY,
            f"asks for the headers of the {kind}",
            asking(media(kind), method="HEAD"),
            REFUSED,
            SEEN[kind],
        )
    moves: dict[str, tuple[str, Build]] = {
        "empty-cookie-header": ("sends an empty Cookie header", lambda t: t.get(t.image, "Cookie:")),
        "empty-cookie": ("sends the cookie with no value", lambda t: t.get(t.image, cookie=f"{t.cookie_name}=")),
        "cookie-without-equals": ("sends the cookie's name alone", lambda t: t.get(t.image, cookie=t.cookie_name)),
        "xsrf-cookie-only": ("sends only the cookies that are not the credential", asking(image, who="anonymous")),
        "same-site": (
            "pretends to be the app's own page",
            lambda t: t.get(
                t.image,
                f"Referer: http://{t.authority}{t.base}/",
                f"Origin: http://{t.authority}",
                "Sec-Fetch-Site: same-origin",
                "Sec-Fetch-Dest: image",
            ),
        ),
        "document": (
            "opens the URL as a page, which would set a cookie",
            lambda t: t.get(t.image, "Sec-Fetch-Dest: document", "Accept: text/html"),
        ),
        "gzip": ("asks for compression", lambda t: t.get(t.image, "Accept-Encoding: gzip, br, zstd")),
        "body": ("sends a body with the GET", lambda t: t.send("GET", t.image, body=b"x=1")),
    }
    yield from table("nobody", NOBODY, moves)


@of(OTHER_BROWSER)
def with_credentials_of_others() -> Iterable[Attack]:
    """Hold a valid credential, of the wrong browser or the wrong deployment."""
    for kind in ("image", "audio", "download"):
        for method in ("GET", "HEAD"):
            yield Attack(
                f"stranger-{kind}-{method.lower()}",
                STRANGER,
                f"asks for the {kind} with a valid cookie of its own",
                asking(media(kind), who="attacker", method=method),
                REFUSED,
                SEEN[kind],
            )
    moves: dict[str, tuple[str, Build]] = {
        "as-is": ("sends the cookie that another deployment gave it", asking(image, who="foreigner")),
        "renamed": (
            "sends the other deployment's cookie under this one's name",
            _cookie(lambda t: credential_in(t.foreigner)[1]),
        ),
        "both": (
            "sends the other deployment's cookie under this one's name, and its own as well",
            lambda t: t.get(t.image, cookie=f"{t.cookie_name}={credential_in(t.foreigner)[1]}; {t.attacker}"),
        ),
        "claims-of-this-one": (
            "puts the victim's claims between the other deployment's header and signature",
            _cookie(lambda t: _splice(credential_in(t.foreigner)[1], claims=token_of_victim(t).split(".")[1])),
        ),
    }
    yield from table("foreigner", "a user of another deployment", moves)
