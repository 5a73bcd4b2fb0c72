"""Recorded field traffic: what `capture` writes, and `diff` and `coverage` read."""
