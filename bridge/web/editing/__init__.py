"""Edits of mapping files on the page. Each edit is checked, written atomically and logged, and can be undone."""
