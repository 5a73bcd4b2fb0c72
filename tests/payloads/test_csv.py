import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads import csv as csv_module
from bridge.payloads.csv import CsvDecoder, number
from bridge.payloads.json_values import MAX_VALUES

FIELDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)


def quoted(field):
    return '"' + field.replace('"', '""') + '"'


def test_line_is_a_list_of_one_object():
    assert CsvDecoder(["ts", "machine", "t"]).decode(b"1700000000000,press07,20.5") == [
        {"ts": 1_700_000_000_000, "machine": "press07", "t": 20.5}
    ]


def test_header_may_be_the_first_line():
    assert CsvDecoder(None).decode(b"a, b\r\n1,x\r\n2,y\r\n") == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    assert CsvDecoder(None).decode(b"a,b\n") == []


def test_delimiter_may_be_given():
    assert CsvDecoder(["a", "b"], ";").decode("1;é".encode()) == [{"a": 1, "b": "é"}]
    assert CsvDecoder(["a", "b"], "\t").decode(b"1\t2") == [{"a": 1, "b": 2}]


def test_fields_without_numbers_are_all_text():
    assert CsvDecoder(["a", "b"], numbers=False).decode(b"1,") == [{"a": "1", "b": ""}]


@given(st.lists(st.lists(FIELDS, min_size=2, max_size=2), min_size=1, max_size=4))
def test_quoted_fields_hold_anything(lines):
    text = "\n".join(",".join(map(quoted, fields)) for fields in lines)
    assert CsvDecoder(["a", "b"], numbers=False).decode(text.encode()) == [{"a": a, "b": b} for a, b in lines]


def test_empty_lines_and_a_byte_order_mark_are_left_out():
    assert CsvDecoder(["a"]).decode(b"\xef\xbb\xbf\n1\n\n2\n\n") == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("", None),
        ("0", 0),
        ("-12", -12),
        (" 7 ", 7),
        ("1e3", 1000.0),
        ("-0.50", -0.5),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", "18446744073709551616"),
        ("1e999", "1e999"),
        ("9" * 500, "9" * 500),
        ("007", "007"),
        ("+1", "+1"),
        (".5", ".5"),
        ("1,5", "1,5"),
        ("0x10", "0x10"),
        ("NaN", "NaN"),
        ("\u0661", "\u0661"),
        ("true", "true"),
    ],
)
def test_field_becomes_a_number_only_in_json_notation(field, value):
    assert number(field) == value
    assert type(number(field)) is type(value)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "the payload is empty"),
        (b"1,2\n3\n", "line 2: 1 field, and the header has 2"),
        (b"1,2\n\n3,4,5\n", "line 3: 3 fields, and the header has 2"),
        (b'1,"a\nb"\n2\n', "line 3: 1 field"),
        (b'1,2\n3,"x', "line 2: unterminated quote"),
        (b'1,2\n"3"x,4', "line 2: characters after the closing quote of a field"),
        (b"1,\xff", "not UTF-8: invalid start byte, at byte 2"),
    ],
)
def test_malformed_csv_is_rejected_with_its_line(payload, reason):
    with pytest.raises(DecodeError, match=reason):
        CsvDecoder(["a", "b"]).decode(payload)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"a,a\n1,2", "line 1: the header has 'a' twice"),
        (b"\na,,b\n", "line 2: the header has a column without a name"),
        (b"\n", "line 1: there is no header"),
    ],
)
def test_header_in_the_payload_must_name_all_columns(payload, reason):
    with pytest.raises(DecodeError, match=reason):
        CsvDecoder(None).decode(payload)


def test_values_beyond_the_memory_limit_are_rejected():
    with pytest.raises(DecodeError, match=r"line 524289: more than 1,048,576 values up to this line"):
        CsvDecoder(["a"]).decode(b"1\n" * MAX_VALUES)


def test_field_of_any_length_is_read():
    field = "x" * 1_000_000
    assert CsvDecoder(["a", "b"]).decode(f"1,{field}\n".encode()) == [{"a": 1, "b": field}]


@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 40))
def test_csv_has_fields_and_lines_up_to_the_limit(lines, width, limit):
    decoder, payload = CsvDecoder([f"c{number}" for number in range(width)]), b",".join([b"1"] * width) + b"\n"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(csv_module, "MAX_VALUES", limit)
        if lines * (width + 1) <= limit:
            assert len(decoder.decode(payload * lines)) == lines
        else:
            with pytest.raises(DecodeError, match=f"more than {limit} values"):
                decoder.decode(payload * lines)
