"""Comparison of two sets of mappings on the same messages."""
