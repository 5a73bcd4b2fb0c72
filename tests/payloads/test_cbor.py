import struct
import time

import cbor2
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads import cbor as cbor_module
from bridge.payloads.cbor import CborDecoder, encode
from bridge.payloads.json_values import MAX_VALUES
from tests.payloads.test_json import VALUES
from tests.payloads.test_json_values import nested


def tagged(number, content):
    return b"\xdb" + number.to_bytes(8, "big") + content


@given(VALUES)
def test_json_value_is_read_as_it_was_written(value):
    assert CborDecoder().decode(encode(value)) == value


@given(st.binary(max_size=100))
def test_bytes_are_read_or_rejected(payload):
    try:
        CborDecoder().decode(payload)
    except DecodeError as error:
        assert error.detail.startswith(("not CBOR: ", "not usable: the CBOR "))  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        ("1bffffffffffffffff", 2**64 - 1),
        ("3b7fffffffffffffff", -(2**63)),
        ("3bffffffffffffffff", -18446744073709551616.0),
        ("c248ffffffffffffffff", 2**64 - 1),
        ("c249010000000000000000", 18446744073709551616.0),
        ("c34100", -1),
        ("4201ff", [1, 255]),
        ("f97e00", None),
        ("f97c00", None),
        ("f7", None),
        ("9f01ff", [1]),
        ("bf616101ff", {"a": 1}),
        ("7f61616162ff", "ab"),
        ("a2616101616102", {"a": 2}),
        ("a201020304", {"1": 2, "3": 4}),
        ("a2016161613102", {"1": 2}),
        ("c074323031332d30332d32315432303a30343a30305a", "2013-03-21T20:04:00Z"),
        ("c11a514b67b0", 1363896240),
        ("c48221196ab3", [-2, 27315]),
        ("d9d9f7a0", {}),
        ("d818456449455446", [0x64, 0x49, 0x45, 0x54, 0x46]),
        ("d90102820101", [1, 1]),
        ("d863a1616181c24105", {"a": [5]}),
    ],
)
def test_values_unknown_to_json_are_converted(payload, value):
    decoded = CborDecoder().decode(bytes.fromhex(payload))
    assert decoded == value
    assert type(decoded) is type(value)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("", "the payload is empty"),
        ("0101", "1 byte after the value"),
        ("8201", "premature end"),
        ("9bffffffffffffffff", "premature end"),
        ("bbffffffffffffffff", "premature end"),
        ("5bffffffffffffffff", "premature end"),
        ("7bffffffffffffffff", "premature end"),
        ("ff", "break"),
        ("1c", "unknown"),
        ("61ff", "text string"),
        ("f0", "holds a value that JSON does not know"),
        ("81" * 5000 + "01", "nesting depth"),
        ("c1" * 5000 + "01", "nesting depth"),
        ("9f" * 5000, "nesting depth"),
        ("d81c81d81d00", "shared or repeated"),
        ("d81d00", "shared or repeated"),
        ("d9010080", "shared or repeated"),
        ("c261ff", "text"),
        ("c26161", "a big integer is not made of bytes"),
        ("a1c24101f6", "a big integer is not made of bytes, or is a key"),
        ("a1810102", "neither text nor an integer"),
        ("a1f502", "neither text nor an integer"),
        ("a1410102", "neither text nor an integer"),
        ("a1fb3ff000000000000002", "neither text nor an integer"),
    ],
)
def test_invalid_or_unusable_cbor_is_rejected_with_the_reason(payload, reason):
    with pytest.raises(DecodeError, match=reason):
        CborDecoder().decode(bytes.fromhex(payload))


def test_tags_never_make_a_value_unknown_to_json():
    contents = (b"\x61x", b"\x41x", b"\x01", b"\x81\x01", b"\x82\x01\x02", b"\xa0", b"\x82\x01\x41\x02")
    for number in (*range(1100), 43000, 55799, 2**64 - 1):
        for content in contents:
            try:
                value = CborDecoder().decode(tagged(number, content))
            except DecodeError:
                assert number in {2, 3, 25, 28, 29, 256}
            else:
                assert orjson.loads(orjson.dumps(value)) == value
                assert number in {2, 3} or value == CborDecoder().decode(content)


def test_large_payload_allows_text_keys_only_against_collisions():
    padding = "x" * 20_000
    assert CborDecoder().decode(encode({"a": padding})) == {"a": padding}
    with pytest.raises(DecodeError, match="must be a text string"):
        CborDecoder().decode(cbor2.dumps({1: padding}))


def test_keys_made_to_collide_do_not_hang():
    keys = [b"\x82" + b"\x1b" + struct.pack(">Q", number) + b"\xc2\x49" + b"\x01" * 9 for number in range(50_000)]
    payload = b"\xba" + struct.pack(">I", len(keys)) + b"".join(key + b"\xf6" for key in keys)
    started = time.process_time()
    with pytest.raises(DecodeError):
        CborDecoder().decode(payload)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("value", [b"\x01", b"\x80", b"\x60", b"\x40", b"\xa0", b"\xf6"])
def test_values_beyond_the_limit_are_rejected_before_they_are_created(value):
    with pytest.raises(DecodeError, match="holds more than 1,048,576 values"):
        CborDecoder().decode(b"\x9a" + struct.pack(">I", MAX_VALUES) + value * MAX_VALUES)


def test_large_payload_of_few_values_is_taken():
    value = {"text": "a" * 70_000, "wave": [0.5] * 200_000, "short": ["abc", 70_000, -70_000, 2**40] * 1000}
    assert CborDecoder().decode(encode(value)) == value
    assert len(encode(value)) > MAX_VALUES


@given(st.integers(0, 12), st.integers(1, 12))
def test_cbor_list_has_values_up_to_the_limit(items, limit):
    payload = encode([1] * items)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cbor_module, "MAX_VALUES", limit)
        if items + 1 <= limit:
            assert CborDecoder().decode(payload) == [1] * items
        else:
            with pytest.raises(DecodeError, match=f"the CBOR holds more than {limit} values"):
                CborDecoder().decode(payload)


@given(st.integers(1, 200))
def test_cbor_lists_are_nested_up_to_128_levels(levels):
    payload = b"\x81" * (levels - 1) + b"\x80"
    if levels <= 128:
        assert CborDecoder().decode(payload) == nested(levels)
    else:
        with pytest.raises(DecodeError):
            CborDecoder().decode(payload)
