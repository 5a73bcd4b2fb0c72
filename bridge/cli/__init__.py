"""The command line: `mqtt-kinesis`. One file a command; each gives its exit code.

0 well · 1 failed · 2 configuration · 70 crashed (a supervisor should restart) · 130 interrupted
"""

from bridge.cli.app import main

__all__ = ["main"]
