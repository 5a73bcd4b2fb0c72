import logging

from bridge.web.limited_log_lines import LINE_SECS, MAX_TEXTS, LimitedLines


def record(text):
    return logging.LogRecord("asyncio", logging.WARNING, "", 0, text, (), None)


def test_text_that_repeats_passes_once_a_minute_with_the_count():
    now = [0.0]
    limit = LimitedLines(lambda: now[0])
    assert limit.filter(record("socket.accept() out of system resource\nsocket: 1"))
    assert not any(limit.filter(record(f"socket.accept() out of system resource\nsocket: {n}")) for n in range(5))
    assert limit.filter(record("another"))
    now[0] += LINE_SECS
    again = record("socket.accept() out of system resource")
    assert limit.filter(again)
    assert again.msg.endswith("(5 such lines were suppressed)")


def test_texts_are_remembered_up_to_a_limit():
    limit = LimitedLines()
    for number in range(MAX_TEXTS + 10):
        limit.filter(record(str(number)))
    assert len(limit._seen) == MAX_TEXTS
