"""The work of each command, one file per command. `bridge.cli` declares the options."""
