"""Attacks with the header in which a proxy says who asks, by those who come past it and those who come through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from secure_media.attack.client import Response, exchange
from secure_media.attack.families import IDENTITY
from secure_media.attack.model import MALFORMED, REFUSED, Attack, Build, Honest, of
from secure_media.attack.target import MissingFactError, Target

#: Makes header lines of the name and the value of the header.
Spelling = Callable[[str, str], tuple[str, ...]]

#: A proxy may not know them, and ask anyone for a password.
_NOT_THEIRS = REFUSED | {401}
_OTHER = "somebody-else-whom-the-proxy-names"


def _is_proxied(target: Target) -> bool:
    try:
        return bool(target.by_proxy)
    except MissingFactError:
        return False


def _asked(target: Target) -> bytes:
    identity = target.identity
    lines = (identity,) if _is_proxied(target) else ()
    return target.get(target.image, *lines, cookie=target.victim)


def _as_victim(target: Target, asked: bytes) -> list[Response]:
    return target.by_proxy(asked) if _is_proxied(target) else exchange(target, asked)


NAMED = Honest(_asked, 200, "image", play=_as_victim)

#: Spellings of the header that are HTTP.
_SPELLINGS: dict[str, Spelling] = {
    "plain": lambda name, value: (f"{name}: {value}",),
    "lower-case": lambda name, value: (f"{name.lower()}: {value}",),
    "upper-case": lambda name, value: (f"{name.upper()}: {value}",),
    "mixed-case": lambda name, value: (f"{name.swapcase()}: {value}",),
    "underscore": lambda name, value: (f"{name.replace('-', '_')}: {value}",),
    "environment": lambda name, value: (f"HTTP_{name.upper().replace('-', '_')}: {value}",),
    "dots": lambda name, value: (f"{name.replace('-', '.')}: {value}",),
    "prefixed": lambda name, value: (f"X-{name}: {value}", f"Proxy-{name}: {value}"),
    "twice": lambda name, value: (f"{name}: {value}", f"{name}: {value}"),
    "twice-in-two-cases": lambda name, value: (f"{name}: {value}", f"{name.lower()}: {value}"),
    "hundred-times": lambda name, value: (f"{name}: {value}",) * 90,
    "after-an-empty-one": lambda name, value: (f"{name}:", f"{name}: {value}"),
    "joined": lambda name, value: (f"{name}: {value}, {value}",),
    "quoted": lambda name, value: (f'{name}: "{value}"',),
    "spaces": lambda name, value: (f"{name}: \t {value} \t ",),
    "no-space": lambda name, value: (f"{name}:{value}",),
    "encoded": lambda name, value: (f"{name}: {''.join(f'%{byte:02x}' for byte in value.encode())}",),
    "hop-by-hop": lambda name, value: (f"{name}: {value}", f"Connection: {name}"),
    "in-a-cookie": lambda name, value: (f"Cookie: {name}={value}",),
    "basic": lambda name, value: (f"Authorization: Basic {value}", f"{name}: {value}"),
}
#: Spellings that are none: a parser may stop them, or drop them.
_MALFORMED: dict[str, Spelling] = {
    "folded": lambda name, value: (f"{name}:", f" {value}"),
    "folded-by-tab": lambda name, value: (f"{name}:", f"\t{value}"),
    "folded-behind-another": lambda name, value: ("X-Other: a", f" {name}: {value}"),
    "space-before-the-colon": lambda name, value: (f"{name} : {value}",),
    "tab-before-the-colon": lambda name, value: (f"{name}\t: {value}",),
    "leading-space": lambda name, value: (f" {name}: {value}",),
    "nul-in-the-name": lambda name, value: (f"{name}\x00: {value}",),
    "line-feed-alone": lambda name, value: (f"X-Other: a\n{name}: {value}",),
    "carriage-return-alone": lambda name, value: (f"X-Other: a\r{name}: {value}",),
    "vertical-tab": lambda name, value: (f"{name}:\x0b{value}",),
}
#: What somebody says of the way that the request has come.
_CAME_BY = {
    "forwarded-for": "X-Forwarded-For: 127.0.0.1",
    "real-ip": "X-Real-IP: 127.0.0.1",
    "forwarded": "Forwarded: for=127.0.0.1;by=127.0.0.1",
    "via": "Via: 1.1 proxy",
    "client-ip": "X-Client-IP: 127.0.0.1",
    "host": "X-Forwarded-Host: localhost",
    "trusted": "X-From-Proxy: true",
}
NEAR = Honest(
    lambda t: t.get(t.near, f"X-Forwarded-For: {t.near_address}"), 200, "near", play=lambda t, asked: t.by_proxy(asked)
)
#: What comes to the app of a request that says ``{}``, by what the proxy knows of its address.
_ADDED = {
    "another": ("X-Forwarded-For: {}, 203.0.113.9",),
    "another-in-a-header-of-its-own": ("X-Forwarded-For: {}", "X-Forwarded-For: 203.0.113.9"),
    "with-a-port": ("X-Forwarded-For: {}, 203.0.113.9:4711",),
    "of-version-6": ("X-Forwarded-For: {}, 2001:db8::9",),
    "in-brackets": ("X-Forwarded-For: {}, [2001:db8::9]:4711",),
    "mapped": ("X-Forwarded-For: {}, ::ffff:203.0.113.9",),
    "quoted": ('X-Forwarded-For: {}, "203.0.113.9"',),
    "nothing": ("X-Forwarded-For: {},",),
    "nothing-but-a-space": ("X-Forwarded-For: {}, ",),
    "nothing-twice": ("X-Forwarded-For: {},,",),
    "nothing-in-a-header-of-its-own": ("X-Forwarded-For: {}", "X-Forwarded-For:"),
    "unknown": ("X-Forwarded-For: {}, unknown",),
    "hidden": ("X-Forwarded-For: {}, _hidden",),
    "a-socket": ("X-Forwarded-For: {}, unix:",),
    "this-machine": ("X-Forwarded-For: {}, 127.0.0.1",),
    "a-name": ("X-Forwarded-For: {}, localhost",),
    "none-and-another-header": ("Forwarded: for={}", "X-Real-IP: {}", "True-Client-IP: {}"),
}
#: What somebody says who comes past it.
_ALONE = {
    "plain": ("X-Forwarded-For: {}",),
    "twice": ("X-Forwarded-For: {0}, {0}",),
    "as-from-the-proxy": ("X-Forwarded-For: {}, 127.0.0.1",),
    "with-nothing-behind": ("X-Forwarded-For: {},",),
    "forwarded": ("Forwarded: for={}",),
    "other-headers": ("X-Real-IP: {}", "X-Client-IP: {}", "True-Client-IP: {}", "CF-Connecting-IP: {}"),
}
#: Names of other people, which are not the victim's however alike they are, as the proxy sends them.
_ALIKE: dict[str, Callable[[str], bytes]] = {
    "no-break-space-at-the-end": lambda name: f"{name}\u00a0".encode(),
    "no-break-space-at-the-start": lambda name: f"\u00a0{name}".encode(),
    "no-break-space-in-latin-1": lambda name: name.encode() + b"\xa0",
    "next-line-at-the-end": lambda name: f"{name}\u0085".encode(),
    "line-separator-at-the-end": lambda name: f"{name}\u2028".encode(),
    "em-space-at-the-end": lambda name: f"{name}\u2003".encode(),
    "ideographic-space-at-the-end": lambda name: f"{name}\u3000".encode(),
    "zero-width-space-at-the-end": lambda name: f"{name}\u200b".encode(),
    "byte-order-mark-at-the-start": lambda name: f"\ufeff{name}".encode(),
    "soft-hyphen-inside": lambda name: f"{name[:1]}\u00ad{name[1:]}".encode(),
    "accent-at-the-end": lambda name: f"{name}\u0301".encode(),
    "full-width": lambda name: "".join(chr(ord(letter) + 0xFEE0) for letter in name if "!" <= letter <= "~").encode(),
    "upper-case": lambda name: name.swapcase().encode(),
    "longer": lambda name: f"{name}e".encode(),
    "shorter": lambda name: name[:-1].encode(),
    "with-a-domain": lambda name: f"{name}@example.com".encode(),
    "not-utf-8": lambda name: name.encode() + b"\xc3",
}


@of(IDENTITY)
def spoofed() -> Iterable[Attack]:
    """Say, as the proxy would, to be the victim: the proxy has to take that off, or the app to ignore it."""
    for name, spelling in _SPELLINGS.items():
        yield _spoofed(name, spelling, _NOT_THEIRS)
    for name, spelling in _MALFORMED.items():
        yield _spoofed(name, spelling, MALFORMED | {401}, elsewhere=True)
    for name, line in _CAME_BY.items():
        yield _spoofed(f"by-{name}", _with(line), _NOT_THEIRS)


@of(IDENTITY)
def named_alike() -> Iterable[Attack]:
    """Have a name that looks like the victim's, or becomes it once something is taken off, at the proxy."""
    for name, alike in _ALIKE.items():
        yield Attack(
            f"identity-alike-{name}",
            "somebody whom the proxy knows",
            f"has a name of their own that is like the victim's: {name.replace('-', ' ')}",
            _called(alike),
            REFUSED,
            NAMED,
            play=lambda target, asked: target.by_proxy(asked),
        )


