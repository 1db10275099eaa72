"""
Translates: one web server's request in, its response out. No rule is decided here.

`gate` does what both servers have in common; `asgi` and `tornado` are its two adapters.
"""
