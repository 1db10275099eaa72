"""
Decides who may have which media.

No I/O, no web framework and no clock of its own: values come in, a decision goes out. Both servers use the same
objects, so a rule that holds on one holds on the other.
"""
