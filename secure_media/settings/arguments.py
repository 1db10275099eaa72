"""The settings that may be arguments, with their types: the signature that `secure_run` and `guard` share."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterable
from typing import Literal, TypedDict

from secure_media.core.policy import Policy
from secure_media.settings.kinds import Secret


class SettingArguments(TypedDict, total=False):
    """The settings that may be arguments. What stands below each is its entry in the table, for editors to show."""

    secret: Secret | None
    """
    At least 32 bytes; `secure-media keygen` makes one. Several, newest first, to rotate: a list, or separated by commas
    where it is not an argument. Without one, a random secret is made for this process, with a warning.
    """
    policy: Policy | None
    """Who may have what. Default: either of `own_session()` and `signed_url()` will do."""
    grace: float | str | datetime.timedelta | None
    """
    For how long media stay available after their page is closed. In seconds, or with units: `90s`, `1h30m`, `1w`.
    Default: 30 seconds.
    """
    embedded: bool | None
    """Whether pages of other sites show the app in a frame. Default: false."""
    sign_media_urls: bool | None
    """Whether every media URL carries a grant, for browsers that send no cookie. Default: whether `embedded`."""
    url_lifetime: float | str | datetime.timedelta | None
    """
    For how long the grants of `sign_media_urls` are good. In seconds, or with units: `90s`, `1h30m`, `1w`.
    Default: 4 hours.
    """
    spool_limit: int | str | None
    """
    How much of the disk may be taken by bytes that links are for and by streams that elements show, in a file without a
    name in `TMPDIR` (or `/var/tmp`); beyond it, `share_link(bytes)` and the element raise. In bytes, or with a unit:
    `512 MB`, `8 GiB`. Default: 8 GiB.
    """
    ledger: str | os.PathLike[str] | None
    """
    The SQLite file that keeps revocations and uses, or `memory`. Default: `.streamlit/secure_media.sqlite3`, made on
    first use; `memory` if the secret ends with the process, unless the policy has `streamlit_login()`.
    """
    audit_log: str | os.PathLike[str] | None
    """A file that gets every decision and delivery as one line of JSON; `-` for stderr. Default: none."""
    audit_required: bool | None
    """Whether media are refused while the audit log cannot be written (disk full, folder gone). Default: false."""
    session_memory: int | str | None
    """
    How much memory a session's media may take up that will never be sent to its page: frames of an animation that came
    faster than messages leave. Beyond that the oldest go, with one line in the log for each session. In bytes, or with
    a unit: `512 MB`, `8 GiB`. Default: 32 MiB.
    """
    refusal_page: str | os.PathLike[str] | None
    """
    An HTML file, in your words or language, for people who open an address and are refused; read at start. `{app}` in
    it becomes the app's address; it may have inline styles, and can run and load nothing. Default: a built-in page.
    """
    agent: Policy | None
    """
    Who may use the app by Streamlit's agent API (`server.enableAgentApi`), each in a session of their own. Default:
    nobody, and the app does not start with that API.
    """
    protect: Literal["media", "app"] | None
    """
    What is guarded: `media`, or with `app` everything of the app, its page, WebSocket and uploads as well, which then
    need somebody whom the policy knows by name. Default: `media`.
    """
    sign_in: str | Callable[[], object] | None
    """
    With `protect="app"`, where people are sent to sign in: the path of a page on this host, a URL, or `streamlit` for
    Streamlit's own login (`streamlit:NAME` for one of several providers); or, as an argument, a function of the app
    that shows the page, which strangers then have in place of the app. Default: nowhere; they are refused.
    """
    trusted_proxies: str | Iterable[str] | None
    """
    The proxies that connect to the app, which alone are believed in what they say of a client: its address, its scheme,
    a prefix, and who it is (`trusted_header`). `unix:` is anyone who connects through a Unix socket, `*` anyone at all.
    Addresses and networks, in a list or separated by commas: `["10.0.0.5", "10.1.0.0/16"]`. Default: those that the
    server trusts (`FORWARDED_ALLOW_IPS`), and nobody for `trusted_header`.
    """
    deployment: str | None
    """Sets this app apart from another with the same secret on the same host."""
