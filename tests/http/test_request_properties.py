"""What holds of every request: its cookies, its URL, and what proxies say of it."""

from __future__ import annotations

import ipaddress
from urllib.parse import quote, quote_from_bytes, unquote, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from secure_media.content.names import parse_name
from secure_media.core.addresses import hop
from secure_media.core.model import Action, Resource, ResourceKind
from secure_media.core.redact import redact
from secure_media.http.arrival import arrival
from secure_media.http.forwarded import Proxies, is_path
from secure_media.http.request import Request, cookies_in, credentials
from secure_media.http.returning import path_in_app
from secure_media.http.urls import FILES, MEDIA, action_in, exact_path, file_name, path_to, tokens_in
from tests.properties import ANY_TEXT, HEADER_VALUE, pieces_of, spelled

#: RFC 6265 section 4.1.1.
_COOKIE_NAME = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=8)
_COOKIE_VALUE = st.text("abcXYZ019!#$%&'()*+-./:<=>?@[]^_`{|}~", max_size=12)
_TOKEN = st.from_regex(r"[0-9a-f]{8}\.[\w-]{1,9}\.[\w-]{1,9}", fullmatch=True, alphabet="0123456789abcdef.-_Z")
_PROXY, _CLIENT = ipaddress.ip_network("10.0.0.0/8"), "203.0.113.9"


@given(st.lists(st.tuples(_COOKIE_NAME, _COOKIE_VALUE), max_size=5))
def test_cookies_are_read_as_they_are_written(pairs: list[tuple[str, str]]) -> None:
    """What a browser sends is read pair by pair, in order, duplicates included (RFC 6265 section 4.2.1)."""
    assert cookies_in("; ".join(f"{name}={value}" for name, value in pairs)) == pairs


@given(HEADER_VALUE | spelled("a=", "=b", ";", " ", "\t", "\xa0", "\x0b", "__Host-", '"'))
def test_no_cookie_takes_the_name_of_another(header: str) -> None:
    """
    Name and value are what stands around the sign, byte for byte: nothing is decoded, folded or left out.

    Browsers take a name behind a wide space for another one than ``__Host-``, and let anyone plant it.
    """
    parts = [part.strip(" \t") for part in header.split(";") if "=" in part]
    assert [f"{name}={value}" for name, value in cookies_in(header)] == parts
    assert not any("=" in name for name, _ in cookies_in(header))


@given(st.lists(HEADER_VALUE, max_size=3), ANY_TEXT, ANY_TEXT)
def test_every_cookie_and_token_is_a_credential(headers: list[str], path: str, query: str) -> None:
    """No credential is lost between the headers and the URL of a request, and any of them may be anything."""
    request = Request("GET", path, query, [("cookie", value) for value in headers], secure=False, client_ip=None)
    found = credentials(request)

    assert [*found.cookies] == [pair for value in headers for pair in cookies_in(value)]
    assert found.tokens == tokens_in(path, query)


@given(st.text(min_size=1, max_size=20), st.sampled_from([Action.VIEW, Action.DOWNLOAD]), _TOKEN, st.booleans())
def test_every_link_says_what_it_is_for(key: str, action: Action, token: str, folder: bool) -> None:
    """A link is read as what it was made of: the one token, the file, and what to do with it."""
    name = f"reports/{key.replace(chr(0), '')}/" if folder else f"reports/{key}"
    if parse_name(name.rstrip("/")) is None:
        return
    parts = urlsplit(path_to(Resource(ResourceKind.FILE, name), action, token))
    path = unquote(parts.path, errors="surrogateescape")

    assert tokens_in(path, parts.query) == (token,)
    assert file_name(path) == name
    assert action_in(parts.query) is (Action.VIEW if name.endswith("/") else action)  # a folder is only viewed
    assert "=***" in redact(parts.geturl())
    assert token not in redact(parts.geturl())


@given(_TOKEN, pieces_of("media_token=", "&", "?", "/", "download=1", "%26", "a=b"), st.data())
def test_no_token_that_counts_survives_in_a_log(token: str, before: str, data: st.DataObject) -> None:
    """Whatever is a token to us is masked where the URL is written down, as it came or encoded (once or twice)."""
    name = data.draw(
        st.lists(st.booleans(), min_size=11, max_size=11).map(
            lambda encoded: "".join(
                f"%{ord(letter):02x}" if percent else letter
                for letter, percent in zip("media_token", encoded, strict=True)
            )
        )
        | st.just("media_token")
    )
    query = f"{before}&{name}={token}"
    if token in tokens_in("/", query):
        assert token not in redact(f"GET /media/x?{query} HTTP/1.1")
    path = f"/secure-media/{name}={token}/files/a/b"
    if token in tokens_in(unquote(path), ""):
        for written in (path, quote(path), quote(quote(path))):
            assert token not in redact(written)


