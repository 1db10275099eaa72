"""What the documentation tells users to write, in as many ways as it may be: no type checker has a complaint."""

from __future__ import annotations

import datetime
import io
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import secure_media as sm
from secure_media import (
    Collection,
    ConfigurationError,
    GrantError,
    ScriptError,
    SecureMediaError,
    guard,
    presets,
    secure_run,
)
from secure_media.core.context import AccessContext
from secure_media.core.policy import Policy
from secure_media.testing import (
    AppError,
    AppServer,
    Browser,
    ExpectForbidden,
    Response,
    RunningApp,
    Tab,
    access,
    decide,
    eventually,
    media_urls,
)

SECRET = os.environ["SECRET"]
EVERY_HOUR = datetime.timedelta(hours=1)


def policies() -> list[Policy]:
    """Combine every policy with every other."""

    def from_the_office(context: AccessContext) -> bool:
        return context.subject is not None and context.claims.get("office") == "Basel"

    async def is_on_the_list(context: AccessContext) -> bool:
        return context.principal is not None and context.principal.subject == "anna"

    def is_admin(claims: dict[str, Any]) -> bool:
        return "admin" in claims.get("roles", [])

    by_jwt = sm.jwt(
        cookie="session",
        key=b"k" * 32,
        algorithms=["HS256"],
        issuer="https://login.example",
        audience="the-app",
        require={"tenant": "acme", "roles": ["admin", "reader"]},
        leeway=5,
    )
    by_function = sm.jwt(
        cookie="session",
        key="-----BEGIN PUBLIC KEY-----",
        algorithms=("RS256",),
        issuer="i",
        audience="a",
        require=is_admin,
    )
    by_header = sm.jwt(
        header="x-amzn-oidc-data",
        key="-----BEGIN PUBLIC KEY-----",
        algorithms=["ES256"],
        issuer=None,
        audience=None,
        require_header={"signer": "arn:aws:elasticloadbalancing"},
        typ="JWT",
        padded=True,
    )

    async def is_invited(claims: dict[str, Any]) -> bool:
        return claims.get("sub") == "anna"

    by_login = sm.own_session() & sm.streamlit_login(max_age=3600, require=is_admin, everywhere=True)
    by_proxy = sm.trusted_header("Remote-User", groups="Remote-Groups", claims={"email": "Remote-Email"})
    by_gateway = (
        presets.google_iap("/projects/1/apps/reports", require={"hd": "example.org"})
        | presets.cloudflare_access("example", "0" * 64, require=is_invited)
        | presets.aws_alb("eu-west-1", "arn:aws:elasticloadbalancing", "https://login.example", require=is_admin)
        | presets.azure_app_service("tenant", "client", require=is_invited)
        | presets.keycloak("https://login.example", "staff", "reports", cookie="sso", require=is_invited)
        | presets.azure_client_principal(groups="roles", claims={"email": "preferred_username"})
        | presets.posit_connect()
    )
    by_set = sm.jwt(header="x", jwks_url="https://x.example/k", algorithms=["RS256"], issuer="i", audience="a")
    either = sm.own_session() | sm.signed_url()
    both: Policy = sm.own_session() & by_jwt
    return [
        either,
        both,
        by_header,
        by_proxy | by_gateway | by_set,
        by_login | sm.streamlit_login(require={"groups": ["staff"]}) | sm.streamlit_login(require=is_invited),
        either & by_function,
        (both | sm.signed_url()) & sm.allow_if(from_the_office),
        sm.allow_if(lambda context: context.action.value == "view"),
        sm.allow_if(is_on_the_list, timeout=0.5),
        sm.allow_if(lambda context: "staff" in context.groups and context.signed_in_within(EVERY_HOUR)),
    ]


def show_to_some() -> None:
    """Show media on conditions of their own."""

    async def may_see(context: AccessContext) -> bool:
        return context.auth_time is not None

    sm.image("scan.png", allow=lambda c: c.signed_in_within(300))
    sm.audio("a.mp3", allow=may_see)
    sm.video("a.mp4", allow=sm.allow_if(may_see, timeout=1) | sm.allow_if(lambda c: "staff" in c.groups))
    sm.pdf("a.pdf", allow=None)
    sm.download_button("save", b"", allow=may_see)
    sm.download_zip("save", {}, allow=may_see)


def ask_without_a_server() -> bool:
    """Ask policies and conditions about requests by hand."""
    anna = access(subject="anna", groups=["staff"], auth_time=0.0, claims={"office": "Basel"}, kind="file", name="a/b")
    return all(decide(policy, anna) for policy in policies()) and decide(lambda context: context.now > 0, access())


def open_a_running_app() -> list[str]:
    """Start an app, or reach one, and open it as browsers do."""
    there = RunningApp("https://apps.example/a/", headers={"X-Key": "1"}, verify=Path("ca.pem"), timeout=5)
    trusting = RunningApp(there.url, verify=False)
    options = {"server.baseUrlPath": "a", "server.maxUploadSize": 5, "server.sslCertFile": None}
    command = ["uvicorn", "app:app", "--port", "{port}"]
    try:
        with AppServer("app.py", options=options, env={"A": "b"}, guarded=True, folder=Path("apps")) as app:
            ann = Browser(app, cookies={"who": "ann"}, headers={"X-A": "b"}, site="https://apps.example")
            with ann.open(query="page=two") as tab:
                found = look_at(tab)
                answer: Response = ann.visit().get(tab.urls()[0], {"Range": "bytes=0-1"}, "HEAD")
                ExpectForbidden(app)(Browser(trusting).get("/media/0"), b"bytes", "text")
            head: bytes = app.raw(b"GET / HTTP/1.0\r\n\r\n", until=b"\r\n")
            code: int = AppServer(Path("app.py"), command=command, port=8501, wait=False, timeout=1.5).stop()
            body = eventually(lambda: answer.status == 200 and answer.body, "the file", timeout=1)
            return [*found, app.log, head.decode(), f"{code}", body.decode(), *answer.headers, *answer.set_cookies]
    except AppError as error:
        return [str(error), there.origin, f"{there.request('POST', '/', {'a': 'b'}, b'c').status}"]


