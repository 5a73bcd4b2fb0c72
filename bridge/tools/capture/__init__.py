"""Recorded field traffic: `capture` writes it, `diff` and `coverage` read it."""
