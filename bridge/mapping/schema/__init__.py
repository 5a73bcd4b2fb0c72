"""Pydantic models of the contents of a mapping file."""
