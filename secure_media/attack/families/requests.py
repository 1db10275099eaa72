"""Families of attacks by the form of a request, or by how many there are."""

from __future__ import annotations

from secure_media.attack.families.family import Family

PATHS = Family(
    "paths",
    "Path and encoding",
    "What the guard looks at and what the server serves must be the same file, however its name is spelt.",
    41,
    "8.3.1",
    "RFC 3986, section 6.2.2",
)
TRAVERSAL = Family(
    "traversal",
    "Out of the folder",
    "A name that leads out of the folder makes every file of the machine one that the app serves.",
    22,
    "5.3.2",
    "RFC 3986, section 5.2.4",
)
METHODS = Family(
    "methods",
    "Methods and method override",
    "A guard that looks at GET alone is passed by any other method that the server answers as well.",
    650,
    "4.1.4",
    "RFC 9110, section 9.1",
)
HEADERS = Family(
    "headers",
    "Header smuggling",
    "Headers by which a proxy says who asks, and for what, are headers that anyone can send.",
    290,
    "4.1.3",
    "RFC 7239, section 8.1",
)
SMUGGLING = Family(
    "smuggling",
    "Request smuggling",
    "Where two servers disagree about the end of a request, one person's request is answered to another.",
    444,
    "4.2.1",
    "RFC 9112, section 11.2",
)
MALFORMED_HTTP = Family(
    "malformed-http",
    "Malformed HTTP",
    "What one parser repairs, another one reads in another way: a guard that sees the repaired form guards that alone.",
    436,
    "4.2.1",
    "RFC 9112, section 2.2",
)
ABSOLUTE = Family(
    "absolute-form",
    "Absolute-form targets and hosts",
    "A request can name its host twice; routing by one and deciding by the other serves what was never allowed.",
    436,
    "4.2.1",
    "RFC 9112, section 3.2.2",
)
VERSIONS = Family(
    "http-versions",
    "HTTP/1.0 and other versions",
    "An old version of the protocol has no Host and other defaults, and servers answer it on another way.",
    436,
    "4.2.1",
    "RFC 9112, section 2.3",
)
DUPLICATES = Family(
    "duplicates",
    "Duplicate parameters and headers",
    "Of two values, one part of a server reads the first and another part the last.",
    235,
    None,
    "RFC 9110, section 5.3",
)
RANGES = Family(
    "ranges",
    "Range abuse",
    "A part of a file is the file, and thousands of overlapping parts are more than any server can send.",
    400,
    "8.2.2",
    "RFC 9110, section 14.2",
)
CACHING = Family(
    "caching",
    "Cache deception and conditions",
    "A shared cache hands the answer that one person got to the next one, if a URL or a header lets it keep it.",
    524,
    "14.2.5",
    "RFC 9111, section 3.5",
)
SNIFFING = Family(
    "sniffing",
    "Content sniffing",
    "A file that a browser can be made to run is a script with the rights of everyone who opens it.",
    430,
    "3.2.1",
    "RFC 9110, section 8.3",
)
ORACLES = Family(
    "oracles",
    "Existence oracles",
    "A refusal that differs tells what exists, who is known, and which guess was right.",
    204,
    "16.5.1",
    "RFC 9110, section 15.5.4",
)
TIMING = Family(
    "timing",
    "Existence oracles by time",
    "A refusal that comes sooner or later where there is something tells what exists, to anyone who asks often enough.",
    208,
    "16.5.1",
    "RFC 9110, section 15.5.4",
)
SHARED = Family(
    "shared-connections",
    "Shared connections",
    "Proxies send the requests of many people over one connection, so that nothing may be remembered of it.",
    488,
    "8.3.1",
    "RFC 9112, section 9.3",
)
CROSS_SITE = Family(
    "cross-site",
    "Requests from other sites",
    "Any page can have a visitor's browser send a request with its cookies, and press a button in their name.",
    352,
    "3.5.1",
)
LOGS = Family(
    "logs",
    "Log leaks",
    "Logs are read by more people than media are: a credential in them is given to all of those.",
    532,
    "16.2.5",
)
LOAD = Family(
    "load",
    "Slow and many connections",
    "A few connections that say nothing must not keep everyone else from being served, nor make the guard give way.",
    770,
    "16.5.3",
    "RFC 9112, section 9.5",
)
