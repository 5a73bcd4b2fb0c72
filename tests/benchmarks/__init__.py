"""How fast the bridge is, on real parts: `python -m tests.benchmarks`."""
