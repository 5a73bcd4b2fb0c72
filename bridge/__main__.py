"""Entry point of `python -m bridge`, which runs the same program as the command `mqtt-kinesis`."""

from bridge.cli import main

main()
