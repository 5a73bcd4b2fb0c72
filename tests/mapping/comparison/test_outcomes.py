import pytest

from bridge.mapping.comparison.outcomes import ChangeKind, compare, outcome
from bridge.mapping.router import Router
from tests.mapping.builders import mapping, message

SAME, CHANGED, ONLY_OLD, ONLY_NEW = ChangeKind.SAME, ChangeKind.CHANGED, ChangeKind.ONLY_OLD, ChangeKind.ONLY_NEW
FILTERED, REJECTED = ChangeKind.FILTERED, ChangeKind.REJECTED


def outcomes(payload, *options):
    made = [mapping(f"m{number}", **each) for number, each in enumerate(options)]
    return outcome(Router(made), message(payload))


def kinds(payload, old, new):
    """Compare the results of two mappings; None stands for no mapping."""
    before, after = (outcomes(payload, *([] if options is None else [options])) for options in (old, new))
    return [each.what for each in compare(before, after)]


def stream(name):
    return {"data_stream": name}


EACH = {"transform": "payload", "each": True}
FAILS = {"transform": "abs(payload.x)"}


def test_outcome_without_a_matching_mapping_is_empty():
    found = outcome(Router([mapping(topic="other")]), message(1))
    assert (found.records, found.filtered, found.matched) == ({}, set(), False)


def test_outcome_has_the_records_of_all_mappings_by_stream():
    found = outcomes(1, {"outputs": [stream("a"), stream("b")]}, {"outputs": [stream("a")]}, {"where": "`false`"})
    assert {name: [item.mapping.name for item in items] for name, items in found.records.items()} == {
        "a": ["m0", "m1"],
        "b": ["m0"],
    }
    assert (found.filtered, found.matched) == ({"m2"}, True)


def test_outcome_has_a_rejection_for_each_output_without_a_record():
    found = outcomes({"x": "text"}, FAILS | {"outputs": [stream("a"), stream("b")]})
    assert {name: [item.rejected for item in items] for name, items in found.records.items()} == {
        "a": [True],
        "b": [True],
    }
    assert found.filtered == set()


def test_value_of_a_result_shows_the_key_and_data_or_the_reason():
    (record,) = outcomes({"x": -1}, FAILS | {"outputs": [stream("s") | {"partition_key": "k"}]}).records["s"]
    assert record.value() == {"partition_key": "k", "data": 1}
    (rejected,) = outcomes({"x": "a"}, FAILS).records["s"]
    assert rejected.value()["dead_letter"] == "transform"


@pytest.mark.parametrize(
    ("payload", "old", "new", "expected"),
    [
        (1, {}, {}, [SAME]),
        (b"1.0", {}, {"transform": "payload"}, [SAME]),
        (b"1", {}, {"transform": "payload == `1`"}, [CHANGED]),
        (1, {}, {"outputs": [stream("s") | {"partition_key": "k"}]}, [CHANGED]),
        (1, {}, {"outputs": [stream("t")]}, [ONLY_OLD, ONLY_NEW]),
        (1, {}, {"where": "`false`"}, [FILTERED]),
        (1, {}, {"topic": "other"}, [ONLY_OLD]),
        (1, {}, None, [ONLY_OLD]),
        (1, None, {}, [ONLY_NEW]),
        (1, {}, FAILS, [REJECTED]),
        ({"x": ""}, {}, FAILS, [REJECTED]),
        ({"x": ""}, None, FAILS, [REJECTED]),
        ({"x": ""}, FAILS, {}, [ONLY_NEW]),
        ({"x": ""}, FAILS, FAILS, [SAME]),
        ({"x": ""}, FAILS, FAILS | {"transform": "upper(payload.y)"}, [CHANGED]),
        ({"x": ""}, FAILS, {"where": "`false`"}, [FILTERED]),
        ([1, 2], EACH, FAILS | {"transform": "abs(payload)"}, [REJECTED, REJECTED]),
    ],
)
def test_compare_names_the_kind_of_each_difference(payload, old, new, expected):
    assert kinds(payload, old, new) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([1, 2, 3], [1, 2, 3], [SAME] * 3),
        ([1, 2, 3], [9, 1, 2, 3], [ONLY_NEW, SAME, SAME, SAME]),
        ([1, 2, 3], [1, 2, 3, 9], [SAME, SAME, SAME, ONLY_NEW]),
        ([1, 2, 3], [1, 3], [SAME, ONLY_OLD, SAME]),
        ([1, 2, 3], [1, 9, 3], [SAME, CHANGED, SAME]),
        ([1, 1], [1, 1, 1], [SAME, SAME, ONLY_NEW]),
        ([1, 2], [], [FILTERED, FILTERED]),
        ([], [1, 2], [ONLY_NEW, ONLY_NEW]),
        ([1, 2, 3, 4], [1, 4], [SAME, ONLY_OLD, ONLY_OLD, SAME]),
    ],
)
def test_compare_pairs_equal_records_of_both_ends_first(old, new, expected):
    options = [{"transform": f"payload.{name}", "each": True} for name in ("old", "new")]
    assert kinds({"old": old, "new": new}, *options) == expected
