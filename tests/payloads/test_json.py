import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads.json import JsonDecoder

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(VALUES)
def test_json_value_is_read_as_it_was_written(value):
    assert JsonDecoder().decode(orjson.dumps(value)) == value


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b'{"a":1,"a":2}', {"a": 2}),
        (b"9223372036854775807", 2**63 - 1),
        (b"18446744073709551615", 2**64 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"18446744073709551616", 1.8446744073709552e19),
        (b" null\n", None),
        (b"[" * 1024 + b"]" * 1024, None),
    ],
)
def test_values_that_json_leaves_open_are_decided(payload, value):
    decoded = JsonDecoder().decode(payload)
    if payload.startswith(b"["):
        assert isinstance(decoded, list)
    else:
        assert decoded == value
        assert type(decoded) is type(value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_byte_order_mark_and_nuls_at_the_end_are_accepted(encoding):
    mark = "" if encoding in {"utf-8-sig", "utf-16"} else "\ufeff"
    assert JsonDecoder().decode(f'{mark}{{"ü": 1}}\0\0'.encode(encoding)) == {"ü": 1}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "the payload is empty"),
        (b"  ", "at byte 0 .line 1, column 1.: found '  '"),
        (b'{"a":NaN}', "at byte 5 .line 1, column 6.: found 'NaN}'"),
        (b"[Infinity]", "at byte 1 "),
        (b"[-Infinity]", "at byte "),
        (b"1e999", "infinity"),
        (b'{"a":1', "at byte 6 .*found the end"),
        ('{"é": x}'.encode(), "at byte 7 .line 1, column 7.: found 'x}'"),
        (b'{"a":\n  ]', "at byte 8 .line 2, column 3.: found ']'"),
        (b'{"a":"\xff"}', "not UTF-8: invalid start byte, at byte 6: found 0xff"),
        (b'"\\ud800"', "surrogate"),
        # Older versions of orjson have other words for the mark.
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", "byte order mark|at byte 0 .*found '.ufeff"),
        (b"\xef\xbb\xbf" * 100_000, "byte order mark|at byte 0 .*found '.ufeff"),
        (b"\xef\xbb\xbf{x}", "at byte 1 .*found 'x}'"),
        (b"{}\0 ", "at byte 2 "),
        (b"\0", "the payload is empty"),
        (b"\xff\xfe{", "not UTF-16: truncated data, at byte 2"),
        (b"[" * 1025 + b"]" * 1025, "depth (limit )?exceeded, at byte 1025"),
        (b"{} {}", "at byte 3 "),
        (b"'a'", "at byte 0 .*found \"'a'\""),
        (b"{" + b"x" * 500, "found 'x{20}'$"),
    ],
)
def test_invalid_json_is_rejected_with_position_and_reason(payload, reason):
    with pytest.raises(DecodeError, match=reason):
        JsonDecoder().decode(payload)


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (b"not json", "not JSON: invalid value, at byte 0 (line 1, column 1): found 'not json'"),
        (b'{"ok": troo}', "not JSON: invalid literal, expected 'true', at byte 7 (line 1, column 8): found 'troo}'"),
        (b"[fine]", "not JSON: invalid value, at byte 1 (line 1, column 2): found 'fine]'"),
    ],
)
def test_json_error_guesses_a_literal_only_from_its_beginning(payload, problem):
    with pytest.raises(DecodeError) as error:
        JsonDecoder().decode(payload)
    assert str(error.value) == f"decode: {problem}"
