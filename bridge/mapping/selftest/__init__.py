"""Tests in a mapping file, which check this mapping."""
