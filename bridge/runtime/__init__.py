"""The process: assembly of the parts, the service and its threads, signals, logs, and the control channel."""
