import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.pipeline.fast_path import FILTERED_FAST
from bridge.model import MAX_PARTITION_KEY_CHARS
from tests.mapping.builders import applied, mapping, message
from tests.mapping.expressions.generated import DOCUMENTS

OUTPUTS = [
    {"data_stream": "s"},
    {"data_stream": "s", "partition_key": "k"},
    {"data_stream": "s", "partition_key_from": "captures.machine"},
    {"data_stream": "s", "partition_key_from": "payload.a"},
    {"data_stream": "s", "partition_key_from": "record.b"},
]
TRANSFORMS = [None, "{a: payload.a, b: captures.machine}", "payload.a", "max(payload.a)"]
KEYS = st.sampled_from(["", "x", "é", "x" * MAX_PARTITION_KEY_CHARS, "x" * (MAX_PARTITION_KEY_CHARS + 1)])
PAYLOADS = st.one_of(
    DOCUMENTS.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries({"a": KEYS | DOCUMENTS}).map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=8),
)


def made(transform, output, where=None, **options):
    given_ = {"transform": transform, "where": where}
    return mapping(
        topic="f/{machine}", outputs=[output], **options, **{key: value for key, value in given_.items() if value}
    )


MAPPINGS = [made(transform, output) for transform in TRANSFORMS for output in OUTPUTS]
MAPPINGS += [made(TRANSFORMS[1], OUTPUTS[2], "payload.a"), made(None, OUTPUTS[0], "payload.a > `0`")]
MAPPINGS += [made(None, OUTPUTS[0], limits={"s": 25})]


@given(each=st.sampled_from(MAPPINGS), payload=PAYLOADS)
def test_reports_what_apply_reports_or_nothing(each, payload):
    record = each.fast_path(payload, {"machine": "press07"})
    mapped = applied(each, message(payload, topic="f/press07"))
    if record is FILTERED_FAST:
        assert (mapped.drafts, mapped.rejections) == ([], ())
    elif record is not None:
        assert (mapped.drafts, mapped.rejections) == ([record], ())


@pytest.mark.parametrize("output", OUTPUTS)
def test_answers_for_the_usual_message(output):
    number, key, data = made(TRANSFORMS[1], output).fast_path(b'{"a":"7"}', {"machine": "m"})
    assert number == 0
    assert data == b'{"a":"7","b":"m"}'
    assert key in {None, "k", "m", "7"}


@pytest.mark.parametrize(("value", "key"), [("5", "5"), ("1.5", "1.5"), ('"\u00e9"', "\u00e9")])
def test_key_that_is_a_number_or_beyond_ascii_is_not_worked_out_twice(value, key):
    payload = f'{{"a":{value}}}'.encode()
    assert made(None, OUTPUTS[3]).fast_path(payload, {}) == (0, key, payload)


@pytest.mark.parametrize(
    "options",
    [
        {"each": True, "transform": "payload"},
        {"retained": "skip"},
        {"compression": "gzip"},
        {"changes": {}},
        {"transform": "{t: topic}"},
        {"transform": "@"},
        {"outputs": [{"data_stream": "s", "envelope": True}]},
        {"outputs": [{"data_stream": "s"}, {"data_stream": "t"}]},
    ],
)
def test_mapping_that_needs_more_has_none(options):
    assert mapping(**options).fast_path is None


def test_expression_that_reads_no_name_needs_no_more():
    assert mapping(transform="`7`").fast_path(b"{}", {}) == (0, None, b"7")


def test_key_that_is_read_of_the_record_needs_no_more():
    each = made("{b: payload.a}", OUTPUTS[4])
    assert each.fast_path(b'{"a":"press07"}', {}) == (0, "press07", b'{"b":"press07"}')
