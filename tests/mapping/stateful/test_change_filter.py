import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import TransformError
from bridge.mapping.stateful import change_filter
from bridge.mapping.stateful.change_filter import NONE, Deadband, differ
from bridge.mapping.stateful.overlay_state import OverlayState
from tests.mapping.builders import NOW_MS, applied, mapping, message


def sent(made, *payloads, topic="t", every_ms=1000):
    """Return the messages that passed."""
    return [
        bool(applied(made, message(payload, topic=topic, received_at_ms=NOW_MS + place * every_ms)).drafts)
        for place, payload in enumerate(payloads)
    ]


def test_first_message_and_every_change_continue():
    assert sent(mapping(changes={}), 1, 1, 2, 2, 1) == [True, False, True, False, True]


def test_value_equal_to_the_stored_one_is_filtered():
    made = mapping(changes={})
    applied(made, message(1))
    assert applied(made, message(1)) == ([], (), None)


def test_drift_is_compared_with_what_was_sent_last():
    made = mapping(changes={"value": "payload.t", "deadband": 0.5})
    assert sent(made, *({"t": t} for t in (20.0, 20.3, 20.5, 20.6, 20.9))) == [True, False, False, True, False]


def test_percentage_is_of_what_was_sent_last():
    made = mapping(changes={"deadband": "10%"})
    assert sent(made, 100, 110, 111, 100, 99) == [True, False, True, False, True]


def test_values_have_deadbands_by_name():
    made = mapping(changes={"value": "{t: payload.t, p: payload.p}", "deadband": {"t": 1, "p": "50%"}})
    told = sent(made, {"t": 1, "p": 10}, {"t": 2, "p": 15}, {"t": 2.5, "p": 10}, {"t": 2.5, "p": 16})
    assert told == [True, False, True, True]


def test_name_without_a_deadband_has_none():
    made = mapping(changes={"deadband": {"t": 1}})
    assert sent(made, {"t": 1, "n": 1}, {"t": 1, "n": 2}) == [True, True]


def test_change_filter_compares_each_key_with_itself():
    made = mapping(changes={"key": "payload.m", "value": "payload.v"})
    assert sent(made, {"m": "a", "v": 1}, {"m": "b", "v": 1}, {"m": "a", "v": 1}) == [True, True, False]


def test_key_is_the_topic_if_not_set():
    made = mapping(changes={}, topic="+")
    assert sent(made, 1, topic="a") + sent(made, 1, topic="b") + sent(made, 1, topic="a") == [True, True, False]


def test_unchanged_message_passes_after_at_least_every_secs():
    made = mapping(changes={"at_least_every_secs": 2})
    assert sent(made, 1, 1, 1, 1, 1) == [True, False, True, False, True]


@pytest.mark.parametrize("step_secs", [86_400, -86_400], ids=["forward", "back"])
def test_clock_that_was_set_sends_once_more(step_secs):
    made = mapping(changes={"at_least_every_secs": 60})
    at_secs = (0, 1, step_secs + 2, step_secs + 3, step_secs + 61, step_secs + 62)
    drafts = [applied(made, message(1, topic="t", received_at_ms=NOW_MS + secs * 1000)).drafts for secs in at_secs]
    assert [bool(each) for each in drafts] == [True, False, True, False, False, True]


def test_rejected_message_is_not_remembered():
    made = mapping(changes={"value": "payload.v"}, transform="payload.wanted")
    assert applied(made, message({"v": 1})).rejections
    assert applied(made, message({"v": 1, "wanted": 5})).drafts


def test_message_filtered_by_where_is_not_compared():
    made = mapping(changes={"value": "payload.v"}, where="payload.on")
    assert sent(made, {"v": 1, "on": False}, {"v": 1, "on": True}) == [False, True]


@pytest.mark.parametrize("key", ["payload.none", "payload"])
def test_key_that_is_no_text_is_rejected(key):
    (rejection,) = applied(mapping(changes={"key": key}), message({"v": 1})).rejections
    assert (rejection.code, rejection.detail[:12]) == ("transform", "changes.key:")


def test_value_json_cannot_hold_is_rejected():
    with pytest.raises(TransformError, match="cannot be stored"):
        change_filter.ChangeFilter(None, None, NONE, None).changed_row({"payload": 2**70}, message(), OverlayState())


def test_replayed_message_goes_past_it_and_leaves_no_trace():
    made = mapping(changes={})
    assert sent(made, 1) == [True]
    assert made.replay(message(1), ("s",), None).drafts
    assert made.replay(message(2), ("s",), None).drafts
    assert sent(made, 2) == [True]


def test_state_survives_another_version_of_the_mapping():
    memory, first, second = OverlayState(), mapping(changes={}), mapping(changes={"deadband": 5})
    first.stateful.attach(memory)
    second.stateful.attach(memory)
    assert sent(first, 1) + sent(second, 2, 7) == [True, False, True]


def test_oldest_key_is_forgotten_and_sent_once_more(monkeypatch):
    monkeypatch.setattr(change_filter, "MAX_KEYS", 2)
    made = mapping(changes={"key": "payload"})
    assert sent(made, "a", "b", "a", "c", "b", "a") == [True, True, False, True, False, True]
    assert len(made.stateful.memory) == 2


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        (1, 1.0, False),
        (True, 1, True),
        (None, 0, True),
        ("a", "a", False),
        ([1, 2], [1], True),
        ({"a": 1}, {"b": 1}, True),
    ],
)
def test_values_are_compared_as_json(old, new, changed):
    assert differ(orjson.loads(orjson.dumps(old)), new) is changed


def test_deadband_reaches_into_lists():
    assert not differ([1, [2]], [1.4, [2.4]], Deadband(0.5))
    assert differ([1, [2]], [1.4, [2.6]], Deadband(0.5))
    assert differ([1], [1.1], NONE)


@pytest.mark.parametrize("step_secs", [-30, -86_400, 30, 86_400])
def test_clock_set_during_the_run_does_not_change_the_elapsed_time(step_secs):
    made = mapping(changes={"at_least_every_secs": 60})

    def passes(secs, after_step=True):
        at_ms = NOW_MS + (secs + (step_secs if after_step else 0)) * 1000
        return bool(applied(made, message(1, topic="t", received_at_ms=at_ms)).drafts)

    assert [passes(0, False), passes(50, False)] == [True, False]
    made.stateful.clock_set(step_secs * 1000)
    assert [passes(59), passes(60), passes(119), passes(120)] == [False, True, False, True]


@given(st.integers(1, 20), st.integers(1, 20))
def test_keys_up_to_the_limit_are_remembered(keys, limit):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(change_filter, "MAX_KEYS", limit)
        made = mapping(changes={"key": "payload"})
        values = [f"k{number}" for number in range(keys)]
        assert sent(made, *values) == [True] * keys
        # Only the oldest keys are removed.
        assert sent(made, *values[-limit:]) == [False] * min(keys, limit)
        assert sent(made, values[0]) == [keys > limit]
