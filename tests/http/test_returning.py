"""The way back after a sign-in: into the app, and nowhere else, however it is written."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest

from secure_media.http.request import Request
from secure_media.http.returning import LONGEST, path_in_app, way_back


@pytest.mark.parametrize(
    ("home", "wanted"),
    [
        ("/", "/"),
        ("/", "/a-page"),
        ("/", "/a-page?x=1&y=//evil.example&z=%0d%0a"),
        ("/", "/caf%C3%A9"),
        ("/", "/100%25"),
        ("/", "/a..b/...c/.d"),
        ("/base/", "/base/"),
        ("/base/", "/base/a/b?c"),
        ("/caf%C3%A9/", "/caf%C3%A9/page"),
    ],
)
def test_path_of_the_app_is_kept(home: str, wanted: str) -> None:
    """Whatever is at or below the place where the app begins is gone back to as it is."""
    assert path_in_app(wanted, home) == wanted


#: Ways to somewhere else, as open redirects have been found in others.
ELSEWHERE = [
    "", " ", "a", "a-page", "?x", "#x", ".", "..", "%2f", "%2F%2Fevil.example",
    "//evil.example", "///evil.example", "////evil.example", "//evil.example/base/", "/ /evil.example",
    "/\\evil.example", "\\\\evil.example", "\\/evil.example", "/\\/evil.example", "/\\\\evil.example",
    "/%2fevil.example", "/%2Fevil.example", "/%5cevil.example", "/%5Cevil.example", "/%252fevil.example",
    "/%25252fevil.example", "/%2525252525252fevil.example", "/%09/evil.example", "/%0a/evil.example",
    "/\t/evil.example", "/\n/evil.example", "\t//evil.example", "\n//evil.example", "/\r\nSet-Cookie: x=y",
    "/base/%0d%0aSet-Cookie:%20x=y", "/\0", "/%00", "/base/%00", "/%7f", "/%c2%85", "/%e2%80%a8x",
    "http://evil.example", "https://evil.example/base/", "https:evil.example", "https:/evil.example", "HTTPS://x",
    "javascript:alert(1)", "java%0ascript:alert(1)", "data:text/html,x", "vbscript:x", "mailto:x@y", "blob:x",
    "@evil.example", ":80", ".evil.example", "/base@evil.example", "/base.evil.example", "/base", "/basement/",
    "/base/../other", "/base/..", "/base/./x", "/base/%2e%2e/other", "/base/%2E%2E/x", "/base/%252e%252e/x",
    "/base/.%2e/x", "/base/..;/other", "/base/..;x=y/other", "/base/..%2fother", "/base/..%5cother",
    "/base//evil.example", "/base/%2f/evil.example", "/base/x\\y", "/base/\u2044x", "/base/\uff0fx", "/base/\u202ex",
    "/base/x y", "/base/x\"y", "/base/<script>", "/base/{x}", "/base/`x`", "/base/^x", "/base/#//evil.example",
    "/BASE/x", "/other/base/",
    f"/base/{'x' * LONGEST}", "\uff0fbase/", "/base/caf\u00e9", "/base/\ud800", "/base/%ff%00",
]  # fmt: skip


@pytest.mark.parametrize("wanted", [*ELSEWHERE, None, 5, b"/base/", ["/base/"]])
def test_everything_else_is_the_beginning_of_the_app(wanted: object) -> None:
    """Other hosts, other schemes, other apps, and what somebody on the way may take for one, are not gone to."""
    assert path_in_app(wanted, "/base/") == "/base/"


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_nothing_leaves_the_host(wanted: str) -> None:
    """Where the app has the whole host, what is kept is a path of that host, as browsers read it."""
    kept = path_in_app(wanted, "/")

    assert urlsplit(urljoin("https://app.example/", kept)).netloc == "app.example"
    assert kept.startswith("/")
    assert not kept.startswith(("//", "/\\"))
    assert kept.isprintable()


@pytest.mark.parametrize(
    ("path", "query", "prefix", "root", "expected"),
    [
        ("/base/page", "x=1", "", "", "/base/page?x=1"),
        ("/base/caf\u00e9 x", "", "", "", "/base/caf%C3%A9%20x"),
        ("/base/page", "", "", "/mounted", "/mounted/base/page"),
        ("/base/page", "", "/tools", "", "/tools/base/page"),
        ("/base/page", "", "/tools", "/tools", "/tools/base/page"),
        ("/base//evil", "", "", "", "/base/"),
        ("/elsewhere", "", "", "", "/base/"),
        ("/base/x", "a=\u00e9", "", "", "/base/"),
    ],
)
def test_way_back_is_as_the_browser_has_it(path: str, query: str, prefix: str, root: str, expected: str) -> None:
    """It includes what a proxy has taken off, and where the app is mounted."""
    request = Request("GET", path, query, (), False, None, root=root, prefix=prefix)

    assert way_back(request, "/base", with_tokens=True) == expected


@pytest.mark.parametrize(
    ("path", "query"), [("/media/x", "media_token=t"), ("/secure-media/media_token=t/files/a/b", "")]
)
def test_links_are_told_to_this_host_only(path: str, query: str) -> None:
    """The token of a link is no business of a sign-in page that is somewhere else."""
    request = Request("GET", path, query, (), False, None)

    assert "media_token=t" in way_back(request, "", with_tokens=True)
    assert way_back(request, "", with_tokens=False) == "/"
