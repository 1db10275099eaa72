"""
Attaches to Streamlit. The only package that touches Streamlit's private names, each in one place.

`internals` lists them, with the versions for which they hold; `compatibility` looks at them before anything is hooked.
"""
