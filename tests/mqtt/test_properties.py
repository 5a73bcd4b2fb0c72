import paho.mqtt.properties as paho
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes

from bridge.mqtt import properties
from bridge.mqtt.packet_stream import ProtocolViolation
from bridge.mqtt.properties import parse_properties, readable, subscription_identifiers


def packed(**values):
    properties = paho.Properties(PacketTypes.PUBLISH)
    for name, value in values.items():
        setattr(properties, name, value)
    return properties.pack()[1:]


def test_properties_of_a_publish_are_read_as_paho_packs_them():
    data = packed(
        PayloadFormatIndicator=1,
        MessageExpiryInterval=3600,
        ContentType="application/json",
        ResponseTopic="answers/1",
        CorrelationData=b"\x00\xff",
        UserProperty=[("line", "3"), ("unit", "°C")],
    )
    assert parse_properties(data) == {
        "payload_format_indicator": 1,
        "message_expiry_interval": 3600,
        "content_type": "application/json",
        "response_topic": "answers/1",
        "correlation_data": "AP8=",
        "user_properties": {"line": "3", "unit": "°C"},
    }


def test_user_property_given_several_times_has_all_its_values_in_order():
    pairs = [("a", "1"), ("b", ""), ("a", "2"), ("a", "1")]
    assert parse_properties(packed(UserProperty=pairs)) == {"user_properties": {"a": ["1", "2", "1"], "b": ""}}


def test_subscription_identifiers_are_for_the_bridge_and_not_for_mappings():
    data = b"\x0b\x81\x01\x01\x00\x0b\x07"
    assert parse_properties(data) == {"payload_format_indicator": 0}
    assert subscription_identifiers(data) == [129, 7]
    assert subscription_identifiers(b"\x7f") == []


@pytest.mark.parametrize(
    "data",
    [b"\x23\x00\x01", b"\x7f", b"\x03\x00\x05ab", b"\x02\x00", b"\x26\x00\x01a", b"\x09\x00", b"\x0b\x80"],
    ids=[
        "topic alias",
        "unknown",
        "text too short",
        "integer too short",
        "half a pair",
        "no length",
        "endless integer",
    ],
)
def test_properties_that_a_broker_may_not_send_are_a_violation(data):
    with pytest.raises(ProtocolViolation):
        parse_properties(data)


@settings(max_examples=300)
@given(st.binary(max_size=60))
def test_properties_of_any_bytes_raise_only_protocol_violations(data):
    try:
        assert isinstance(parse_properties(data), dict)
    except ProtocolViolation as error:
        assert str(error)  # noqa: PT017  either outcome is right; only another exception is not


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x26\0\0\0\0" * 10_001, "more than 10,000 properties"),
        (b"\x26\0\1a\xff\xff" + bytes(65_535) + b"\x26\0\1a\xff\xff" + bytes(65_535), ""),
        ((b"\x26\0\1a\xff\xff" + bytes(65_535)) * 16, "bytes of properties, more than 1,048,576"),
        (b"\x0b" + b"\xff" * 1_000_000, "an integer of more than four bytes"),
    ],
)
def test_properties_beyond_the_bounds_are_unreadable(data, why):
    # The message itself is complete and is mapped.
    assert why in readable(data).get("unreadable", "")
    assert subscription_identifiers(data) == []


@pytest.mark.parametrize(("limit", "size"), [("MAX_PROPERTIES", 1), ("MAX_PROPERTY_BYTES", 6)])
@given(number=st.integers(0, 40), largest=st.integers(0, 40))
def test_properties_up_to_the_limit_are_read(limit, size, number, largest):
    data = b"\x26\0\1a\0\0" * number
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(properties, limit, size * largest)
        assert ("unreadable" in readable(data)) == (number > largest)
