import logging

import pytest

from bridge.delivery.stream_status import StreamHealth
from bridge.errors import Refused, Unavailable

DOWN = Unavailable("ServiceUnavailable", "down")
DENIED = Refused("AccessDeniedException", "no", "allow kinesis:PutRecords")


@pytest.fixture
def health(caplog):
    caplog.set_level(logging.INFO, "bridge.delivery")
    return StreamHealth("telemetry")


def test_outage_is_logged_once_and_its_end_once(health, caplog):
    for now in range(5):
        health.bad(DOWN, now)
    health.ok(60)
    health.ok(61)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "after 60 s" in caplog.messages[1]


def test_refusal_is_logged_with_what_to_do(health, caplog):
    health.bad(DENIED, 0)
    assert health.state == "refused"
    assert "telemetry" in caplog.text
    assert "allow kinesis:PutRecords" in caplog.text


def test_refusal_during_an_outage_is_news_and_the_outage_after_it_is_not(health, caplog):
    for error in (DOWN, DENIED, DENIED, DOWN):
        health.bad(error, 0)
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]


def test_health_that_is_ok_from_the_start_logs_nothing(health, caplog):
    health.ok(0)
    assert not caplog.records


def test_stream_status_counts_the_seconds_since_the_first_failure(health):
    health.bad(DOWN, 100.0)
    health.bad(DENIED, 110.0)
    assert health.bad_for_secs(130.0) == 30.0
    health.ok(140.0)
    assert health.bad_for_secs(150.0) == 0.0
    assert (health.code, health.detail, health.hint) == ("", "", "")
