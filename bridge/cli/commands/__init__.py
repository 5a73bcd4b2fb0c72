"""Implementation of the commands, one file per command. The modules in `bridge.cli` declare the options."""
