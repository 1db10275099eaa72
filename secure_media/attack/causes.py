"""What is behind a finding: what is wrong, why it matters, and what to do, in sentences for whoever runs the app."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from secure_media.attack.families import FAMILIES, Family


class Severity(str, Enum):
    """How bad a finding is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def score(self) -> float:
        """The same as a number from 0 to 10, as CVSS has it."""
        return {Severity.HIGH: 8.6, Severity.MEDIUM: 5.4, Severity.LOW: 3.1}[self]


@dataclass(frozen=True)
class Cause:
    """
    What is wrong with an app, however many attacks show it.

    Args:
        id: Its name in reports.
        title: What is wrong, in a line.
        severity: How bad it is.
        text: What is wrong and why it matters, in two sentences.
        fix: What to do, as a sentence.
        cwe: Its number in MITRE's Common Weakness Enumeration.
        asvs: The requirement of OWASP's ASVS 5.0.
        rfc: The section of an RFC that says how it should be.
    """

    id: str
    title: str
    severity: Severity
    text: str
    fix: str
    cwe: int
    asvs: str | None = None
    rfc: str | None = None

    @property
    def references(self) -> tuple[str, ...]:
        """Where it is written down."""
        asvs = None if self.asvs is None else f"OWASP ASVS 5.0, {self.asvs}"
        return tuple(text for text in (f"CWE-{self.cwe}", asvs, self.rfc) if text is not None)


_GUARD = "Serve the app with `secure-media run app.py`, or call `secure_run` first in its script"
_SERVED_BY = "if a proxy or a gateway adds or removes headers, look at what it does to them"

OPEN = Cause(
    "open-media",
    "Media are served to anyone who has the URL",
    Severity.HIGH,
    "The server looks at no credential before it answers GET or HEAD, so that a URL out of a history, a log, a chat "
    "or a proxy is all that it takes to have the file. A sign-in in front of the page changes nothing about that, "
    "since it is the script that asks who somebody is, and media are served without it.",
    f"{_GUARD}: media then reach only the browser that they were shown to.",
    306,
    "8.3.1",
    "RFC 9110, section 11.1",
)
RETYPED = Cause(
    "type-from-url",
    "The URL decides what type a file has",
    Severity.HIGH,
    "The extension in the URL, which anyone can change, decides the Content-Type, so that a sound or a picture that "
    "somebody has uploaded is served as a page of the app's own origin. A script in it then runs with the session "
    "and the rights of everyone who is lured to that URL.",
    f"{_GUARD}: the type is then the stored one, whatever the URL says.",
    79,
    "3.2.1",
    "RFC 9110, section 8.3",
)
CACHEABLE = Cause(
    "cacheable-by-parameter",
    "A parameter makes a file cacheable for everyone",
    Severity.MEDIUM,
    "With ?v=1 behind its URL, a file is marked to be kept for years and not as private, by anyone who can write a "
    "link. A proxy or a shared cache on the way keeps it then, and gives it to the next one who asks.",
    f"{_GUARD}: the parameter then changes nothing, and the answer is private.",
    524,
    "14.2.5",
    "RFC 9111, section 3.5",
)
CACHED = Cause(
    "no-cache-control",
    "Nothing says that media are private",
    Severity.MEDIUM,
    "Without Cache-Control, shared caches may keep what they find cacheable, and browsers keep it on the disk. What "
    "was shown to one person is then given to another one, after the first one has signed out too.",
    f"{_GUARD}: every file is then private and asked for anew; {_SERVED_BY}.",
    525,
    "14.3.2",
    "RFC 9111, section 5.2.2.7",
)
UNCONFINED = Cause(
    "no-confining-headers",
    "Nothing keeps a file from being run, sniffed or embedded",
    Severity.MEDIUM,
    "Media come without the headers by which a browser confines them: X-Content-Type-Options, "
    "Content-Security-Policy, Cross-Origin-Resource-Policy, Referrer-Policy. A picture that is an SVG or looks like "
    "HTML runs as a page of the app's origin, and other sites can embed files and learn their URLs.",
    f"{_GUARD}, which sends all of them; {_SERVED_BY}.",
    693,
    "3.4.4",
)
HASHED_ETAG = Cause(
    "etag-is-a-hash",
    "The validator is a plain hash of the content",
    Severity.LOW,
    "The ETag is an unsalted hash of the file, and headers go to logs and proxies that never see the file. Anyone "
    "who reads one there can confirm a guess of what is in it: which of a few forms, which salary, which person.",
    f"{_GUARD}: validators then come from a keyed hash.",
    328,
    "11.4.1",
    "RFC 9110, section 8.8.3",
)
GUESSABLE = Cause(
    "guessable-id",
    "A file's URL can be computed from its content",
    Severity.MEDIUM,
    "The id in the URL is an unsalted hash of content, type and name, so that whoever guesses what is in a file "
    "knows where it is. The answer then tells, without any URL having leaked, whether somebody is shown exactly "
    "that.",
    f"{_GUARD}: ids then come from a keyed hash, and what exists is refused like what does not.",
    340,
    "11.5.1",
)
UPLOADS = Cause(
    "uploads-by-others",
    "Anyone with a session's id can put files into it",
    Severity.HIGH,
    "The server takes uploads for any session whose id is in the URL, from whichever browser they come, and deletes "
    "files from it in the same way. What was put there is what the script of somebody else works with, and may show "
    "them.",
    f"{_GUARD}: uploads then go only into sessions of the browser that sends them.",
    639,
    "8.2.2",
)
OUTLIVES = Cause(
    "outlives-the-page",
    "Files are served after the page was closed",
    Severity.MEDIUM,
    "The file is still there a while after the last page that showed it was closed, with the same URL. What somebody "
    "has left, or signed out of, stays within reach of whoever uses that browser, or that URL, next.",
    f"{_GUARD}: a file is then refused half a minute after its page was closed.",
    613,
    "7.4.1",
)

