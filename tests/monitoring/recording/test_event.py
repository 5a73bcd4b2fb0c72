"""One event, and its line in the event log. The file may contain anything, and must not stop the bridge."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.monitoring.recording.event import (
    MAX_TEXT_CHARS,
    Event,
    beginning_event,
    end_event,
    parse_event,
)
from bridge.monitoring.recording.event_log import unfinished_events
from tests.web.bridges import NOW, problem

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=MAX_TEXT_CHARS)
VALID = {"at": 1.5, "kind": "problem", "text": "x"}


@given(TEXTS.filter(bool), TEXTS, st.floats(0, 1e10), st.none() | st.floats(0, 1e10))
def test_event_of_any_text_is_parsed_from_its_line(text, detail, at, since):
    event = Event(at, "problem", text, detail, "warning", since, code="hot-key", stream="telemetry")
    line = event.line()
    assert line.count(b"\n") == 1
    assert parse_event(line) == event


def test_event_with_default_fields_has_only_the_others_in_its_line():
    assert orjson.loads(Event(1.5, "started", "bridge started").line()) == {
        "at": 1.5,
        "kind": "started",
        "text": "bridge started",
        "level": "info",
    }


@pytest.mark.parametrize(("chars", "shown"), [(MAX_TEXT_CHARS,) * 2, (MAX_TEXT_CHARS + 1, MAX_TEXT_CHARS + 2)])
def test_text_beyond_its_limit_is_shortened_in_the_line(chars, shown):
    assert len(parse_event(Event(1.0, "reload", "x", "d" * chars).line()).detail) == shown


def test_text_with_a_file_name_that_is_not_utf8_has_a_line():
    assert parse_event(Event(1.0, "reload", "a \udcff", "b \udcfe").line()).text == r"a \udcff"


@pytest.mark.parametrize(
    "changes",
    [
        {"at": "1"}, {"at": None}, {"kind": "new"}, {"kind": []}, {"text": 7}, {"code": []}, {"stream": {}},
        {"mapping": None}, {"at": -1}, {"at": 1e300}, {"since": -1e300},
        {"worker": 1}, {"since": "1"}, {"lasted_secs": []}, {"detail": 1},
    ],
)  # fmt: skip
def test_line_with_a_value_of_another_type_is_no_event(changes):
    assert parse_event(orjson.dumps(VALID)) is not None
    assert parse_event(orjson.dumps(VALID | changes)) is None


@given(st.binary(max_size=40) | st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8"), max_size=4),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.sampled_from([*VALID, "code", "since"]), values),
).map(orjson.dumps))  # fmt: skip
def test_parse_event_of_any_line_can_be_sorted_and_found_by_key(line):
    event = parse_event(line)
    if event is not None:
        assert sorted([event.at, 1.0])
        unfinished_events([event])


def test_line_of_a_later_version_with_another_field_is_parsed():
    assert parse_event(orjson.dumps(VALID | {"colour": 7})) == Event(1.5, "problem", "x")


def test_end_event_has_the_key_of_the_beginning_and_a_duration():
    found = problem("client-id-conflict", stream="s", mapping="m", worker="worker 1")
    begun, ended = beginning_event(found, NOW + 5), end_event(found, NOW + 60, 55.0)
    assert (begun.kind, begun.level, begun.since, begun.detail) == ("conflict", "error", NOW, found.cause)
    assert (begun.begins, ended.begins) == (True, False)
    assert (ended.kind, ended.level, ended.lasted_secs) == ("recovered", "info", 55.0)
    assert begun.key == ended.key == found.key
