import pytest

from bridge.delivery.latency_experiment import MIN_INTERVAL_SECS, LatencyExperiment


@pytest.fixture
def experiment():
    """Started at 100 s after an answer that took 10 s, with 8 requests in flight."""
    made = LatencyExperiment()
    made.start(100.0, 10.0, 8)
    return made


def test_experiment_ends_with_a_request_that_started_later(experiment):
    assert experiment.running
    assert not experiment.ends_with(99.0, 10.0)
    assert experiment.ends_with(100.0, 10.0)


@pytest.mark.parametrize(("latency", "queue"), [(7.4, True), (7.5, False), (10.0, False)])
def test_latency_that_falls_shows_a_queue(experiment, latency, queue):
    assert experiment.found_queue(latency, 110.0) == queue
    assert not experiment.running


def test_latency_is_compared_with_the_highest_of_earlier_requests(experiment):
    experiment.ends_with(99.0, 20.0)
    assert experiment.found_queue(14.0, 120.0)


def test_single_request_waits_in_no_queue():
    experiment = LatencyExperiment()
    experiment.start(100.0, 10.0, 1)
    assert not experiment.found_queue(1.0, 110.0)


def test_distant_endpoint_is_not_tested_again_for_ten_answer_times(experiment):
    experiment.found_queue(10.0, 110.0)
    experiment.start(209.9, 10.0, 8)
    assert not experiment.running
    experiment.start(210.0, 10.0, 8)
    assert experiment.running


def test_queue_is_tested_again_soon_and_not_filled_for_ten_answer_times(experiment):
    experiment.found_queue(5.0, 110.0)
    assert (experiment.next_at, experiment.grow_from) == (110.0 + MIN_INTERVAL_SECS, 160.0)


def test_rates_are_conclusive_once_the_limits_are_in_use_again(experiment):
    experiment.found_queue(5.0, 110.0)
    assert experiment.conclusive_from == 115.0
