import math
import tracemalloc
from contextlib import suppress

import cbor2
import msgpack
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads.json_values import MAX_DEPTH, MAX_VALUES, check_json_values, plain

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(-100, 100), inner),
    max_leaves=10,
)


def nested(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


@given(ANYTHING)
def test_values_that_are_accepted_can_be_written_as_json(value):
    orjson.dumps(plain(value))


def test_bytes_become_a_list_of_integers():
    assert plain({"raw": b"\x00\xff"}) == {"raw": [0, 255]}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_number_unknown_to_json_becomes_null(value):
    assert plain([1.5, value]) == [1.5, None]


@pytest.mark.parametrize("value", [-(2**63), 2**64 - 1])
def test_integers_of_64_bits_are_exact(value):
    assert plain(value) == value
    assert type(plain(value)) is int


@pytest.mark.parametrize("value", [-(2**63) - 1, 2**64])
def test_integers_beyond_64_bits_become_floats(value):
    assert plain([value]) == [float(value)]
    assert type(plain(value)) is float


def test_integers_beyond_floats_are_rejected():
    with pytest.raises(DecodeError, match="too large for a 64-bit float"):
        plain([2**5000])


def test_integers_as_keys_become_text_and_the_last_of_equal_keys_wins():
    assert plain({1: "a", -7: "b", "1": "c"}) == {"1": "c", "-7": "b"}


@pytest.mark.parametrize("key", [b"a", 1.0, None, True, (1,), 2**64])
def test_keys_of_other_types_are_rejected(key):
    with pytest.raises(DecodeError, match="has a key that is"):
        plain({key: 1})


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (msgpack.Timestamp(1_700_000_000, 0), "2023-11-14T22:13:20Z"),
        (msgpack.Timestamp(1_700_000_000, 120_000_000), "2023-11-14T22:13:20.12Z"),
        (msgpack.Timestamp(-1, 1), "1969-12-31T23:59:59.000000001Z"),
    ],
)
def test_timestamp_becomes_text_without_losing_a_digit(moment, text):
    assert plain(moment) == text


def test_timestamp_outside_the_calendar_is_rejected():
    with pytest.raises(DecodeError, match="outside the years 1 to 9999"):
        plain(msgpack.Timestamp(2**62, 0))


def test_undefined_becomes_null_and_other_values_are_rejected():
    assert plain([cbor2.undefined]) == [None]
    with pytest.raises(DecodeError, match="holds a value that JSON does not know"):
        plain([cbor2.CBORSimpleValue(16)])


def test_deepest_nesting_is_taken_and_one_more_is_rejected():
    assert plain(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    with pytest.raises(DecodeError, match="nested deeper than 128 levels"):
        plain(nested(MAX_DEPTH + 1))


COMMAS = b"[" + b"1," * (MAX_VALUES + 1)


@pytest.mark.parametrize(
    "payload",
    [COMMAS + b'"' + b'\\"' * 1_000_000, COMMAS + b'"' + b'\\"' * 1_000_000 + b"\\", b'"' * 3_000_001 + COMMAS],
    ids=["unclosed string", "unclosed string with a backslash", "unclosed string before the values"],
)
def test_values_before_an_unclosed_string_are_counted_in_linear_time(payload):
    # In quadratic time, this takes minutes.
    with suppress(DecodeError):
        check_json_values(payload)


def test_commas_in_a_string_are_no_values_and_take_no_memory():
    payload = b'["' + b"," * 3 * MAX_VALUES + b'"]'
    tracemalloc.start()
    try:
        check_json_values(payload)
        assert tracemalloc.get_traced_memory()[1] < 3 * len(payload)
    finally:
        tracemalloc.stop()


@given(st.lists(st.text(), max_size=20))
def test_values_outside_strings_are_counted_exactly(texts):
    payload = orjson.dumps([*texts, 1, {}])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("bridge.payloads.json_values.MAX_VALUES", len(texts) + 3)
        check_json_values(payload)
        patched.setattr("bridge.payloads.json_values.MAX_VALUES", len(texts) + 2)
        with pytest.raises(DecodeError):
            check_json_values(payload)
