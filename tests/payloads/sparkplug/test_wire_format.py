import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads.sparkplug.wire_format import MAX_DEPTH, MAX_PARTS, read_payload
from tests.payloads.sparkplug.wire import double, integer, metric, part, payload, property_set, single, tag


def only_metric(data):
    (found,) = read_payload(payload(data))["metrics"]
    return found


def test_empty_payload_has_no_fields():
    assert read_payload(b"") == {}


def test_fields_of_a_payload():
    data = payload(seq=255, at=1_700_000_000_123, more=part(4, "an id") + part(5, b"\xff\x00"))
    assert read_payload(data) == {
        "timestamp": 1_700_000_000_123,
        "seq": 255,
        "uuid": "an id",
        "body": b"\xff\x00",
    }


def test_fields_of_a_metric():
    flags = integer(5, 1) + integer(6, 0) + integer(7, 1)
    found = only_metric(metric("Temperature", alias=300, datatype=10, at=7, more=flags, value=1.5))
    assert found == {
        "name": "Temperature",
        "alias": 300,
        "timestamp": 7,
        "datatype": 10,
        "is_historical": True,
        "is_transient": False,
        "is_null": True,
        "value": 1.5,
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (integer(10, 4294967295), 4294967295),
        (integer(11, 2**64 - 1), 2**64 - 1),
        (single(12, 0.5), 0.5),
        (double(13, -2.25), -2.25),
        (integer(14, 1), True),
        (part(15, "grün"), "grün"),
        (part(16, b"\x00\xff"), b"\x00\xff"),
    ],
)
def test_value_of_each_kind_is_read(field, value):
    assert only_metric(field) == {"value": value}


@given(st.integers(0, 2**64 - 1))
def test_integers_are_exact(number):
    assert read_payload(integer(1, number)) == {"timestamp": number}


def test_integer_of_more_than_64_bits_loses_the_bits_above():
    assert read_payload(b"\x08" + b"\xff" * 9 + b"\x7f") == {"timestamp": 2**64 - 1}


def test_field_given_twice_has_the_last_value():
    assert only_metric(integer(10, 1) + part(15, "two")) == {"value": "two"}


def test_metadata_and_properties():
    quality = integer(1, 3) + integer(3, 500)
    nested = part(9, property_set(unit=part(8, "bar")))
    found = only_metric(part(8, part(5, "a.txt") + integer(3, 9)) + part(9, property_set(Quality=quality, more=nested)))
    assert found == {
        "metadata": {"file_name": "a.txt", "size": 9},
        "properties": {
            "keys": ["Quality", "more"],
            "values": [{"type": 3, "value": 500}, {"properties": {"keys": ["unit"], "values": [{"value": "bar"}]}}],
        },
    }


@pytest.mark.parametrize("types", [integer(3, 4) + integer(3, 12), part(3, b"\x04\x0c")], ids=["each", "packed"])
def test_data_set(types):
    row = part(4, part(1, integer(2, 5)) + part(1, part(6, "x")))
    found = only_metric(part(17, integer(1, 2) + part(2, "n") + part(2, "s") + types + row))
    assert found["dataset"] == {
        "num_of_columns": 2,
        "columns": ["n", "s"],
        "types": [4, 12],
        "rows": [{"elements": [{"value": 5}, {"value": "x"}]}],
    }


def test_template():
    parameter = part(3, part(1, "size") + integer(2, 3) + integer(3, 7))
    found = only_metric(part(18, part(1, "v2") + part(2, metric("m", 1, at=None)) + parameter + part(4, "Motor")))
    assert found["template"] == {
        "version": "v2",
        "metrics": [{"name": "m", "value": 1}],
        "parameters": [{"name": "size", "type": 3, "value": 7}],
        "template_ref": "Motor",
    }


def test_unknown_fields_are_passed_over():
    unknown = integer(100, 3) + double(101, 1.0) + single(102, 1.0) + part(103, "whatever")
    assert read_payload(unknown + integer(3, 9) + unknown) == {"seq": 9}


def test_known_field_of_another_wire_type_is_unknown():
    assert read_payload(part(3, "text") + integer(3, 9)) == {"seq": 9}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x08", "ends within a field"),
        (b"\x08\x80", "ends within a field"),
        (b"\x08" + b"\xff" * 10 + b"\x01", "more than 10 bytes"),
        (b"\x22\x05abc", "extends beyond the end of its message"),
        (b"\x12\x02\x69\x00", "extends beyond the end of its message"),
        (b"\x12\x01\x10\x05", "extends beyond the end of its message"),
        (part(2, part(17, part(3, b"\x80"))) + b"\x01", "extends beyond the end of its message"),
        (b"\x29\x00", "extends beyond the end of its message"),
        (b"\x0b", "no field begins with"),
        (b"\x00\x00", "no field begins with"),
        (b'{"timestamp": 1}', "Sparkplug B"),
    ],
)
def test_malformed_payload_is_rejected(data, reason):
    with pytest.raises(DecodeError, match=reason):
        read_payload(data)


def test_truncated_payload_is_rejected_or_ends_at_a_field():
    data = payload(metric("a", 1.5, alias=1), metric("b", 2, alias=2), seq=3)
    whole = {0, 7, len(data) - 2}
    whole |= {at for at in range(len(data)) if data[7:at] == part(2, metric("a", 1.5, alias=1))}
    for end in range(len(data)):
        if end in whole:
            read_payload(data[:end])
        else:
            with pytest.raises(DecodeError):
                read_payload(data[:end])


def nested_templates(levels):
    data = b""
    for _ in range(levels):
        data = part(2, part(18, data))
    return data


def test_templates_nest_as_deep_as_is_allowed():
    levels = (MAX_DEPTH - 2) // 2
    assert "metrics" in read_payload(nested_templates(levels))
    with pytest.raises(DecodeError, match="deeper than"):
        read_payload(nested_templates(levels + 1))


def test_parts_beyond_the_limit_are_rejected_quickly():
    data = b"\x12\x00" * MAX_PARTS
    begin = time.process_time()
    with pytest.raises(DecodeError, match="parts"):
        read_payload(data)
    assert time.process_time() - begin < 5
    assert len(read_payload(data[2:])["metrics"]) == MAX_PARTS - 1


def test_unknown_fields_count_as_parts():
    unknown = tag(99, 2) + b"\x00"
    assert read_payload(unknown * (MAX_PARTS - 1)) == {}
    with pytest.raises(DecodeError, match="parts"):
        read_payload(unknown * MAX_PARTS)


@given(st.binary(max_size=200))
def test_bytes_are_read_or_rejected(data):
    with contextlib.suppress(DecodeError):
        read_payload(data)


@given(st.lists(st.tuples(st.integers(1, 20), st.sampled_from([0, 1, 2, 5]), st.binary(max_size=12)), max_size=12))
def test_fields_are_read_or_rejected(fields):
    data = b"".join(
        tag(number, kind) + (bytes([len(rest)]) if kind == 2 else b"") + rest for number, kind, rest in fields
    )
    for each in (data, part(2, data), part(2, part(18, part(2, data)))):
        with contextlib.suppress(DecodeError):
            read_payload(each)
