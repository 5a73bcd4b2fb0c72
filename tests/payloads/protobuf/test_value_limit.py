import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads.protobuf import value_limit
from bridge.payloads.protobuf.decoder import ProtobufDecoder
from bridge.payloads.protobuf.message_types import MessageTypes
from bridge.payloads.protobuf.value_limit import check_values, counted_fields

BOMB = MessageTypes(
    "b.proto",
    {
        "b.proto": b"""syntax = "proto3"; message B {
            repeated B b = 1; repeated bool ok = 2; repeated double d = 3; string s = 4; repeated string t = 5; }"""
    },
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        b"\x0a\x00" * (1 << 20),
        b"\x12\x81\x80\x40" + b"\x01" * ((1 << 20) + 1),
        b"\x1a\x88\x80\x80\x04" + bytes((1 << 23) + 8),
        b"\x98\x06\x01" * ((1 << 20) + 1),
        b"\x0a\x82\x80\x80\x01" + b"\x0a\x00" * ((1 << 20) + 1),
        b"\xa5\x06abcd" * ((1 << 20) + 1),
    ],
)
def test_values_are_counted_before_they_take_memory(data):
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError, match="more than 1,048,576 values"):
            ProtobufDecoder(BOMB, "B").decode(data)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_large_message_of_few_values_is_read():
    bomb = ProtobufDecoder(BOMB, "B")
    value = {"s": "x" * (1 << 21), "t": ["y" * (1 << 20)] * 2, "d": [1.5] * 9, "ok": [True], "b": []}
    assert bomb.decode(bomb.encode(value)) == value
    with pytest.raises(DecodeError, match="the field 4 extends beyond the end"):
        bomb.decode(b"\x22\xff\xff\xff\x7f" + b"x" * (1 << 20))


MESSAGES = st.recursive(
    st.fixed_dictionaries(
        {
            "ok": st.lists(st.booleans(), max_size=3),
            "d": st.lists(st.just(1.5), max_size=3),
            "t": st.lists(st.text(max_size=3), max_size=3),
        }
    ),
    lambda inner: st.fixed_dictionaries({"b": st.lists(inner, max_size=3)}),
    max_leaves=6,
)


def count(value):
    """Return the number of tags, and of values in packed lists."""
    packed = sum(1 + len(value[name]) for name in ("ok", "d") if value.get(name))
    return packed + len(value.get("t", ())) + sum(1 + count(each) for each in value.get("b", ()))


@given(value=MESSAGES)
def test_count_of_values_is_that_of_the_message(value):
    data, fields = ProtobufDecoder(BOMB, "B").encode(value), counted_fields(BOMB.find("B"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(value_limit, "MAX_VALUES", count(value))
        check_values(data, fields)
        patched.setattr(value_limit, "MAX_VALUES", count(value) - 1)
        if data:
            with pytest.raises(DecodeError, match=f"more than {count(value) - 1} values"):
                check_values(data, fields)


def test_fields_that_are_counted_are_messages_and_packed_lists():
    fields = counted_fields(BOMB.find("B"))
    assert fields[1] is fields
    assert {number: width for number, width in fields.items() if number != 1} == {2: 1, 3: 8}


# Field 1 is a packed list of booleans. Field 2 is a group, whose field 1 is text, and whose field 3 is such a list.
WITH_GROUP = {1: 1, 2: {3: 1}}


def test_fields_of_a_group_are_counted_by_its_own_type(monkeypatch):
    monkeypatch.setattr(value_limit, "MAX_VALUES", 4)
    # Text of nine bytes is one value, although field 1 outside the group is a list.
    check_values(b"\x13\x0a\x09" + b"x" * 9 + b"\x14", WITH_GROUP)
    check_values(b"\x13\x1a\x01\x01\x14", WITH_GROUP)
    for data in (b"\x13\x1a\x09" + b"\1" * 9 + b"\x14", b"\x13\x14\x0a\x09" + b"\1" * 9):
        with pytest.raises(DecodeError, match="more than 4 values"):
            check_values(data, WITH_GROUP)


@pytest.mark.parametrize(
    "data",
    [
        b"\x13" * 200,
        b"\x14\x14\x0a",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x12\x05\x14",
        b"\x16\x17",
        b"\x0d\1",
    ],
    ids=["deep", "group_not_begun", "long_number", "group_ends_message", "unknown_kinds", "short"],
)
def test_malformed_message_is_left_to_the_decoder(data):
    check_values(data, WITH_GROUP)
