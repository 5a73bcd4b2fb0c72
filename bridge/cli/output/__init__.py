"""Output on a terminal: tables, progress, numbers."""
