"""Findings on retained messages: which counts are a loss, and which are only worth a remark."""

from collections import Counter
from types import SimpleNamespace

import pytest

from bridge.tools.doctor.broker import retained_messages
from bridge.tools.doctor.broker.retained_messages import MANY, RetainedMessages, count_retained, retained_findings


def findings(counted, at_full_speed=None, skipped=0, protocol="5"):
    sample = SimpleNamespace(skipped=skipped, retained=Counter({"press": counted.messages}))
    return list(retained_findings(counted, at_full_speed, sample, protocol))


def amount(messages, **options):
    return RetainedMessages(messages, messages * 100, 2.0, **options)


@pytest.mark.parametrize(
    ("messages", "skipped", "status", "words"),
    [
        (0, 0, "ok", "none on the topics of the mappings"),
        (1, 0, "ok", "once, in a new session"),
        (MANY - 1, 0, "ok", "999 (99.9 kB)"),
        (MANY, 0, "warning", "by mapping: press 1,000"),
        (MANY, MANY, "ok", "`retained: skip` ignores them"),
        (MANY, MANY - 1, "warning", "forwards them, however old they are"),
    ],
)
def test_retained_messages_are_a_warning_if_there_are_many(messages, skipped, status, words):
    [finding] = findings(amount(messages), skipped=skipped)
    assert (finding.status, words in finding.message) == (status, True)


def test_retained_messages_with_3_1_1_arrive_after_each_connection():
    [finding] = findings(amount(5), protocol="3.1.1")
    assert "after each connection" in finding.message


@pytest.mark.parametrize(
    ("counted", "at_full_speed", "dropped"),
    [(500, 510, 0), (500, 511, 11), (2000, 2020, 0), (2000, 2021, 21), (1000, 50_000, 49_000), (600, 500, 0)],
)
def test_retained_messages_that_are_missing_are_an_error(counted, at_full_speed, dropped):
    found = findings(amount(counted), amount(at_full_speed))
    assert found[0].facts["messages"] == max(counted, at_full_speed)
    assert [each.facts["dropped"] for each in found[1:]] == ([dropped] if dropped else [])
    assert [each.status for each in found[1:]] == (["error"] if dropped else [])


def test_retained_messages_that_still_arrive_are_no_loss():
    [finding] = findings(amount(600, complete=False), amount(50_000))
    assert finding.status == "warning"


def test_retained_amount_of_an_incomplete_count_is_a_minimum():
    assert amount(1500, complete=False).amount == "more than 1,500 (150.0 kB)"
    assert amount(1500).amount == "1,500 (150.0 kB)"


def test_retained_rate_of_messages_that_arrive_at_once_is_finite():
    assert RetainedMessages(10, 1000, 0.0).per_sec == 10_000
    assert amount(10).per_sec == 5


@pytest.mark.parametrize(
    ("retained_at", "complete", "secs"), [(0.0, True, 0.0), (101.5, True, 1.5), (109.9, False, 9.9)]
)
def test_retained_count_ends_after_a_silence(monkeypatch, retained_at, complete, secs):
    monkeypatch.setattr(retained_messages, "time", SimpleNamespace(monotonic=lambda: 110.0))
    session = SimpleNamespace(
        retained=3, retained_bytes=300, retained_at=retained_at, listen=lambda _secs, until: until()
    )
    counted = count_retained(session, 100.0)
    assert (counted.messages, counted.bytes, counted.complete) == (3, 300, complete)
    assert counted.secs == pytest.approx(secs)
