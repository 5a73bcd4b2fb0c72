"""Every scenario, in the order of the README's table."""

from tests.faults import broker, crashes, disks, kinesis, limits, network

PARTS = (crashes, broker, network, kinesis, disks, limits)
SCENARIOS = tuple(scenario for part in PARTS for scenario in part.SCENARIOS)
BOUNDED = (crashes.EVERYWHERE, broker.FROZEN, kinesis.TROUBLES)
"""Those that every `make test` plays: one for each side of the bridge, and none that needs root."""
