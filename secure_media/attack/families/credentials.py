"""Families of attacks by those who have something, or claim to: a credential, a session, a link."""

from __future__ import annotations

from secure_media.attack.families.family import Family

NO_CREDENTIAL = Family(
    "no-credential",
    "No credential",
    "URLs end up in histories, logs, chats and proxies, so that knowing one must not be enough.",
    306,
    "8.3.1",
    "RFC 9110, section 11.1",
)
OTHER_BROWSER = Family(
    "other-browser",
    "Another browser",
    "Everyone who may use the app has a session of their own; it must open nothing that another session was shown.",
    639,
    "8.2.2",
)
OTHER_USER = Family(
    "other-user",
    "Another person",
    "Who somebody is decides what they may have: another person, or nobody known, must not get it by the same URL.",
    863,
    "8.2.2",
)
FORGED = Family(
    "forged",
    "Forged credentials",
    "A credential that anyone can make is none: it must be signed, with a secret that nobody can guess or look up.",
    347,
    "9.1.1",
    "RFC 7515, section 5.2",
)
TAMPERED = Family(
    "tampered",
    "Tampered credentials",
    "Anyone can change a credential that they hold; what it says may count only as it was signed, to the last bit.",
    345,
    "9.1.1",
    "RFC 7515, section 5.2",
)
REPLAYED = Family(
    "replayed",
    "Replayed grants",
    "What was good for one use must not be good for another one by anyone who saw it go by.",
    294,
    "9.2.2",
)
EXPIRED = Family(
    "expired",
    "Expired and ended",
    "A credential leaks sooner or later; that it ends in time, or when somebody signs out, is what limits the harm.",
    613,
    "7.4.1",
    "RFC 7519, section 4.1.4",
)
RETIRED_KEY = Family(
    "retired-key",
    "Keys that were removed",
    "A key is removed because somebody else may have it: from then on, whatever it signs must be worthless.",
    324,
    "9.1.3",
)
MOVED = Family(
    "moved",
    "Moved to another resource",
    "Permission for one file must be permission for that file only, or one link opens everything.",
    639,
    "8.2.2",
)
JWT = Family(
    "jwt",
    "JWT confusion",
    "Libraries have let the token itself choose how it is verified; then an attacker chooses not at all.",
    347,
    "9.1.2",
    "RFC 8725, section 3.1",
)
COOKIES = Family(
    "cookies",
    "Cookie tricks",
    "Cookies have no origin and can be sent twice, so that which one counts must not be the attacker's choice.",
    565,
    "3.3.3",
    "RFC 6265, section 8.6",
)
SOCKETS = Family(
    "sockets",
    "WebSocket and session takeover",
    "The page is served through the WebSocket: whoever has somebody's session has all that it shows.",
    1385,
    "4.4.2",
    "RFC 6455, section 10.2",
)
UPLOADS = Family(
    "uploads",
    "Uploads into a foreign session",
    "What is put into somebody's session is what their script works with, and may show them.",
    639,
    "8.2.2",
)
DEFERRED = Family(
    "deferred",
    "Deferred downloads of another session",
    "A download that is made on a click must be made for the session whose button it is, and for no other one.",
    639,
    "8.2.2",
)
STATIC = Family(
    "static",
    "Static files",
    "Files in the static folder are behind no script, so that nothing that a script says keeps anyone from them.",
    552,
    "8.3.1",
)
PROTECTED = Family(
    "protected-app",
    "An app for known people only",
    "Each route of such an app that forgets to ask who somebody is shows strangers what it has, or lets them run it.",
    862,
    "8.2.1",
    "RFC 9110, section 15.5.4",
)
NEXT_PERSON = Family(
    "next-person",
    "The next person in one browser",
    "People share a browser, at a desk or after a sign-out: what one was shown there must not be the next one's.",
    488,
    "7.2.4",
)
IDENTITY = Family(
    "trusted-header",
    "A proxy's word for who asks",
    "A header that names a person is signed by nobody: if it counts from anyone but the proxy, anyone is anybody.",
    290,
    "4.1.3",
    "RFC 9110, section 17.1",
)
AGENTS = Family(
    "agents",
    "Agent API",
    "Programs use an app by another door, which shows them all that a page would.",
    306,
    "8.2.1",
)
ECHO = Family(
    "echo",
    "Echo of a foreign URL",
    "An app that signs the URLs in its pages signs what an attacker has it repeat, unless it knows whose they are.",
    441,
    "8.3.3",
)
TERMS = Family(
    "terms",
    "Terms and their replay",
    "Media on terms must not be had without them: by leaving them out, by laxer ones, or again when they have ended.",
    863,
    "8.3.2",
)
ONE_USE = Family(
    "one-use",
    "One-use links, previews and races",
    "Mail scanners and previews open every link, and two people can press at once: no use may be lost or made twice.",
    367,
    "3.5.3",
    "RFC 9110, section 9.2.1",
)
SIGN_IN = Family(
    "sign-in",
    "Signing in",
    "Signing in makes a cookie worth more: one that was planted before, or another browser's, must gain nothing by it.",
    384,
    "7.2.4",
)
