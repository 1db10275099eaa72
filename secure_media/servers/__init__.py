"""Translates: one web server's request in, its response out. No rule is decided here."""
