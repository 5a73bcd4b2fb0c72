"""Faulty broker: its bytes are packets, or end the connection. They never need more memory than one message."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from bridge.mqtt.packet_stream import PacketStream, ProtocolViolation
from bridge.mqtt.properties import parse_properties
from tests.fuzz.mutation import nearly
from tests.harness.mqtt_frames import publish, pubrel
from tests.mqtt.fake_socket import FakeSocket

MIB = 1 << 20
PROPERTIES = b"\x03\x00\x04json\x08\x00\x03a/b\x26\x00\x01k\x00\x01v\x02\x00\x00\x00\x09\x0b\x81\x01"


def publish_5(payload=b"{}", topic="plant/press", properties=PROPERTIES):
    name = topic.encode()
    body = struct.pack("!H", len(name)) + name + b"\x00\x07" + bytes([len(properties)]) + properties + payload
    return b"\x32" + bytes([len(body)]) + body


PACKETS = [
    publish(0x32, "plant/press", b'{"t": 1}', 9),
    publish(0x30, "plant/press", b""),
    publish(0x34, "a" * 200, b"x" * 300, 10),
    publish_5(),
    pubrel(7),
    b"\x20\x02\x00\x00",
    b"\x20\x03\x00\x00\x00",
    b"\x90\x03\x00\x01\x01",
    b"\xd0\x00",
    b"\xe0\x02\x8e\x00",
    b"\x32\xff\xff\xff\x7f",
]
STREAMS = st.lists(st.sampled_from(PACKETS) | nearly(*PACKETS), max_size=12)


@given(STREAMS, st.booleans(), st.integers(1, 50))
def test_stream_that_is_nearly_mqtt_is_split_or_ends_the_connection(parts, version_5, block):
    stream = b"".join(parts)
    blocks = [stream[at : at + block] for at in range(0, len(stream), block)]
    wire = PacketStream(FakeSocket(*blocks), version_5=version_5, max_message_bytes=MIB)
    try:
        while wire.read():
            pass
    except ProtocolViolation as error:
        assert str(error)  # noqa: PT017 - either is right
    for _first, topic, packet_id, properties, payload, size in wire.take_packets():
        assert len(packet_id) in {0, 2}
        assert len(topic) + len(properties) + len(payload) <= len(stream)
        assert size >= len(payload)


@given(nearly(PROPERTIES, b""))
def test_properties_that_are_nearly_valid_are_read_or_refused(raw):
    try:
        assert isinstance(parse_properties(raw), dict)
    except ProtocolViolation as error:
        assert str(error)  # noqa: PT017 - either is right
