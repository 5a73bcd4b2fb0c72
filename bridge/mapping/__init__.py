"""The mapping language: topic patterns, expressions, and the conversion of a message to records.

The package uses no threads, no clock and no network. Only `loading` reads files.
"""
