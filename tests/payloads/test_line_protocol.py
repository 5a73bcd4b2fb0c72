import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads import line_protocol
from bridge.payloads.line_protocol import LineProtocolDecoder

NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\#\ufeff"), min_size=1, max_size=6
).filter(lambda name: not name.isspace())
FIELDS = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
)


def decode(text):
    return LineProtocolDecoder().decode(text.encode())


def escaped(name, special=",= "):
    return re.sub(f"([{special}])", r"\\\1", name)


def written(value):
    if isinstance(value, bool):
        return "true" if value else "F"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{value}i" if isinstance(value, int) else repr(value)


@given(
    measurement=NAMES,
    tags=st.dictionaries(NAMES, NAMES, max_size=2),
    fields=st.dictionaries(NAMES, FIELDS, min_size=1, max_size=3),
    time=st.none() | st.integers(-(2**63), 2**63 - 1),
)
def test_line_is_read_as_it_was_written(measurement, tags, fields, time):
    head = ",".join([escaped(measurement, ", "), *(f"{escaped(name)}={escaped(tag)}" for name, tag in tags.items())])
    body = ",".join(f"{escaped(name)}={written(value)}" for name, value in fields.items())
    line = f"{head} {body}" + ("" if time is None else f" {time}")
    expected = {"measurement": measurement, "tags": tags, "fields": fields, "timestamp": time}
    assert decode(line) == [expected]
    assert decode(f"# comment\n\n{line}\r\n  \n{line}\n#") == [expected, expected]
    (found,) = decode(line)
    assert [type(value) for value in found["fields"].values()] == [type(value) for value in fields.values()]


def test_unsigned_integers_and_floats_of_every_form():
    (line,) = decode("m a=18446744073709551615u,b=1.,c=.5,d=-1e3,e=+2")
    assert line["fields"] == {"a": 2**64 - 1, "b": 1.0, "c": 0.5, "d": -1000.0, "e": 2.0}


def test_text_may_hold_line_breaks_and_quotes():
    assert decode('m s="a \\"b\\",\nc\\\\" 5')[0] | {"tags": 0} == {
        "measurement": "m", "tags": 0, "fields": {"s": 'a "b",\nc\\'}, "timestamp": 5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the payload has no line"),
        ("# only\n\n", "the payload has no line"),
        ("m", "expected a blank and the fields, at line 1, column 2: found the end"),
        ("m f=1\nm f=x", "expected a number, 7i, 7u, true, false or text in double quotes, at line 2, column 5"),
        ("m,a f=1", "expected a value of the tag 'a', at line 1, column 4"),
        ("m,a= f=1", "expected a tag's value, at line 1, column 5"),
        ("m f", "expected a value of the field 'f'"),
        ("m f=", "expected a field's value"),
        ('m f="a', "expected a field's value, at line 1, column 5: found '\"a'"),
        ("m f=1 12x", "expected the end of the line, at line 1, column 9: found 'x'"),
        ("m f=1 9223372036854775808", "expected a time of 64 bits"),
        ("m f=9223372036854775808i", "expected a number"),
        ("m f=-1u", "expected a number"),
        ("m f=1e999", "expected a number"),
        ("m f=NaN", "expected a number"),
        (",", "expected a measurement, at line 1, column 1"),
    ],
)
def test_invalid_line_rejects_all_with_its_place(text, reason):
    with pytest.raises(DecodeError) as error:
        decode(text)
    assert reason in error.value.detail


@given(st.integers(1, 5), st.integers(0, 3), st.integers(1, 3), st.integers(1, 40))
def test_values_beyond_the_limit_are_rejected(lines, tags, fields, limit):
    line = "m" + "".join(f",t{n}=a" for n in range(tags)) + " " + ",".join(f"f{n}=1" for n in range(fields))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(line_protocol, "MAX_VALUES", limit)
        if lines * (line_protocol._VALUES_A_LINE + tags + fields) <= limit:
            assert len(decode("\n".join([line] * lines))) == lines
        else:
            with pytest.raises(DecodeError, match=f"more than {limit} values"):
                decode("\n".join([line] * lines))


def test_hostile_text_takes_time_in_proportion_to_its_length():
    texts = ("m f=" + "\\" * 200_000, "a" * 200_000, "m " + "a=1," * 100_000, "#\n" * 100_000, '"' * 200_000)
    # Quadratic time: a number with a million digits would take minutes, and so would an unclosed text.
    digits = ("m f=" + "9" * 1_000_000 + "i", "m f=1." + "9" * 1_000_000 + "x", "m f=" + "9" * 1_000_000 + "e")
    for text in (*texts, *digits, 'm f="' + '\\"' * 1_000_000):
        with pytest.raises(DecodeError):
            decode(text)


def test_long_texts_and_names_take_memory_in_proportion():
    line = f"{escaped('a b' * 100_000, ', ')} f={written('x' * 1_000_000 + chr(34) * 500_000)}"
    tracemalloc.start()
    try:
        [found] = decode(line)
        assert tracemalloc.get_traced_memory()[1] < 10 * len(line)
    finally:
        tracemalloc.stop()
    assert (found["measurement"], found["fields"]["f"][-2:]) == ("a b" * 100_000, '""')
