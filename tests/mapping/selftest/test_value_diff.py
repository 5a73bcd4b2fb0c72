import json

import pytest

from bridge.mapping.selftest.value_diff import ABSENT, MAX_CHANGES, changes, same, table


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True),
        (True, 1, False),
        (0, False, False),
        (None, False, False),
        ([1, [2]], [1.0, [2]], True),
        ([1], [1, 2], False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ("1", 1, False),
        (2**63, float(2**63), True),
        (2**63 + 1, float(2**63), False),
    ],
)
def test_values_are_compared_as_json(one, other, equal):
    assert same(one, other) is equal
    assert same(json.loads(json.dumps(other)), one) is equal
    assert (changes(one, other) == []) is equal


@pytest.mark.parametrize(
    ("left", "right", "found"),
    [
        ({"a": 1.0, "b": 2}, {"b": 3, "a": 1}, [(("b",), 2, 3)]),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 3}]}}, [(("a", "b", 1, "c"), 2, 3)]),
        ({"a": 1}, {"b": None}, [(("a",), 1, ABSENT), (("b",), ABSENT, None)]),
        ([1], [1, 2, 3], [((1,), ABSENT, 2), ((2,), ABSENT, 3)]),
        ({"a": [1]}, {"a": {"0": 1}}, [(("a",), [1], {"0": 1})]),
        (1, "1", [((), 1, "1")]),
    ],
)
def test_change_stands_at_the_deepest_path_that_both_sides_share(left, right, found):
    assert changes(left, right) == found


def test_changes_stand_in_columns():
    found = changes({"key": "a", "data": {"t": 100.0, "unit": "C"}}, {"key": "bcd", "data": {"t": 99.8}})
    assert table(found, "expected", "got") == [
        "           expected  got",
        'key        "a"       "bcd"',
        "data.t     100.0     99.8",
        'data.unit  "C"       (absent)',
    ]


def test_table_shows_where_long_values_differ():
    _, line = table(changes("a" * 200 + "X" + "b" * 200, "a" * 200 + "Y" + "b" * 200), "expected", "got")
    assert "aaaXbbb" in line
    assert "aaaYbbb" in line
    assert len(line) < 120


def test_table_shows_the_end_of_a_long_value_that_continues():
    _, line = table(changes("a" * 100, "a" * 100 + "b"), "expected", "got")
    assert line.endswith('aaab"')


def test_table_of_many_changes_counts_the_rest():
    lines = table(changes(list(range(50)), list(range(1, 51))), "old", "new")
    assert len(lines) == 1 + MAX_CHANGES + 1
    assert lines[-1] == "... and 30 more that differ"


def test_values_that_no_json_number_can_hold_are_shown():
    assert table(changes(2**70, 0), "expected", "got")[1] == f"value  {2**70}  0"


def test_value_diff_escapes_control_characters():
    lines = table(changes({"a\x1b[2J": "\x1b[31m"}, {}), "expected", "got")
    assert all(line.isprintable() for line in lines)
