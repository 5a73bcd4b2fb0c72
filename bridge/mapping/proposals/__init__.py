"""Proposals of mappings for observed messages. Each proposed mapping has passed `check`."""
