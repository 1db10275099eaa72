"""A running app, and what an attacker knows of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from secure_media.attack import jwt
from secure_media.attack.client import as_bytes, verbatim


@dataclass(frozen=True)
class Target:
    """
    A running app and what the attacker knows of it, which is nearly everything: fail where that is not enough.

    Args:
        host: Where it listens.
        port: Where it listens.
        base: Its base path, as ``/base`` or the empty string.
        media: The paths of media that the victim was shown, base path included, by kind: image, audio, download.
        canaries: By the same kinds, and ``static``: bytes that are in the response to the victim, and in no other.
        secrets: Further bytes that nobody may ever see: what is in the script, and in files beside it.
        victim: The victim's Cookie header.
        attacker: The Cookie header of another browser, with a session that was shown something else.
        foreigner: The Cookie header that another deployment of the same software, with another secret, gave out.
        victim_session: The id of the victim's session.
        attacker_session: The id of the attacker's session.
        static: The path of a file that the app serves to its users, base path included.
        outside: The name of a file with secrets in it, beside the folder that holds the file of `static`.
        etag: The validator of the victim's image, quotes included.
        link: The path and query of a link to a file that anyone may use.
        bound_link: The same for the victim's browser only.
        foreign_link: The same for anyone, made by a deployment with another secret.
        cousin_link: The same for anyone, made by a deployment with the same secret and another name.
        folder_link: The path of a link to all files, for anyone; a file's key comes behind it.
        followed_link: The same, for the collection of the same files in which symbolic links are followed.
        on_terms: The path and query of a picture that the victim is shown on terms.
        laxer_terms: The same picture on laxer terms.
        on_condition: One that the victim is shown, for anyone with the cookie ``badge=doctor``.
        echoed: The picture's path and query as the app repeats them in the attacker's page, by where they stand there.
        echoed_later: The same in the victim's own page, which does not show the picture any more.
        counted_link: A link to the file of `link` with many uses that has to be confirmed.
        redeemed: The cookie that the victim got for pressing the button of that link.
        other_redeemed: The cookie that the attacker got for another one.
        guest: The Cookie header of a browser whose page is sent away to sign somebody in, as often as is asked for.
        grant: Returns where it is sent then, as path and query: a grant that nobody has redeemed yet.
        before: The cookies that a browser had before somebody signed in there.
        member: The cookies that it has since.
        members: The path of an image that it was shown since.
        signed_out: The cookies of a browser in which somebody has signed out since.
        signed_outs: The path of an image that it was shown before.
    """

    host: str
    port: int
    base: str
    media: Mapping[str, str]
    canaries: Mapping[str, bytes]
    secrets: tuple[bytes, ...]
    victim: str
    attacker: str
    foreigner: str
    victim_session: str
    attacker_session: str
    static: str
    outside: str
    etag: str
    link: str
    bound_link: str
    foreign_link: str
    cousin_link: str
    folder_link: str
    followed_link: str
    on_terms: str
    laxer_terms: str
    on_condition: str
    echoed: Mapping[str, str]
    echoed_later: Mapping[str, str]
    counted_link: str
    redeemed: str
    other_redeemed: str
    guest: str
    grant: Callable[[], str]
    before: str
    member: str
    members: str
    signed_out: str
    signed_outs: str

    @property
    def file(self) -> str:
        """The path of the file that the links are for."""
        return self.link.partition("?")[0]

    @property
    def authority(self) -> str:
        """The value of an honest Host header."""
        return f"{self.host}:{self.port}"

    @property
    def image(self) -> str:
        """The path of the victim's image."""
        return self.media["image"]

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
    raise LookupError("none of the cookies is a JWT")
