"""A small app with a suite of its own: invoices for one browser each, and a report to share and to withdraw."""

# ruff: noqa: E402 - the guard stands first, so that the rest runs nowhere but behind it

from __future__ import annotations

from pathlib import Path

from secure_media import secure_run

secure_run(__file__, collections={"reports": Path(__file__).parent / "reports"})

import streamlit as st

import secure_media as sm

customer = st.query_params.get("customer", "nobody")
st.title(f"Invoices of {customer}")
st.download_button("Invoice", f"Invoice of {customer}: one coffee, 3.50", f"{customer}.txt")

if st.button("Share the report"):
    st.session_state["link"] = sm.share_link("reports/third-quarter.txt", expires_in=600)
if st.button("Withdraw it"):
    sm.revoke(st.session_state.pop("link"))
st.text(st.session_state.get("link", "Nothing is shared."))
