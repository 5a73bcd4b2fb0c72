"""Every scenario, in the order of the README's table."""

from tests.faults import broker, crashes, kinesis

PARTS = (crashes, broker, kinesis)
SCENARIOS = tuple(scenario for part in PARTS for scenario in part.SCENARIOS)
BOUNDED = (crashes.EVERYWHERE, broker.FROZEN, kinesis.TROUBLES)
"""Those that every `make test` plays: one for each side of the bridge, and none that needs root."""
