from bridge.spool.ledger import LedgerRow
from bridge.tools.demo.scene import rates_between
from tests.tools.demo.builders import arrived, read_back, scene, stream_status


def test_what_is_read_back_is_counted_by_stream():
    read = read_back(arrived("a"), arrived("b"), arrived("b"))
    assert read.counts == {"a": 1, "b": 2}
    assert read.total == 3


def test_the_last_sequence_number_of_each_shard_is_known():
    read = read_back(arrived("a", shard=0, number=7), arrived("a", shard=1, number=3), arrived("a", shard=0, number=8))
    assert read.last == {("a", "shardId-000000000000"): "8", ("a", "shardId-000000000001"): "3"}


def test_every_shard_has_its_newest_record_shown_before_any_has_two():
    read = read_back(*(arrived("a", shard=shard, number=number) for shard in (0, 1, 2) for number in range(10)))
    shown = [(record.shard[-1], record.sequence_number) for record in read.newest(4)]
    assert shown == [("0", "9"), ("0", "8"), ("1", "9"), ("2", "9")]


def test_no_more_records_are_shown_than_fit():
    read = read_back(*(arrived("a", number=number) for number in range(10)))
    assert len(read.newest(3)) == 3
    assert read.newest(0) == []


def test_rates_are_per_second_between_two_scenes():
    before = scene(
        elapsed_secs=10.0,
        received_messages=100,
        ledger=(LedgerRow("m", "s", 50, 50, 0, 0, 0, 0),),
        streams=(stream_status("s", delivered=40),),
    )
    now = scene(
        elapsed_secs=12.0,
        received_messages=300,
        ledger=(LedgerRow("m", "s", 80, 80, 0, 0, 0, 0), LedgerRow("new", "s", 8, 8, 0, 0, 0, 0)),
        streams=(stream_status("s", delivered=60), stream_status("t", delivered=2)),
    )
    rates = rates_between(before, now)
    assert rates.messages == 100
    assert rates.records == {("m", "s"): 15, ("new", "s"): 4}
    assert rates.delivered == {"s": 10, "t": 1}


def test_the_first_scene_has_no_rates():
    assert rates_between(None, scene()).messages == 0
