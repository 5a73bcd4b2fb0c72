import pytest

from bridge.delivery.shard_knowledge import MAX_UNDECIDED_SECS, Judgement, ShardKnowledge
from bridge.delivery.shard_map_refresh import NEVER
from bridge.kinesis.packing.packers import PackedRecord
from bridge.kinesis.publisher import StreamDescription
from bridge.kinesis.put_records_codec import RecordAccepted, RecordFailed
from bridge.kinesis.shard_map import HASHES, Shard, hash_of
from bridge.model import Destination, Record

KPL = Destination("telemetry", packing="kpl")
USER, AUTO = StreamDescription(distribution="USER_PARTITION_KEY"), StreamDescription(distribution="AUTO")
DENIED = StreamDescription(described=False)
HALF = HASHES // 2
LOW, HIGH = Shard("low", 0, HALF - 1), Shard("high", HALF, HASHES - 1)
KEYS = sorted([f"machine-{n}" for n in range(40)], key=hash_of)
LOW_KEYS = [key for key in KEYS if LOW.contains_keys([key])]
HIGH_KEYS = [key for key in KEYS if HIGH.contains_keys([key])]
FAILED = RecordFailed("InternalFailure", "")
DELIVERED, DISCARDED, UNDECIDED = Judgement.DELIVERED, Judgement.DISCARDED, Judgement.UNDECIDED


def record(key):
    return Record(1, 1, key, b"{}")


def packed(*keys, shard=LOW):
    """Return an aggregated record. If it has several keys, its explicit hash key is the first hash of the shard."""
    hash_key = str(shard.first_hash) if len(keys) > 1 else None
    return PackedRecord(keys[0], b"\xf3\x89\x9a\xc2", hash_key, [record(key) for key in keys], shard)


def accept(knowledge, accepted, sent_at, now):
    """`accepted`: {key: shard id}."""
    entries = [record(key) for key in accepted]
    return knowledge.on_accepted(
        entries, [RecordAccepted("1", shard_id) for shard_id in accepted.values()], sent_at, now
    )


def list_shards(knowledge, shards, requested_at, now):
    assert knowledge.start_listing(requested_at)
    return knowledge.on_listed(shards, now)


@pytest.fixture
def knowledge():
    """Partition keys determine the shard, and both shards were listed at 1.0."""
    knowledge = ShardKnowledge(KPL)
    knowledge.request()
    knowledge.on_described(USER, 0.0)
    list_shards(knowledge, [LOW, HIGH], 0.0, 1.0)
    return knowledge


@pytest.fixture
def resharded(knowledge):
    """`low` was split: `new` has accepted its third and its fifth key."""
    accept(knowledge, {LOW_KEYS[2]: "new", LOW_KEYS[4]: "new"}, 2.0, 3.0)
    return knowledge


def test_shard_knowledge_is_empty_at_first():
    knowledge = ShardKnowledge(KPL)
    assert (knowledge.distribution, knowledge.described, knowledge.complete) == ("unknown", False, False)
    assert knowledge.shard_of("a") is None
    assert list(knowledge.shards) == []
    assert knowledge.next_listing_at is None


def test_shards_are_listed_once_they_are_requested():
    knowledge = ShardKnowledge(KPL)
    knowledge.request()
    assert knowledge.next_listing_at == NEVER
    assert knowledge.start_listing(0.0)
    assert not knowledge.start_listing(0.0)


def test_response_before_the_shards_are_requested_teaches_nothing():
    knowledge = ShardKnowledge(KPL)
    knowledge.on_described(USER, 0.0)
    assert not accept(knowledge, {"a": "low"}, 1.0, 2.0)
    assert list(knowledge.shards) == []


def test_listed_shards_are_used(knowledge):
    assert knowledge.complete
    assert list(knowledge.shards) == [LOW, HIGH]
    assert {knowledge.shard_of(key) for key in LOW_KEYS} == {LOW}
    assert knowledge.shard_of_hash(HALF) == HIGH
    assert knowledge.next_listing_at is None


def test_response_as_expected_teaches_nothing(knowledge):
    version = knowledge.version
    assert not accept(knowledge, {LOW_KEYS[0]: "low", HIGH_KEYS[0]: "high"}, 2.0, 3.0)
    assert not knowledge.on_accepted([record(LOW_KEYS[0])], [FAILED], 2.0, 3.0)
    assert knowledge.version == version


def test_new_shard_is_inferred_and_only_its_parent_is_doubtful(knowledge):
    version = knowledge.version
    assert accept(knowledge, {LOW_KEYS[2]: "new", LOW_KEYS[4]: "new", HIGH_KEYS[0]: "high"}, 2.0, 3.0)
    inferred = Shard("new", hash_of(LOW_KEYS[2]), hash_of(LOW_KEYS[4]))
    assert list(knowledge.shards) == [inferred, HIGH]
    assert [knowledge.shard_of(key) for key in LOW_KEYS[1:6]] == [None, inferred, inferred, inferred, None]
    assert knowledge.shard_of(HIGH_KEYS[0]) == HIGH
    assert knowledge.version > version
    assert not knowledge.complete
    assert knowledge.next_listing_at == 2.0


