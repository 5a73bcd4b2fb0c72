"""File that `init` writes beside the proposed mappings: bridge.yaml."""
