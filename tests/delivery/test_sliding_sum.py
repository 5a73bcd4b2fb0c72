import pytest

from bridge.delivery.sliding_sum import SlidingSum


def test_sum_forgets_what_is_older_than_the_window():
    window = SlidingSum(3.0, 0.0)
    window.add(5, 0.1)
    assert window.total(2.9) == 5
    assert window.total(3.6) == 0


def test_rate_is_the_sum_over_the_window():
    window = SlidingSum(3.0, 0.0)
    for tenth in range(100):
        window.add(10, tenth / 10)
    assert window.per_sec(10.0) == pytest.approx(100, rel=0.02)


def test_rate_of_a_young_window_is_over_its_age():
    window = SlidingSum(3.0, 50.0)
    window.add(100, 50.5)
    assert window.per_sec(51.0) == pytest.approx(100)


def test_rate_within_the_first_slot_is_over_the_slot():
    window = SlidingSum(3.0, 0.0)
    window.add(10, 0.001)
    assert window.per_sec(0.002) == pytest.approx(20)


def test_late_values_count_as_current():
    window = SlidingSum(3.0, 0.0)
    window.add(1, 10.0)
    window.add(2, 5.0)
    assert window.total(10.0) == 3


def test_window_not_used_for_long_is_empty():
    window = SlidingSum(3.0, 0.0)
    for tenth in range(40):
        window.add(1, tenth / 10)
    assert window.total(1000.0) == 0
