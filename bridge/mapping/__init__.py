"""The mapping language: topic patterns, expressions, and the records that they make of a message.

The package is pure, except for `loading`, which reads files: no threads, no clock, no network.
"""
