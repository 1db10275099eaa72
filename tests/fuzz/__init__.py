"""Bytes that nobody thought of, for everything that reads what clients send (`nox -s fuzz`)."""
