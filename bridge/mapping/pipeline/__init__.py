"""The hot path of a message through one mapping."""