def test_explicit_hash_key_and_a_single_key_teach_as_well(knowledge):
    many = packed(*LOW_KEYS[:2], shard=Shard("low", 5, HALF - 1))
    one = packed(LOW_KEYS[0])
    knowledge.on_accepted(
        [many, one, record("a")], [RecordAccepted("1", "new"), RecordAccepted("2", "new"), FAILED], 2.0, 3.0
    )
    assert knowledge.shards[0] == Shard("new", 5, hash_of(LOW_KEYS[0]))


def test_stale_listing_is_ignored_and_repeated_after_a_second(resharded):
    before = list(resharded.shards)
    assert list_shards(resharded, [LOW, HIGH], 4.0, 4.5)
    assert list(resharded.shards) == before
    assert resharded.next_listing_at == 5.5


def test_listing_in_the_middle_of_a_change_is_ignored(resharded):
    before = list(resharded.shards)
    assert not list_shards(resharded, [HIGH], 4.0, 4.5)
    assert list(resharded.shards) == before
    assert resharded.next_listing_at == 5.5


def test_listing_with_the_new_shard_ends_the_doubt(resharded):
    children = [Shard("other", 0, hash_of(LOW_KEYS[1])), Shard("new", hash_of(LOW_KEYS[1]) + 1, HALF - 1), HIGH]
    assert list_shards(resharded, children, 4.0, 4.5)
    assert list(resharded.shards) == children
    assert resharded.complete
    assert resharded.next_listing_at is None


def test_shards_without_listings_are_inferred():
    knowledge = ShardKnowledge(KPL)
    knowledge.request()
    knowledge.on_described(USER, 0.0)
    knowledge.start_listing(0.0)
    assert knowledge.on_list_failed(0.0, denied=True)
    accept(knowledge, dict.fromkeys(LOW_KEYS, "low") | dict.fromkeys(HIGH_KEYS, "high"), 1.0, 2.0)
    assert {knowledge.shard_of(key).id for key in LOW_KEYS} == {"low"}
    assert {knowledge.shard_of(key).id for key in HIGH_KEYS} == {"high"}
    assert knowledge.next_listing_at == 600.0


def test_records_with_their_own_key_are_delivered_wherever_they_came(resharded):
    assert resharded.judge(packed(LOW_KEYS[0]), "new", 3.0) is DELIVERED
    assert resharded.judge(packed(LOW_KEYS[0]), "never seen", 3.0) is DELIVERED


def test_keys_within_the_inferred_range_are_delivered(resharded):
    assert resharded.judge(packed(*LOW_KEYS[2:5]), "new", 3.0) is DELIVERED


def test_keys_outside_of_the_inferred_range_are_undecided(resharded):
    assert resharded.judge(packed(*LOW_KEYS[1:5]), "new", 3.0) is UNDECIDED


def test_aggregate_with_one_key_of_another_open_shard_is_discarded(resharded):
    accept(resharded, {HIGH_KEYS[3]: "high"}, 4.0, 5.0)
    accept(resharded, {LOW_KEYS[2]: "new"}, 6.0, 7.0)
    assert resharded.judge(packed(*LOW_KEYS[2:5], HIGH_KEYS[3]), "new", 7.0) is DISCARDED


@pytest.mark.parametrize(("first", "judgement"), [(1, DELIVERED), (2, DISCARDED)])
def test_listing_decides_what_was_undecided(resharded, first, judgement):
    aggregate = packed(*LOW_KEYS[1:5], shard=Shard("low", hash_of(LOW_KEYS[3]), HALF - 1))
    border = hash_of(LOW_KEYS[first])
    list_shards(resharded, [Shard("other", 0, border - 1), Shard("new", border, HALF - 1), HIGH], 4.0, 4.5)
    assert resharded.judge(aggregate, "new", 4.5) is judgement
    assert resharded.distribution == "by_key"


def test_undecided_records_have_the_shards_listed(knowledge):
    assert knowledge.judge(packed(*LOW_KEYS[:2]), "never seen", 5.0) is UNDECIDED
    assert knowledge.next_listing_at == 2.0


def test_undecided_records_are_sent_again_after_a_while(resharded):
    aggregate = packed(*LOW_KEYS[1:5])
    assert resharded.judge(aggregate, "new", 33.0, undecided_secs=MAX_UNDECIDED_SECS) is UNDECIDED
    assert resharded.judge(aggregate, "new", 33.1, undecided_secs=MAX_UNDECIDED_SECS + 0.1) is DISCARDED


