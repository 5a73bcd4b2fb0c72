import pytest

from bridge.delivery.batch_outcome import PAYLOADS_PER_CHECK, sort_results
from bridge.kinesis.packing.kpl_aggregation import KplEncoder
from bridge.kinesis.packing.packers import PackedRecord
from bridge.kinesis.put_records_codec import RecordAccepted, RecordFailed
from bridge.kinesis.shard_map import Shard
from tests.fakes.stream_queue import records

ACCEPTED = RecordAccepted("1", "shardId-0")
AGGREGATE = KplEncoder().encode(records(2), 0, 1 << 20).data
HERE, ELSEWHERE = Shard("shardId-0", 0, 9), Shard("shardId-1", 10, 19)


def test_records_are_sorted_by_their_own_results():
    one, two, three, four = records(4)
    throttled = RecordFailed("ProvisionedThroughputExceededException", "slow")
    invalid = RecordFailed("InvalidArgumentException", "bad")
    outcome = sort_results([one, two, three, four], [ACCEPTED, throttled, RecordFailed("InternalFailure", ""), invalid])
    assert outcome.delivered == [one]
    assert outcome.retry == [two, three]
    assert outcome.rejected == [(four, "invalid", "InvalidArgumentException: bad")]
    assert outcome.throttled == 1


def test_refused_record_is_stored():
    outcome = sort_results(records(1), [RecordFailed("AccessDeniedException", "")])
    assert outcome.retry == records(1)


def test_wrong_number_of_results_is_never_sorted():
    with pytest.raises(ValueError, match="shorter"):
        sort_results(records(2), [ACCEPTED])


def test_aggregated_record_is_delivered_by_the_shard_it_was_made_for():
    packed = PackedRecord("machine-1", AGGREGATE, "0", records(2), HERE)
    outcome = sort_results([packed], [ACCEPTED])
    assert outcome.delivered == records(2)
    assert outcome.misplaced == []


@pytest.mark.parametrize("shard", [ELSEWHERE, None])
@pytest.mark.parametrize("hash_key", ["10", None])
def test_aggregated_record_of_another_shard_is_to_be_judged(shard, hash_key):
    packed = PackedRecord("machine-1", AGGREGATE, hash_key, records(2), shard)
    outcome = sort_results([packed], [ACCEPTED])
    assert outcome.delivered == []
    assert outcome.misplaced == [(packed, "shardId-0")]
    assert outcome.shards == {"shardId-0"}


@pytest.mark.parametrize("data", [b'{"n":1}', b'{"n":1}\n{"n":2}\n'])
def test_record_that_is_not_aggregated_is_delivered_by_any_shard(data):
    packed = PackedRecord("machine-1", data, None, records(2), ELSEWHERE)
    assert sort_results([packed], [ACCEPTED]).delivered == records(2)


def test_delivered_payloads_that_are_aggregated_records_are_counted():
    plain, broken, failed = (records(1, data=data)[0] for data in (AGGREGATE, AGGREGATE[:-1], AGGREGATE))
    outcome = sort_results([plain, broken, failed], [ACCEPTED, ACCEPTED, RecordFailed("InternalFailure", "")])
    assert outcome.delivered == [plain, broken]
    assert outcome.unprotected == 1


def test_sort_results_of_accepted_aggregates_counts_those_checked():
    plain = records(100, data=AGGREGATE)
    outcome = sort_results(plain, [ACCEPTED] * 100)
    assert outcome.delivered == plain
    assert outcome.unprotected == 100 // PAYLOADS_PER_CHECK
