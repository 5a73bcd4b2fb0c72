"""Recorded traffic: `capture` writes it, and `diff` and `coverage` read it."""