def test_undecided_is_discarded_where_listings_are_not_permitted(resharded):
    resharded.start_listing(4.0)
    assert resharded.on_list_failed(4.5, denied=True)
    assert resharded.judge(packed(*LOW_KEYS[1:5]), "new", 4.5) is DISCARDED
    assert resharded.judge(packed(*LOW_KEYS[2:5]), "new", 4.5) is DELIVERED


def test_failed_listing_decides_nothing(resharded):
    resharded.start_listing(4.0)
    assert not resharded.on_list_failed(4.5, denied=False)
    assert resharded.judge(packed(*LOW_KEYS[1:5]), "new", 4.5) is UNDECIDED


@pytest.mark.parametrize("keys", [HIGH_KEYS[:1], LOW_KEYS[:2]])
def test_listed_shard_that_accepts_what_is_not_its_own_shows_auto(knowledge, keys):
    """The KCL compares the hash with the range even if the record has only one key."""
    other = "low" if keys == HIGH_KEYS[:1] else "high"
    assert knowledge.judge(packed(*keys), other, 3.0) is DISCARDED
    assert knowledge.distribution == "by_service"
    assert knowledge.shard_of(LOW_KEYS[0]) is None
    assert list(knowledge.shards) == []


def test_record_on_the_right_shard_by_chance_is_delivered(knowledge):
    accept(knowledge, {HIGH_KEYS[0]: "low"}, 2.0, 3.0)
    assert knowledge.distribution == "by_service"
    assert knowledge.judge(packed(LOW_KEYS[0]), "low", 3.0) is DELIVERED
    assert knowledge.judge(packed(*LOW_KEYS[:2]), "low", 3.0) is DELIVERED
    assert knowledge.judge(packed(LOW_KEYS[0]), "high", 3.0) is DISCARDED
    assert knowledge.judge(packed(LOW_KEYS[0]), "never seen", 3.0) is UNDECIDED


def test_stream_that_places_records_itself_is_not_listed_without_need():
    knowledge = ShardKnowledge(KPL)
    knowledge.on_described(AUTO, 0.0)
    knowledge.request()
    assert knowledge.next_listing_at is None
    assert not accept(knowledge, {"a": "low"}, 1.0, 2.0)


def test_version_changes_with_each_change_of_the_distribution(knowledge):
    for description in (AUTO, USER, AUTO):
        version = knowledge.version
        assert knowledge.on_described(description, 2.0)
        assert not knowledge.on_described(description, 3.0)
        assert knowledge.version > version


def test_shards_are_listed_again_when_keys_decide_again(knowledge):
    knowledge.on_described(AUTO, 2.0)
    knowledge.on_described(USER, 3.0)
    assert list(knowledge.shards) == []
    assert knowledge.next_listing_at == 2.0
    list_shards(knowledge, [LOW, HIGH], 4.0, 5.0)
    assert list(knowledge.shards) == [LOW, HIGH]


def test_keys_on_the_expected_shards_prove_that_keys_decide():
    knowledge = ShardKnowledge(KPL)
    knowledge.request()
    knowledge.on_described(DENIED, 0.0)
    list_shards(knowledge, [LOW, HIGH], 0.0, 1.0)
    accepted = dict.fromkeys(LOW_KEYS[:9], "low") | dict.fromkeys(HIGH_KEYS[:10], "high")
    accept(knowledge, accepted, 2.0, 3.0)
    assert knowledge.distribution == "unknown"
    version = knowledge.version
    accept(knowledge, {LOW_KEYS[9]: "low"}, 2.0, 3.0)
    assert knowledge.distribution == "by_key"
    assert knowledge.version > version


def test_inferred_shards_prove_that_keys_decide_too():
    knowledge = ShardKnowledge(KPL)
    knowledge.request()
    knowledge.on_described(DENIED, 0.0)
    knowledge.start_listing(0.0)
    knowledge.on_list_failed(0.0, denied=True)
    accepted = dict.fromkeys(LOW_KEYS, "low") | dict.fromkeys(HIGH_KEYS, "high")
    accept(knowledge, accepted, 1.0, 2.0)
    assert knowledge.distribution == "unknown"
    accept(knowledge, accepted, 3.0, 4.0)
    assert knowledge.distribution == "by_key"


def test_single_shard_that_is_split_leaves_the_distribution_unknown():
    knowledge = ShardKnowledge(KPL)
    knowledge.request()
    knowledge.on_described(DENIED, 0.0)
    list_shards(knowledge, [Shard("only", 0, HASHES - 1)], 0.0, 1.0)
    assert knowledge.distribution == "by_key"
    version = knowledge.version
    accept(knowledge, {LOW_KEYS[0]: "new"}, 2.0, 3.0)
    assert knowledge.distribution == "unknown"
    assert knowledge.version > version
    assert knowledge.judge(packed(LOW_KEYS[0]), "new", 3.0) is UNDECIDED, (
        "it may be a stream that places records itself"
    )
