"""What is to be said of the settings of an app, by what it has found out itself."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from secure_media.cli.doctor.findings import Finding, note, ok, problem, warning

Facts = Mapping[str, Any]

#: Where a secret comes from that stands in no other place.
ARGUMENT = "an argument"


def findings(facts: Facts) -> Iterator[Finding]:
    """Yield what is to be said of the settings."""
    if not facts["guards_itself"]:
        yield warning(
            "guard",
            f"started with `secure-media run {facts['app']}`, as it was here, it is guarded; with "
            f"`streamlit run {facts['app']}`, it is not",
            "Write app = guard(app) below app = st.App(...), and start it with `streamlit run`"
            if facts["makes_app"]
            else "Write secure_run(__file__) at its top: `streamlit run` then shows an error in place of the app",
        )
    yield ok("policy", f"{facts['policy']}; {_protected(facts)}")
    yield from _secret(facts)
    yield from _ledger(facts)
    yield from _transport(facts)
    yield from _streamlit(facts["options"])
    yield from _places(facts)


def _protected(facts: Facts) -> str:
    return "the whole app is protected" if facts["protect"] == "app" else "media are guarded, the page is open to all"


def _secret(facts: Facts) -> Iterator[Finding]:
    if facts["secret"] is None:
        yield warning(
            "secret",
            "made up for this process: cookies and links end with it, and two processes do not agree",
            "Set SECURE_MEDIA_SECRET; `secure-media keygen` makes one",
        )
    elif facts["written_in"]:
        yield warning(
            "secret",
            f"long enough, and written out in {facts['written_in']}: whoever reads the code, or its history, has it",
            "Make a new one, in SECURE_MEDIA_SECRET or SECURE_MEDIA_SECRET_FILE",
        )
    elif facts["secret"] == ARGUMENT:
        yield note("secret", "long enough, and given as an argument, which comes from outside of what was looked at")
    else:
        yield ok("secret", f"long enough, from {facts['secret']}")


def _ledger(facts: Facts) -> Iterator[Finding]:
    if facts["ledger"] is None:
        yield note(
            "ledger",
            "in memory: revocations and uses of links end with the process",
            "Set ledger to a file" if facts["secret"] else "With a secret set, a file is used, unless ledger is memory",
        )
        return
    if facts["ledger_unusable"]:
        said, _, fix = str(facts["ledger_unusable"]).removeprefix("ledger: ").rpartition(". ")
        yield problem("ledger", said, fix)
        return
    path = Path(facts["ledger"])
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        folder = path.parent if path.parent.exists() else path.parent.parent
        if os.access(folder, os.W_OK):
            yield ok("ledger", f"{path}, made on first use")
        else:
            yield problem("ledger", f"{path} cannot be made: {folder} is not writable", "Set ledger to another file")
        return
    except OSError as error:
        yield problem("ledger", f"{path} cannot be read: {error.strerror}", "Set ledger to a file that the app may use")
        return
    if mode & 0o077:
        yield warning("ledger", f"{path} has mode {mode:04o}: others of this machine can read it", f"chmod 600 {path}")
    elif path.parent.stat().st_mode & stat.S_IWOTH:
        yield warning(
            "ledger",
            f"{path}: everyone on this machine can write to its folder, and so replace it",
            "Set ledger to a file in a folder that only the app may write to",
        )
    elif not os.access(path, os.W_OK):
        yield problem("ledger", f"{path} is not writable", "Give it to the user that runs the app")
    else:
        yield ok("ledger", f"{path}, mode {mode:04o}")


def _transport(facts: Facts) -> Iterator[Finding]:
    if facts["options"].get("server.sslCertFile"):
        yield ok("TLS", "by Streamlit itself")
    elif facts["proxies"]:
        yield note("TLS", "by a proxy, if at all: cookies are Secure where it sends X-Forwarded-Proto: https")
    else:
        yield note(
            "TLS",
            "not here; a proxy in front has to say X-Forwarded-Proto: https, else cookies are not Secure",
            "Name the proxy in trusted_proxies",
        )
    if facts["proxies_are_anyone"]:
        yield warning(
            "proxies",
            "anyone who connects is believed (trusted_proxies, else FORWARDED_ALLOW_IPS), or a large part of the "
            "internet: each can say what address and scheme it comes from",
            "Name the addresses of the proxies in trusted_proxies",
        )
    elif facts["proxies"]:
        yield ok("proxies", "named in trusted_proxies")


def _streamlit(options: Facts) -> Iterator[Finding]:
    if options.get("server.enableXsrfProtection") is False:
        yield warning(
            "XSRF", "server.enableXsrfProtection is off: other sites can upload in a person's name", "Set it to true"
        )
    if options.get("server.enableCORS") is False:
        yield warning(
            "CORS",
            "server.enableCORS is off: pages of any site may connect as its visitor",
            "Set it to true",
        )
    if options.get("server.unsafeMetricsUserAttributes"):
        yield problem(
            "metrics",
            "server.unsafeMetricsUserAttributes puts what identifies people on an endpoint that is open to all",
            "Set it to []",
        )
    if options.get("client.showErrorDetails") in ("full", True, "true"):
        yield note(
            "errors",
            "client.showErrorDetails shows visitors the traceback of an error, with paths and code",
            'Set it to "none" in production',
        )


def _places(facts: Facts) -> Iterator[Finding]:
    options = facts["options"]
    if options.get("server.enableStaticServing"):
        yield ok("static", "/app/static/ is guarded: a live session of the app is needed")
    if options.get("server.enableAgentApi"):
        yield (
            ok("agent API", "on, behind its own policy")
            if facts["agent"]
            else problem("agent API", "on without a policy", "Set agent=")
        )
    if facts["collections"]:
        yield ok("collections", ", ".join(facts["collections"]))
    if facts["open_endpoints"]:
        count = facts["open_endpoints"]
        yield note("endpoints", f"{count} of {facts['endpoints']} of the app's own are marked public: open to all")
    elif facts["endpoints"]:
        yield ok("endpoints", f"all {facts['endpoints']} of the app's own are guarded")
    if facts["unguarded"]:
        yield warning(
            "endpoints",
            f"answered beside the guard: {', '.join(facts['unguarded'])}",
            "guard() is for Streamlit alone: where not everyone may call them, have the framework ask, by a dependency "
            "or a middleware of its own",
        )
    yield (
        ok("audit", "written")
        if facts["audit"]
        else note("audit", "no audit log is kept", "Set audit_log to a file, for those who have to answer for it")
    )
