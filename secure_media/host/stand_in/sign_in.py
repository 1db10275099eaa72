"""
What Streamlit runs for a stranger in place of the app's script: the page where people sign in.

Alone in its folder, which Streamlit takes for the app's and looks for pages in.
"""

from secure_media.host import script

serving = script.deployment()
if serving is not None and serving.sessions.sign_in_page is not None:
    # Not an expression on its own, which Streamlit may show.
    _ = serving.sessions.sign_in_page()
