"""
What users get wrong: each line with a comment is one that both type checkers have to complain about.

A comment that is not needed is an error itself, so a signature that lost its types fails here.
"""

from __future__ import annotations

from pathlib import Path

import secure_media as sm
from secure_media import presets
from secure_media.core.policy import Policy

sm.secure_run()  # type: ignore[call-arg]
sm.secure_run(__file__, "a secret that has no name")  # type: ignore[arg-type, call-arg]
sm.secure_run(__file__, secert="misspelt")  # type: ignore[call-arg]
sm.secure_run(__file__, grace=[30])  # type: ignore[arg-type]
sm.secure_run(__file__, embedded="yes")  # type: ignore[arg-type]
sm.secure_run(__file__, policy="own_session")  # type: ignore[arg-type]
sm.secure_run(__file__, policy=sm.own_session)  # type: ignore[arg-type]
sm.secure_run(__file__, secret=32)  # type: ignore[arg-type]
sm.secure_run(__file__, ledger=True)  # type: ignore[arg-type]
sm.secure_run(__file__, collections=["reports/"])  # type: ignore[arg-type]
sm.secure_run(__file__, streamlit_options=["--server.port", "80"])  # type: ignore[arg-type]
sm.secure_run(__file__, cookie_lifetime=60)  # type: ignore[call-arg]

sm.streamlit_login(3600)  # type: ignore[call-arg]
sm.streamlit_login(require=["groups"])  # type: ignore[arg-type]

sm.guard()  # type: ignore[call-arg]
sm.guard(object(), handlers=[])  # type: ignore[call-arg]
sm.guard(object(), session_memory=1.5)  # type: ignore[arg-type]

sm.own_session() | "signed_url"  # type: ignore[operator]
sm.own_session() and not sm.signed_url() & None  # type: ignore[operator]
_no_policy: Policy = sm.signed_url  # type: ignore[assignment]
sm.own_session("somebody")  # type: ignore[call-arg]
sm.image("scan.png", allow=True)  # type: ignore[arg-type]
sm.download_zip("all", {}, allow="staff")  # type: ignore[arg-type]
sm.allow_if(True)  # type: ignore[arg-type]
sm.allow_if(lambda context: "yes")  # type: ignore[arg-type, return-value]
sm.allow_if(lambda: True)  # type: ignore[arg-type, misc]
sm.allow_if(lambda context: context.no_such_thing)  # type: ignore[attr-defined]
sm.jwt(cookie="session", key=b"k" * 32, issuer="i", audience="a")  # type: ignore[call-arg]
sm.jwt(cookie="session", key=b"k" * 32, algorithms=256, issuer="i", audience="a")  # type: ignore[arg-type]

presets.google_iap("/projects/1/apps/reports", require=["hd"])  # type: ignore[arg-type]
presets.google_iap("/projects/1/apps/reports", require=lambda claims: "yes")  # type: ignore[arg-type]
presets.posit_connect("RStudio-Connect-Credentials")  # type: ignore[call-arg]

sm.share_link("reports/letter.pdf")  # type: ignore[call-arg]
sm.share_link("reports/letter.pdf", expires_in="1h")  # type: ignore[arg-type]
sm.share_link("reports/letter.pdf", expires_in=600, max_uses="1")  # type: ignore[arg-type]
sm.share_link("reports/letter.pdf", expires_in=600, bind="browser")  # type: ignore[call-arg]
sm.share_link(["a", "b"], expires_in=600)  # type: ignore[arg-type]
sm.signed_url_for("reports/letter.pdf", 600)  # type: ignore[call-arg]
sm.signed_url_for("reports/letter.pdf", not_before=1_800_000_000)  # type: ignore[arg-type]
_no_path: Path = sm.signed_url_for("reports/letter.pdf")  # type: ignore[assignment]
sm.revoke(user="ann")  # type: ignore[call-arg]

sm.image("photos/cat.png", expires_in="1h")  # type: ignore[arg-type]
sm.video("film.mp4", bind=1)  # type: ignore[arg-type]
sm.download_button("Save", b"bytes", max_uses="once")  # type: ignore[arg-type]
sm.download_zip("All")  # type: ignore[call-arg]
_no_text: str = sm.download_zip("All", {"a.txt": b"a"})  # type: ignore[assignment]

sm.Collection()  # type: ignore[call-arg]
sm.Collection("reports/", sm.signed_url())  # type: ignore[call-arg]
sm.Collection("reports/", follow_symlinks="yes")  # type: ignore[arg-type]
sm.Collection("reports/").root = "elsewhere/"  # type: ignore[misc]

sm.secure_media_run(__file__)  # type: ignore[attr-defined]
