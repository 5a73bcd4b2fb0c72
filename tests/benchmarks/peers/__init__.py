"""Comparison of the bridge with other programs for the same work: `python -m tests.benchmarks.peers`."""
