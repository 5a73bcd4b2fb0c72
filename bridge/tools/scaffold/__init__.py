"""The file bridge.yaml, which `init` writes in addition to the proposed mappings."""
