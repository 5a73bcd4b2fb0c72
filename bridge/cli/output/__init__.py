"""Terminal output: tables, progress, numbers."""
