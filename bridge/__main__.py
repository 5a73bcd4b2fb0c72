"""Entry point of `python -m bridge`, the same program as `mqtt-kinesis`."""

from bridge.cli import main

main()
