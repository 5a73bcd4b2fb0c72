"""The content of one request, and the room that is left in it."""

from bridge.delivery.batch import Batch
from bridge.kinesis.limits import MAX_REQUEST_BYTES, MAX_REQUEST_RECORDS
from bridge.kinesis.packing.packers import PackedRecord
from bridge.model import Record

RECORDS = [Record(n, 1, "k", bytes(9)) for n in range(4)]


def packed(*records):
    return PackedRecord("k", bytes(99), None, records, None)


def test_batch_without_records_has_the_room_of_a_request():
    batch = Batch()
    assert (batch.room_records, batch.room_bytes, batch.full) == (MAX_REQUEST_RECORDS, MAX_REQUEST_BYTES, False)
    assert list(batch.entries) == []


def test_batch_of_plain_records_sends_each_record():
    batch = Batch(max_records=3, max_bytes=100)
    batch.add_plain(RECORDS[:2], 20)
    assert list(batch.entries) == RECORDS[:2]
    assert (batch.room_records, batch.room_bytes, batch.full) == (1, 80, False)
    batch.add_plain(RECORDS[2:3], 10)
    assert batch.full


def test_batch_of_packed_records_counts_kinesis_records():
    batch = Batch(max_records=2, max_bytes=1000)
    batch.add_packed(packed(*RECORDS[:3]), 100)
    assert batch.records == RECORDS[:3]
    assert (len(batch.entries), batch.room_records, batch.room_bytes, batch.full) == (1, 1, 900, False)
    batch.add_packed(packed(RECORDS[3]), 100)
    assert batch.records == RECORDS
    assert batch.full


def test_batch_with_one_larger_record_is_full():
    batch = Batch(max_bytes=100)
    batch.add_plain(RECORDS[:1], 5000)
    assert (batch.room_bytes, batch.full) == (-4900, True)
    batch = Batch(max_bytes=100)
    batch.add_packed(packed(*RECORDS), 100)
    assert (batch.room_bytes, batch.full) == (0, True)


def test_batch_shares_no_lists_with_another_batch():
    first = Batch()
    first.add_packed(packed(*RECORDS), 100)
    first.holds.append(object())
    assert (Batch().records, Batch().packed, Batch().holds) == ([], None, [])