@of(IDENTITY)
def somewhere_else() -> Iterable[Attack]:
    """Say to be at the address that a file is for: at the proxy, which adds what it knows of one, and past it."""
    for name, lines in _ADDED.items():
        yield Attack(
            f"address-through-{name}",
            "somebody at another address",
            f"says to be where the file may be had, at a proxy that adds what it knows: {name.replace('-', ' ')}",
            _said_to_be_near(lines),
            REFUSED,
            NEAR,
            play=lambda target, asked: target.by_proxy(asked),
        )
    for name, lines in _ALONE.items():
        yield Attack(
            f"address-past-{name}",
            "somebody who comes past the proxy",
            f"says to be where the file may be had: {name.replace('-', ' ')}",
            _said_to_be_near(lines),
            REFUSED,
            NEAR,
        )


@of(IDENTITY)
def let_through() -> Iterable[Attack]:
    """Send a copy of the header, or something like it, to a proxy that lets it through beside its own."""
    for name, spelling in {**_SPELLINGS, **_MALFORMED}.items():
        for where in ("before", "behind"):
            yield Attack(
                f"identity-through-{name}-{where}",
                "somebody whom the proxy knows",
                f"sends a copy of its header, {name.replace('-', ' ')}, which stands {where} the proxy's own",
                _beside_the_proxys(spelling, where),
                MALFORMED,
                NAMED,
                elsewhere=name in _MALFORMED,
                play=lambda target, asked: target.by_proxy(asked),
            )