FAILS = Cause(
    "server-error",
    "A request makes the server fail",
    Severity.LOW,
    "The server answers a request that it should refuse with an error of its own (500), which nobody has foreseen. "
    "Such errors fill its log with tracebacks, and tell an attacker where to look further.",
    f"{_GUARD}: it refuses such requests before the server meets them.",
    755,
    "16.5.1",
    "RFC 9110, section 15.6.1",
)

#: By attack; by family and the header that is wrong; by family.
_OF_ATTACKS = {
    "stock-version-parameter": CACHEABLE,
    "stock-etag-is-a-hash": HASHED_ETAG,
    "stock-id-is-a-hash": GUESSABLE,
    "stock-page-closed": OUTLIVES,
}
_OF_HEADERS = {
    ("sniffing", "content-type"): RETYPED,
    ("sniffing", "content-disposition"): RETYPED,
    ("sniffing", "cache-control"): CACHEABLE,
    ("caching", "cache-control"): CACHED,
}
_OF_FAMILIES = {"no-credential": OPEN, "sniffing": UNCONFINED, "uploads": UPLOADS}
_SEVERE = {
    "caching": Severity.MEDIUM,
    "oracles": Severity.LOW,
    "timing": Severity.LOW,
    "ranges": Severity.MEDIUM,
    "load": Severity.MEDIUM,
}
_FIXES = {
    "sockets": f"{_GUARD}: a session then goes on only in the browser that it began in.",
    "other-browser": f"{_GUARD}, and look at which policy allows what one session was shown to another one.",
}
_FIX = (
    f"{_GUARD}. If it is served like that already, look at the policy and at every proxy in front of it, and report "
    "what remains as SECURITY.md says."
)


def cause_of(attack_id: str, family: Family, problems: Iterable[str] = ()) -> Cause:
    """
    Return what is wrong where an attack gets through.

    Args:
        attack_id: Which attack.
        family: Its family.
        problems: What is wrong with the answer, the name of the header first where it is one.
    """
    if attack_id in _OF_ATTACKS:
        return _OF_ATTACKS[attack_id]
    named = (_OF_HEADERS.get((family.id, problem.partition(" ")[0])) for problem in problems)
    return (
        next((cause for cause in named if cause is not None), None) or _OF_FAMILIES.get(family.id) or _general(family)
    )


def _general(family: Family) -> Cause:
    return Cause(
        family.id,
        f"{family.title}: an attack gets through",
        _SEVERE.get(family.id, Severity.HIGH),
        f"{family.why} In this app, such an attack gets through.",
        _FIXES.get(family.id, _FIX),
        family.cwe,
        family.asvs,
        family.rfc,
    )


def all_causes() -> tuple[Cause, ...]:
    """Return all that there are, the worst ones first."""
    causes = (OPEN, RETYPED, UPLOADS, CACHEABLE, CACHED, UNCONFINED, GUESSABLE, OUTLIVES, HASHED_ETAG, FAILS)
    general = tuple(_general(family) for family in FAMILIES if family.id not in _OF_FAMILIES)
    return tuple(sorted(causes + general, key=lambda cause: -cause.severity.score))
