"""The command line: one module per family of commands, put together in `main`."""
