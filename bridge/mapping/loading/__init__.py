"""Mapping files and lookup tables: loading, validation, hot reload."""
