import json

from bridge.mapping.expressions.expression import compile_expression
from tests.mapping.builders import applied, mapping, message
from tests.mapping.expressions.functions.failing import failure


def test_each_record_can_carry_what_the_topic_captured():
    transform = "merge_each(payload[].{tag: t, value: v}, {site: captures.site})"
    made = mapping(topic="{site}/batch", each=True, transform=transform)
    mapped = applied(made, message([{"t": "a", "v": 1}, {"t": "b", "v": 2}], topic="pdx/batch"))
    records = [json.loads(draft.data) for draft in mapped.drafts]
    assert records == [{"site": "pdx", "tag": "a", "value": 1}, {"site": "pdx", "tag": "b", "value": 2}]


def test_what_all_have_in_common_is_not_changed():
    made = mapping(transform="[merge_each(payload.items, payload.common), payload.common]")
    (draft,) = applied(made, message({"items": [{"a": 1}], "common": {"b": 2}})).drafts
    assert json.loads(draft.data) == [[{"b": 2, "a": 1}], {"b": 2}]


def test_an_item_that_is_no_object_is_reported():
    assert "every item must be an object" in failure("merge_each(`[1]`, `{}`)")


def test_objects_of_a_list_become_one_and_the_last_of_a_name_counts():
    search = compile_expression("merge_all(l)").search
    assert search({"l": [{"a": 1, "b": 2}, {}, {"b": 3}]}) == {"a": 1, "b": 3}
    assert search({"l": []}) == {}
    assert "every item must be an object" in failure("merge_all(l)", l=[{"a": 1}, 2])
