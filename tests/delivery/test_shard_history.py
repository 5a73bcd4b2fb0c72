"""Exact conclusions about the ranges and lifetimes of shards."""

import pytest

from bridge.delivery.shard_history import MAX_CLOSED_SHARDS, MAX_STALE_SECS, ShardHistory
from bridge.kinesis.shard_map import HASHES, Shard

LOW, HIGH = Shard("low", 0, 99), Shard("high", 100, HASHES - 1)


@pytest.fixture
def history():
    """Both shards were listed at 1.0."""
    history = ShardHistory()
    history.listed([LOW, HIGH], requested_at=0.0, answered_at=1.0)
    history.resolve(1.0)
    assert history.complete
    return history


def accept(history, shard_id, hash_, sent_at, answered_at):
    history.accepted(shard_id, hash_, sent_at, answered_at)
    history.resolve(answered_at)


def usable(history):
    return {shard.id: (shard.first_hash, shard.last_hash) for shard in history.usable()}


def test_accepted_hashes_span_a_range():
    history = ShardHistory()
    for hash_ in (50, 20, 30):
        accept(history, "a", hash_, 1.0, 2.0)
    assert usable(history) == {"a": (20, 50)}
    assert not history.complete


def test_listed_shards_that_accept_their_own_hashes_remain_complete(history):
    accept(history, "low", 99, 2.0, 3.0)
    accept(history, "high", 100, 2.0, 3.0)
    assert history.complete
    assert not history.contradicted


def test_new_shard_closes_only_the_listed_shard_whose_hash_it_accepts(history):
    accept(history, "new", 60, 2.0, 3.0)
    assert usable(history) == {"new": (60, 60), "high": (100, HASHES - 1)}
    assert not history.complete
    assert history.has_new_shard


def test_merge_closes_both_parents(history):
    accept(history, "new", 60, 2.0, 3.0)
    accept(history, "new", 160, 2.0, 3.0)
    assert usable(history) == {"new": (60, 160)}


def test_late_answer_of_a_closed_shard_changes_nothing(history):
    accept(history, "new", 60, 2.0, 3.0)
    accept(history, "low", 60, 2.9, 9.0)
    assert usable(history) == {"new": (60, 60), "high": (100, HASHES - 1)}
    assert not history.contradicted


def test_closed_shard_that_accepts_again_is_a_contradiction(history):
    accept(history, "new", 60, 2.0, 3.0)
    accept(history, "low", 60, 3.1, 9.0)
    assert history.contradicted


def test_hash_outside_of_a_listed_range_is_a_contradiction(history):
    accept(history, "low", 100, 2.0, 3.0)
    assert history.contradicted
    assert (history.get("low").first_hash, history.get("low").last_hash) == (0, 99)


def test_answers_to_overlapping_requests_leave_two_shards_disputed():
    history = ShardHistory()
    accept(history, "a", 10, 1.0, 4.0)
    accept(history, "b", 10, 2.0, 3.0)
    assert usable(history) == {}
    assert history.disputed


@pytest.mark.parametrize("open_one", ["a", "b"])
def test_next_record_settles_a_dispute(open_one):
    history = ShardHistory()
    accept(history, "a", 10, 1.0, 4.0)
    accept(history, "b", 10, 2.0, 3.0)
    accept(history, open_one, 10, 5.0, 6.0)
    assert usable(history) == {open_one: (10, 10)}
    assert not history.disputed


def test_requests_at_the_same_time_prove_no_order():
    history = ShardHistory()
    accept(history, "a", 10, 1.0, 1.0)
    accept(history, "b", 10, 1.0, 1.0)
    assert history.disputed
    assert not history.contradicted


def test_shards_that_take_turns_with_one_hash_are_a_contradiction():
    history = ShardHistory()
    accept(history, "a", 10, 1.0, 2.0)
    accept(history, "b", 10, 3.0, 4.0)
    assert not history.contradicted
    accept(history, "a", 10, 5.0, 6.0)
    assert history.contradicted


def test_widening_ranges_that_meet_are_compared_too():
    history = ShardHistory()
    accept(history, "a", 10, 1.0, 2.0)
    accept(history, "b", 30, 3.0, 4.0)
    assert usable(history) == {"a": (10, 10), "b": (30, 30)}
    accept(history, "b", 5, 5.0, 6.0)
    assert usable(history) == {"b": (5, 30)}


