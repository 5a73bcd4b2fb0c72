"""Broker that sends slightly wrong packets in any order: the connection continues or ends, without other effects."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mqtt.connection import Connection
from bridge.mqtt.connection_errors import ConnectionLost
from bridge.mqtt.packet_stream import ProtocolViolation
from bridge.mqtt.subscriptions import Subscriptions
from tests.fuzz.mutation import nearly
from tests.mqtt import packets
from tests.mqtt.polling import settings as mqtt_settings

LIMITS = b"\x21\x00\x14\x22\x00\x0a\x24\x01\x27\x00\x00\x04\x00\x13\x00\x3c\x11\x00\x00\x00\x3c\x1f\x00\x02ok"
"""Properties of a CONNACK: Receive Maximum, Topic Alias Maximum, Maximum QoS, Maximum Packet Size, and others."""
PROPERTIES = b"\x03\x00\x04json\x26\x00\x01k\x00\x01v\x0b\x01"
GOOD = [
    packets.connack(),
    packets.connack(properties=LIMITS),
    packets.connack(session_present=True),
    packets.connack(code=0x87),
    packets.suback(1, 1),
    packets.suback(1, 0x87),
    packets.suback(2, 1, 1),
    packets.unsuback(1, 0),
    packets.publish("plant/press", b"{}", properties=PROPERTIES),
    packets.publish("plant/press", b"{}", qos=2, packet_id=9, properties=b""),
    packets.publish("", b"{}", properties=b"\x23\x00\x01"),
    packets.pubrel(9),
    packets.PINGRESP,
    packets.packet(0xE0, b"\x8b\x00"),
    packets.packet(0x40, b"\x00\x01"),
    packets.packet(0xF0, b"\x18\x00"),
]
OLD = [packets.connack(version_5=False), packets.suback(1, 1, version_5=False), packets.publish("a", b"{}")]
STREAMS = st.lists(st.sampled_from(GOOD + OLD) | nearly(*GOOD, *OLD), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def listener():
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def turn(connection, wake):
    for _ in range(1000):
        connection.wait(1.0, wake, reading=True)
        connection.read()
        connection.wire.take_packets()
        connection.housekeep(reading=True)


@given(stream=STREAMS, accepted=st.booleans(), version_5=st.booleans())
def test_connection_with_random_packets_continues_or_ends(listener, stream, accepted, version_5):
    session = mqtt_settings(listener.getsockname()[1], keepalive_secs=600, connect_timeout_secs=600.0)
    subscriptions = Subscriptions()
    subscriptions.set_filters({"plant/#": 1})
    connection = Connection(session, session.addresses[0], subscriptions, version_5=version_5)
    connection.on_accepted = lambda _connection: subscriptions.begin()
    connection.dial()
    broker, _ = listener.accept()
    wake, other = socket.socketpair()
    with broker, wake, other:
        first = [packets.connack(version_5=version_5)] if accepted else []
        broker.sendall(b"".join(first + stream))
        broker.shutdown(socket.SHUT_WR)
        try:
            with pytest.raises((ConnectionLost, ProtocolViolation, OSError)):
                turn(connection, wake)
        finally:
            connection.close()
