"""The contents of a mapping file, as pydantic models."""
