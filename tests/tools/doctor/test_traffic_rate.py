"""Rate into the spool. A rate that is too low promises a longer outage than the disk can buffer."""

import threading

import pytest

from bridge.tools.doctor.traffic_rate import RECORD_BYTES, SharedRate, SpoolRate, rate_of_bridge


def response(messages, payload_bytes, received, *, filtered=0, spooled=0, delivered=0, at_ms=10_000, since_ms=0):
    ledger = [{"received": received, "filtered": filtered, "spooled": spooled}]
    status = {
        "ledger": ledger,
        "received_messages": messages,
        "payload_bytes": payload_bytes,
        "streams": [{"delivered": delivered, "rejected": 0}],
    }
    return {"status": status, "coverage": {"at_ms": at_ms, "since_ms": since_ms}}


def rate(*responses):
    remaining = list(responses)
    return rate_of_bridge(lambda: remaining.pop(0), 0.0)


def test_rate_without_a_bridge_is_unknown():
    assert rate(None) is None


def test_rate_between_two_statuses_counts_records_with_their_overhead():
    # 100 messages of 50 bytes in 2 s became 200 records, of which 40 were filtered.
    found = rate(response(0, 0, 0, at_ms=0), response(100, 5_000, 200, filtered=40, at_ms=2_000))
    assert found.bytes_per_sec == 160 * (50 + RECORD_BYTES) / 2
    assert found.source.startswith("present rate")


@pytest.mark.parametrize("later", [None, response(100, 5_000, 100, delivered=100)])
def test_rate_without_traffic_or_a_second_status_is_the_average(later):
    found = rate(response(100, 5_000, 100, delivered=100), later)
    assert found.bytes_per_sec == 100 * (50 + RECORD_BYTES) / 10
    assert found.source.startswith("average")


def test_average_rate_excludes_records_that_earlier_runs_delivered():
    now = response(100, 5_000, 1_000_000, delivered=60, spooled=40)
    assert rate(now, now).bytes_per_sec == 100 * (50 + RECORD_BYTES) / 10


def test_rate_of_a_bridge_that_has_restarted_is_not_negative():
    before, now = response(900, 9_000, 900), response(10, 500, 10, delivered=10, at_ms=11_000, since_ms=10_000)
    assert rate(before, now).bytes_per_sec == 10 * (50 + RECORD_BYTES)


def test_rate_without_any_message_is_unknown():
    assert rate(response(0, 0, 0), response(0, 0, 0)) is None
    assert rate(response(5, 50, 5, at_ms=0), response(5, 50, 5, at_ms=0)) is None


def test_shared_rate_is_the_first_value_even_if_it_is_none():
    shared = SharedRate()
    assert shared.rate(0.0) is None
    shared.set_rate(SpoolRate(1.0, "first"))
    shared.set_rate(None)
    assert shared.rate(600.0) == SpoolRate(1.0, "first")
    unknown = SharedRate()
    unknown.set_rate(None)
    unknown.set_rate(SpoolRate(1.0, "late"))
    assert unknown.rate(600.0) is None


def test_shared_rate_ends_the_wait_of_another_thread():
    shared, got = SharedRate(), []
    waiting = threading.Thread(target=lambda: got.append(shared.rate(600.0)), daemon=True)
    waiting.start()
    shared.set_rate(SpoolRate(2.0, "x"))
    waiting.join(30)
    assert got == [SpoolRate(2.0, "x")]
