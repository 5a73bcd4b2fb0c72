import json

import pytest

from bridge.mapping.cases import run_cases, same
from tests.mapping.make import mapping

SPREAD = [{"data_stream": "s", "data": {"v": 1}}]


def run(case, **options):
    (result,) = run_cases(mapping(tests=[{"name": "n", "topic": "t"} | case], **options))
    assert (result.number, result.name) == (0, "n")
    assert result.passed == (not result.difference)
    return result.difference


@pytest.mark.parametrize(
    ("options", "case"),
    [
        ({}, {"payload": {"v": 1}, "expect": SPREAD}),
        ({}, {"payload": {"v": 1.0}, "expect": SPREAD}),
        ({}, {"payload": {"a": 1, "b": 2}, "expect": [{"data_stream": "s", "data": {"b": 2, "a": 1}}]}),
        ({}, {"payload_text": '{"v": 1}', "expect": SPREAD}),
        ({}, {"payload_text": '{"v": 1}', "expect": [{"data_stream": "s", "data_text": '{"v": 1}'}]}),
        ({}, {"payload_text": "{", "expect": {"dead_letter": "decode"}}),
        ({}, {"payload_base64": "/w==", "expect": {"dead_letter": "decode"}}),
        ({"where": "payload"}, {"payload": None, "expect": "filtered"}),
        ({"where": "payload"}, {"payload": None, "expect": []}),
        ({"payload": "text"}, {"payload": "1", "expect": [{"data_stream": "s", "data": "1"}]}),
        ({"payload": "text"}, {"payload": 1.5, "expect": [{"data_stream": "s", "data": "1.5"}]}),
        ({"payload": "number"}, {"payload": 1.5, "expect": [{"data_stream": "s", "data": 1.5}]}),
        ({"payload": "number"}, {"payload": " +.5", "expect": [{"data_stream": "s", "data": 0.5}]}),
        ({"payload": "bytes"}, {"payload": [255], "expect": [{"data_stream": "s", "data_base64": "/w=="}]}),
        ({"payload": "bytes"}, {"payload_base64": "/w==", "expect": [{"data_stream": "s", "data_base64": "/w=="}]}),
        ({"payload": "bytes"}, {"payload": "ab", "expect": [{"data_stream": "s", "data": "ab"}]}),
        ({"transform": "qos"}, {"payload": 1, "qos": 2, "expect": [{"data_stream": "s", "data": 2}]}),
        ({"transform": "qos", "qos": 0}, {"payload": 1, "expect": [{"data_stream": "s", "data": 0}]}),
        ({"transform": "retain"}, {"payload": 1, "retain": True, "expect": [{"data_stream": "s", "data": True}]}),
        (
            {"transform": "[properties.a, received_at]"},
            {
                "payload": 1,
                "properties": {"a": "x"},
                "received_at": "2024-05-06T07:08:09+02:00",
                "expect": [{"data_stream": "s", "data": ["x", "2024-05-06T05:08:09.000Z"]}],
            },
        ),
        (
            {"outputs": [{"data_stream": "s", "partition_key_from": "payload.x"}] * 2},
            {"payload": {}, "expect": {"dead_letter": "partition_key"}},
        ),
    ],
)
def test_a_mapping_that_does_as_expected_passes(options, case):
    assert run(case, **options) == ""


@pytest.mark.parametrize(
    ("options", "case", "lines"),
    [
        ({}, {"payload": {"v": 2}, "expect": SPREAD}, ['-    "v": 1', '+    "v": 2']),
        ({}, {"payload": {"v": True}, "expect": SPREAD}, ['-    "v": 1', '+    "v": true']),
        ({}, {"payload": {"v": 1}, "expect": "filtered"}, ['-  "filtered": true', '+  "data_stream": "s",']),
        ({"where": "payload.x"}, {"payload": {"v": 1}, "expect": SPREAD}, ['+  "filtered": true']),
        ({}, {"payload_text": "{", "expect": SPREAD}, ['+  "dead_letter": "decode",']),
        ({}, {"payload_text": "{", "expect": {"dead_letter": "transform"}}, ['-  "dead_letter": "transform"']),
        ({}, {"payload": 1, "expect": {"dead_letter": "decode"}}, ['-  "dead_letter": "decode"']),
        ({}, {"payload": {"v": 1}, "expect": SPREAD * 2}, ["-{"]),
        (
            {"outputs": [{"data_stream": "s", "partition_key": "k"}]},
            {"payload": {"v": 1}, "expect": [SPREAD[0] | {"partition_key": "spread"}]},
            ['-  "partition_key": "spread"', '+  "partition_key": "k"'],
        ),
        (
            {"outputs": [{"data_stream": "other"}]},
            {"payload": {"v": 1}, "expect": SPREAD},
            ['-  "data_stream": "s",', '+  "data_stream": "other",'],
        ),
        (
            {"outputs": [{"data_stream": "s"}, {"data_stream": "b", "partition_key_from": "payload.k"}]},
            {"payload": {"v": 1}, "expect": SPREAD},
            ['+  "dead_letter": "partition_key",'],
        ),
        (
            {"payload": "bytes"},
            {"payload": [254], "expect": [{"data_stream": "s", "data_base64": "/w=="}]},
            ['-  "data_base64": "/w==",', '+  "data_base64": "/g==",'],
        ),
    ],
)
def test_a_difference_shows_what_was_expected_and_what_came(options, case, lines):
    difference = run(case, **options).splitlines()
    assert difference[:2] == ["--- expected", "+++ got"]
    assert [line for line in lines if line not in difference] == []


def test_a_difference_shows_only_what_differs():
    case = {"payload": {"a": 1.0, "b": 2}, "expect": [{"data_stream": "s", "data": {"b": 3, "a": 1}}]}
    changed = [line for line in run(case).splitlines()[2:] if line[0] in "+-"]
    assert changed == ['-    "b": 3', '+    "b": 2']


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True),
        (True, 1, False),
        (0, False, False),
        (None, False, False),
        ([1, [2]], [1.0, [2]], True),
        ([1], [1, 2], False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ("1", 1, False),
        (2**63, float(2**63), True),
        (2**63 + 1, float(2**63), False),
    ],
)
def test_values_are_compared_as_json(one, other, equal):
    assert same(one, other) is equal
    assert same(json.loads(json.dumps(other)), one) is equal
