"""Bytes: where they come from, in which order they are read, and what becomes of them on their way."""
