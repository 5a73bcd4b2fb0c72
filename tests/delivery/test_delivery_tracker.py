import pytest

from bridge.delivery.delivery_tracker import REPORT_AFTER_ATTEMPTS, DeliveryTracker
from bridge.delivery.settings import SenderSettings
from bridge.errors import InvalidRequest, OutcomeUnknown, Refused, Unavailable
from bridge.kinesis.limits import MAX_REQUEST_BYTES, MAX_REQUEST_RECORDS
from bridge.kinesis.publisher import StreamDescription
from bridge.kinesis.put_records_codec import RecordAccepted, RecordFailed
from bridge.model import DEFAULT_RECORD_BYTES, MAX_RECORD_BYTES, Record
from tests.delivery.requests import next_request, on_results, room
from tests.fakes.stream_queue import records

THROTTLED = RecordFailed("ProvisionedThroughputExceededException", "slow")
INVALID = InvalidRequest("InvalidArgumentException", "bad")
LONG_AGO = 1e6


@pytest.fixture
def tracker():
    return DeliveryTracker("telemetry", SenderSettings(requests_in_flight=2))


def send(tracker, some, now=0.0):
    """Let a worker take these fresh records and send them."""
    rejected = tracker.add(some, now)
    return next_request(tracker, now), rejected


def answer(tracker, batch, failed=(), now=0.0):
    results = [THROTTLED if record.number in failed else RecordAccepted("1", "shardId-0") for record in batch.records]
    on_results(tracker, batch, results, now)


def test_records_that_failed_are_sent_again_first(tracker):
    batch, _ = send(tracker, records(5))
    answer(tracker, batch, failed={2, 4})
    batch, _ = send(tracker, records(6)[5:], now=LONG_AGO)
    assert [record.number for record in batch.records] == [2, 4, 6]
    assert tracker.status(0).waiting == 0


def test_failed_record_waits_for_its_back_off(tracker):
    batch, _ = send(tracker, records(1))
    answer(tracker, batch, failed={1}, now=100.0)
    assert not next_request(tracker, 100.04).records
    assert next_request(tracker, 100.11).records


def test_records_in_flight_reduce_the_room(tracker):
    assert room(tracker, 0.0) == (MAX_REQUEST_RECORDS, MAX_REQUEST_BYTES)
    batch, _ = send(tracker, records(500))
    answer(tracker, batch, failed=range(1, 401))
    send(tracker, records(500), now=0.0)
    records_, size = room(tracker, 0.0)
    # Of the 400 failed records, 100 are in flight again and 300 wait. There is room for one request of fresh records.
    assert records_ == MAX_REQUEST_RECORDS
    assert size < MAX_REQUEST_BYTES * 2


def test_full_tracker_takes_nothing(tracker):
    for _ in range(4):
        send(tracker, records(500))
    assert room(tracker, 0.0)[0] == 0


def test_complete_failure_keeps_everything_and_pauses(tracker):
    batch, _ = send(tracker, records(3), now=10.0)
    tracker.on_request_failed(batch, Unavailable("ServiceUnavailable", ""), 10.0)
    assert tracker.pause_secs(10.0) > 0
    assert tracker.status(11.0).state == "retrying"
    assert tracker.status(11.0).bad_for_secs == 1.0
    assert len(next_request(tracker, LONG_AGO).records) == 3


def test_refusal_pauses_for_as_long_as_set(tracker):
    batch, _ = send(tracker, records(1))
    tracker.on_request_failed(batch, Refused("AccessDeniedException", "", "allow it"), 10.0)
    assert tracker.pause_secs(10.0) == 30.0
    assert (tracker.status(10.0).state, tracker.status(10.0).hint) == ("refused", "allow it")


def test_answer_ends_the_trouble(tracker):
    batch, _ = send(tracker, records(3))
    tracker.on_request_failed(batch, Unavailable("ServiceUnavailable", ""), 0.0)
    batch, _ = send(tracker, [], now=LONG_AGO)
    answer(tracker, batch, now=LONG_AGO)
    assert tracker.status(LONG_AGO).state == "ok"
    assert tracker.pause_secs(LONG_AGO) == 0.0


def test_records_in_doubt_are_counted_as_possible_duplicates(tracker):
    batch, _ = send(tracker, records(3))
    tracker.on_request_failed(batch, OutcomeUnknown("Network", "timed out"), 0.0)
    batch, _ = send(tracker, [], now=LONG_AGO)
    tracker.on_request_failed(batch, Unavailable("Network", "no route"), LONG_AGO)
    status = tracker.status(0)
    assert (status.duplicates_possible, status.requests, status.failed_requests, status.retried) == (3, 2, 2, 3)