@given(ANY_TEXT | pieces_of("media_token=", "sign_in_grant=", "%3D", "%253d", "&", '"', "/", "abc"))
def test_masking_is_done_once_and_hides_nothing_else(text: str) -> None:
    """Masking again changes nothing, and text without a credential stays as it is."""
    assert redact(redact(text)) == redact(text)
    if "_" not in text and "%5f" not in text.lower():
        assert redact(text) == text


@given(ANY_TEXT | pieces_of(MEDIA, FILES, "/secure-media/media_token=", "a.b.c", "/", "reports/a.png", "..", "%2e"))
@example("/secure-media/files/secure-media/media_token=/")
def test_url_is_read_without_an_exception(path: str) -> None:
    """Any path and any query say something, and a name in it is the end of the path."""
    assert isinstance(tokens_in(path, path), tuple)
    assert path.endswith(file_name(path))
    assert action_in(path) in Action


_RAW_PATHS = st.lists(st.sampled_from([b"/", b"a", b"\xff", b"\xc3\xa9", b"\xef\xbf\xbd", b"%", b"\xfe"])).map(
    lambda parts: b"/" + b"".join(parts)
)


@given(_RAW_PATHS, _RAW_PATHS)
def test_path_is_exact_to_the_byte(raw: bytes, other: bytes) -> None:
    """Bytes that are no UTF-8 come back as themselves; from the path of another request nothing is made up."""
    decoded = raw.decode("utf-8", "replace")
    for sent in (raw, other):
        exact = exact_path(decoded, quote_from_bytes(sent).encode("ascii"))
        if exact:
            assert exact.encode("utf-8", "surrogateescape").decode("utf-8", "replace") == decoded
            assert exact == decoded or sent.endswith(exact.encode("utf-8", "surrogateescape"))
    assert "//" in decoded or exact_path(decoded, quote_from_bytes(raw).encode("ascii")).encode(
        "utf-8", "surrogateescape"
    ) in (raw, decoded.encode())


_ADDRESS = st.ip_addresses()
_SPELLED = st.tuples(_ADDRESS, st.sampled_from(["{}", "[{}]", "[{}]:443", '"[{}]"', " {}\t"])).map(
    lambda pair: (pair[0], pair[1].format(pair[0]))
)


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@given(_SPELLED)
def test_address_has_one_spelling(spelled: tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, str]) -> None:
    """However proxies write an address, it is the same one."""
    address, text = spelled
    assert hop(text) == _plain(address)


@given(st.lists(_ADDRESS.map(str) | HEADER_VALUE | st.sampled_from(["10.1.2.3", "unknown", ""]), max_size=6))
def test_client_is_the_last_that_a_proxy_vouches_for(hops: list[str]) -> None:
    """Who is not a trusted proxy is the client, whatever that one has made up before; a doubt is no address."""
    proxies = Proxies(str(_PROXY))
    header = [("x-forwarded-for", ", ".join(hops))] if hops else []
    found = proxies.client("10.0.0.1", header)

    expected: str | None = "10.0.0.1"
    for element in reversed(", ".join(hops).split(",") if hops else []):
        address = hop(element)
        expected = None if address is None else str(address)
        if address is None or address not in _PROXY:
            break
    assert found == expected
    assert proxies.client(_CLIENT, header) == _CLIENT


_SAID = st.lists(
    st.tuples(
        st.sampled_from(
            ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-prefix", "forwarded", "host", "origin", "referer"]
        ),
        HEADER_VALUE | st.sampled_from(["https", "http", "/app", "app.example", "https://app.example/x", "::1", "["]),
    ),
    max_size=6,
)


@given(_SAID, st.sampled_from([None, "10.0.0.1", _CLIENT, "", "::ffff:10.0.0.1", "nobody"]), st.booleans())
def test_stranger_says_nothing_of_a_connection(headers: list[tuple[str, str]], peer: str | None, tls: bool) -> None:
    """Only of a named proxy any header of this kind counts, and whatever it says, a request comes of it."""
    named, nobody = Proxies("10.0.0.0/8"), Proxies("")
    found = arrival(named, nobody, peer, "https" if tls else "http", headers)

    assert found.from_proxy is named.trusts(peer)
    assert found.prefix == "" or is_path(found.prefix)
    if not found.from_proxy:
        assert found.prefix == ""
        assert found.client_ip == (_CLIENT if peer == _CLIENT else None)
        assert found.secure or not tls


_STEPS = spelled("app/", "..", "/", "%2e", "%2f", "%252e", "%5c", "?", "evil.example", ";", "page", "%09", most=8)


@given(ANY_TEXT | st.builds("/app/{}".format, _STEPS) | st.builds("/{}".format, _STEPS))
def test_way_back_leads_into_the_app(wanted: str) -> None:
    """Wherever somebody wants to be sent, they come out below the app, however often it is decoded on the way."""
    for home in ("/", "/app/"):
        path = path_in_app(wanted, home)
        for _ in range(4):
            assert path.startswith(home)
            assert not path.startswith(("//", "/\\"))
            assert ".." not in path.partition("?")[0].split("/")
            assert "\\" not in path.partition("?")[0]
            path = unquote(path)
