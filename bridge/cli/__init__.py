"""The command line: `mqtt-kinesis`. One file a command; each gives its exit code.

0 well · 1 failed · 2 configuration · 70 crashed (a supervisor should restart) · 130 interrupted
"""

import os

from bridge.runtime.process_memory import raise_gc_threshold


def main() -> None:
    """Run the command, and end with its exit code."""
    raise_gc_threshold()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # they are looked for among all packages: 20 ms
    from bridge.cli.app import main as run  # noqa: PLC0415 - what it imports comes after these

    run()
