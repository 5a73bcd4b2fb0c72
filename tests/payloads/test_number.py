import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads.number import NumberDecoder


@given(st.integers(-(2**63), 2**64 - 1))
def test_integers_of_64_bits_stay_exact(value):
    decoded = NumberDecoder().decode(str(value).encode())
    assert decoded == value
    assert isinstance(decoded, int)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_read_as_written(value):
    decoded = NumberDecoder().decode(repr(value).encode())
    assert decoded == value
    assert isinstance(decoded, float)


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b" 21.5\r\n", 21.5),
        (b"+7", 7),
        (b".5", 0.5),
        (b"5.", 5.0),
        (b"1e3", 1000.0),
        (b"-0", 0),
        (b"007", 7),
        (b"21.5\0\0", 21.5),
        (b"\xef\xbb\xbf7", 7),
        ("\ufeff7".encode("utf-16-le"), 7),
    ],
)
def test_number_may_be_written_in_these_ways(payload, value):
    decoded = NumberDecoder().decode(payload)
    assert decoded == value
    assert type(decoded) is type(value)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "the payload is empty"),
        (b" \n", "the payload is empty"),
        (b"nan", "at byte 0: found 'nan'"),
        (b"-inf", "at byte 0: found '-inf'"),
        (b"1e999", "'1e999' is too large for a 64-bit float"),
        (b"0x10", "at byte 1: found 'x10'"),
        (b"1_000", "at byte 1: found '_000'"),
        (b"21,5", "at byte 2: found ',5'"),
        (b"21.5 C", "at byte 5: found 'C'"),
        (b"  \xff", r"at byte 2: found '\\\\xff'"),
        ("٣".encode(), "at byte 0"),
        (b"18446744073709551616", "64 bits"),
        (b"-9223372036854775809", "64 bits"),
        (b"x" * 100, "found 'x{20}'\\.\\.\\."),
    ],
)
def test_payload_that_is_no_decimal_number_is_rejected(payload, reason):
    with pytest.raises(DecodeError, match=reason):
        NumberDecoder().decode(payload)


def test_number_of_a_million_digits_is_refused_by_its_length():
    with pytest.raises(DecodeError, match="1000000 bytes"):
        NumberDecoder().decode(b"1" * 1_000_000)


@given(st.integers(990, 1010), st.integers(0, 3), st.sampled_from(["utf-8", "utf-16"]))
def test_number_has_up_to_1000_characters(characters, nuls, encoding):
    payload = ("0" * (characters - 1) + "7" + "\0" * nuls).encode(encoding)
    if characters <= 1000:
        assert NumberDecoder().decode(payload) == 7
    else:
        with pytest.raises(DecodeError, match=f"{characters} bytes"):
            NumberDecoder().decode(payload)
