"""The bridge beside what others would use for the same work: `python -m tests.benchmarks.peers`."""
