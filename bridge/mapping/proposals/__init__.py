"""Proposals of mappings for observed messages, each of which has passed `check`."""
