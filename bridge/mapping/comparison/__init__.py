"""Comparison of two sets of mappings on the same messages, for the command `diff`.

outcomes.py      the results of both sets for one message, and their differences
differences.py   the differences as text or JSON
"""
