import pytest

from bridge.delivery.refusal_pattern import Verdict
from bridge.delivery.refusal_tolerance import MAX_TOLERATED, TARGET_SHARE, RefusalTolerance

RECORDS, SECS = 100, 0.1
SETTLED = 60.0


def verdict(refused, variance=0.0):
    return Verdict(refused, refused * 100, float(refused), float(refused), variance, by_chance=False)


def after(samples, secs=SECS):
    """Return the state after samples. R stands for a sample of which half is refused, A for an accepted one."""
    made = RefusalTolerance(0.0)
    for number, sample in enumerate(samples):
        made.on_sample(RECORDS, secs, verdict(50) if sample == "R" else None, 20.0 * number)
    return made


def refused(fraction, secs, *, begin=SETTLED, target=0.05, share=0.1):
    """Return the state after that fraction was refused for some seconds."""
    made = RefusalTolerance(0.0)
    for tenth in range(int(secs * 10)):
        made.on_refused(fraction, target, share, begin + tenth / 10)
    return made


@pytest.mark.parametrize(
    ("samples", "active"),
    [("", False), ("AAA", False), ("R", True), ("AAAAAAAAR", True)],
)
def test_contending_starts_with_the_first_sample_refused(samples, active):
    assert after(samples).active is active


@pytest.mark.parametrize(
    ("samples", "active"),
    [("R", False), ("RR", True), ("RAAAAAAR", True), ("RAAAAAAAR", False)],
)
def test_contending_that_ended_starts_with_two_of_eight_samples_refused(samples, active):
    assert after("RAA" + samples).active is active


@pytest.mark.parametrize(("samples", "active"), [("RRA", True), ("RRAA", False), ("RRARA", True), ("RRARAA", False)])
def test_contending_ends_with_two_samples_accepted_in_succession(samples, active):
    assert after(samples).active is active


def test_contending_with_small_samples_accepted_continues():
    assert after("RRAA", secs=0.01).active
    assert not after("RRAAAAA", secs=0.01).active


@pytest.mark.parametrize("found", [verdict(2), verdict(5, variance=4.0), verdict(30, variance=100.0)])
def test_refusals_that_are_few_or_by_chance_are_no_evidence(found):
    made = RefusalTolerance(0.0)
    for _ in range(8):
        made.on_sample(RECORDS, SECS, found, 0.0)
    assert not made.active


@pytest.mark.parametrize(("fraction", "secs", "active"), [(0.6, 5, False), (0.6, 15, True), (0.2, 100, False)])
def test_refusals_for_long_start_contending(fraction, secs, active):
    assert refused(fraction, secs).active is active


def test_refusals_at_the_start_are_no_evidence():
    assert not refused(0.9, 30, begin=0.0).active


@pytest.mark.parametrize(("fraction", "secs", "active"), [(0.2, 30, False), (0.2, 60, True), (0.12, 100, False)])
def test_starved_bridge_contends_though_little_is_refused(fraction, secs, active):
    assert refused(fraction, secs, target=0.2, share=0.006).active is active


def test_tolerance_ends_where_the_target_is_reached():
    made = after("RR")
    assert made.tolerated(TARGET_SHARE / 2) == MAX_TOLERATED
    assert 0 < made.tolerated(TARGET_SHARE * 0.9) < MAX_TOLERATED
    assert made.tolerated(TARGET_SHARE) == made.tolerated(1.0) == 0


def test_bridge_that_adapts_tolerates_nothing():
    assert after("A").tolerated(0.0) == 0


def test_ended_contending_forgets_its_evidence():
    made = after("RR")
    made.end(SETTLED)
    made.on_sample(RECORDS, SECS, verdict(50), SETTLED)
    assert not made.active


@pytest.mark.parametrize(("accepted", "secs"), [(0.44, 0.02), (2.0, 0.05), (0.22, 0.01), (0.01, 0.008)])
def test_requests_of_a_small_share_follow_one_another_quickly(accepted, secs):
    assert RefusalTolerance(0.0).interval_secs(accepted, 1.0) == pytest.approx(secs)


def test_requests_of_a_low_rate_carry_some_records():
    assert RefusalTolerance(0.0).interval_secs(0.01, 0.04) == pytest.approx(0.1)
