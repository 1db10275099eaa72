"""
Attaches to Streamlit. The only package that touches Streamlit's private names, each in one place.

`contract` lists them, with the versions for which they hold, and refuses to start where one is missing.
"""
