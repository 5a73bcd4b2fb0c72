import pytest

from bridge.aws.transport.measurement import RequestProgress
from bridge.delivery.outstanding_requests import OutstandingRequests


@pytest.fixture
def requests():
    return OutstandingRequests()


def left(flight, size, now):
    """Note that the kernel has reported `size` bytes of a request as left."""
    flight.progressed(RequestProgress(flight.size, size, drained=size == flight.size), now)


def test_rate_of_requests_one_after_the_other_is_that_of_the_link(requests):
    waiting = [requests.start(1_000, 0.0, None), requests.start(1_000, 0.0, None)]
    for second in range(1, 10):
        assert requests.answered(waiting.pop(0), 1_000, float(second)) == 1_000
        waiting.append(requests.start(1_000, float(second), None))


def test_small_request_that_overtakes_shows_no_higher_rate(requests):
    large = requests.start(100_000, 0.0, None)
    small = requests.start(2_000, 9.9, None)
    assert requests.answered(large, 100_000, 10.0) == 10_000
    assert requests.answered(small, 2_000, 10.1) == 10_200


def test_answers_that_a_busy_machine_reads_late_show_no_higher_rate(requests):
    first, second = requests.start(10_000, 0.0, None), requests.start(10_000, 0.0, None)
    third = requests.start(10_000, 2.9, None)
    for flight in (first, second, third):
        rate = requests.answered(flight, 10_000, 3.0)
    assert rate == 10_000


def test_rate_does_not_count_the_time_in_which_the_link_was_idle(requests):
    requests.answered(requests.start(10_000, 0.0, None), 10_000, 10.0)
    assert requests.answered(requests.start(10_000, 20.0, None), 10_000, 21.0) == 10_000


def test_answer_that_takes_no_time_has_a_rate(requests):
    assert requests.answered(requests.start(10_000, 1.0, None), 10_000, 1.0) > 10_000


def test_bytes_that_left_unseen_before_a_request_started_are_not_its_own(requests):
    earlier = requests.start(100_000, 0.0, None)
    left(earlier, 10_000, 1.0)
    later = requests.start(5_000, 2.0, None)
    left(earlier, 25_000, 2.4)
    left(later, 5_000, 2.5)
    requests.drained(later, 2.5)
    assert later.left_rate == pytest.approx(20_000 / 1.5)
