"""Texts for users about failed tests of a mapping."""

import pytest

from bridge.mapping.selftest.runner import run_cases
from tests.mapping.builders import mapping

ONE = {"data_stream": "s", "data": {"v": 1}}


def failed(expect, sent=None, **options):
    case = {"name": "n", "topic": "t", "expect": expect, **({"payload": {"v": 1}} if sent is None else sent)}
    (result,) = run_cases(mapping(tests=[case], **options))
    assert not result.passed
    return result.difference.splitlines()


def test_value_that_differs_is_shown_beside_the_expected_one():
    outputs = [{"data_stream": "s", "partition_key": "k"}]
    expect = [{"data_stream": "s", "partition_key": "spread", "data": {"v": 2, "unit": "C"}}]
    assert failed(expect, outputs=outputs) == [
        "record 1, s:",
        "                 expected  got",
        '  partition_key  "spread"  "k"',
        "  data.v         2         1",
        '  data.unit      "C"       (absent)',
    ]


def test_number_and_a_boolean_and_a_text_are_reported_apart():
    assert failed([ONE], {"payload": {"v": True}})[-1] == "  data.v  1         true"
    assert failed([ONE], {"payload": {"v": "1"}})[-1] == '  data.v  1         "1"'


@pytest.mark.parametrize(
    ("expect", "sent", "options", "lines"),
    [
        ("filtered", None, {}, ["expected     nothing: filtered",
                                """got          s, spread over all shards, 7 bytes: {"v":1}"""]),
        ([ONE], None, {"where": "payload.x"}, ['expected     s: {"v":1}', "got          nothing: filtered"]),
        ({"dead_letter": "decode"}, None, {}, ["expected     dead letter decode",
                                               """got          s, spread over all shards, 7 bytes: {"v":1}"""]),
        ({"dead_letter": "decode"}, None, {"where": "payload.x"},
         ["expected     dead letter decode", "got          nothing: filtered"]),
    ],
)  # fmt: skip
def test_outcome_of_another_kind_is_shown_in_two_lines(expect, sent, options, lines):
    assert failed(expect, sent, **options) == lines


def test_rejection_reports_its_reason():
    expected, got = failed([ONE], {"payload_text": "{"})
    assert expected == 'expected     s: {"v":1}'
    assert got.startswith("got          dead letter decode: not JSON: ")
    assert failed({"dead_letter": "transform"}, {"payload_text": "{"})[0] == "expected     dead letter transform"


def test_rejection_beside_records_is_shown():
    outputs = [{"data_stream": "s"}, {"data_stream": "b", "partition_key_from": "payload.k"}]
    assert failed([ONE], outputs=outputs) == [
        "dead letter  partition_key: partition_key_from: returned null; a key is text or a number (nothing for b)"
    ]


EACH = {"transform": "payload[].{ v: @ }", "each": True}


def items(*values):
    return [{"data_stream": "s", "data": {"v": value}} for value in values]


def test_record_too_few_does_not_make_the_others_look_wrong():
    assert failed(items(1, 2, 3), {"payload": [1, 3]}, **EACH) == ['not made     record 2, s: {"v":2}']


def test_record_too_many_does_not_make_the_others_look_wrong():
    assert failed(items(1, 3), {"payload": [1, 2, 3]}, **EACH) == [
        'not expected s, spread over all shards, 7 bytes: {"v":2}'
    ]


def test_record_that_is_created_twice_fails_the_test():
    assert failed(items(1), {"payload": [1, 1]}, **EACH) == ['not expected s, spread over all shards, 7 bytes: {"v":1}']


def test_stream_that_differs_is_a_difference_of_the_record():
    assert failed([ONE], outputs=[{"data_stream": "other"}])[2] == '  data_stream  "s"       "other"'


def test_records_in_another_order_are_reported_as_such():
    outputs = [{"data_stream": "a"}, {"data_stream": "b"}]
    expect = [{"data_stream": "b", "data": {"v": 1}}, {"data_stream": "a", "data": {"v": 1}}]
    assert failed(expect, outputs=outputs) == ["the records are as expected, but in another order: a, b"]


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        ({"data_text": '{"v": 1}'}, '  data_text  "{\\"v\\": 1}"  "{\\"v\\":1}"'),
        ({"data_base64": "/w=="}, '  data_base64  "/w=="    "eyJ2IjoxfQ=="'),
    ],
)
def test_data_is_shown_in_the_form_the_test_is_written_in(wanted, line):
    assert failed([{"data_stream": "s", **wanted}])[2] == line


def test_record_that_is_no_json_value_is_shown_in_base64():
    lines = failed([{"data_stream": "s", "data": "x"}], {"payload_base64": "/w=="}, payload="bytes")
    assert lines[2:] == ['  data         "x"       (absent)', '  data_base64  (absent)  "/w=="']
