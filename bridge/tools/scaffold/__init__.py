"""Files that `init` writes: bridge.yaml, and mappings for observed messages, each of which has passed `check`."""
