import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.payloads.protobuf.decoder import ProtobufDecoder
from bridge.payloads.protobuf.message_types import MessageTypes
from tests.payloads.protobuf.test_decoder import READING

TYPES = MessageTypes(
    "e.proto",
    {
        "e.proto": b"""syntax = "proto3";
            import "google/protobuf/any.proto"; import "google/protobuf/duration.proto";
            import "google/protobuf/field_mask.proto"; import "google/protobuf/wrappers.proto";
            message Unit { string name = 1; }
            message E {
                google.protobuf.Any any = 1; google.protobuf.Duration took = 2; google.protobuf.FieldMask mask = 3;
                google.protobuf.BytesValue raw = 4; google.protobuf.UInt64Value count = 5;
                map<int32, Unit> units = 6; map<bool, int32> flags = 7; map<sint64, string> names = 8; }"""
    },
)
DECODER = ProtobufDecoder(TYPES, "E")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"machin": "x"}, "the payload: plant.Reading has no field 'machin'; it has machine, temperature"),
        ({"machine": 5}, "the payload.machine: the value is not of the field's type"),
        ({"state": "X"}, "the payload.state: expected one of STATE_UNKNOWN, RUN, RUNNING, STOP, found X"),
        ({"raw": [256]}, "the payload.raw: bytes must be in range"),
        ({"units": 1}, "the payload.units: expected an object"),
        ({"units": {"t": {"x": 1}}}, "the payload.units.t: plant.Unit has no field 'x'"),
        ({"samples": 1}, "the payload.samples: expected a list"),
        ({"samples": ["a"]}, "the payload.samples[0]: the value is not of the field's type"),
        ({"at": "x"}, "the payload.at: "),
        ({"whole": 2**63}, "the payload.whole: "),
        ([], "the payload: expected an object of plant.Reading, found []"),
    ],
)
def test_value_that_is_none_of_the_type_cannot_be_written(value, reason):
    with pytest.raises(ValueError, match="the payload") as error:
        READING.encode(value)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ({"any": {"type_url": "x/y", "value": [1, 255]}}, None),
        ({"any": {}}, {"any": {"type_url": "", "value": []}}),
        ({"mask": {"paths": ["a.b", "c"]}}, None),
        ({"mask": "a.b,c"}, {"mask": {"paths": ["a.b", "c"]}}),
        ({"raw": [0, 255]}, None),
        ({"raw": "AP8="}, {"raw": [0, 255]}),
        ({"count": 2**64 - 1}, None),
        ({"took": -1.5}, None),
        ({"took": "1.5s"}, {"took": 1.5}),
    ],
)
def test_google_type_is_written_as_read_or_in_its_json_form(sent, found):
    decoded = DECODER.decode(DECODER.encode(sent))
    assert {name: decoded[name] for name in sent} == (found or sent)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"took": float("inf")}, "the payload.took: cannot convert float infinity"),
        ({"took": float("nan")}, "the payload.took: cannot convert float NaN"),
        ({"took": 1e30}, "the payload.took: "),
        ({"took": {"seconds": 1}}, "the payload.took: "),
        ({"count": -1}, "the payload.count: "),
        ({"raw": [256]}, "the payload.raw: bytes must be in range"),
        ({"any": {"typ": "x"}}, "the payload.any: "),
        ({"units": {"x": {}}}, "the payload.units.x: invalid literal"),
        ({"units": {"2147483648": {}}}, "the payload.units.2147483648: "),
        ({"units": {"1": {"nam": "C"}}}, "the payload.units.1: Unit has no field 'nam'"),
        ({"flags": {"yes": 1}}, "the payload.flags.yes: expected the key true or false"),
        ({"names": {"1.5": "x"}}, "the payload.names.1.5: invalid literal"),
    ],
)
def test_value_without_a_form_on_the_wire_is_reported_with_its_place(value, reason):
    with pytest.raises(ValueError, match="the payload") as error:
        DECODER.encode(value)
    assert str(error.value).startswith(reason)


@given(
    flags=st.dictionaries(st.sampled_from(["true", "false"]), st.integers(-(2**31), 2**31 - 1)),
    names=st.dictionaries(st.integers(-(2**63), 2**63 - 1).map(str), st.text(max_size=3), max_size=3),
)
def test_keys_of_a_map_are_written_as_they_are_read(flags, names):
    decoded = DECODER.decode(DECODER.encode({"flags": flags, "names": names}))
    assert (decoded["flags"], decoded["names"]) == (flags, names)


def test_nested_message_without_fields_is_written():
    assert "inner" in READING.decode(READING.encode({"inner": {}}))
    assert "inner" not in READING.decode(READING.encode({}))
