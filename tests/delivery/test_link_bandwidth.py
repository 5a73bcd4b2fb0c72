import pytest

from bridge.delivery.link_bandwidth import FIRST_BANDWIDTH, LinkBandwidth


@pytest.fixture
def link():
    """A link that was measured: 100,000 bytes per second."""
    made = LinkBandwidth(minimum=2_000)
    made.on_rate(100_000, limited=True)
    return made


def test_first_rate_of_a_full_link_replaces_the_assumed_one():
    link = LinkBandwidth(minimum=2_000)
    assert (link.value, link.measured) == (FIRST_BANDWIDTH, False)
    link.on_rate(8_000, limited=True)
    assert (link.value, link.measured) == (8_000, True)


def test_first_rate_of_a_link_with_room_does_not_lower_the_assumed_one():
    link = LinkBandwidth(minimum=2_000)
    link.on_rate(8_000, limited=False)
    assert link.value == FIRST_BANDWIDTH


def test_higher_rate_counts_at_once(link):
    link.on_rate(150_000, limited=False)
    assert link.value == 150_000


def test_lower_rate_of_a_link_with_room_does_not_count(link):
    for _ in range(20):
        link.on_rate(10_000, limited=False)
    assert link.value == 100_000


def test_lower_rates_of_a_full_link_count_once_the_higher_ones_are_old(link):
    for _ in range(7):
        link.on_rate(80_000, limited=True)
    assert link.value == 100_000
    link.on_rate(80_000, limited=True)
    assert link.value == 80_000


def test_bandwidth_is_halved_by_the_second_much_lower_rate(link):
    values = []
    for _ in range(6):
        link.on_rate(10_000, limited=True)
        values.append(link.value)
    assert values == [100_000, 50_000, 25_000, 12_500, 10_000, 10_000]


def test_single_much_lower_rate_does_not_count(link):
    for _ in range(4):
        link.on_rate(10_000, limited=True)
        link.on_rate(90_000, limited=True)
    assert link.value == 90_000


def test_halved_bandwidth_stays_above_the_least(link):
    for _ in range(20):
        link.halve()
    assert link.value == 2_000


def test_bandwidth_is_not_halved_below_a_measured_rate(link):
    link.halve(70_000)
    assert link.value == 70_000
    link.halve(90_000)
    assert link.value == 70_000


def test_growth_is_half_of_what_one_request_more_could_bring(link):
    assert link.has_grown(4)
    assert not link.has_grown(5)
    link.on_rate(109_000, limited=True)
    assert not link.has_grown(5)
    link.on_rate(111_000, limited=True)
    assert link.has_grown(5)


def test_growth_after_the_comparison_became_void(link):
    assert link.has_grown(4)
    link.reset_growth()
    assert link.has_grown(4)
