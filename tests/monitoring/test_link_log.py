"""Links to AWS: as text and in the log."""

import logging
from dataclasses import replace

import pytest

from bridge.delivery.endpoint_status import EndpointStatus
from bridge.monitoring.link_log import AGAIN_SECS, LinkLog, link_text

THIN = EndpointStatus(
    "kinesis.eu-west-1.amazonaws.com",
    bandwidth=31_250.0,
    answer_secs=0.4,
    request_bytes=16_000,
    window_bytes=32_000,
    max_requests=4,
    requests=2,
    bytes_in_flight=20_000,
    timeouts=3,
    limited_secs=0.0,
)


def test_link_text_has_the_measurements():
    assert link_text(THIN) == (
        "link kinesis.eu-west-1.amazonaws.com: 31 kB/s measured, answers after 0.4 s, requests of 16 kB, "
        "2 in flight, 3 time-outs"
    )


def test_link_without_an_answer_is_not_measured_yet():
    fresh = replace(THIN, bandwidth=0.0, requests=1, timeouts=1, outcome_unknown=5)
    assert link_text(fresh) == (
        "link kinesis.eu-west-1.amazonaws.com: not measured yet, requests of 16 kB, 1 in flight, 1 time-out, "
        "5 with unknown outcome"
    )


@pytest.mark.parametrize(("secs", "words"), [(0.003, ", answers after 3 ms,"), (12.3, ", answers after 12.3 s,")])
def test_answer_time_has_a_fitting_unit(secs, words):
    assert words in link_text(replace(THIN, answer_secs=secs))


def test_answer_time_that_is_not_known_is_not_shown():
    assert "answers" not in link_text(replace(THIN, answer_secs=0.0))


@pytest.mark.parametrize(
    ("bandwidth", "words"), [(999.0, "1.0 kB/s"), (9_940.0, "9.9 kB/s"), (12_400_000.0, "12.4 MB/s")]
)
def test_bandwidth_has_two_digits(bandwidth, words):
    assert f": {words} measured" in link_text(replace(THIN, bandwidth=bandwidth))


def test_link_that_limits_delivery_is_logged_once_an_hour(caplog):
    caplog.set_level(logging.INFO, "bridge.monitoring")
    log = LinkLog()
    for now in range(0, 120, 5):
        log.observe([replace(THIN, limited_secs=float(now))], now)
    log.observe([THIN], 125)
    log.observe([replace(THIN, limited_secs=70.0)], 200)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("delivery is limited by the link ")
    assert caplog.messages[0].endswith("3 time-outs")
    log.observe([replace(THIN, limited_secs=70.0)], 60 + AGAIN_SECS)
    assert len(caplog.messages) == 2
