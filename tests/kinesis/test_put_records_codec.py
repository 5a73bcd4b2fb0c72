import orjson
import pytest

from bridge.errors import OutcomeUnknown
from bridge.kinesis.packing.packers import PackedRecord
from bridge.kinesis.put_records_codec import NO_RESULT, RecordAccepted, RecordFailed, read_results
from bridge.kinesis.shard_map import Shard


def body(*results, failed=0):
    return orjson.dumps({"FailedRecordCount": failed, "Records": list(results)})


def test_results_keep_the_order_of_the_records():
    read = read_results(
        body(
            {"SequenceNumber": "7", "ShardId": "shardId-0"},
            {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow"},
        )
    )
    assert read == [RecordAccepted("7", "shardId-0"), RecordFailed("ProvisionedThroughputExceededException", "slow")]


def test_code_counts_and_not_the_count_of_failures():
    assert read_results(body({"ErrorCode": "InternalFailure"}, failed=0)) == [RecordFailed("InternalFailure", "")]


def test_null_codes_of_some_emulators_are_no_failures():
    result = {"SequenceNumber": "7", "ShardId": "s", "ErrorCode": None, "ErrorMessage": None}
    assert read_results(body(result)) == [RecordAccepted("7", "s")]


@pytest.mark.parametrize(
    "result", [{}, {"SequenceNumber": "7"}, {"ShardId": "s"}, {"SequenceNumber": "", "ShardId": "s"}]
)
def test_record_without_sequence_number_and_shard_was_not_delivered(result):
    assert read_results(body(result)) == [NO_RESULT]


@pytest.mark.parametrize(
    "text", [b"", b"<html>", b'{"Records": [{"Sequ', b"{}", b"[]", b"null", b'{"Records": 3}', b'{"Records": [3]}']
)
def test_response_that_is_malformed_leaves_the_records_in_doubt(text):
    with pytest.raises(OutcomeUnknown):
        read_results(text)


def test_packed_record_carries_its_hash_key(kinesis, publisher):
    shard = Shard("shardId-000000000001", 1 << 127, (1 << 128) - 1)
    sent = [
        PackedRecord('ke"y', b"\xff" * 10, str(shard.first_hash), [], shard),
        PackedRecord("other", b"x", None, [], None),
    ]
    assert publisher.put_records("telemetry", sent)[0].shard_id == shard.id
    assert [(stored.key, stored.data) for stored in kinesis.streams["telemetry"].stored] == [
        (p.key, p.data) for p in sent
    ]
