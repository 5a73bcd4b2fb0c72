import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads import json_lines
from bridge.payloads.json_lines import JsonLinesDecoder

VALUES = st.lists(
    st.dictionaries(st.text(max_size=3), st.integers(-(2**63), 2**64 - 1) | st.text(max_size=3), max_size=2)
    | st.lists(st.booleans(), max_size=2),
    min_size=1,
    max_size=4,
)


def decode(payload):
    return JsonLinesDecoder().decode(payload)


@given(VALUES, st.sampled_from([b"\n", b"\r\n", b"\n\n", b"", b" ", b"\n\x1e"]))
def test_documents_are_read_whatever_separates_them(values, between):
    payload = between.join(map(orjson.dumps, values))
    assert decode(payload) == values
    assert decode(payload + b"\n") == values
    assert decode(b"\xef\xbb\xbf" + payload + b"\0") == values


@given(VALUES)
def test_documents_may_have_several_lines(values):
    assert decode(b"\n".join(orjson.dumps(value, option=orjson.OPT_INDENT_2) for value in values)) == values


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "the payload is empty"),
        (b" \r\n\n", "the payload is empty"),
        (b'{"a": 1}\n{"a": 2', "at line 2, column 8: found the end"),
        (b'{"a": 1}\n{"a": NaN}\n', "at line 2, column 7: found 'NaN}"),
        (b'{"a": 1}\nx{"a": 2}\n', "at line 2, column 1: found 'x{"),
        (b'{"a": 1},{"a": 2}', "at line 1, column 9: found ',{"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 10_000 + b" 2", "Exceeds the limit"),
        (b'{"a": 1}\n"\xff"', "not UTF-8: invalid start byte, at byte 10"),
    ],
)
def test_invalid_document_rejects_all_with_its_place(payload, reason):
    with pytest.raises(DecodeError) as error:
        decode(payload)
    assert reason in error.value.detail


@given(
    st.integers(1, 9), st.integers(1, 9), st.sampled_from([(b"\n", b"\n"), (b"\n", b""), (b" ", b""), (b" ", b"\n")])
)
def test_lines_or_documents_beyond_the_limit_are_rejected(documents, limit, separators):
    between, end = separators
    payload = between.join([b"1"] * documents) + end
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_lines, "MAX_VALUES", limit)
        if documents <= limit:
            assert decode(payload) == [1] * documents
        else:
            with pytest.raises(DecodeError, match=f"more than {limit} (lines|documents)"):
                decode(payload)


def test_values_of_all_documents_are_limited():
    with pytest.raises(DecodeError, match="more than 1,048,576 values"):
        decode(b"[[],[]]\n" * 400_000)
