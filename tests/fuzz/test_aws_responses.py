"""Slightly wrong responses of AWS: the bridge understands a response, or only this request fails.

`make fuzz` generates 10,000 responses for each operation. botocore parses them; only its sockets are replaced.
"""

import base64
import json
from itertools import count

from hypothesis import given

from bridge.kinesis.put_records_codec import RecordAccepted, RecordFailed
from bridge.kinesis.responses import MAX_PAGES
from bridge.kinesis.shard_map import HASHES
from bridge.kinesis.stream_scanner import GIVE_UP_SECS, StreamScanner
from bridge.model import DEFAULT_RECORD_BYTES, MAX_RECORD_BYTES, Record
from tests.fuzz.aws_endpoint import HEADERS, STATUSES, or_error, respond
from tests.fuzz.mutated_json import nearly_json

NUMBER = "49590338271490256608559692538361571095921575989136588898"
PUT = {
    "FailedRecordCount": 1,
    "Records": [
        {"SequenceNumber": NUMBER, "ShardId": "shardId-000000000000"},
        {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"},
    ],
}
DESCRIBED = {
    "StreamDescriptionSummary": {
        "StreamName": "telemetry",
        "StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/telemetry",
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": "PROVISIONED"},
        "RetentionPeriodHours": 24,
        "StreamCreationTimestamp": 1.7e9,
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "KMS",
        "KeyId": "alias/aws/kinesis",
        "OpenShardCount": 1,
        "MaxRecordSizeInKiB": 1024,
    }
}
SHARDS = {
    "NextToken": "a",
    "Shards": [
        {
            "ShardId": f"shardId-00000000000{number}",
            "HashKeyRange": {"StartingHashKey": str(first), "EndingHashKey": str(last)},
            "SequenceNumberRange": {"StartingSequenceNumber": NUMBER},
        }
        for number, first, last in ((0, 0, HASHES // 2 - 1), (1, HASHES // 2, HASHES - 1))
    ],
}
ITERATOR = {"ShardIterator": "AAAAAAAAAAE"}
RECORDS = {
    "Records": [
        {
            "SequenceNumber": NUMBER,
            "ApproximateArrivalTimestamp": 1.7e9,
            "Data": base64.b64encode(b"{}").decode(),
            "PartitionKey": "press",
        }
    ],
    "NextShardIterator": "AAAAAAAAAAF",
    "MillisBehindLatest": 1000,
}
ERROR = {"__type": "com.amazonaws.kinesis#LimitExceededException", "message": "Rate exceeded"}


@given(status=STATUSES, headers=HEADERS, body=nearly_json(PUT) | nearly_json(ERROR))
def test_put_records_response_is_results_or_an_error(endpoint, publisher, status, headers, body):
    respond(endpoint, status, headers, body)
    sent = [Record(1, 1, "a", b"1"), Record(2, 1, "b", b"2")]
    for result in or_error(publisher.put_records, "telemetry", sent) or ():
        assert isinstance(result, (RecordAccepted, RecordFailed))
        assert all(type(field) is str for field in result)


@given(status=STATUSES, headers=HEADERS, body=nearly_json(DESCRIBED) | nearly_json(ERROR))
def test_stream_description_is_within_the_limits_or_an_error(endpoint, publisher, status, headers, body):
    respond(endpoint, status, headers, body)
    found = or_error(publisher.describe, "telemetry")
    if found is not None:
        assert DEFAULT_RECORD_BYTES <= found.max_record_bytes <= MAX_RECORD_BYTES
        assert type(found.open_shards) is int
        texts = (found.status, found.mode, found.encryption, found.arn, found.key_id, found.distribution)
        assert all(type(text) is str for text in texts)


@given(status=STATUSES, headers=HEADERS, body=nearly_json(SHARDS) | nearly_json(ERROR))
def test_shards_are_listed_in_few_pages_or_not(endpoint, publisher, status, headers, body):
    pages = count()

    def answer(_request):
        assert next(pages) <= MAX_PAGES
        return status, headers, body

    endpoint.answer = answer
    for shard in or_error(publisher.list_shards, "telemetry") or ():
        assert 0 <= shard.first_hash <= shard.last_hash < HASHES


class Reader:
    """Reader with a simulated clock. The endpoint sends the wrong response for one operation only."""

    def __init__(self, endpoint, publisher, operation, answer):
        self.now, self.calls, self.ended = 0.0, 0, False
        self._operation, self._answer = operation, answer
        endpoint.answer = self.respond
        self._reader = StreamScanner(self.call(publisher), lambda: self.now, self.wait, {})

    def call(self, publisher):
        return lambda operation, **parameters: publisher.call(operation, "telemetry", **parameters)

    def wait(self, secs):
        self.now += secs

    def respond(self, request):
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        self.calls += 1
        # Only GetRecords may be called without end, on a growing stream. For other operations, let the reader give up.
        if self.calls > 5 and operation != "GetRecords":
            self.now += GIVE_UP_SECS
        if operation == self._operation:
            return self._answer
        good = {"ListShards": {"Shards": SHARDS["Shards"][:1]}, "GetShardIterator": ITERATOR, "GetRecords": RECORDS}
        return 200, {}, json.dumps(good[operation]).encode()

    def read(self):
        """Read until the end of the shard, an error, or 10 calls."""
        for page in self._reader.pages():
            assert all(type(data) is bytes for data in page.records)
            if self.calls > 10:
                return


@given(status=STATUSES, headers=HEADERS, body=nearly_json(ITERATOR) | nearly_json(ERROR))
def test_shard_iterator_is_text_or_an_error(endpoint, publisher, status, headers, body):
    or_error(Reader(endpoint, publisher, "GetShardIterator", (status, headers, body)).read)


@given(status=STATUSES, headers=HEADERS, body=nearly_json(RECORDS) | nearly_json(ERROR))
def test_records_are_read_or_an_error(endpoint, publisher, status, headers, body):
    or_error(Reader(endpoint, publisher, "GetRecords", (status, headers, body)).read)
