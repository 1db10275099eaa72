"""Ways to break the guard on purpose, each as another text for a few lines of one module."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import secure_media
from secure_media.attack import Family
from secure_media.attack import families as of

PACKAGE = Path(secure_media.__file__).parent
_DECIDED = "        decision = await self._decided(request, resource, action)\n        if not"


@dataclass(frozen=True)
class Breakage:
    """
    One way.

    Args:
        id: What the guard does then.
        module: The file that is changed, below the package.
        changes: What stands there, and what stands there instead.
        family: The attacks that have to find it.
        app: The app that it takes for that, if it is not that of the family.
        since: The first release of Streamlit that has what it is about.
    """

    id: str
    module: str
    changes: tuple[tuple[str, str], ...]
    family: Family
    app: str = ""
    since: tuple[int, int] = (1, 45)


def _for(condition: str) -> tuple[tuple[str, str], ...]:
    """Return the change by which media are allowed, undecided, where `condition` holds."""
    undecided = f"        decision = Allow('broken') if {condition} else await self._decided("
    return ((_DECIDED, f"{undecided}\n            request, resource, action\n        )\n        if not"),)


#: What anyone who writes a guard gets wrong sooner or later.
DELIBERATE = (
    Breakage(
        "skips-the-audience",
        "core/tokens.py",
        (
            (
                "        return self._genuine(self._keys.find(kid), self._deployment, token)\n",
                "        try:\n            return self._genuine(self._keys.find(kid), self._deployment, token)\n"
                "        except Exception:\n            return self._genuine(self._keys.find(kid), 'cousin/', token)\n",
            ),
        ),
        of.FORGED,
    ),
    Breakage(
        "accepts-expired-links",
        "core/grants.py",
        (("    if grant.exp > context.now:\n        return False\n", "    return False\n"),),
        of.EXPIRED,
    ),
    Breakage("accepts-expired-cookies", "core/jwts.py", (("if end <= now - self._leeway:", "if False:"),), of.EXPIRED),
    Breakage(
        "accepts-links-before-their-time",
        "core/grants.py",
        ((" or (grant.nbf is not None and grant.nbf > now)", ""),),
        of.EXPIRED,
    ),
    Breakage("skips-revocations", "core/grants.py", (("if record.revoked is not False:", "if False:"),), of.EXPIRED),
    Breakage(
        "compares-prefixes",
        "core/model.py",
        (("        return self == other\n", "        return other.name.startswith(self.name[:-4])\n"),),
        of.MOVED,
    ),
    Breakage("forgets-head", "gate/media.py", _for("request.method == 'HEAD'"), of.NO_CREDENTIAL),
    Breakage("decides-after-the-etag", "gate/media.py", _for("request.all('if-none-match')"), of.CACHING),
    Breakage("lets-ranges-through", "gate/media.py", _for("request.all('range')"), of.RANGES),
    Breakage("believes-x-original-url", "gate/media.py", _for("request.all('x-original-url')"), of.HEADERS),
    Breakage("believes-x-forwarded-for", "gate/media.py", _for("request.all('x-forwarded-for')"), of.HEADERS),
    Breakage("lets-other-names-through", "gate/media.py", _for("name.endswith('.css')"), of.PATHS),
    Breakage(
        "lets-methods-be-overridden",
        "gate/media.py",
        (
            (
                'if request.method not in {"GET", "HEAD"} and',
                'if request.method not in {"GET", "HEAD"} and not request.all("x-http-method-override") and',
            ),
        ),
        of.METHODS,
    ),
    Breakage(
        "trusts-the-extension-of-the-url",
        "gate/media.py",
        (
            (
                "return self._refusals.response(request) if asked is None else await self._allowed(asked, watch)",
                "answer = self._refusals.response(request) if asked is None else await self._allowed(asked, watch)\n"
                "        kept = [each for each in answer.headers if each[0] != 'Content-Type' or '.html' not in name]\n"
                "        more = [('Content-Type', 'text/html')] if '.html' in name else []\n"
                "        return __import__('dataclasses').replace(answer, headers=(*more, *kept))",
            ),
        ),
        of.SNIFFING,
    ),
    Breakage(
        "takes-the-first-of-two-cookies",
        "core/identity.py",
        (("different = list(dict.fromkeys(values))", "different = values[:1]"),),
        of.COOKIES,
    ),
    Breakage(
        "knows-any-browser-on-the-short-way",
        "gate/shortcut.py",
        (
            (
                "known = self._known.get(glance.who)",
                "prepared = self._prepared.get(glance.path)\n"
                "        known = prepared and next(\n"
                "            (each for each in self._known.values()\n"
                "             if self._shown.was_shown(each.browser, prepared.media_id)), None)",
            ),
        ),
        of.OTHER_BROWSER,
    ),
    Breakage(
        "asks-on-the-short-way-only-who",
        "gate/shortcut.py",
        (("if prepared is None or shown is not True:", "if prepared is None:"),),
        of.OTHER_BROWSER,
    ),
    Breakage(
        "asks-only-who",
        "core/rules.py",
        (("(yield WasShown(browser.id, resource.name))", "(yield HasSession(browser.id))"),),
        of.OTHER_BROWSER,
    ),
    Breakage(
        "takes-uploads-for-any-session",
        "core/rules.py",
        (("(yield OwnsSession(browser.id, resource.name))", "(yield HasSession(browser.id))"),),
        of.UPLOADS,
    ),
    Breakage(
        "verifies-no-signature-of-links",
        "core/signatures.py",
        (
            ("        signer.unsign(text)\n", "        pass\n"),
            ('    if not hmac.compare_digest(signer.sign(signed), text.encode("ascii")):', "    if False:"),
        ),
        of.TAMPERED,
    ),
    Breakage(
        "lets-the-token-choose-no-algorithm",
        "core/jwts.py",
        (
            ('if header.get("alg") not in self._algorithms:', "if False:"),
            (
                '"verify_exp": False,',
                '"verify_exp": False, "verify_signature": str(header.get("alg")).lower() != "none",',
            ),
        ),
        of.JWT,
    ),
    Breakage("follows-links-out-of-the-folder", "content/directory.py", (('"O_NOFOLLOW", ', ""),), of.TRAVERSAL),
    Breakage(
        "serves-hidden-files",
        "content/names.py",
        (('if any(part.startswith(".") for part in parts):', "if False:"),),
        of.TRAVERSAL,
    ),
    Breakage(
        "guards-no-static-files",
        "gate/gate.py",
        (
            (
                "await self._refusal(request, Resource(ResourceKind.STATIC, path.removeprefix(STATIC)), Action.VIEW)",
                "None",
            ),
        ),
        of.STATIC,
    ),
    Breakage(
        "tells-what-exists",
        "gate/media.py",
        (
            (
                "        action = action_in(request.query)\n",
                "        action = action_in(request.query)\n        try:\n            self._store.get(media_id or '')\n"
                "        except MediaNotFoundError:\n            return responses.not_found(request.method)\n",
            ),
        ),
        of.ORACLES,
    ),
    Breakage(
        "tells-by-the-time-what-exists",
        "gate/media.py",
        (
            (
                "        action = action_in(request.query)\n",
                "        action = action_in(request.query)\n        try:\n            self._store.get(media_id or '')\n"
                "            __import__('hashlib').pbkdf2_hmac('sha256', b'', b'', 3000)\n"
                "        except MediaNotFoundError:\n            pass\n",
            ),
        ),
        of.TIMING,
    ),
    Breakage(
        "opens-a-route-to-anyone",
        "gate/entrance.py",
        (("        if path in self._open:\n", '        if path in self._open or path == "/_stcore/metrics":\n'),),
        of.PROTECTED,
    ),
    Breakage(
        "opens-the-websocket-to-anyone",
        "gate/entrance.py",
        (
            (
                "        return self._protection.own_page and path == _STREAM and",
                "        return path == _STREAM and",
            ),
        ),
        of.PROTECTED,
    ),
    Breakage(
        "believes-anyone-who-names-a-person",
        "core/header_policy.py",
        (
            (
                "        if not context.visitor.from_proxy:\n            return _not_believed(context, self._header)\n"
                "        subject",
                "        subject",
            ),
        ),
        of.IDENTITY,
    ),
    Breakage(
        "takes-the-first-of-two-names",
        "core/header_policy.py",
        (("    if len(said) > 1 or said[0][0] != header:\n", "    if said[0][0] != header:\n"),),
        of.IDENTITY,
    ),
    Breakage("lets-caches-keep-it", "http/serving.py", (('"private, no-cache"', '"public, max-age=60"'),), of.CACHING),
    Breakage(
        "lets-browsers-guess",
        "http/confinement.py",
        (('    ("X-Content-Type-Options", "nosniff"),\n', ""),),
        of.SNIFFING,
    ),
    Breakage(
        "shares-with-other-sites",
        "http/confinement.py",
        (('    ("X-Content-Type-Options", "nosniff"),\n', '    ("Access-Control-Allow-Origin", "*"),\n'),),
        of.CROSS_SITE,
    ),
    Breakage(
        "lets-other-sites-press",
        "gate/redeeming.py",
        (("if not is_from_own_page(request):", "if False:"),),
        of.CROSS_SITE,
    ),
    Breakage(
        "gives-to-those-who-look",
        "gate/redeeming.py",
        (("grant.confirm and self._until(asked, grant) is None", "False"),),
        of.ONE_USE,
    ),
    Breakage(
        "redeems-a-grant-again",
        "stores/sign_ins.py",
        (("return self._pending.pop(session)", "return self._pending[session]"),),
        of.REPLAYED,
    ),
    Breakage(
        "knows-people-who-have-left",
        "core/guard.py",
        (("return visitor if reason is None else replace(visitor, identified=reason)", "return visitor"),),
        of.EXPIRED,
    ),
    Breakage(
        "takes-the-next-person-for-the-one-before",
        "core/guard.py",
        (("return decision if own else Deny(DenialReason.OTHER_PERSON)", "return decision"),),
        of.NEXT_PERSON,
    ),
    Breakage(
        "asks-at-uploads-only-which-browser-it-is",
        "core/guard.py",
        (("if person is None and (is_upload or session is not None):", "if False:"),),
        of.NEXT_PERSON,
    ),
    Breakage(
        "asks-no-condition",
        "gate/media.py",
        (("also = None if resource is None else self._store.condition(resource.name)", "also = None"),),
        of.OTHER_USER,
    ),
    Breakage(
        "writes-tokens-down",
        "gate/media.py",
        (
            (
                "        action = action_in(request.query)\n",
                "        print(request.query, flush=True)\n        action = action_in(request.query)\n",
            ),
        ),
        of.LOGS,
    ),
)

#: What this guard itself once had wrong: see CHANGELOG.md and the log of the repository.
ONCE = (
    Breakage(
        "many-spellings-of-one-signature",
        "core/signatures.py",
        (('    if not hmac.compare_digest(signer.sign(signed), text.encode("ascii")):', "    if False:"),),
        of.TAMPERED,
    ),
    Breakage(
        "signs-what-the-app-repeats",
        "host/manager.py",
        (
            (
                "return None if place is Place.APP else self._holder.pending.take(resource.name)",
                "return self._holder.pending.take(resource.name) or GrantTerms(3600)",
            ),
        ),
        of.ECHO,
    ),
    Breakage(
        "serves-media-on-terms-without-their-grant",
        "gate/media.py",
        (
            (
                "        also = None if resource is None else self._store.condition(resource.name)\n",
                "        browser = self._admission.visitor(request).browser\n"
                "        if browser is not None and resource is not None and is_grant_only(resource.name):\n"
                "            return Allow('broken')\n"
                "        also = None if resource is None else self._store.condition(resource.name)\n",
            ),
        ),
        of.TERMS,
    ),
    Breakage(
        "makes-deferred-downloads-for-anyone",
        "host/manager.py",
        (("if placeholder is not None and not sessions.shown.was_offered(session_id, placeholder):", "if False:"),),
        of.DEFERRED,
        since=(1, 52),
    ),
    Breakage(
        "lets-anyone-go-on-with-a-session",
        "host/sessions.py",
        (
            (
                "return self.shown.may_resume(session_id, browser, None if page is None else page.person)",
                "return True",
            ),
        ),
        of.SOCKETS,
    ),
    Breakage(
        "knows-people-without-a-name",
        "core/guard.py",
        (
            (
                'if isinstance(found, Deny) or (found.subject or "").strip():',
                "if True:",
            ),
        ),
        of.PROTECTED,
    ),
    Breakage(
        "keeps-the-cookie-that-was-planted",
        "gate/signing_in.py",
        (
            (
                "visitor, browser = self._admission.visitor(request), replace(self._identity.new(), sign_in=sign_in)",
                "visitor = self._admission.visitor(request)\n"
                "        browser = replace(visitor.browser, sign_in=sign_in)",
            ),
            ("            self._answers.shown.forget(visitor.browser.id)\n", "            pass\n"),
        ),
        of.EXPIRED,
    ),
    Breakage(
        "masks-no-encoded-parameter",
        "core/redact.py",
        (
            (
                "    letters = ((letter,",
                "    if len(text) > 1:\n        return re.escape(text)\n    letters = ((letter,",
            ),
        ),
        of.LOGS,
    ),
    Breakage(
        "takes-off-names-what-is-no-white-space",
        "core/header_policy.py",
        (('.decode("utf-8").strip(_WHITESPACE)', '.decode("utf-8").strip()'),),
        of.IDENTITY,
    ),
    Breakage("counts-no-pieces", "stores/uses.py", (("everything // (ATTEMPTS * self.size)", "0"),), of.ONE_USE),
    Breakage(
        "counts-only-what-has-left",
        "stores/transfers.py",
        (
            (
                "if len(in_the_way) < asked.most - use.used and use.complete_after(together) <= asked.most:",
                "if in_the_way is not together:",
            ),
        ),
        of.ONE_USE,
    ),
    Breakage(
        "spends-for-a-prefetch", "gate/redeeming.py", ((" or not is_ahead_of_time(request):", " or True:"),), of.ONE_USE
    ),
    Breakage(
        "takes-a-planted-cookie-where-a-proxy-forgets-https",
        "http/scheme.py",
        (("if not _a_browser_proves_it(said):", "if True:"),),
        of.COOKIES,
    ),
    Breakage(
        "lets-whoever-has-no-name-be-anybody",
        "core/guard.py",
        (('person = (Principal.of(allowed.claims).person or "")', "person = Principal.of(allowed.claims).person"),),
        of.NEXT_PERSON,
    ),
    Breakage(
        "lets-whoever-has-no-name-go-on-with-a-session",
        "stores/shown.py",
        (
            (
                "(session.browser, session.person or person) != (browser, person)",
                "session.browser != browser or (person is not None and session.person not in (None, person))",
            ),
        ),
        of.NEXT_PERSON,
    ),
    Breakage(
        "gives-one-page-of-several-to-the-first-person",
        "stores/visits.py",
        (("self._nobodys.pop(browser, ())", "list(self._nobodys.pop(browser, ()))[:1]"),),
        of.NEXT_PERSON,
    ),
    Breakage(
        "gives-a-page-that-broke-off-to-whoever-names-it",
        "stores/absence.py",
        (("while known is not None and known.nobodys:", "while False:"),),
        of.NEXT_PERSON,
    ),
    Breakage(
        "takes-what-a-client-names-for-shown",
        "host/messages.py",
        (
            (
                "        shown.sent_deferred(session_id, contents.media_ids)\n",
                "        named = media_ids(getattr(message, kind))\n"
                "        for each in named:\n            shown.registered(None, each)\n"
                "        shown.sent_deferred(session_id, named)\n",
            ),
        ),
        of.DEFERRED,
        since=(1, 58),
    ),
    Breakage(
        "guards-no-static-files-below-a-base-path",
        "gate/gate.py",
        (
            (
                "        if path.startswith(STATIC):\n            return await",
                "        if request.path.startswith(STATIC):\n            return await",
            ),
        ),
        of.STATIC,
        app="below",
    ),
    Breakage(
        "guards-no-uploads-below-a-base-path",
        "gate/gate.py",
        (("        if not path.startswith(UPLOAD):", "        if not request.path.startswith(UPLOAD):"),),
        of.UPLOADS,
        app="below",
    ),
    Breakage(
        "lets-names-through-that-no-disk-takes",
        "gate/gate.py",
        (
            (
                'if "\\0" in path or (path.startswith(STATIC) and (request.trailers or not _could_be_a_file(path))):',
                "if path.startswith(STATIC) and request.trailers:",
            ),
        ),
        of.STATIC,
    ),
    Breakage(
        "skips-what-a-proxy-leaves-empty",
        "http/forwarded.py",
        (
            (
                'for part in value.split(",")]\n',
                'for part in value.split(",") if part.strip()]\n',
            ),
        ),
        of.IDENTITY,
    ),
    Breakage(
        "lets-grants-outlive-their-page",
        "host/issuing.py",
        (
            (
                'return {"session": session, "browser": short_hash(browser.id)}',
                'return {"browser": short_hash(browser.id)}',
            ),
        ),
        of.TERMS,
        app="signed",
    ),
    Breakage(
        "makes-urls-of-a-planted-cookie-good-for-anyone",
        "host/issuing.py",
        (("browser is None and not holder.has_invalid_cookie):", "browser is None):"),),
        of.TERMS,
        app="signed",
    ),
    Breakage(
        "makes-links-for-hosts-that-are-none",
        "host/sites.py",
        (('host = host if _HOST.match(host) else "localhost"', "pass"),),
        of.ABSOLUTE,
    ),
    Breakage(
        "runs-functions-for-a-prefetch",
        "gate/media.py",
        (("responses.no_content() if is_ahead_of_time(request) else answer_to_a_probe", "answer_to_a_probe"),),
        of.LOAD,
    ),
)


def broken(breakage: Breakage, folder: Path) -> Path:
    """Return a folder with a copy of the package that is broken in that way, to be imported from."""
    shutil.copytree(PACKAGE, folder / "secure_media", ignore=shutil.ignore_patterns("attack", "cli", "README.md"))
    module = folder / "secure_media" / breakage.module
    text = module.read_text("utf-8")
    for before, after in breakage.changes:
        if text.count(before) != 1:
            msg = f"{breakage.module} does not have, once: {before}"
            raise LookupError(msg)
        text = text.replace(before, after)
    module.write_text(text, "utf-8")
    return folder
