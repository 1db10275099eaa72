"""What a refusal looks like, and what is wrong with an answer that was to be one."""

from __future__ import annotations

from collections.abc import Iterator

from secure_media.testing.response import Response
from secure_media.testing.running import RunningApp

#: The path of a medium that nobody was ever shown.
_NEVER_SHOWN = f"/media/{'0' * 40}.png"
#: How programs ask, and how a person does who waits for a page.
_ASKING: tuple[dict[str, str], ...] = (
    {},
    {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
)
#: What tells of a file, be the status what it may.
_TELLING = ("etag", "last-modified", "content-range", "content-disposition", "accept-ranges", "location")


class ExpectForbidden:
    """
    Checks that an answer is the one refusal that everyone gets.

    Args:
        app: The app.
    """

    def __init__(self, app: RunningApp) -> None:
        self._app = app
        self._refusals: list[Response] | None = None

    def __call__(self, response: Response, *secrets: bytes | str) -> None:
        """
        Fail unless `response` is the 403 that is there for what was never shown, too.

        Args:
            response: The answer.
            secrets: What must not be in it: a part of the file, a name. Errors do not repeat it.

        Raises:
            AssertionError: It is something else, holds a secret, or sets a cookie.
        """
        __tracebackhide__ = True
        problems = list(self._problems(response, [_as_bytes(secret) for secret in secrets]))
        if problems:
            raise AssertionError("not the one refusal: " + "; ".join(problems))

    def _problems(self, response: Response, secrets: list[bytes]) -> Iterator[str]:
        if not all(secrets):
            raise ValueError("a secret that is empty is in every answer")
        if response.status != 403:
            kind = response.headers.get("content-type", "no type")
            yield f"the status is {response.status}, with {len(response.body):,} bytes ({kind}), and should be 403"
        elif not any(_is_like(response, refusal) for refusal in self._given_to_everyone()):
            yield "the 403 differs from that for media which nobody was ever shown, so that it tells them apart"
        head = "\n".join(f"{name}: {value}" for name, value in response.headers.items()).encode("utf-8", "replace")
        for number, secret in enumerate(secrets, 1):
            if secret in response.body:
                yield f"secret {number} is in the body"
            if secret in head:
                yield f"secret {number} is in a header"
        for name in _TELLING:
            if name in response.headers:
                yield f"the header {name} tells of what is there"
        for line in response.set_cookies:
            yield f"the cookie {line.partition('=')[0]} is set"

    def _given_to_everyone(self) -> list[Response]:
        if self._refusals is None:
            path = f"{self._app.base}{_NEVER_SHOWN}"
            self._refusals = [self._app.request("GET", path, headers) for headers in _ASKING]
            self._refusals.append(self._app.request("HEAD", path))
        return self._refusals


def _is_like(response: Response, refusal: Response) -> bool:
    same = ("content-type", "cache-control", "content-security-policy")
    return (response.status, response.body) == (refusal.status, refusal.body) and all(
        response.headers.get(name) == refusal.headers.get(name) for name in same
    )


def _as_bytes(secret: bytes | str) -> bytes:
    return secret.encode("utf-8") if isinstance(secret, str) else secret
