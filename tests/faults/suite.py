"""Every scenario, in the order of the README's table."""

from tests.faults import broker, crashes, disks, kinesis, limits, network, workers

PARTS = (crashes, broker, network, kinesis, disks, limits, workers)
SCENARIOS = tuple(scenario for part in PARTS for scenario in part.SCENARIOS)
BOUNDED = (crashes.EVERYWHERE, kinesis.TROUBLES)
"""Those that every `make test` plays; none needs root."""
