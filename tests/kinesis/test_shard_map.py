from bridge.kinesis.shard_map import ASK_AGAIN_SECS, DENIED_ASK_AGAIN_SECS, Shard, ShardMap, ShardWatch, hash_of
from tests.fakes.kinesis_streams import Stream


def shards_of(stream):
    return [Shard(shard.id, shard.first_hash, shard.last_hash) for shard in stream.open_shards]


def test_a_key_belongs_where_kinesis_puts_it():
    stream = Stream("s", 5)
    stream.split(2)
    stream.merge(0, 1)
    known = ShardMap(shards_of(stream))
    for key in [f"machine-{n}" for n in range(300)] + ["prèß 🏭"]:
        assert known.of_key(key).id == stream.shard_of(key).id
        assert known.of_key(key).holds([key])


def test_a_shard_does_not_hold_a_key_of_another():
    known = ShardMap(shards_of(Stream("s", 2)))
    keys = {known.of_key(key).id: key for key in map(str, range(50))}
    assert len(keys) == 2
    assert not known.shards[0].holds(keys.values())


def test_a_hash_is_the_md5_read_as_a_number():
    assert hash_of("") == 0xD41D8CD98F00B204E9800998ECF8427E


def test_keys_remembered_have_a_bound():
    known = ShardMap(shards_of(Stream("s", 1)))
    for number in range(60_000):
        known.of_key(str(number))
    assert len(known._of_key) <= 50_000


def test_nothing_is_asked_until_it_is_wanted():
    watch = ShardWatch()
    assert not watch.start_asking(0.0)
    watch.want()
    assert watch.start_asking(0.0)
    assert not watch.start_asking(0.0)


def test_a_map_in_doubt_is_not_used_and_asked_for_again_soon():
    watch = ShardWatch()
    watch.want()
    watch.start_asking(0.0)
    watch.answered(shards_of(Stream("s", 2)), 0.0)
    assert watch.map is not None
    assert not watch.start_asking(1e6)
    watch.doubt()
    assert watch.map is None
    assert watch.start_asking(ASK_AGAIN_SECS)


def test_shards_that_leave_a_gap_are_asked_for_again():
    watch = ShardWatch()
    watch.want()
    watch.start_asking(0.0)
    watch.answered(shards_of(Stream("s", 3))[1:], 0.0)
    assert watch.map is None
    assert watch.start_asking(ASK_AGAIN_SECS)


def test_where_it_is_not_permitted_it_is_seldom_asked():
    watch = ShardWatch()
    watch.want()
    watch.start_asking(0.0)
    watch.unanswered(0.0, denied=True)
    assert watch.denied
    assert not watch.start_asking(DENIED_ASK_AGAIN_SECS - 1)
    assert watch.start_asking(DENIED_ASK_AGAIN_SECS)
