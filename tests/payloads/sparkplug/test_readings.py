import base64

import pytest

from bridge.errors import DecodeError
from bridge.payloads.sparkplug.metric_table import NOTHING_DECLARED, rows_of, table_of_rows
from bridge.payloads.sparkplug.readings import ReadingContext, read_metric
from bridge.payloads.sparkplug.wire_format import read_payload
from tests.payloads.sparkplug.host import Host, number
from tests.payloads.sparkplug.wire import INT32, INT64, integer, message, metric, part, payload, property_set

AT = 5
INT8, FLOAT_ARRAY, TEMPLATE = 1, 30, 19


def seen(data):
    """The reading of one metric that no birth has declared."""
    (fields,) = read_payload(payload(data))["metrics"]
    return read_metric(fields, (NOTHING_DECLARED,), ReadingContext(AT, lambda: NOTHING_DECLARED, lambda _problem: None))


def template(*members, ref=None, parameters=b"", definition=False):
    body = b"".join(part(2, each) for each in members) + parameters
    body += b"" if ref is None else part(4, ref)
    return part(18, body + (integer(5, 1) if definition else b""))


def parameter(name, value, datatype=None):
    return part(3, part(1, name) + (b"" if datatype is None else integer(2, datatype)) + value)


def test_reading():
    assert seen(metric("m", integer(10, -1), at=7, datatype=3)) == {
        "name": "m",
        "value": -1,
        "type": "Int32",
        "timestamp": 7,
        "quality": 192,
        "is_null": False,
        "historical": False,
    }


def test_metric_without_a_timestamp_has_the_payload_s():
    assert seen(integer(10, 1))["timestamp"] == AT


@pytest.mark.parametrize("data", [integer(7, 1), integer(7, 1) + integer(10, 5), integer(3, 1)])
def test_metric_without_a_value_is_null(data):
    found = seen(data)
    assert (found["value"], found["is_null"]) == (None, True)


def test_historical_and_transient_readings_report_so():
    found = seen(integer(5, 1) + integer(6, 1))
    assert (found["historical"], found["transient"]) == (True, True)


def test_quality_is_a_property():
    bad = part(9, property_set(Quality=integer(1, 3) + integer(3, 0), unit=part(8, "°C")))
    found = seen(bad)
    assert (found["quality"], found["properties"]) == (0, {"Quality": 0, "unit": "°C"})


def test_properties_nest():
    inner = property_set(low=integer(1, 3) + integer(3, -5))
    properties = property_set(range=part(9, inner), ranges=part(10, part(1, inner)), none=integer(2, 1))
    expected = {"range": {"low": -5}, "ranges": [{"low": -5}], "none": None}
    assert seen(part(9, properties))["properties"] == expected


def test_property_set_with_a_value_too_few_is_rejected():
    with pytest.raises(DecodeError, match="2 keys and 1 values"):
        seen(part(9, part(1, "a") + part(1, "b") + part(2, integer(3, 1))))


def test_metadata_is_given_as_sent():
    assert seen(part(8, part(5, "a.bin")))["metadata"] == {"file_name": "a.bin"}


def test_template_shows_its_members_by_name():
    found = seen(
        metric(
            "m",
            template(
                metric("speed", integer(10, -3), datatype=INT32, at=9),
                ref="Motor",
                parameters=parameter("size", integer(3, -1), INT32),
            ),
            datatype=TEMPLATE,
        )
    )["value"]
    assert (found["metrics"]["speed"]["value"], found["metrics"]["speed"]["timestamp"]) == (-3, 9)
    assert found["parameters"] == {"size": -1}
    assert (found["reference"], found["version"], found["is_definition"]) == ("Motor", None, False)
    assert "unknown_aliases" not in found


def test_member_without_a_timestamp_has_that_of_its_template():
    found = seen(metric("m", template(metric("speed", integer(10, 1), datatype=INT32, at=None)), at=7))
    assert found["value"]["metrics"]["speed"]["timestamp"] == 7


# Payloads of Eclipse Tahu's edge client, which leaves out datatypes after the birth.
TAHU_BIRTH = (
    "COgHEhQKBWJkU2VxGMyKyb+iNCAEOABYABJPCgFNGM+Kyb+iNCATOACSAT4SGAoFc3BlZWQYz4rJv6I0IAM4AFD7////DxIdCgV0ZW1wcxjPism/"
    "ojQgHjgAggEIAADAPwAAIMAiAVQoABgA"
)
TAHU_DATA = (
    "COkHEkkKAU0Yu4vJv6I0OACSAToSFgoFc3BlZWQYuovJv6I0OABQ+v///w8SGwoFdGVtcHMYu4vJv6I0OACCAQgAAMA/AAAgwCIBVCgAGAE="
)


def test_template_in_data_of_tahu_has_the_datatypes_of_the_birth():
    host = Host()
    for kind, encoded in (("NBIRTH", TAHU_BIRTH), ("NDATA", TAHU_DATA)):
        sent = message(f"g/{kind}/n", base64.b64decode(encoded))
        view, commands = host.session.decode(sent, host.memory)
        assert (view["problems"], commands) == ([], ())
    members = view["metrics"]["M"]["value"]["metrics"]
    assert {name: (each["value"], each["type"]) for name, each in members.items()} == {
        "speed": (-6, "Int32"),
        "temps": ([1.5, -2.5], "FloatArray"),
    }


