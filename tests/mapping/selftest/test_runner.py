import pytest

from bridge.mapping.selftest.runner import run_cases
from tests.mapping.builders import mapping

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
            {"transform": "[properties.content_type, received_at]"},
            {
                "payload": 1,
                "properties": {"content_type": "x"},
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
def test_mapping_that_does_as_expected_passes(options, case):
    assert run(case, **options) == ""
