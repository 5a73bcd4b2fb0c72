import random

import pytest

from bridge.delivery.refusal_pattern import RefusalPattern


def outcomes(text, size=100):
    """Return outcomes from a text in which A stands for an accepted record, and R for a refused one."""
    return [(size, letter == "A") for letter in text]


def congested(requests, secs=0.1):
    """Return the records that count as refused by a full shard, and all refused records."""
    pattern, counted, refused = RefusalPattern(0.0), 0.0, 0
    for number, request in enumerate(requests):
        if all(accepted for _, accepted in request):
            pattern.add_accepted(len(request), number * secs)
            continue
        verdict = pattern.add(request, number * secs)
        counted += verdict.congested
        refused += verdict.refused
    return counted, refused


def refused_at_random(count, records, probability):
    dice = random.Random(1)
    return [[(100, dice.random() >= probability) for _ in range(records)] for _ in range(count)]


def test_refused_tail_counts_as_a_full_shard():
    assert congested([outcomes("A" * 30 + "R" * 10)] * 5) == (50, 50)


def test_request_refused_from_its_first_record_counts():
    assert congested([outcomes("R" * 20)]) == (20, 20)


@pytest.mark.parametrize("records", [25, 100])
@pytest.mark.parametrize("probability", [0.1, 0.5])
def test_refusals_at_random_hardly_count(records, probability):
    counted, refused = congested(refused_at_random(10_000 // records, records, probability))
    assert refused == pytest.approx(10_000 * probability, rel=0.2)
    assert counted < 0.2 * refused


def test_tail_behind_refusals_at_random_counts():
    requests = [request + outcomes("R" * 30) for request in refused_at_random(100, 70, 0.1)]
    counted, _ = congested(requests)
    assert counted == pytest.approx(3000, rel=0.05)


def test_small_record_accepted_after_a_refused_large_one_shows_no_chance():
    request = [(1 << 20, False), (100, True)]
    assert congested([request] * 10) == (10, 10)


def test_large_record_accepted_after_a_refused_small_one_shows_chance():
    request = [(100, False), (1 << 20, True)]
    counted, refused = congested([request] * 50)
    assert counted < 0.2 * refused


def test_shard_that_regains_tokens_in_a_request_counts():
    """One of ten records in the tail is accepted, so the tail alone looks like refusals by chance."""
    counted, refused = congested([outcomes("A" * 60 + "RRRRRRRRRA" * 4)] * 50)
    assert counted > 0.8 * refused


def test_crowd_refused_almost_everything_is_not_chance():
    """The shard processes records slowly, so it regains tokens and accepts one of fifty."""
    counted, refused = congested([outcomes(("R" * 49 + "A") * 4)] * 20)
    assert counted > 0.3 * refused


def test_chance_does_not_explain_many_records_refused_in_full():
    pattern = RefusalPattern(0.0)
    assert not pattern.add(outcomes("RR"), 0.0).by_chance
    for number, request in enumerate(refused_at_random(200, 20, 0.5)):
        pattern.add(request, number / 10)
    assert not pattern.add(outcomes("R" * 12), 20.0).by_chance


def test_verdict_counts_refused_records_and_bytes():
    verdict = RefusalPattern(0.0).add([(10, True), (20, False), (30, False)], 0.0)
    assert (verdict.refused, verdict.refused_bytes) == (2, 50)


def test_chance_of_the_past_is_forgotten():
    pattern = RefusalPattern(0.0)
    for number, request in enumerate(refused_at_random(200, 20, 0.5)):
        pattern.add(request, number / 10)
    verdict = pattern.add(outcomes("A" * 10 + "R" * 10), 120.0)
    assert verdict.congested > 8
