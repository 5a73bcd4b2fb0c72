"""Mappings with state: `changes` and `sample`."""
