from bridge.delivery.record_size_limit import MIN_INTERVAL_SECS, RecordSizeLimit
from bridge.model import DEFAULT_RECORD_BYTES, MAX_RECORD_BYTES


def test_limit_is_requested_by_one_worker_at_the_start():
    limit = RecordSizeLimit()
    assert limit.start_request(0.0)
    assert not limit.start_request(0.0)
    assert limit.sendable_bytes() == DEFAULT_RECORD_BYTES


def test_answer_ends_the_requests():
    limit = RecordSizeLimit()
    limit.start_request(0.0)
    limit.succeeded(MAX_RECORD_BYTES, 0.0, described=True)
    assert limit.sendable_bytes() == MAX_RECORD_BYTES
    assert not limit.start_request(1e9)


def test_limit_without_an_answer_is_requested_later():
    limit = RecordSizeLimit()
    limit.start_request(0.0)
    limit.failed(0.0)
    assert not limit.start_request(MIN_INTERVAL_SECS - 1)
    assert limit.start_request(MIN_INTERVAL_SECS)


def test_doubt_requests_again_but_not_more_than_twice_a_minute():
    limit = RecordSizeLimit()
    limit.start_request(0.0)
    limit.succeeded(MAX_RECORD_BYTES, 0.0, described=True)
    limit.invalidate()
    assert not limit.start_request(1.0)
    assert limit.start_request(MIN_INTERVAL_SECS)
