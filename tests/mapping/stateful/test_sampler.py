import json

import pytest

from bridge.mapping.stateful.overlay_state import OverlayState
from bridge.mapping.stateful.sampler import release_all
from bridge.spool.mapping_state import MappingState, StateBudget
from tests.mapping.builders import applied, mapping, message

BEGIN_MS = 1_700_000_000_000  # a whole multiple of ten seconds


def sampled(keep="last", **options):
    transform = options.pop("transform", "payload")
    value = {"value": "payload.v"} if keep in {"mean", "min_max"} else {}
    return mapping(sample={"every_secs": 10, "keep": keep, **value, **options}, transform=transform)


class Line:
    """A mapping that gets messages, at seconds after the beginning of a span."""

    def __init__(self, made):
        self.made = made
        self.filtered = 0
        self.rejected = []

    def tell(self, second, payload):
        mapped = applied(self.made, message(payload, received_at_ms=BEGIN_MS + round(second * 1000)))
        self.filtered += mapped.effects.filtered if mapped.effects else not mapped.drafts and not mapped.rejections
        self.rejected += [each.code for each in mapped.rejections]
        return [json.loads(draft.data) for draft in self.made.all_records(mapped)]

    def due(self, second):
        return [json.loads(each.data) for each in self.made.stateful.release_ended(BEGIN_MS + round(second * 1000))]


def test_first_continues_at_once_and_the_rest_of_the_span_is_filtered():
    line = Line(sampled("first"))
    assert [line.tell(second, second) for second in (1, 2, 9.9, 10, 11)] == [[1], [], [], [10], []]
    assert line.filtered == 3


def test_last_continues_when_its_span_has_ended():
    line = Line(sampled())
    assert [line.tell(second, second) for second in (1, 2, 3)] == [[], [], []]
    assert line.filtered == 2
    assert line.due(9.9) == []
    assert line.due(10) == [3]
    assert line.due(20) == []


def test_message_of_the_next_span_lets_the_last_one_go():
    line = Line(sampled())
    line.tell(1, "old")
    assert line.tell(12, "new") == ["old"]
    assert (line.due(20), line.filtered) == (["new"], 0)


def test_sampler_sends_or_filters_or_stores_each_message():
    line = Line(sampled())
    went = [record for second in range(100) for record in line.tell(second, second)]
    held = line.due(1000)
    assert went + held == list(range(9, 100, 10))
    assert len(went) + len(held) + line.filtered == 100


def test_sampler_has_one_sample_for_each_key():
    line = Line(sampled(key="payload.m"))
    for second, machine in enumerate("aabbb"):
        line.tell(second, {"m": machine, "n": second})
    assert sorted(record["n"] for record in line.due(10)) == [1, 4]


def test_mean_is_of_all_messages_of_the_span():
    line = Line(sampled("mean", transform="{m: sample.mean, n: sample.count, low: sample.min, high: sample.max}"))
    for second, value in ((1, 10), (2, 20), (3, 60)):
        line.tell(second, {"v": value})
    assert (line.due(10), line.filtered) == ([{"m": 30, "n": 3, "low": 10, "high": 60}], 2)
    line.tell(11, {"v": 5})
    assert line.due(20) == [{"m": 5, "n": 1, "low": 5, "high": 5}]


def test_mean_reports_its_span():
    line = Line(sampled("mean", transform="{from: sample.from_ms, to: sample.to_ms}"))
    line.tell(1, {"v": 1})
    line.tell(8, {"v": 1})
    assert line.due(10) == [{"from": BEGIN_MS + 1000, "to": BEGIN_MS + 8000}]


def test_mean_of_several_values_by_name():
    line = Line(sampled("mean", value="{t: payload.t, p: payload.p}", transform="sample.mean"))
    line.tell(1, {"t": 1, "p": 10})
    line.tell(2, {"t": 3, "p": 30})
    assert line.due(10) == [{"t": 2, "p": 20}]


def test_min_max_keeps_both_in_the_order_they_came():
    line = Line(sampled("min_max"))
    for second, value in enumerate((5, 9, 1, 7)):
        line.tell(second, {"v": value})
    assert (line.due(10), line.filtered) == ([{"v": 9}, {"v": 1}], 2)


def test_min_max_of_one_message_is_one_record():
    line = Line(sampled("min_max"))
    line.tell(1, {"v": 5})
    line.tell(2, {"v": 5})
    assert (line.due(10), line.filtered) == ([{"v": 5}], 1)


@pytest.mark.parametrize("value", [None, "7", True])
def test_value_that_is_no_number_is_rejected_and_changes_nothing(value):
    line = Line(sampled("min_max"))
    line.tell(1, {"v": 5})
    line.tell(2, {"v": value})
    assert (line.rejected, line.due(10)) == (["transform"], [{"v": 5}])


def test_failed_transform_is_rejected_and_the_earlier_sample_stays():
    line = Line(sampled(transform="payload.x"))
    line.tell(1, {"x": 1})
    line.tell(2, {})
    assert (line.rejected, line.due(10), line.filtered) == (["transform"], [1], 0)


def test_sample_survives_a_restart():
    memory, first, second = OverlayState(), Line(sampled()), Line(sampled())
    first.made.stateful.attach(memory)
    first.tell(1, "held")
    second.made.stateful.attach(memory)
    assert second.due(10) == ["held"]
    assert len(memory) == 0


@pytest.mark.parametrize("keep", ["first", "last", "mean", "min_max"])
@pytest.mark.parametrize("second", [100_000, -100_000], ids=["forward", "back"])
def test_clock_that_was_set_ends_the_span_and_loses_nothing(keep, second):
    line = Line(sampled(keep, transform="sample.mean" if keep == "mean" else "payload.v"))
    records = line.tell(1, {"v": 1}) + line.tell(second, {"v": 2}) + line.due(second + 10)
    assert records == [1, 2]
    assert (line.filtered, line.rejected) == (0, [])


def test_mapping_that_is_removed_leaves_what_it_stored():
    memory, line = OverlayState(), Line(sampled())
    line.made.stateful.attach(memory)
    line.tell(1, "held")
    assert [(each.destination, each.data) for each in release_all(memory)] == [("s", b'"held"')]
    assert len(memory) == 0


def test_replayed_message_is_a_sample_by_itself():
    made = sampled("mean", transform="sample.mean")
    (draft,) = made.replay(message({"v": 4}), ("s",), None).drafts
    assert draft.data == b"4.0"
    assert len(made.stateful.memory) == 0


def test_sampler_stores_all_items_of_a_list():
    line = Line(mapping(sample={"every_secs": 10}, transform="payload", each=True))
    line.tell(1, [1, 2])
    line.tell(2, [3, 4])
    assert (line.due(10), line.filtered) == ([3, 4], 1)


@pytest.mark.parametrize("keep", ["last", "min_max"])
def test_sample_without_room_sends_the_oldest_spans_early_and_loses_none(keep):
    budget = StateBudget(5_000)
    made, state = sampled(keep, key="payload.key", transform="payload.key"), MappingState("m", {}, budget)
    made.stateful.attach(state)
    line, sent = Line(made), []
    for number in range(200):
        sent += line.tell(1, {"key": number, "v": 1.5})
        assert state.bytes <= budget.max_bytes
    assert sent == list(range(200 - len(state)))
    assert state.evicted == len(sent)
    assert sorted(sent + line.due(11)) == list(range(200))
    assert not line.rejected
