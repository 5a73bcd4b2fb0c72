import struct

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads import msgpack as msgpack_module
from bridge.payloads.json_values import MAX_VALUES
from bridge.payloads.msgpack import MsgpackDecoder, encode
from tests.payloads.test_json import VALUES
from tests.payloads.test_json_values import nested


@given(VALUES)
def test_json_value_is_read_as_it_was_written(value):
    assert MsgpackDecoder().decode(encode(value)) == value


@given(st.binary(max_size=100))
def test_bytes_are_read_or_rejected(payload):
    try:
        MsgpackDecoder().decode(payload)
    except DecodeError as error:
        assert error.detail.startswith(("not MessagePack: ", "not usable: the "))  # noqa: PT017 - either is right


def test_values_unknown_to_json_are_converted():
    packed = msgpack.packb({1: b"\x01\xff", "nan": float("nan"), "at": msgpack.Timestamp(0, 0)})
    assert MsgpackDecoder().decode(packed) == {"1": [1, 255], "nan": None, "at": "1970-01-01T00:00:00Z"}


def test_extension_becomes_its_bytes():
    assert MsgpackDecoder().decode(msgpack.packb([msgpack.ExtType(5, b"ab")])) == [[97, 98]]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "the payload is empty"),
        (b"\x01\x01", "1 byte after the value"),
        (b"\x93\x01", "max_array_len"),
        (b"\x92\x01", "incomplete input"),
        (b"\xdd\xff\xff\xff\xff", "exceeds max_array_len"),
        (b"\xdf\xff\xff\xff\xff", "exceeds max_map_len"),
        (b"\xdb\xff\xff\xff\xff", "exceeds max_str_len|incomplete"),
        (b"\xc1", "no value begins with 0xc1"),
        (b"\xa1\xff", "a text is not UTF-8"),
        (b"\x91" * 5000 + b"\x01", "nested too deeply"),
        (b"\x91" * 200 + b"\x01", "is nested deeper than 128 levels"),
        (b"\x81\x90\x01", "unhashable"),
        (b"\x81\xc4\x01a\x01", "has a key that is neither text nor an integer"),
        (b"\xd4\xff\x01", "timestamp|error = -1"),  # the words of older versions
    ],
)
def test_invalid_messagepack_is_rejected_with_the_reason(payload, reason):
    with pytest.raises(DecodeError, match=reason):
        MsgpackDecoder().decode(payload)


HEADS = {
    "small": b"\x01",
    "empty list": b"\x90",
    "empty text": b"\xa0",
    "empty bytes": b"\xc4\x00",
    "empty extension": b"\xc7\x00\x05",
}


@pytest.mark.parametrize("value", HEADS.values(), ids=HEADS)
def test_values_beyond_the_limit_are_rejected_before_they_are_created(value):
    payload = b"\xdd" + struct.pack(">I", MAX_VALUES) + value * MAX_VALUES
    with pytest.raises(DecodeError, match="holds more than 1,048,576 values"):
        MsgpackDecoder().decode(payload)


def test_large_payload_of_few_values_is_taken():
    value = {"text": "a" * 40_000, "wave": [0.5] * 200_000, "raw": [[1, 70_000, -70_000, 2**40]] * 1000}
    assert MsgpackDecoder().decode(encode(value)) == value
    assert len(encode(value)) > MAX_VALUES


def test_test_with_an_integer_beyond_64_bits_is_refused():
    with pytest.raises(ValueError, match="Integer"):
        encode(2**64)


@given(st.integers(0, 12), st.integers(1, 12))
def test_msgpack_list_has_values_up_to_the_limit(items, limit):
    payload = encode([1] * items)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(msgpack_module, "MAX_VALUES", limit)
        if items + 1 <= limit:
            assert MsgpackDecoder().decode(payload) == [1] * items
        else:
            with pytest.raises(DecodeError, match=f"the MessagePack holds more than {limit} values"):
                MsgpackDecoder().decode(payload)


@given(st.integers(1, 200))
def test_msgpack_lists_are_nested_up_to_128_levels(levels):
    payload = b"\x91" * (levels - 1) + b"\x90"
    if levels <= 128:
        assert MsgpackDecoder().decode(payload) == nested(levels)
    else:
        with pytest.raises(DecodeError):
            MsgpackDecoder().decode(payload)