def test_listing_without_the_new_shard_is_stale(history):
    accept(history, "new", 60, 2.0, 3.0)
    history.listed([LOW, HIGH], requested_at=4.0, answered_at=5.0)
    history.resolve(5.0)
    assert usable(history) == {"new": (60, 60), "high": (100, HASHES - 1)}
    assert not history.complete


def test_listing_with_the_new_shard_completes_the_map(history):
    accept(history, "new", 60, 2.0, 3.0)
    children = [Shard("other", 0, 49), Shard("new", 50, 99), HIGH]
    history.listed(children, requested_at=4.0, answered_at=5.0)
    history.resolve(5.0)
    assert sorted(history.usable()) == sorted(children)
    assert history.complete


def test_listing_that_contradicts_an_accepted_hash_is_a_contradiction(history):
    accept(history, "new", 60, 2.0, 3.0)
    history.listed([Shard("other", 0, 60), Shard("new", 61, 99), HIGH], requested_at=4.0, answered_at=5.0)
    assert history.contradicted


def test_listing_may_lack_a_shard_that_accepted_nothing_lately(history):
    accept(history, "new", 60, 2.0, 3.0)
    merged = [Shard("other", 0, 49), Shard("new", 50, 99), Shard("high2", 100, HASHES - 1)]
    history.listed(merged, requested_at=4.0, answered_at=5.0)
    history.resolve(5.0)
    assert history.complete
    assert sorted(history.usable()) == sorted(merged)


def test_shard_that_accepted_lately_and_is_not_listed_is_disputed(history):
    accept(history, "new", 60, 2.0, 3.0)
    accept(history, "high", 500, 2.0, 3.0)
    replaced = [Shard("other", 0, 49), Shard("new", 50, 99), Shard("high2", 100, HASHES - 1)]
    history.listed(replaced, requested_at=4.0, answered_at=5.0)
    history.resolve(5.0)
    assert usable(history) == {"other": (0, 49), "new": (50, 99)}
    accept(history, "high2", 500, 5.1, 6.0)
    assert sorted(history.usable()) == sorted(replaced)
    assert history.complete


def test_listing_outweighs_an_old_acceptance_without_traffic(history):
    accept(history, "new", 60, 2.0, 3.0)
    listing = [Shard("newer", 0, 99), HIGH]
    history.listed(listing, requested_at=2.0 + MAX_STALE_SECS, answered_at=35.0)
    history.resolve(35.0)
    assert not history.complete
    history.listed(listing, requested_at=2.1 + MAX_STALE_SECS, answered_at=35.0)
    history.resolve(35.0)
    assert sorted(history.usable()) == sorted(listing)


def test_shard_that_a_listing_lacked_is_open_again_when_it_accepts(history):
    history.listed([Shard("old", 0, 99), HIGH], requested_at=4.0, answered_at=5.0)  # from before `low` was opened
    history.resolve(5.0)
    assert usable(history)["old"] == (0, 99)
    accept(history, "low", 50, 4.9, 6.0)
    assert usable(history)["old"] == (0, 99), "the answer may be older than the listing"
    accept(history, "low", 50, 5.1, 6.0)
    assert usable(history) == {"low": (0, 99), "high": (100, HASHES - 1)}
    assert not history.contradicted


def test_neighbours_that_were_open_together_bound_an_inferred_shard(history):
    accept(history, "new", 60, 2.0, 3.0)
    assert history.bounds(history.get("new")) == (0, HASHES - 1), "`high` may have been closed before"
    accept(history, "high", 500, 4.0, 5.0)
    accept(history, "new", 60, 6.0, 7.0)
    assert history.bounds(history.get("new")) == (0, 99)
    accept(history, "sibling", 20, 6.0, 7.0)
    assert history.bounds(history.get("new")) == (0, 99)
    accept(history, "sibling", 30, 8.0, 9.0)
    accept(history, "new", 60, 10.0, 11.0)
    assert history.bounds(history.get("new")) == (31, 99)


def test_contradiction_leaves_only_listed_ranges(history):
    accept(history, "new", 60, 2.0, 3.0)
    history.close_all(4.0)
    assert usable(history) == {}
    assert history.get("new") is None
    assert history.get("low").last_hash == 99
    assert not history.contradicted


def test_number_of_remembered_closed_shards_is_bounded(history):
    for number in range(MAX_CLOSED_SHARDS + 10):
        accept(history, f"shard-{number}", 60, 2.0 * number + 2.0, 2.0 * number + 3.0)
    assert len(history._closed) == MAX_CLOSED_SHARDS
    assert usable(history) == {f"shard-{MAX_CLOSED_SHARDS + 9}": (60, 60), "high": (100, HASHES - 1)}
