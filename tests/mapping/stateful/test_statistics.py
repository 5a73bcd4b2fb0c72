import json
from statistics import fmean

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import TransformError
from bridge.mapping.stateful.statistics import Statistics

NUMBERS = st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9)


def of(*values):
    found = Statistics()
    for place, value in enumerate(values):
        found = found.with_value(value, 1000 + place)
    return found


@given(st.lists(NUMBERS, min_size=1, max_size=20))
def test_statistics_of_numbers_are_their_mean_and_extremes(values):
    shown = of(*values).shown()
    assert shown["mean"] == pytest.approx(fmean(values), rel=1e-9, abs=1e-3)
    assert (shown["min"], shown["max"], shown["count"]) == (min(values), max(values), len(values))


@given(st.lists(NUMBERS | st.dictionaries(st.sampled_from("ab"), NUMBERS), max_size=8), st.integers(0, 8))
def test_statistics_that_are_stored_in_between_are_the_same(values, stored_after):
    found = of(*values[:stored_after])
    found = Statistics.of(orjson.loads(orjson.dumps(found.stored())))
    for place, value in enumerate(values[stored_after:], start=len(values[:stored_after])):
        found = found.with_value(value, 1000 + place)
    assert found == of(*values)


def test_statistics_have_the_times_of_the_first_and_last_message():
    shown = Statistics().with_value(1, 0).with_value(2, 7).with_value(3, 5).shown()
    assert (shown["from_ms"], shown["to_ms"], shown["count"]) == (0, 5, 3)


def test_statistics_count_each_name_for_itself():
    shown = of({"a": 1, "b": 10}, {"a": 3}, {}).shown()
    assert shown["mean"] == {"a": 2.0, "b": 10.0}
    assert (shown["min"], shown["max"], shown["count"]) == ({"a": 1, "b": 10}, {"a": 3, "b": 10}, 3)


def test_statistics_of_single_numbers_and_of_objects_have_their_shape():
    assert of(5).shown()["mean"] == 5.0
    assert of({}).shown()["mean"] == {}
    assert of(5, {"a": 1}).shown()["mean"] == {"": 5.0, "a": 1.0}


def test_statistics_without_a_stored_row_are_empty():
    assert Statistics.of(None) == Statistics()
    assert Statistics().shown() == {"count": 0, "from_ms": 0, "to_ms": 0, "mean": {}, "min": {}, "max": {}}


def test_statistics_whose_sum_is_infinite_are_an_error_and_unchanged():
    before = of(1.5e308)
    with pytest.raises(TransformError, match="too large for a 64-bit float"):
        before.with_value(1.5e308, 2000)
    assert before == of(1.5e308)
    assert before.with_value(-1.5e308, 2000).shown()["mean"] == 0


def test_statistics_do_not_share_their_columns():
    first = of({"a": 1})
    second = first.with_value({"a": 2}, 2000)
    assert (first.shown()["max"], second.shown()["max"]) == ({"a": 1}, {"a": 2})
    assert json.dumps(Statistics().stored()) == "[0, 0, 0, {}]"
