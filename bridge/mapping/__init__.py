"""The mapping language: topic patterns, expressions, and the conversion of a message to records.

The package is pure, except for `loading`, which reads files: no threads, no clock, no network.
"""