def _spoofed(name: str, spelling: Spelling, expect: frozenset[int], *, elsewhere: bool = False) -> Attack:
    def build(target: Target) -> bytes:
        header, _, value = target.identity.partition(": ")
        return target.get(target.image, *spelling(header, value), cookie=target.stolen)

    return Attack(
        f"identity-{name}",
        "somebody who comes past the proxy, or through it,",
        f"says to be the victim in the header by which the proxy says so: {name.replace('-', ' ')}",
        build,
        expect,
        NAMED,
        elsewhere=elsewhere,
    )


def _beside_the_proxys(spelling: Spelling, where: str) -> Build:
    def build(target: Target) -> bytes:
        header, _, value = target.identity.partition(": ")
        own, copies = (f"{header}: {_OTHER}",), spelling(header, value)
        return target.get(target.image, *(copies + own if where == "before" else own + copies), cookie=target.stolen)

    return build


def _said_to_be_near(lines: tuple[str, ...]) -> Build:
    return lambda t: t.get(t.near, *(line.format(t.near_address) for line in lines))


def _called(alike: Callable[[str], bytes]) -> Build:
    def build(target: Target) -> bytes:
        header, _, value = target.identity.partition(": ")
        return target.get(target.image, b"%s: %s" % (header.encode(), alike(value)), cookie=target.stolen)

    return build


def _with(line: str) -> Spelling:
    return lambda name, value: (f"{name}: {value}", line)
