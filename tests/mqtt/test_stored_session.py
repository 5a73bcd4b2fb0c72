"""Record of the broker's session: a damaged record never stops the bridge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mqtt.stored_session import StoredSession

QOS = st.integers(0, 2)


@given(st.text(), st.dictionaries(st.text(), st.tuples(QOS, QOS)))
def test_record_is_the_same_after_dump_and_parse(broker, filters):
    record = StoredSession(broker, filters)
    assert StoredSession.parse(record.dump()) == record


@given(st.text() | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(repr))
def test_record_of_any_text_is_parsed_without_an_error(text):
    assert isinstance(StoredSession.parse(text), StoredSession)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        '{"broker": 1}',
        '{"filters": {}}',
        '{"broker": "b", "filters": []}',
        '{"broker": "b", "filters": {"a": 1}}',
        '{"broker": "b", "filters": {"a": [1]}}',
        '{"broker": "b", "filters": {"a": [null, 1]}}',
        '{"broker": "b", "filters": {"a": [NaN, 1]}}',
        '{"broker": "b", "filters": {"a": [1e999, 1]}}',
        "[" * 100_000,
        '{"broker": "b", "filters": {"a": [%s, 1]}}' % ("9" * 5000),
    ],
    ids=lambda text: text[:40] or "empty",
)
def test_record_that_dump_did_not_write_counts_as_empty(text):
    assert StoredSession.parse(text) == StoredSession()


def test_record_without_filters_leaves_the_original_unchanged():
    record = StoredSession("mqtt://b:1883", {"a": (1, 1), "b/#": (2, 1)})
    assert record.without(["b/#", "unknown"]) == StoredSession("mqtt://b:1883", {"a": (1, 1)})
    assert record.filters.keys() == {"a", "b/#"}
