"""List of all scenarios, in the order of the table in docs/explanation/fault-suite.md."""

from dataclasses import replace

from tests.faults import (
    broker_scenarios,
    crash_scenarios,
    disk_scenarios,
    hostile_scenarios,
    kinesis_scenarios,
    limit_scenarios,
    network_scenarios,
    shared_shard_scenarios,
    worker_scenarios,
)
from tests.faults.corruption import scenarios as corruption_scenarios
from tests.faults.scenario_setup import Setup
from tests.faults.thin_links import scenarios as thin_link_scenarios

PARTS = (
    crash_scenarios,
    broker_scenarios,
    network_scenarios,
    kinesis_scenarios,
    disk_scenarios,
    limit_scenarios,
    hostile_scenarios,
    worker_scenarios,
    thin_link_scenarios,
    shared_shard_scenarios,
    corruption_scenarios,
)
SCENARIOS = tuple(scenario for part in PARTS for scenario in part.SCENARIOS)
BOUNDED = (crash_scenarios.STAGES, replace(kinesis_scenarios.TROUBLES, setup=Setup(rate=300)))
"""Scenarios that `make test` runs, with less load than in the table. None of them needs root."""
