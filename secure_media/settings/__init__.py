"""The settings of a deployment: one table, the places where they stand, and what may stand there."""
