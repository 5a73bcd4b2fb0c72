"""The tests in a mapping file, which test this mapping."""
