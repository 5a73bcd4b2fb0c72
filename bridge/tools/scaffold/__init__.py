"""What `init` writes: bridge.yaml, and mappings for what was observed, each of which has passed `check`."""
