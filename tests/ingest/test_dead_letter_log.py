"""Log lines about new dead letters: one soon after the first dead letter, and few afterwards."""

from bridge.ingest.dead_letter_log import INTERVAL_SECS, DeadLetterLog
from bridge.model import DeadLetter, Message


def dead_letters(count, mapping="press", code="decode"):
    message = Message("a/press07", b"secret", 1, False, 0)
    return [DeadLetter.of_message(message, 6, code, "not JSON: secret", mapping)] * count


def test_dead_letter_log_reports_the_first_at_once_without_its_payload(caplog):
    DeadLetterLog().committed(dead_letters(2), 5.0)
    (line,) = caplog.records
    advice = "see 'mqtt-kinesis dead-letters list'"
    expected = f"2 new dead letters of mapping press (decode), the last on topic a/press07; {advice}"
    assert (line.levelname, line.message) == ("WARNING", expected)


def test_dead_letter_log_within_the_interval_counts_and_reports_later(caplog):
    reports = DeadLetterLog()
    for second in range(5):
        reports.committed(dead_letters(1), float(second))
    assert len(caplog.messages) == 1
    reports.committed(dead_letters(1), INTERVAL_SECS)
    assert caplog.messages[1].startswith("5 new dead letters of mapping press (decode)")


def test_dead_letter_log_reports_each_mapping_and_code(caplog):
    reports = DeadLetterLog()
    reports.committed([*dead_letters(1), *dead_letters(3, code="transform"), *dead_letters(1, mapping="")], 1.0)
    assert [text.partition(",")[0] for text in caplog.messages] == [
        "1 new dead letter of mapping press (decode)",
        "3 new dead letters of mapping press (transform)",
        "1 new dead letter (decode)",
    ]


def test_dead_letter_log_without_dead_letters_reports_nothing(caplog):
    DeadLetterLog().committed([], 1.0)
    assert caplog.messages == []


def test_dead_letter_log_cuts_a_long_topic(caplog):
    message = Message("x" * 65_535, b"", 1, False, 0)
    DeadLetterLog().committed([DeadLetter.of_message(message, 0, "decode", "", "press")], 1.0)
    assert len(caplog.messages[0]) < 400
