from bridge.delivery.shard_queues import Lane, Lanes
from bridge.kinesis.limits import counted_bytes
from bridge.kinesis.shard_map import ShardMap
from tests.fakes.kinesis_streams import Stream
from tests.fakes.stream_queue import records
from tests.kinesis.test_shard_map import shards_of


def numbers(some):
    return [record.number for record in some]


def filled(some):
    lane = Lane()
    lane.put(some, sum(map(counted_bytes, some)))
    return lane


def test_a_lane_gives_so_many_records_and_bytes():
    lane = filled(records(10, key="k"))
    taken, size = lane.take(4, 1000)
    assert (numbers(taken), size) == ([1, 2, 3, 4], 4 * 8)
    taken, size = lane.take(10, 17)
    assert (numbers(taken), size) == ([5, 6], 16)
    taken, size = lane.take(10, 1000)
    assert (numbers(taken), size, lane.size) == ([7, 8, 9, 10], 32, 0)


def test_what_goes_back_has_its_place_again():
    some = records(10, key="k")
    lane = filled(some[6:])
    lane.put_back(some[3:5])
    lane.put_back([some[5], some[0]])
    assert numbers(lane.take(100, 1000)[0]) == [1, 4, 5, 6, 7, 8, 9, 10]
    assert lane.size == 0


def test_fresh_records_go_to_their_shards_lane():
    lanes, known = Lanes(), ShardMap(shards_of(Stream("s", 3)))
    lanes.sort(records(300), known.of_key)
    assert (lanes.records, lanes.counted_bytes) == (300, sum(map(counted_bytes, records(300))))
    ready = lanes.ready(0.0)
    assert len(ready) == 3
    for lane in ready:
        assert lane.shard.holds(record.key for record in lane.records)
        assert numbers(lane.records) == sorted(numbers(lane.records))


def test_a_lane_that_is_not_due_holds_back_no_other():
    lanes, known = Lanes(), ShardMap(shards_of(Stream("s", 2)))
    lanes.sort(records(100), known.of_key)
    lanes.ready(0.0)[0].due = 5.0
    assert len(lanes.ready(4.9)) == 1
    assert len(lanes.ready(5.0)) == 2


def test_every_shard_is_the_first_at_times():
    lanes, known = Lanes(), ShardMap(shards_of(Stream("s", 4)))
    lanes.sort(records(100), known.of_key)
    assert {lanes.ready(0.0)[0].shard.id for _ in range(8)} == {shard.id for shard in known.shards}


def test_what_failed_is_due_by_itself_and_first():
    lanes, some = Lanes(), records(6)
    lanes.open.put(some[4:], 100)
    lanes.again(some[2:4], 3.0)
    lanes.again(some[:2], 4.0)
    assert lanes.next_due() == float("-inf")
    assert [numbers(lane.records) for lane in lanes.ready(2.0)] == [[5, 6]]
    assert [numbers(lane.records) for lane in lanes.ready(4.0)] == [[1, 2], [3, 4], [5, 6]]


def test_lanes_of_what_failed_are_forgotten_when_empty():
    lanes = Lanes()
    lanes.again(records(2), 0.0)
    lanes.ready(0.0)[0].take(10, 1000)
    lanes.tidy()
    assert lanes.next_due() is None


def test_when_shards_change_all_is_sorted_anew():
    stream, lanes = Stream("s", 2), Lanes()
    lanes.sort(records(100), ShardMap(shards_of(stream)).of_key)
    lanes.again(records(103)[100:], 9.0)
    stream.split(0)
    lanes.sort_anew(ShardMap(shards_of(stream)).of_key)
    assert sorted(number for lane in lanes.ready(0.0) for number in numbers(lane.records)) == list(range(1, 104))
    assert len(lanes.ready(0.0)) == 3
    lanes.sort_anew(None)
    assert numbers(lanes.ready(0.0)[0].records) == list(range(1, 104))


def test_the_oldest_of_a_lane_need_not_be_its_first():
    lanes, some = Lanes(), records(5, key="k")
    lanes.open.put([some[3], some[4], some[1]], 24)
    assert lanes.oldest() == [2]
