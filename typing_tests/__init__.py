"""What users write, for type checkers to read; nothing here is run."""
