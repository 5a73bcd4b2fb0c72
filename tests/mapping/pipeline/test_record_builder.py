import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.pipeline import record_builder
from bridge.mapping.pipeline.message_pipeline import FILTERED
from bridge.model import NewRecord
from tests.mapping.builders import applied, mapping, message


def test_missing_key_stops_its_own_output_only():
    made = mapping(
        transform="payload",
        outputs=[{"data_stream": "a"}, {"data_stream": "b", "partition_key_from": "payload.k"}, {"data_stream": "a"}],
    )
    mapped = applied(made, message({"x": 1}))
    assert [draft.output for draft in mapped.drafts] == [0, 2]
    assert [(each.outputs, each.item, each.code) for each in mapped.rejections] == [((1,), None, "partition_key")]


def test_list_items_become_records_with_their_own_keys():
    made = mapping(
        transform="payload.items", each=True, outputs=[{"data_stream": "s", "partition_key_from": "record.id"}]
    )
    mapped = applied(made, message({"items": [{"id": "a"}, {"id": "b"}]}))
    assert mapped.drafts == [NewRecord(0, "a", b'{"id":"a"}'), NewRecord(0, "b", b'{"id":"b"}')]


def test_empty_list_is_filtered():
    assert applied(mapping(transform="payload", each=True), message([])) == FILTERED


def test_option_each_with_an_object_is_rejected():
    (rejection,) = applied(mapping(transform="payload", each=True), message({})).rejections
    assert rejection.code == "transform"
    assert "the result is an object" in rejection.detail


def test_null_instead_of_a_list_is_rejected():
    (rejection,) = applied(mapping(transform="payload.x", each=True), message({})).rejections
    assert rejection.code == "transform"
    assert "is null" in rejection.detail


def test_item_that_fails_stops_only_itself():
    made = mapping(
        transform="payload",
        each=True,
        outputs=[{"data_stream": "a"}, {"data_stream": "b", "partition_key_from": "record.k"}],
    )
    mapped = applied(made, message([{"k": "x"}, None, {"n": 1}]))
    assert [(draft.output, draft.data) for draft in mapped.drafts] == [
        (0, b'{"k":"x"}'),
        (1, b'{"k":"x"}'),
        (0, b'{"n":1}'),
    ]
    assert [(each.outputs, each.item, each.code) for each in mapped.rejections] == [
        ((0, 1), 1, "transform"),
        ((1,), 2, "partition_key"),
    ]


def test_outputs_may_go_to_the_same_stream():
    made = mapping(outputs=[{"data_stream": "s", "partition_key": "a"}, {"data_stream": "s", "partition_key": "b"}])
    assert [draft.key for draft in applied(made, message(1)).drafts] == ["a", "b"]


@given(st.integers(0, 9), st.integers(0, 30), st.integers(0, 200))
def test_records_of_each_have_bytes_up_to_the_limit(items, characters, limit):
    made = mapping(each=True, transform="payload.n[].[$payload.t]")
    sent = message({"n": [1] * items, "t": "x" * characters})
    created = items * len(f'["{"x" * characters}"]')
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(record_builder, "MAX_RECORDS_BYTES", limit)
        result = applied(made, sent)
    if created <= max(limit, 4 * len(sent.payload)):
        assert len(result.drafts) == items
    else:
        assert [each.code for each in result.rejections] == ["too_large"]
