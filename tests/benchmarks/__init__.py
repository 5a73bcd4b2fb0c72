"""Benchmarks of the bridge with real components: `python -m tests.benchmarks`."""