def look_at(tab: Tab) -> list[str]:
    """Do all that can be done with an open page."""
    tab.widget_states["id"] = "text"
    found = [url for message in tab.click("Save") for url in media_urls(message)]
    with tab.browser.connect(resume=tab.session_id) as again:
        again.rerun(query="a=b", wait=False)
        kinds = [message.WhichOneof("type") or "" for message in again.receive()]
    return [*found, *kinds, *tab.texts(), *tab.exceptions(), *(element.label for element in tab.elements("button"))]


def sign_in_page() -> None:
    """Stand for the page where people sign in."""


def run_with_every_setting() -> None:
    """Start a script with every argument there is."""
    secure_run(__file__)
    secure_run(Path("app.py"), secret=SECRET)
    secure_run(
        "app.py",
        secret=[SECRET, b"an older one"],
        policy=policies()[0],
        grace=30,
        embedded=True,
        sign_media_urls=False,
        url_lifetime="4h",
        spool_limit="8 GiB",
        ledger=Path("grants.sqlite3"),
        audit_log="-",
        audit_required=False,
        session_memory=32 * 1024**2,
        refusal_page="refused.html",
        deployment="reports",
        protect="app",
        sign_in=sign_in_page,
        collections={
            "reports": "reports/",
            "archive": Path("archive"),
            "films": Collection("s3://films/2024", policy=sm.signed_url(), offload="redirect"),
            "linked": Collection(Path("linked"), follow_symlinks=True),
        },
        handlers=[(r"/reports/(.*)", _Handler)],
        streamlit_options={"server.port": 8080},
    )
    secure_run("app.py", grace=EVERY_HOUR, url_lifetime=90.5, secret=None, policy=None)


class _Handler:
    """Stands for a handler of Tornado or an endpoint of Starlette."""


@sm.public
def health(request: object) -> str:
    """Stay a function that takes and returns what it did."""
    return f"{request!r}"


@sm.public
class Open:
    """Stay a class."""

    name = "open"


def guard_an_app(app: object) -> Any:
    """Return the guarded app, as uvicorn takes it."""
    answer: str = health(object())
    opened: str = Open().name
    return guard(app, secret=SECRET, policy=sm.own_session(), grace="90s", collections={"reports": answer + opened})


def links() -> list[str]:
    """Make links of every source on all terms, and withdraw them."""
    first = sm.signed_url_for("reports/letter.pdf")
    second = sm.signed_url_for(
        Path("reports") / "letter.pdf",
        expires_in=EVERY_HOUR,
        bind="session",
        action="download",
        filename="letter.pdf",
        content_type="application/pdf",
        disposition="attachment",
        not_before=datetime.datetime.now(datetime.timezone.utc),
    )
    third = sm.share_link(
        b"bytes", expires_in=600, max_uses=1, confirm=False, subject="ann", ip="192.0.2.0/24", filename="a.bin"
    )
    sm.revoke(first)
    sm.revoke(subject="ann")
    sm.revoke(everything=True)
    return [first, second, third]


def pieces() -> Iterator[bytes]:
    """Make bytes piece by piece."""
    yield b"piece"


async def later_pieces() -> AsyncIterator[bytes]:
    """Make bytes piece by piece, asynchronously."""
    yield b"piece"


def elements() -> bool:
    """Show every element, with arguments of the native ones and of ours."""
    sm.image("photos/cat.png", caption="A cat", expires_in=60, bind="browser")
    sm.audio(pieces(), format="audio/wav", expires_in=EVERY_HOUR)
    sm.video(Path("film.mp4"), subtitles="film.vtt", start_time=3)
    sm.pdf(io.BytesIO(b"%PDF-1.7"), height=500, bind="subject")
    clicked: bool = sm.download_button("Save", pieces, file_name="a.csv", mime="text/csv", max_uses=1)
    named: bool = sm.download_button("Save", source="reports/letter.pdf", expires_in=600)
    zipped: bool = sm.download_zip(
        "All", {"a.txt": b"a", "b.txt": "reports/b.txt", "c.bin": later_pieces}, file_name="all.zip", max_uses=2
    )
    return clicked or named or zipped


def people() -> str:
    """Sign somebody in and out, and ask who is there."""
    sm.login("ann", claims={"groups": ["auditors"]}, expires_in=EVERY_HOUR, idle=600, only_session=True, renew=True)
    principal: sm.Principal | None = sm.current_principal()
    if principal is None:
        return "nobody"
    groups: tuple[str, ...] = principal.groups
    since: float | None = principal.auth_time
    sm.logout()
    return f"{principal.subject} {groups} {since} {principal.claims.get('name')}"


def errors() -> str:
    """Catch what is raised, by the root or by a branch."""
    try:
        return links()[0]
    except GrantError as error:
        script_error: ScriptError = error
        return str(script_error)
    except ConfigurationError as error:
        root: SecureMediaError = error
        return str(root)