def test_passing_throttle_is_counted_and_no_trouble(tracker):
    batch, _ = send(tracker, records(3))
    answer(tracker, batch, failed={1})
    assert (tracker.status(0).state, tracker.status(0).throttled) == ("ok", 1)


def test_record_that_never_passes_is_trouble(tracker):
    batch, _ = send(tracker, records(2))
    for attempt in range(REPORT_AFTER_ATTEMPTS):
        assert tracker.status(0).state == "ok"
        answer(tracker, batch, failed={1}, now=attempt * LONG_AGO)
        batch, _ = send(tracker, [Record(100 + attempt, 1, "k", b"")], now=(attempt + 1) * LONG_AGO)
    assert (tracker.status(0).state, tracker.status(0).code) == ("retrying", THROTTLED.code)
    answer(tracker, batch, now=0.0)
    assert tracker.status(0).state == "ok"


def test_answer_that_takes_nothing_is_trouble(tracker):
    batch, _ = send(tracker, records(2))
    answer(tracker, batch, failed={1, 2})
    assert tracker.status(0).state == "retrying"


def test_invalid_request_is_halved_until_the_record_is_alone(tracker):
    tracker.on_described(StreamDescription(), 0.0)
    batch, _ = send(tracker, records(8))
    rejected, pending, requests = [], [batch], 0
    while pending:
        batch = pending.pop()
        requests += 1
        if any(record.number == 6 for record in batch.records):
            rejected += tracker.on_request_invalid(batch, INVALID, 0.0)
        else:
            answer(tracker, batch)
        part, _ = send(tracker, [])
        pending += [part] if part.records else []
    assert rejected == [(records(8)[5], "invalid", "InvalidArgumentException: bad")]
    assert requests == 7
    status = tracker.status(0)
    assert (status.delivered, status.rejected, status.waiting) == (7, 1, 0)


def test_part_is_not_mixed_with_fresh_records(tracker):
    batch, _ = send(tracker, records(4))
    tracker.on_request_invalid(batch, INVALID, 0.0)
    assert room(tracker, 0.0) == (0, 0)


def test_lone_record_is_not_blamed_for_a_bad_stream_name(tracker):
    batch, _ = send(tracker, records(1))
    assert tracker.on_request_invalid(batch, INVALID, 0.0) == []
    status = tracker.status(0)
    assert (status.state, status.waiting, status.rejected) == ("refused", 1, 0)
    assert "data_stream" in status.hint


def test_record_over_the_streams_limit_is_rejected_unsent(tracker):
    tracker.on_described(StreamDescription(), 0.0)
    large = Record(2, 1, "key", b"x" * (DEFAULT_RECORD_BYTES - 2))
    batch, rejected = send(tracker, [*records(1), large])
    assert batch.records == records(1)
    assert rejected == [(large, "too_large", "1048577 bytes of data and partition key; the stream accepts 1048576")]


def test_large_record_waits_until_the_limit_is_known(tracker):
    large = Record(1, 1, "key", b"x" * DEFAULT_RECORD_BYTES)
    batch, rejected = send(tracker, [large, *records(2)[1:]])
    assert [record.number for record in batch.records] == [2]
    assert (rejected, tracker.status(0).waiting) == ([], 1)
    assert tracker.on_described(StreamDescription(max_record_bytes=MAX_RECORD_BYTES), 0.0) == []
    assert next_request(tracker, 0.0).records == [large]


def test_large_record_that_waited_in_vain_is_rejected(tracker):
    large = Record(1, 1, "key", b"x" * DEFAULT_RECORD_BYTES)
    send(tracker, [large])
    assert [record for record, _, _ in tracker.on_described(StreamDescription(), 0.0)] == [large]


def test_stream_that_is_not_there_shows_before_the_first_record(tracker):
    tracker.on_describe_failed(Refused("ResourceNotFoundException", "", "create it"), 0.0)
    assert tracker.status(0).state == "refused"
    tracker.on_described(StreamDescription(), 30.0)
    assert tracker.status(0).state == "ok"


def test_describe_that_fails_while_records_flow_is_no_trouble(tracker):
    batch, _ = send(tracker, records(1))
    answer(tracker, batch)
    tracker.on_describe_failed(Refused("UnknownOperationException", "", "not Kinesis"), 0.0)
    assert tracker.status(0).state == "ok"


def test_throttled_describe_is_no_trouble(tracker):
    tracker.on_describe_failed(Unavailable("LimitExceededException", ""), 0.0)
    assert tracker.status(0).state == "ok"


def test_failed_request_dates_the_outage_from_its_begin(tracker):
    batch, _ = send(tracker, records(1), now=100.0)
    tracker.on_request_failed(batch, OutcomeUnknown("Network", "no response within 30 s"), 130.0)
    assert tracker.status(150.0).bad_for_secs == 50.0
