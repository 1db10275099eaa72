"""
Reads what the guard has allowed: sources of bytes, what was shown to whom, and the semantics of HTTP.

Knows no web framework. It makes one plan for a response; an adapter writes it.
"""
