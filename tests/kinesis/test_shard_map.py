from bridge.kinesis.shard_map import HASHES, MAX_KEYS, Shard, ShardMap, cover_all_hashes, hash_of
from tests.fakes.kinesis_streams import Stream


def shards_of(stream):
    return [Shard(shard.id, shard.first_hash, shard.last_hash) for shard in stream.open_shards]


def test_key_belongs_to_the_shard_where_kinesis_places_it():
    stream = Stream("s", 5)
    stream.split(2)
    stream.merge(0, 1)
    known = ShardMap(shards_of(stream))
    for key in [f"machine-{n}" for n in range(300)] + ["prèß 🏭"]:
        assert known.of_key(key).id == stream.shard_of(key).id
        assert known.of_key(key).contains_keys([key])


def test_shard_does_not_hold_a_key_of_another_shard():
    known = ShardMap(shards_of(Stream("s", 2)))
    keys = {known.of_key(key).id: key for key in map(str, range(50))}
    assert len(keys) == 2
    assert not known.shards[0].contains_keys(keys.values())


def test_ends_of_a_range_are_inclusive_and_gaps_belong_to_no_shard():
    low, high = Shard("low", 10, 20), Shard("high", 31, 40)
    known = ShardMap([high, low])
    assert known.shards == (low, high)
    expected = {9: None, 10: low, 20: low, 21: None, 30: None, 31: high, 40: high, 41: None}
    assert {hash_: known.of_hash(hash_) for hash_ in expected} == expected


def test_empty_map_knows_no_key():
    assert ShardMap(()).of_key("a") is None


def test_hash_is_the_md5_read_as_a_number():
    assert hash_of("") == 0xD41D8CD98F00B204E9800998ECF8427E


def test_number_of_remembered_keys_is_bounded():
    known = ShardMap(shards_of(Stream("s", 1)))
    for number in range(MAX_KEYS + 10_000):
        known.of_key(str(number))
    assert len(known._of_key) <= MAX_KEYS


def test_shards_cover_all_hashes_only_without_gap_and_overlap():
    low, high = Shard("low", 0, 99), Shard("high", 100, HASHES - 1)
    assert cover_all_hashes([high, low])
    assert not cover_all_hashes([])
    assert not cover_all_hashes([low])
    assert not cover_all_hashes([high])
    assert not cover_all_hashes([low, high._replace(first_hash=99)])
    assert not cover_all_hashes([low, high._replace(first_hash=101)])
    assert not cover_all_hashes([low, high, Shard("again", 0, 99)])
