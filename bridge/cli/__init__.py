"""The command line: `mqtt-kinesis`. One file a command; each gives its exit code.

0 well · 1 failed · 2 configuration · 70 crashed (a supervisor should restart) · 130 interrupted
"""

import os

from bridge.runtime.collecting import collect_seldom


def main() -> None:
    """Run the command, and end with its exit code."""
    collect_seldom()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # they are looked for among all packages: 20 ms
    from bridge.cli.app import main as run  # noqa: PLC0415 - what it imports comes after these

    run()
