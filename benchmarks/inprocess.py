"""
What the gate takes by itself, without a server's parsing and sockets: processor time in its process.

The gate and its decisions are called as the server calls them, by a page of the app, with what a real session was
shown. Streamlit's Starlette server only.

    python -m benchmarks.inprocess [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.apps import Signers, jwt_head
from benchmarks.timing import REPEATS, SELDOM, summary
from tests.servers import AppServer, Browser

_PAGE = """
import json
import streamlit as st
from streamlit import runtime
from benchmarks import timing
from benchmarks.rows import content

media = runtime.get_instance().media_file_mgr.add(content(1000), "image/png", "1")
st.markdown(media)
if "time" in st.query_params:
    given = json.load(open("given.json"))
    gate = timing.gate_of(runtime.get_instance())
    through, decision = timing.through_the_gate(gate), timing.decision(gate)
    found = {}
"""
_OWN = """
    import secure_media as sm

    links = [sm.share_link(content(1000), filename="1.png", expires_in=3600) for _ in range(given["count"])]
    links = ["/media/" + link.rpartition("/media/")[2] for link in links]
    host = {"Host": "127.0.0.1:8501"}
    short = timing.scope_of(media, {**host, "Cookie": given["cookie"]})
    full = timing.scope_of(media, {**host, **given["browser"], "Cookie": given["cookie"]})
    by_link = [timing.scope_of(link, host) for link in links]
    found["the whole gate, own session, two headers"] = timing.seen_before(through, short)
    found["the whole gate, own session, a browser's headers"] = timing.seen_before(through, full)
    found["the whole gate, share link seen before"] = timing.seen_before(through, by_link[0])
    found["a decision, own session"] = timing.seen_before(decision, timing.asked(short))
    asked = [timing.asked(each) for each in by_link]
    found["a decision, signed URL, new"] = timing.new(decision, asked)
    found["a decision, signed URL, seen before"] = timing.seen_before(decision, asked[0])
    st.text(json.dumps(found))
"""
_BY_JWT = """
    for name, tokens in given["tokens"].items():
        scopes = [timing.scope_of(media, {"Host": "127.0.0.1:8501", "Cookie": f"{name}={each}"}) for each in tokens]
        asked = [timing.asked(each) for each in scopes]
        found[f"a decision, {name}, new"] = timing.new(decision, asked)
        found[f"a decision, {name}, seen before"] = timing.seen_before(decision, asked[0])
        found[f"the whole gate, {name} seen before"] = timing.seen_before(through, scopes[0])
    st.text(json.dumps(found))
"""
#: What Chromium says when it fetches a picture of the page.
_BROWSER = {
    "Connection": "keep-alive",
    "sec-ch-ua-platform": '"Linux"',
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0",
    "sec-ch-ua": '"Chromium";v="142", "Not_A Brand";v="99"',
    "sec-ch-ua-mobile": "?0",
    "Accept": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "no-cors",
    "Sec-Fetch-Dest": "image",
    "Referer": "http://127.0.0.1:8501/",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en-US,en;q=0.9",
}
_COUNT = SELDOM * (REPEATS + 1)


def measured() -> dict[str, list[float]]:
    """Return what everything took, in microseconds by repeat."""
    signers = Signers()
    with tempfile.TemporaryDirectory(prefix="bench-") as name, tempfile.TemporaryDirectory(prefix="bench-") as other:
        found = _asked(_PAGE + _OWN, Path(name), {"browser": _BROWSER, "count": _COUNT}, guarded=True)
        (Path(other) / "keys.json").write_text(json.dumps(signers.verifying), "utf-8")
        tokens = {each: [signers.token(each, number) for number in range(_COUNT)] for each in signers.verifying}
        script = jwt_head() + _PAGE + _BY_JWT
        return found | _asked(script, Path(other), {"tokens": tokens}, guarded=False)


def _asked(script: str, folder: Path, given: dict[str, Any], *, guarded: bool) -> dict[str, list[float]]:
    """Open the page, let it time what it does, and return what it says."""
    with AppServer(script, folder=folder, guarded=guarded) as server:
        browser = Browser(server)
        with browser.open() as tab:
            (folder / "given.json").write_text(json.dumps({**given, "cookie": browser.cookie_header()}), "utf-8")
            tab.rerun(query="time=1")
            assert not tab.exceptions(), tab.exceptions()
            found: dict[str, list[float]] = json.loads(tab.texts()[0])
            return found


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n")[0])
    parser.add_argument("--json", type=Path, help="write all repeats to this file")
    arguments = parser.parse_args()
    found = measured()
    print(f"Microseconds of processor time, of {REPEATS} repeats\n")
    print("| | median | least | most |\n|---|---:|---:|---:|")
    for name, times in found.items():
        said = summary(times)
        print(f"| {name} | {said['median']:.1f} | {said['least']:.1f} | {said['most']:.1f} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
