import json

import pytest

from bridge.mapping.expressions.expression import compile_expression
from tests.mapping.builders import applied, mapping, message
from tests.mapping.expressions.functions.failing import failure


def test_record_of_a_list_item_can_contain_captures():
    transform = "payload[].{tag: t, value: v, site: $captures.site}"
    made = mapping(topic="{site}/batch", each=True, transform=transform)
    mapped = applied(made, message([{"t": "a", "v": 1}, {"t": "b", "v": 2}], topic="pdx/batch"))
    records = [json.loads(draft.data) for draft in mapped.drafts]
    assert records == [{"tag": "a", "value": 1, "site": "pdx"}, {"tag": "b", "value": 2, "site": "pdx"}]


@pytest.mark.parametrize("items", [[["a"]], [["a", 1, 2]], [[1, 2]], [["a", 1], "b"], [{"a": 1}]])
def test_from_items_without_a_name_and_a_value_is_an_error(items):
    assert "every item must be a list of a name (text) and a value" in failure("from_items(l)", l=items)


def test_items_and_from_items_are_inverse():
    document = {"a": [1], "b": {"c": None}}
    assert compile_expression("from_items(items(@))").search(document) == document
    assert compile_expression("from_items(l)").search({"l": [["a", 1], ["b", 2], ["a", 3]]}) == {"a": 3, "b": 2}


def test_zip_ends_with_the_shortest_array():
    search = compile_expression("zip(t, v, q)").search
    assert search({"t": [1, 2, 3], "v": [4, 5], "q": ["a", ""]}) == [[1, 4, "a"], [2, 5, ""]]
    assert "argument 3 (array) must be an array, found null" in failure("zip(t, v, q)", t=[], v=[])


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("range(0)", []),
        ("range(-2)", []),
        ("range(2, 5)", [2, 3, 4]),
        ("range(0, 10, 4)", [0, 4, 8]),
        ("range(3, 0, -1)", [3, 2, 1]),
        ("range(2.0)", [0, 1]),
    ],
)
def test_range_counts_like_a_slice(text, result):
    assert compile_expression(text).search({}) == result


def test_range_of_an_unusual_number_is_an_error():
    assert "must be whole numbers" in failure("range(n)", n=1.5)
    assert "must not be zero" in failure("range(0, 1, n)", n=0)
    assert "more than 2000000 values" in failure("range(n)", n=200_001)
    assert "too large" in failure("range(n)", n=2**64 - 1)


def test_flatten_object_joins_names_and_leaves_arrays_and_empty_objects():
    nested = {"a": {"b": {"c": 1}, "d": [{"e": 2}]}, "f": {}, "g": None}
    flat = compile_expression("flatten_object(@, '_')").search(nested)
    assert flat == {"a_b_c": 1, "a_d": [{"e": 2}], "f": {}, "g": None}
    assert list(flat) == ["a_b_c", "a_d", "f", "g"]


def test_flatten_object_with_two_equal_names_is_an_error():
    message = failure("flatten_object(o, '.')", o={"a.b": 1, "a": {"b": 2}})
    assert "two members become 'a.b'; choose another separator" in message


def test_flatten_object_of_any_depth_is_bounded():
    deep = {"a": 1}
    for _ in range(1000):
        deep = {"k": deep}
    assert compile_expression("flatten_object(@, '')").search(deep) == {"k" * 1000 + "a": 1}
    wide = {"x" * 100_000: {str(number): number for number in range(1000)}}
    assert "more than 2000000 values" in failure("flatten_object(o, '.')", o=wide)


def test_objects_of_a_list_become_one_and_the_last_of_a_name_counts():
    search = compile_expression("merge_all(l)").search
    assert search({"l": [{"a": 1, "b": 2}, {}, {"b": 3}]}) == {"a": 1, "b": 3}
    assert search({"l": []}) == {}
    assert "every item must be an object" in failure("merge_all(l)", l=[{"a": 1}, 2])
