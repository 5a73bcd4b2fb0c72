"""`python -m bridge` is `mqtt-kinesis`."""

from bridge.cli import main

main()
