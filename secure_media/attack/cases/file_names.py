"""What stands where the key of a file should, percent-encoded: what is beside the files, hidden, or spelt otherwise."""

from __future__ import annotations

import re
from urllib.parse import quote

from secure_media.attack.target import MissingFactError


def keys() -> dict[str, str]:
    """Return what stands where the key of a file should, percent-encoded, by name."""
    return {
        **_dots(),
        **_other_systems(),
        **_hidden_and_linked(),
        **_unicode(),
        **_respelt(),
    }


def _dots() -> dict[str, str]:
    return {
        "dots": "../outside.txt",
        "dots-twice": "../../outside.txt",
        "dots-many": "../" * 12 + "etc/passwd",
        "dots-behind-a-folder": "inner/../../outside.txt",
        "dots-behind-a-file": "letter.txt/../../outside.txt",
        "dots-and-back": "inner/../letter.txt",
        "dots-and-back-by-name": "../files/letter.txt",
        "dots-to-the-sibling": "../files-2/secret.txt",
        "dots-to-the-script": "../app.py",
        "dots-to-the-ledger": "../.streamlit/secure_media.sqlite3",
        "dots-alone": "..",
        "dots-with-slash": "../",
        "dots-at-the-end": "inner/..",
        "dots-encoded": "%2e%2e/outside.txt",
        "dots-encoded-upper-case": "%2E%2E/outside.txt",
        "dots-half-encoded": ".%2e/outside.txt",
        "dots-other-half-encoded": "%2e./outside.txt",
        "dots-and-slash-encoded": "%2e%2e%2foutside.txt",
        "dots-slash-encoded": "..%2foutside.txt",
        "dots-slash-encoded-upper-case": "..%2Foutside.txt",
        "dots-double-encoded": "%252e%252e%252foutside.txt",
        "dots-triple-encoded": "%25252e%25252e%25252foutside.txt",
        "dots-slash-double-encoded": "..%252foutside.txt",
        "dots-nested": "....//outside.txt",
        "dots-nested-otherwise": "..././outside.txt",
        "dots-three": ".../outside.txt",
        "dots-four": "..../outside.txt",
        "dots-and-semicolon": "..;/outside.txt",
        "dots-and-parameter": "..;a=b/outside.txt",
        "dots-and-space": "..%20/outside.txt",
        "dots-behind-space": "%20../outside.txt",
        "dots-and-tab": "..%09/outside.txt",
        "dots-and-nul": "..%00/outside.txt",
        "dots-and-line-feed": "..%0a/outside.txt",
        "dots-two-slashes": "..//outside.txt",
        "dots-overlong": "%c0%ae%c0%ae/outside.txt",
        "dots-overlong-slash": "..%c0%afoutside.txt",
        "dots-overlong-three": "%e0%80%ae%e0%80%ae/outside.txt",
        "dots-overlong-four": "%f0%80%80%ae%f0%80%80%ae/outside.txt",
        "dots-overlong-backslash": "..%c1%9coutside.txt",
        "dots-iis": "%u002e%u002e%u002foutside.txt",
        "dots-utf-7": "+AC4-+AC4-/outside.txt",
        "dots-html": "&#46;&#46;/outside.txt",
        "dots-with-bad-percent": "..%/outside.txt",
        "dot": "./letter.txt",
        "dot-alone": ".",
        "dot-inside": "inner/./note.txt",
        "dot-encoded": "%2e/letter.txt",
        "dot-at-the-end": "letter.txt.",
        "dot-encoded-at-the-end": "letter.txt%2e",
        "dot-behind-a-slash": "letter.txt/.",
    }


def _other_systems() -> dict[str, str]:
    return {
        "backslash": "..%5coutside.txt",
        "backslash-upper-case": "..%5Coutside.txt",
        "backslash-double-encoded": "..%255coutside.txt",
        "backslash-and-slash": "..%5c/outside.txt",
        "backslash-inside": "inner%5cnote.txt",
        "backslash-first": "%5coutside.txt",
        "drive": "C:/Windows/win.ini",
        "drive-encoded": "C%3a%5cWindows%5cwin.ini",
        "drive-relative": "C:letter.txt",
        "drive-slash": "/C:/Windows/win.ini",
        "unc": "%5c%5c127.0.0.1%5cC$%5cWindows%5cwin.ini",
        "unc-slashes": "//127.0.0.1/C$/Windows/win.ini",
        "unc-device": "%5c%5c.%5cC:%5cWindows%5cwin.ini",
        "unc-long": "%5c%5c%3f%5cC:%5cWindows%5cwin.ini",
        "device": "NUL",
        "device-extension": "con.txt",
        "device-port": "COM1",
        "device-superscript": quote("COM\u00b9"),
        "stream": "letter.txt::$DATA",
        "stream-named": "letter.txt:secret",
        "stream-of-folder": "inner::$INDEX_ALLOCATION/note.txt",
        "short-name": "LETTER~1.TXT",
        "upper-case": "LETTER.TXT",
        "resource-fork": "letter.txt/..namedfork/rsrc",
        "absolute": "/etc/passwd",
        "absolute-encoded": "%2fetc%2fpasswd",
        "absolute-two-slashes": "//etc/passwd",
        "absolute-proc": "/proc/self/environ",
        "absolute-url": "file:///etc/passwd",
        "absolute-url-encoded": "file:%2f%2f%2fetc%2fpasswd",
        "home": "~/outside.txt",
        "home-of-root": "~root/.bashrc",
        "variable": "$HOME/outside.txt",
        "variable-windows": "%25USERPROFILE%25/outside.txt",
        "store": "s3://bucket/letter.txt",
    }


