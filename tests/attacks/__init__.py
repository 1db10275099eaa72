"""
Attacks on a running app, over a raw socket.

`client` and `cases` know HTTP, JSON Web Tokens and Streamlit's URLs, and nothing of the guard that they attack.
"""
