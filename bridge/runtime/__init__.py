"""The bridge's process: assembly of its parts, the service and its threads, signals, logs, and the control channel."""
