import pytest

from bridge.payloads.sparkplug.datatypes import DATATYPES
from bridge.payloads.sparkplug.encoder import encode
from bridge.payloads.sparkplug.metric_table import NOTHING_DECLARED
from bridge.payloads.sparkplug.readings import ReadingContext, read_metric
from bridge.payloads.sparkplug.wire_format import read_payload


def read_back(*metrics):
    fields = read_payload(encode({"timestamp": 5, "seq": 7, "metrics": list(metrics)}))
    assert (fields["timestamp"], fields["seq"]) == (5, 7)
    context = ReadingContext(5, lambda: NOTHING_DECLARED, lambda _problem: None)
    return [read_metric(each, (NOTHING_DECLARED,), context) for each in fields["metrics"]]


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        *((name, -1) for name in ("Int8", "Int16", "Int32", "Int64")),
        *((name, 200) for name in ("UInt8", "UInt16", "UInt32", "UInt64", "DateTime")),
        ("UInt64", 2**64 - 1),
        ("Float", 0.5),
        ("Double", 0.1),
        ("Boolean", True),
        ("Boolean", False),
        *((name, "größe") for name in ("String", "Text", "UUID")),
    ],
)
def test_value_comes_back_as_it_was(datatype, value):
    (seen,) = read_back({"name": "x", "type": datatype, "value": value})
    assert (seen["value"], seen["type"]) == (value, datatype)
    assert datatype in DATATYPES


def test_value_without_a_type_is_as_on_the_wire():
    assert [each["value"] for each in read_back({"alias": 1, "value": 3}, {"alias": 2, "value": "a"})] == [3, "a"]


def test_null_is_a_metric_without_a_value():
    (seen,) = read_back({"name": "x", "type": "Int32", "value": None})
    assert seen["is_null"] is True


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (1, "keys and values"),
        ({"metric": []}, "no metric"),
        ({"metrics": {}}, "a list"),
        ({"metrics": [{"nam": "x"}]}, "no nam"),
        ({"metrics": [{"type": "Int33", "value": 1}]}, "'Int33' is not a datatype"),
        ({"metrics": [{"type": "DataSet", "value": 1}]}, "payload_base64"),
        ({"metrics": [{"type": "Int32", "value": "x"}]}, "not a value of datatype Int32"),
        ({"metrics": [{"value": [1]}]}, "a number, a boolean or text"),
        ({"seq": -1}, "whole number"),
    ],
)
def test_encode_of_an_invalid_payload_is_an_error(payload, told):
    with pytest.raises(ValueError, match=told):
        encode(payload)
