"""
The browser cookie where a neighbour plants one, where a proxy says too little, and where settings have changed.

On a real server, under a name that is not this machine's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import SECRET, AppServer, Browser

APP = """
import streamlit as st

if "twice" in st.query_params:
    st.download_button("first", "the first one", "b.txt")
st.download_button("x", f"for {st.query_params.get('who')}", "a.txt")
"""
SITE = "https://app.example"
#: What a browser says of the first request, and of one that the page sends.
NAVIGATION = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
OF_THE_PAGE = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Serve an app as behind a proxy that has HTTPS and does not say so."""
    with AppServer(APP, folder=tmp_path_factory.mktemp("app")) as running:
        yield running


def _over_https(server: AppServer) -> Browser:
    return Browser(server, headers=OF_THE_PAGE, site=SITE)


def test_cookie_is_the_hosts_where_a_browser_proves_https(server: AppServer) -> None:
    """Fetch Metadata and Origin tell what the proxy does not: the cookie is __Host- and Secure, and serves media."""
    ann = _over_https(server)
    (line,) = ann.get("/", NAVIGATION).set_cookies
    assert line.startswith("__Host-sm_")
    assert "; Secure" in line

    with ann.open(query="who=ann") as tab:
        (url,) = tab.urls()
        assert ann.get(url).body == b"for ann"
        assert not any(line.startswith(("sm_", "__Host-")) for line in ann.get("/", NAVIGATION).set_cookies)
    assert [name for name in ann.cookies if name.startswith("sm_")] == []
    assert server.log.count("proxy.scheme_missing") == 1


@pytest.mark.parametrize("visits", [pytest.param(True, id="page"), pytest.param(False, id="handshake-alone")])
def test_planted_plain_cookie_makes_no_page_the_attackers(server: AppServer, visits: bool) -> None:
    """A sibling site plants its plain cookie in the victim's browser; what the victim is shown stays the victim's."""
    mallory = Browser(server).visit()
    with mallory.connect(query="who=mallory") as tab:  # over plain HTTP that cookie is good
        assert mallory.get(tab.urls()[0]).body == b"for mallory"
    planted = {name: value for name, value in mallory.cookies.items() if name.startswith("sm_")}
    assert len(planted) == 1
    victim = _over_https(server)
    victim.cookies.update(planted)

    query = "who=victim&twice=1"
    with victim.open(query=query) if visits else victim.connect(query=query) as tab:
        url = tab.urls()[-1]
        assert victim.get(url).status == (200 if visits else 403)
        assert mallory.get(url).status == 403


def test_plain_http_in_an_intranet_goes_on(server: AppServer) -> None:
    """Over plain HTTP, under whatever name, browsers send no Fetch Metadata, and the plain cookie is the one."""
    ann = Browser(server, site="http://app.example", headers={"Referer": "http://app.example/"})
    with ann.open(query="who=ann") as tab:
        assert ann.get(tab.urls()[0]).body == b"for ann"
    assert [name for name in ann.cookies if name.startswith("__Host-")] == []


def test_browser_that_is_told_to_trust_plain_http_goes_on(server: AppServer) -> None:
    """A browser may be configured to send Fetch Metadata over plain HTTP; its pages say that they are."""
    ann = Browser(server, site="http://app.example", headers={**OF_THE_PAGE, "Referer": "http://app.example/"})
    with ann.open(query="who=ann") as tab:
        assert ann.get(tab.urls()[0]).body == b"for ann"
    assert any(name.startswith("sm_") for name in ann.cookies)


def test_switching_embedded_locks_nobody_out(tmp_path: Path) -> None:
    """Browsers go on when the app begins, and ceases, to be embedded, and never have two cookies of one name."""
    lines: list[str] = []
    cookies: dict[str, str] = {}
    for number, arguments in enumerate(("", ", embedded=True", "")):
        folder = tmp_path / str(number)
        folder.mkdir()
        with AppServer(APP, run_arguments=f"secret={SECRET!r}{arguments}", folder=folder) as server:
            ann = Browser(server, headers=OF_THE_PAGE, site=SITE, cookies=cookies)
            lines += [line for line in ann.get("/", NAVIGATION).set_cookies if line.startswith("__Host-")]
            with ann.open(query="who=ann") as tab:
                assert ann.get(tab.urls()[0].partition("?")[0]).body == b"for ann"
            cookies = ann.cookies

    names = [line.partition("=")[0] for line in lines]
    assert names == [names[0], f"{names[0]}_p"]  # coming back to the first setting finds its cookie
    assert ["Partitioned" in line for line in lines] == [False, True]


def test_browser_with_a_cookie_in_and_out_of_a_partition_is_healed(server: AppServer) -> None:
    """Two of one name that this host has set are one browser, which is rid of the partitioned one on its next visit."""
    first, second = _over_https(server).visit(), _over_https(server).visit()
    (name,) = [name for name in first.cookies if name.startswith("__Host-")]
    both = f"{name}={first.cookies[name]}; {name}={second.cookies[name]}"
    ann = Browser(server, headers={**OF_THE_PAGE, "Cookie": both}, site=SITE)

    removal, kept = [line for line in ann.get("/", NAVIGATION).set_cookies if line.startswith(name)]
    assert removal.startswith(f"{name}=; ")
    assert {"Max-Age=0", "Partitioned", "Secure"} <= set(removal.split("; "))
    assert "Partitioned" not in kept
    with ann.connect(query="who=ann") as tab:
        (url,) = tab.urls()
        assert ann.get(url).body == b"for ann"
        healed = Browser(server, headers={**OF_THE_PAGE, "Cookie": kept.partition(";")[0]}, site=SITE)
        assert healed.get(url).body == b"for ann"
