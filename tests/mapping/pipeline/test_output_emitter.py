import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.pipeline import output_emitter
from bridge.model import MAX_RECORD_BYTES, SPREAD_KEY_BYTES
from tests.mapping.builders import applied, mapping, message


def keyed(expression, **options):
    return mapping(outputs=[{"data_stream": "s", "partition_key_from": expression}], **options)


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("a", "a"),
        ("ü" * 256, "ü" * 256),
        (7, "7"),
        (-1.5, "-1.5"),
        (2**64 - 1, "18446744073709551615"),
        (2.5e10, "25000000000.0"),
        (0, "0"),
    ],
)
def test_text_and_numbers_are_partition_keys(value, key):
    assert [draft.key for draft in applied(keyed("payload.k"), message({"k": value})).drafts] == [key]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "returned null"),
        (True, "returned a boolean"),
        ([1], "returned a list"),
        ({"a": 1}, "returned an object"),
        ("", "returned empty text"),
        ("x" * 257, "has 257 characters; Kinesis allows 256"),
    ],
)
def test_partition_key_of_another_type_is_rejected(value, reason):
    (rejection,) = applied(keyed("payload.k"), message({"k": value})).rejections
    assert rejection.code == "partition_key"
    assert reason in rejection.detail


def test_key_expression_that_fails_is_rejected_as_a_key():
    (rejection,) = applied(keyed("abs(payload.k)"), message({"k": "x"})).rejections
    assert rejection.code == "partition_key"
    assert rejection.detail.startswith("partition_key_from: ")


def test_key_may_come_from_the_record():
    assert applied(keyed("record.b", transform="{b: payload.a}"), message({"a": "k"})).drafts[0].key == "k"
    assert applied(keyed("record.a"), message({"a": "k"})).drafts[0].key == "k"
    assert applied(keyed("record[0]", payload="bytes"), message(b"\x05")).drafts[0].key == "5"
    assert applied(keyed("length(keys(@))"), message({"a": "k"})).drafts[0].key == "11"


@pytest.mark.parametrize(
    ("output", "key_bytes"),
    [
        ({"partition_key": "ü"}, 2),
        ({"partition_key_from": "'üx'"}, 3),
        ({"partition_key_from": "'x'"}, 1),
        ({}, SPREAD_KEY_BYTES),
    ],
)
def test_data_and_key_together_are_stored_against_the_streams_limit(output, key_bytes):
    limits = {"s": 100}
    made = mapping(limits=limits, payload="text", outputs=[{"data_stream": "s"} | output, {"data_stream": "other"}])
    assert applied(made, message(b"x" * (100 - key_bytes))).rejections == ()
    mapped = applied(made, message(b"x" * (101 - key_bytes)))
    assert [draft.output for draft in mapped.drafts] == [1]
    assert [(each.outputs, each.code) for each in mapped.rejections] == [((0,), "too_large")]
    assert "101 bytes" in mapped.rejections[0].detail
    limits["s"] = 101
    assert applied(made, message(b"x" * (101 - key_bytes))).rejections == ()


def test_stream_whose_limit_is_not_known_takes_ten_mebibytes():
    made = mapping(payload="bytes", outputs=[{"data_stream": "s", "partition_key": "k"}])
    assert applied(made, message(bytes(MAX_RECORD_BYTES - 1))).rejections == ()
    (rejection,) = applied(made, message(bytes(MAX_RECORD_BYTES))).rejections
    assert rejection.code == "too_large"


@given(st.integers(1, 300), st.sampled_from("x🏭"))
def test_partition_key_has_up_to_256_characters(characters, character):
    result = applied(keyed("payload.k"), message({"k": character * characters}))
    if characters <= 256:
        assert [draft.key for draft in result.drafts] == [character * characters]
    else:
        assert [each.code for each in result.rejections] == ["partition_key"]


@given(st.integers(0, 60), st.integers(1, 60))
def test_record_of_an_unknown_stream_has_bytes_up_to_the_limit(size, limit):
    made = mapping(payload="bytes", outputs=[{"data_stream": "s", "partition_key": "k"}])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(output_emitter, "MAX_RECORD_BYTES", limit)
        result = applied(made, message(bytes(size)))
    assert [each.code for each in result.rejections] == (["too_large"] if size + 1 > limit else [])
