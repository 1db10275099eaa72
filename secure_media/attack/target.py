"""A running app, and what an attacker knows of it: facts, of which most may be unknown."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from secure_media.attack import jwt
from secure_media.attack.client import Response, as_bytes, verbatim


class MissingFactError(LookupError):
    """
    Nothing is known of the target that an attack needs.

    Args:
        what: What would have to be known.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Unknown:
    """Stands for a fact that nobody knows."""


UNKNOWN: Any = Unknown()


def fact(what: str) -> Any:
    """Return a field of a fact that may be unknown; reading it then is a `MissingFactError`."""
    return field(default=UNKNOWN, metadata={"what": what})


def _at_once() -> None:
    """Wait for nothing."""


@dataclass(frozen=True)
class Served:
    """
    What is remembered of the honest requests, so that not every attack sends one of its own.

    Args:
        answer: The last answer.
        since: The ids of the attacks that were tried since.
    """

    answer: Response
    since: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Target:
    """
    A running app. Give what you know: an attack that needs another fact is not tried.

    Cookies are values of a Cookie header; paths include the base path, and the query where there is one.

    Args:
        host: Where it listens.
        port: Where it listens.
        tls: How to speak HTTPS there; None for HTTP.
        pace: Called before each connection; may wait, or raise.
        base: Its base path, as ``/base`` or the empty string.
        exact: Whether every refusal has to be the same 403. Else, bytes and success count, and any refusal will do.
        media: The paths of media that the victim was shown, by kind: image, audio, download.
        canaries: By the same kinds, and others: bytes that are in the response to the victim, and in no other.
        secrets: Further bytes that nobody may ever see.
        honest: What is remembered of the honest requests.
        refusals: What is remembered of the one refusal.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    pace: Callable[[], None] = _at_once
    base: str = ""
    exact: bool = False
    media: Mapping[str, str] = field(default_factory=dict)
    canaries: Mapping[str, bytes] = field(default_factory=dict)
    secrets: tuple[bytes, ...] = ()
    victim: str = fact("the cookies of a browser that was shown something")
    attacker: str = fact("the cookies of another browser, with a session that was shown something else")
    foreigner: str = fact("the cookies that another deployment of the same software gave out")
    victim_session: str = fact("the id of the victim's session")
    attacker_session: str = fact("the id of the attacker's session")
    left_session: str = fact("the id of a session of the victim's whose tab was closed")
    static: str = fact("the path of a file in the static folder")
    outside: str = fact("the name of a file beside the folders that are served")
    etag: str = fact("the validator of the victim's image, quotes included")
    link: str = fact("a link to a file for anyone")
    bound_link: str = fact("a link to a file for the victim's browser only")
    foreign_link: str = fact("such a link of a deployment with another secret")
    cousin_link: str = fact("such a link of a deployment with the same secret and another name")
    old_links: Mapping[str, str] = fact("links to the same file that have ended, or whose key was removed, by name")
    old_cookies: Mapping[str, str] = fact("cookies of the victim's that have ended, or whose key was removed, by name")
    folder_link: str = fact("a link to all files of a folder, for anyone; a file's key comes behind it")
    folder_file: str = fact("the name of a file behind that link")
    planted: bool = fact("a folder into which hidden files and links were put, and another one beside it, to be found")
    followed_link: str = fact("such a link to a folder in which symbolic links are followed")
    on_terms: str = fact("the URL of a picture that the victim is shown on terms")
    laxer_terms: str = fact("the same picture on laxer terms")
    on_condition: str = fact("a picture that the victim is shown, for anyone with the cookie badge=doctor")
    echoed: Mapping[str, str] = fact("the URL of the victim's picture, as the app repeats it in the attacker's page")
    echoed_later: Mapping[str, str] = fact("the same in a page of the victim's that does not show it any more")
    counted_link: str = fact("a link with many uses that has to be confirmed")
    scarce_link: Callable[[], str] = fact("links with one use that have to be confirmed, as many as are asked for")
    redeemed: str = fact("the cookie for pressing the button of a link that has to be confirmed")
    other_redeemed: str = fact("such a cookie of another link")
    guest: str = fact("the cookies of a browser whose page is sent away to sign somebody in")
    grant: Callable[[], str] = fact("where it is sent then, with a grant, as often as is asked for")
    before: str = fact("the cookies that a browser had before somebody signed in there")
    member: str = fact("the cookies of a browser in which somebody is signed in")
    members: str = fact("the path of an image that such a browser was shown")
    other_member: str = fact("the cookies of a browser in which somebody else is signed in")
    signed_out: str = fact("the cookies of a browser in which somebody has signed out")
    signed_outs: str = fact("the path of an image that it was shown before")
    made: str = fact("the URL of a download of the victim's that a function makes when it is asked for")
    deferred: str = fact("the id of a deferred download in the victim's page")
    take: Callable[[], bytes] = fact("has the victim click on it, and returns what they get")
    agent: str = fact("the Authorization header of a program that may use the agent API")
    other_agent: str = fact("that of another program")
    person: str = fact("the cookies of somebody for whom the app is, of which strangers have nothing")
    nameless: str = fact("the cookies of somebody whom the app's issuer vouches for without saying who it is")
    closed: bool = fact("an app of which strangers get no page either, be it one to sign in on")
    identity: str = fact("the header, with its value, in which a proxy says that it is the victim who asks")
    stolen: str = fact("the cookies that the app gave to the browser of somebody whom a proxy names, without their own")
    next_person: str = fact("the cookies of the victim's browser once somebody else has signed in there")
    early: str = fact("the path of an image that pages of that browser showed before anybody had signed in there")
    early_session: str = fact("the id of the session of such a page, whose connection broke before that")
    early_lost: str = fact("the path of an image that it showed")
    near: str = fact("the path of a file for one address alone, as the proxy tells where somebody is")
    near_address: str = fact("that address")
    granted: str = fact("the URL of an image on a page of the victim's, with the grant that it has there")
    granted_left: str = fact("such a URL of a page of the victim's that was closed, and does not count any more")
    by_proxy: Callable[[bytes], list[Response]] = fact("a way to the app that is the proxy's")
    jwt_files: Mapping[str, str] = fact("files for anyone with a JWT of a key that attacks know, by kind of key")
    leave: Callable[[], None] = fact("whether the victim's pages may be closed (--after-closing)")
    log: Callable[[], str] = fact("what the app writes into its log")
    honest: dict[Any, Served] = field(default_factory=dict)
    refusals: dict[Any, Any] = field(default_factory=dict)

    def __getattribute__(self, name: str) -> Any:
        """Return the attribute, unless it is a fact that nobody knows."""
        value = object.__getattribute__(self, name)
        if value is UNKNOWN:
            raise MissingFactError(type(self).__dataclass_fields__[name].metadata["what"])
        return value

    def shown(self, kind: str) -> str:
        """Return the path of a medium of that kind; any will do for an image."""
        path: str = self._of(self.media, kind)
        return path

    def canary(self, kind: str) -> bytes:
        """Return bytes that are in what is behind it."""
        canary: bytes = self._of(self.canaries, kind)
        return canary

    def _of(self, values: Mapping[str, Any], kind: str) -> Any:
        if kind == "image" and kind not in values and self.media:
            kind = next(iter(self.media))
        if kind not in values:
            raise MissingFactError(f"what is served to the victim, and bytes that are in it alone: {kind}")
        return values[kind]

    @property
    def file(self) -> str:
        """The path of the file that the links are for."""
        return self.link.partition("?")[0]

    @property
    def file_name(self) -> str:
        """The last segment of that path."""
        return self.file.rpartition("/")[2]

    def beside(self, name: str) -> str:
        """Return the path of another name in the folder of the file that the links are for."""
        return f"{self.file.removesuffix(self.file_name)}{name}"

    @property
    def authority(self) -> str:
        """The value of an honest Host header."""
        return f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """The origin of the app's pages."""
        return f"{'https' if self.tls else 'http'}://{self.authority}"

    @property
    def image(self) -> str:
        """The path of the victim's image."""
        return self.shown("image")

    @property
    def name(self) -> str:
        """The last segment of the image's path, with its extension."""
        return self.image.rpartition("/")[2]

    @property
    def media_id(self) -> str:
        """The image's id."""
        return self.name.partition(".")[0]

    @property
    def prefix(self) -> str:
        """The path of the media, with a slash at its end."""
        return self.image.removesuffix(self.name)

    @property
    def absent(self) -> str:
        """The path of an image that never was, in the form of one that is."""
        if not self.media:
            return f"{self.base}/media/{'0' * 40}.png"
        return f"{self.prefix}{self.name.replace(self.media_id, '0' * len(self.media_id))}"

    @property
    def anonymous(self) -> str:
        """The attacker's cookies without the one that tells browsers apart."""
        credential = credential_in(self.attacker)
        return "; ".join(pair for pair in self.attacker.split("; ") if pair != "=".join(credential))

    @property
    def cookie_name(self) -> str:
        """The name of the cookie that tells browsers apart."""
        return credential_in(self.victim)[0]

    def cookies_of(self, who: str) -> str:
        """Return the Cookie header of victim, attacker, foreigner or anonymous; for an empty name, none."""
        cookies: str = getattr(self, who) if who else ""
        return cookies

    def upload(self, session: str, file: str = "0f8fad5b-d9cb-469f-a165-70867728950e") -> str:
        """Return the path to which the page uploads a file into `session`."""
        return f"{self.base}/_stcore/upload_file/{session}/{file}"

    def send(self, method: str, path: str | bytes, *lines: str | bytes, body: bytes = b"", cookie: str = "") -> bytes:
        """Return a well-formed request with these header lines besides Host and Connection."""
        length = (f"Content-Length: {len(body)}",) if body else ()
        cookies = (f"Cookie: {cookie}",) if cookie else ()
        head = (f"Host: {self.authority}", "Connection: close", *cookies, *length, *lines)
        return verbatim(b"%s %s HTTP/1.1" % (method.encode(), as_bytes(path)), *head, body=body)

    def get(self, path: str | bytes, *lines: str | bytes, cookie: str = "") -> bytes:
        """Return a GET."""
        return self.send("GET", path, *lines, cookie=cookie)


def credential_in(cookies: str) -> tuple[str, str]:
    """Return name and value of the first cookie, in a Cookie header, that is a JWT."""
    for pair in cookies.split("; "):
        name, _, value = pair.partition("=")
        if jwt.is_one(value):
            return name, value
    raise MissingFactError("a cookie that is a JSON Web Token")
