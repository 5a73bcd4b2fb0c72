import itertools

import pytest

from tests.faults.thin_links.link_run import BACKLOG, STEADY, Phase
from tests.faults.thin_links.scenarios import COVERING, SCENARIOS

VALUES = {
    "rate": {8_000, 16_000, 32_000, 64_000, 256_000, 1_250_000},
    "tls": {False, True},
    "packing": {"none", "kpl", "lines"},
    "message_bytes": {200, 1_000},
    "load": {"backlog", "live"},
    "medium": {"kernel", "router", "proxy"},
}
RUNS = [run for group in SCENARIOS for run in group.runs]


@pytest.mark.parametrize(("one", "other"), [*itertools.combinations(VALUES, 2)])
def test_covering_set_has_every_pair_of_values(one, other):
    pairs = {(getattr(run, one), getattr(run, other)) for run in COVERING}
    assert pairs == set(itertools.product(VALUES[one], VALUES[other]))


def test_covering_set_is_in_the_scenarios():
    assert set(COVERING) <= set(RUNS)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.link_name}, {run.load_name}")
def test_link_is_measured_long_enough_after_a_warm_up(run):
    assert all(phase.measure_secs >= 120 for phase in run.phases)
    assert all(phase.settle_secs <= max(30, 3 * phase.response_secs) for phase in run.phases)
    assert run.backlog >= BACKLOG
    assert run.phases != STEADY or run.phases == (Phase(120, 30),)


def test_scenarios_have_the_special_cases():
    assert any(run.streams == 3 and run.load == "backlog" for run in RUNS)
    assert any(run.streams == 3 and run.load == "live" for run in RUNS)
    assert any(run.loss == 0.02 and run.sender == "bridge" for run in RUNS)
    assert {phase.response_secs for run in RUNS for phase in run.phases} == {0.0, 5.0, 20.0}
    factors = {tuple(phase.rate_factor for phase in run.phases) for run in RUNS}
    assert {(1.0, 0.1, 1.0), (0.1, 1.0, 0.1)} <= factors


def test_group_has_one_calibrated_sender():
    assert [sum(run.sender == "calibrated" for run in group.runs) for group in SCENARIOS] == [1] * len(SCENARIOS)


def test_kernel_links_need_root():
    assert all(group.needs_root for group in SCENARIOS)