def values(view, *path):
    """The values of a template's members by name, the template found by the names of its parents."""
    found = view["metrics"]
    for name in path:
        found = found[name]["value"]["metrics"]
    return {name: each["value"] for name, each in found.items()}


@pytest.fixture
def host():
    return Host()


def birth(host, *metrics):
    return host.tell("g/NBIRTH/n", number(0), *metrics, seq=0)


def test_members_sent_by_alias_have_the_names_of_the_birth(host):
    members = [metric("a", integer(10, 1), alias=5, datatype=INT8), metric("b", integer(10, 2), alias=6, datatype=INT8)]
    birth(host, metric("M", template(*members, ref="T"), datatype=TEMPLATE))
    sent = template(metric(alias=5, value=integer(10, -1)), metric("", integer(10, -2), alias=6))
    view = host.tell("g/NDATA/n", metric("M", sent))
    assert (values(view, "M"), view["problems"]) == ({"a": -1, "b": -2}, [])


def test_member_that_only_the_definition_declares_has_its_datatype(host):
    definition = template(
        metric("a", integer(10, 0), alias=5, datatype=INT8),
        parameters=parameter("p", integer(3, 0), INT8),
        definition=True,
    )
    birth(host, metric("T", definition, datatype=TEMPLATE))
    instance = template(metric(alias=5, value=integer(10, -1)), ref="T", parameters=parameter("p", integer(3, -9)))
    host.tell("g/DBIRTH/n/d", metric("M", instance, datatype=TEMPLATE))
    for path in ("g/DDATA/n/d", "g/NDATA/n"):
        view = host.tell(path, metric("M", instance, datatype=TEMPLATE))
        assert values(view, "M") == {"a": -1}
        assert view["metrics"]["M"]["value"]["parameters"] == {"p": -9}
        assert view["problems"] == []


def test_instance_in_a_birth_has_the_datatypes_of_the_definition_in_it(host):
    definition = template(metric("a", integer(10, 0), datatype=INT8), definition=True)
    instance = template(metric("a", integer(10, -1)), ref="Motor")
    view = birth(host, metric("M", instance, datatype=TEMPLATE), metric("_types_/Motor", definition, datatype=TEMPLATE))
    assert (values(view, "M"), view["problems"]) == ({"a": -1}, [])
    device = host.tell("g/DBIRTH/n/d", metric("M", instance, datatype=TEMPLATE))
    assert (values(device, "M"), device["problems"]) == ({"a": -1}, [])


def test_members_of_a_template_within_a_template_are_declared_too(host):
    inner = template(metric("x", integer(10, 1), alias=9, datatype=INT8), ref="Inner")
    outer = template(metric("deep", inner, alias=8, datatype=TEMPLATE), ref="Outer")
    birth(host, metric("M", outer, alias=7, datatype=TEMPLATE))
    sent = template(metric(alias=8, value=template(metric(alias=9, value=integer(10, -1)))))
    view = host.tell("g/NDATA/n", metric(alias=7, value=sent))
    assert (values(view, "M", "deep"), view["problems"]) == ({"x": -1}, [])


def test_definitions_within_definitions_are_found_by_reference(host):
    inner = template(metric("x", integer(10, 1), datatype=INT8), definition=True)
    outer = template(metric("deep", template(ref="Inner"), datatype=TEMPLATE), definition=True)
    birth(host, metric("Inner", inner, datatype=TEMPLATE), metric("Outer", outer, datatype=TEMPLATE))
    sent = template(metric("deep", template(metric("x", integer(10, -1)))), ref="Outer")
    view = host.tell("g/NDATA/n", metric("M", sent, datatype=TEMPLATE))
    assert (values(view, "M", "deep"), view["problems"]) == ({"x": -1}, [])


def test_member_whose_alias_nothing_declares_requests_a_rebirth(host):
    birth(host, metric("M", template(metric("a", 1, datatype=INT64)), datatype=TEMPLATE))
    view = host.tell("g/NDATA/n", metric("M", template(metric(alias=5, value=1), metric(alias=6, value=2))))
    template_seen = view["metrics"]["M"]["value"]
    assert [(each["alias"], each["value"]) for each in template_seen["unknown_aliases"]] == [(5, 1), (6, 2)]
    assert (template_seen["metrics"], view["problems"]) == ({}, ["unknown_alias"])
    assert host.asks == ["spBv1.0/g/NCMD/n"]


def test_member_without_any_datatype_requests_a_rebirth(host):
    birth(host, metric("M", template(metric("a", 1, datatype=INT64)), datatype=TEMPLATE))
    view = host.tell("g/NDATA/n", metric("M", template(metric("new", integer(10, 2**32 - 1)))))
    assert (values(view, "M"), view["problems"]) == ({"new": 2**32 - 1}, ["unknown_type"])
    assert host.asks == ["spBv1.0/g/NCMD/n"]


def test_declared_members_survive_a_restart(host):
    birth(host, metric("M", template(metric("a", integer(10, 1), datatype=INT8)), datatype=TEMPLATE))
    view = host.restart().tell("g/NDATA/n", metric("M", template(metric("a", integer(10, -1)))))
    assert values(view, "M") == {"a": -1}


def test_rows_of_a_template_become_its_table():
    (fields,) = read_payload(payload(metric("M", template(metric("a", 1, alias=2, datatype=INT64), ref="T"))))[
        "metrics"
    ]
    members = table_of_rows(rows_of([fields])).by_name["M"].members
    assert (members.reference, members.by_alias[2].name, members.by_name["a"].datatype) == ("T", "a", INT64)
