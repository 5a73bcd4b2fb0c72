"""Edits of mapping files on the page: each is checked, written atomically, logged, and can be undone."""
