import json

from bridge.mapping.loading.resources import Resources
from bridge.mapping.loading.spec_validation import read_specification
from bridge.mapping.mapping import compile_mapping
from tests.mapping.builders import applied, document, mapping, message

TABLES = {"names": {"7": "press"}}
OPTIONS = {
    "topic": "t",
    "where": "payload.on",
    "changes": {"key": "payload.id", "value": "payload.v"},
    "sample": {"every_secs": 1, "key": "payload.id", "keep": "mean", "value": "payload.v"},
    "transform": "{name: lookup('names', payload.id), mean: sample.mean}",
    "outputs": [{"data_stream": "a"}, {"data_stream": "b", "partition_key_from": "record.name"}],
}


def test_mapping_uses_the_expressions_that_its_validation_compiled():
    read = read_specification(document(json.dumps(OPTIONS)), Resources(TABLES))
    parts = compile_mapping("m", *read, {}).parts
    state = parts.stateful_expressions
    assert read.expressions.keys() == {
        ("where",),
        ("transform",),
        ("outputs", 1, "partition_key_from"),
        *((section, option) for section in ("changes", "sample") for option in ("key", "value")),
    }
    assert parts.where is read.expressions["where",]
    assert parts.transform is read.expressions["transform",]
    assert parts.keys == (None, read.expressions["outputs", 1, "partition_key_from"])
    assert (state.changes_key, state.changes_value) == tuple(
        read.expressions["changes", each] for each in OPTIONS["changes"]
    )
    assert (state.sample_key, state.sample_value) == tuple(
        read.expressions["sample", each] for each in ("key", "value")
    )


def test_bytes_that_no_expression_reads_are_not_decoded():
    assert mapping(payload="bytes").parts.decode(b"12") is None
    assert mapping(payload="bytes", transform="payload[0]").parts.decode(b"12") == [0x31, 0x32]
    assert mapping(payload="bytes", changes={}).parts.decode(b"12") == [0x31, 0x32]


def test_record_without_a_transform_is_the_payload():
    made = mapping(payload="bytes", outputs=[{"data_stream": "s", "partition_key_from": "to_string(record[0])"}])
    assert applied(made, message(b"12")).drafts == [(0, "49", b"12")]
