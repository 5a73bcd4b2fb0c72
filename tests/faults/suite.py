"""Every scenario, in the order of the README's table."""

from dataclasses import replace

from tests.faults import broker, crashes, disks, kinesis, limits, network, workers
from tests.faults.stage import Setup

PARTS = (crashes, broker, network, kinesis, disks, limits, workers)
SCENARIOS = tuple(scenario for part in PARTS for scenario in part.SCENARIOS)
BOUNDED = (crashes.STAGES, replace(kinesis.TROUBLES, setup=Setup(rate=300)))
"""What every `make test` plays, under less load than in the table; none needs root."""
