"""What a browser may do with a response: show it, and nothing more."""

from __future__ import annotations

from secure_media.http.fields import Headers

#: No response of ours may be interpreted as anything but its declared type, run as a document of the app's origin,
#: be embedded by another origin, or tell its URL to anyone.
ISOLATION: Headers = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
)
#: What a response may do when it is opened by itself or in a frame: nothing but show itself. In the sandbox it has no
#: origin, so that not even a script that got through could reach the app.
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
#: A film is played by a document that the browser makes for it, which fetches it again, with the cookie, and so needs
#: an origin. With `nosniff` these types can never become a document of their own.
_PLAYER = "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
#: Some browsers refuse to open their PDF viewer in a sandbox. A PDF has no access to the app's origin anyway.
_VIEWER = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"


def confined(content_type: str) -> Headers:
    """Return the headers that confine a response of this type."""
    return (*ISOLATION, ("Content-Security-Policy", _confinement(content_type)))


def _confinement(content_type: str) -> str:
    """Return the Content-Security-Policy for a type."""
    essence = content_type.partition(";")[0].strip().lower()
    if essence == "application/pdf":
        return _VIEWER
    # Whatever it calls itself, a type that ends in +xml is a document to a browser.
    playable = essence.startswith(("audio/", "video/")) and not essence.endswith("+xml")
    return _PLAYER if playable else SANDBOX