def _hidden_and_linked() -> dict[str, str]:
    return {
        "hidden": ".hidden",
        "hidden-encoded": "%2ehidden",
        "hidden-folder": ".git/config",
        "hidden-inside": "inner/.git/config",
        "hidden-full-width": quote("\uff0ehidden"),
        "hidden-behind-nul": "%00.hidden",
        "hidden-double-encoded": "%252ehidden",
        "link-out": "link-out.txt",
        "link-out-absolute": "link-out-absolute.txt",
        "link-in": "link-in.txt",
        "link-to-a-link": "link-to-a-link.txt",
        "link-to-the-folder-above": "folder-out/outside.txt",
        "link-to-the-sibling": "folder-sibling/secret.txt",
        "link-to-a-folder": "folder-in/note.txt",
        "link-to-itself": "loop/letter.txt",
        "link-to-root": "root/etc/passwd",
        "link-and-back": "folder-in/../letter.txt",
        "folder": "inner",
        "folder-slash": "inner/",
        "everything": "",
        "below-a-file": "letter.txt/x",
        "absent": "absent.txt",
        "wildcard": "*.txt",
        "wildcard-encoded": "%2a",
        "braces": "{letter,other}.txt",
    }


def links_out() -> dict[str, str]:
    """Return keys by which a link leads out of the collection that follows links, by name."""
    return {
        "up": "link-out.txt",
        "absolute": "link-out-absolute.txt",
        "absolute-and-winding": "link-out-winding.txt",
        "out-and-in-again": "link-out-and-in.txt",
        "folder-above": "folder-out/outside.txt",
        "folder-above-by-way-of-a-folder": "folder-in/../folder-out/outside.txt",
        "sibling": "folder-sibling/secret.txt",
        "root": "root/etc/passwd",
        "loop": "loop/letter.txt",
        "hidden": "folder-in/.git/config",
        "dots-behind-a-link": "folder-in/../../outside.txt",
        "dots-encoded-behind-a-link": "folder-in/%2e%2e%2f..%2foutside.txt",
    }


def _unicode() -> dict[str, str]:
    dots = {
        "full-width": "\uff0e\uff0e/",
        "one-dot-leader": "\u2024\u2024/",
        "two-dot-leader": "\u2025/",
        "ellipsis": "\u2026/",
        "small-full-stop": "\ufe52\ufe52/",
        "full-width-slash": "..\uff0f",
        "full-width-both": "\uff0e\uff0e\uff0f",
        "full-width-backslash": "..\uff3c",
        "division-slash": "..\u2215",
        "fraction-slash": "..\u2044",
        "set-minus": "..\u2216",
        "combining-slash": "..\u0338/",
        "zero-width": ".\u200b./",
        "joiner": ".\u2060./",
        "byte-order-mark": "\ufeff../",
        "right-to-left": "\u202e../",
        "line-separator": "..\u2028/",
        "katakana-dot": "\u30fb\u30fb/",
    }
    return {
        **{f"unicode-{name}": quote(f"{up}outside.txt", safe="/") for name, up in dots.items()},
        "unicode-decomposed": quote("cafe\u0301.txt"),
        "unicode-ligature": quote("in\ufb02.txt"),
        "unicode-compatible": quote("\uff4cetter.txt"),
        "unicode-kelvin": quote("boo\u212a.txt"),
        "unicode-dotless": quote("\u0131nner/note.txt", safe="/"),
        "unicode-surrogate": "%ed%a0%80letter.txt",
        "unicode-invalid": "letter.txt%ff",
        "unicode-latin-1": "caf%e9.txt",
        "unicode-cut-off": "letter.txt%e2%82",
    }


def _respelt() -> dict[str, str]:
    return {
        "slash-behind": "letter.txt/",
        "slash-encoded-behind": "letter.txt%2f",
        "slash-first": "/letter.txt",
        "slash-twice": "inner//note.txt",
        "slash-encoded-twice": "inner%2f%2fnote.txt",
        "space-behind": "letter.txt%20",
        "space-before": "%20letter.txt",
        "space-in-folder": "inner%20/note.txt",
        "plus": "letter.txt+",
        "nul": "letter.txt%00",
        "nul-extension": "letter.txt%00.png",
        "nul-and-dots": "%00/../../outside.txt",
        "nul-double-encoded": "letter.txt%2500",
        "line-feed": "letter.txt%0a",
        "header": "letter.txt%0d%0aX-Injected:%20yes",
        "delete": "letter.txt%7f",
        "next-line": "letter.txt%c2%85",
        "semicolon": "letter.txt;v=1",
        "semicolon-html": "letter.txt;.html",
        "question-mark-encoded": "letter.txt%3fv=1",
        "question-mark-and-token": "..%3fmedia_token=x/outside.txt",
        "hash-encoded": "letter.txt%23",
        "double-encoded": "%256cetter.txt",
        "bad-percent": "letter.txt%",
        "bad-percent-hex": "letter.txt%zz",
        "longest-name": "a" * 255,
        "too-long-name": "a" * 256,
        "too-long-name-in-bytes": quote("\u00e9" * 200),
        "longest-key": "/".join(["a" * 100] * 10),
        "too-long-key": "/".join(["a"] * 2000),
        "ten-kilobytes": "a" * 10_000,
        "deep": "inner/" * 400 + "note.txt",
        "deep-and-back": "inner/../" * 400 + "letter.txt",
    }


def in_other_case(name: str) -> str:
    """Return a name with its letters in the other case, but for those of percent-encodings."""
    swapped = re.sub(r"%[0-9A-Fa-f]{2}|[A-Za-z]", lambda part: part[0] if "%" in part[0] else part[0].swapcase(), name)
    if swapped == name:
        raise MissingFactError("a name with letters in it")
    return swapped
