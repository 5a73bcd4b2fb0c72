"""The tests that a mapping file holds for its own mapping."""
