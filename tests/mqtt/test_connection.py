"""All ways in which a connection can end, and the reported reason. The broker is scripted."""

import socket
import struct
import time

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bridge.mqtt import connection as connection_module
from bridge.mqtt.connection import Connection
from bridge.mqtt.connection_errors import ConnectionLost
from bridge.mqtt.packet_stream import PacketStream, ProtocolViolation
from bridge.mqtt.subscriptions import Subscriptions
from tests.mqtt import packets
from tests.mqtt.fake_socket import FakeSocket
from tests.mqtt.polling import poll_until, settings, subscriber
from tests.mqtt.scripted_broker import ScriptedBroker

QUICK = {"keepalive_secs": 1, "connect_timeout_secs": 1.0}


@pytest.fixture
def wake():
    reader, writer = socket.socketpair()
    with reader, writer:
        yield reader


def end_of(script, wake, *, secs=12.0, reading=True, version_5=True, **options):
    """Return the reason of the connection's end, and the seconds it took."""
    with ScriptedBroker(script) as broker:
        session = settings(broker.port, **QUICK | options)
        subscriptions = Subscriptions()
        subscriptions.set_filters({"plant/#": 1})
        connection = Connection(session, session.addresses[0], subscriptions, version_5=version_5)
        connection.on_accepted = lambda _connection: subscriptions.begin()
        connection.dial()
        begun = time.monotonic()
        try:
            with pytest.raises((ConnectionLost, ProtocolViolation, OSError)) as end:
                turn_until(begun + secs, connection, wake, reading)
        finally:
            connection.close()
        return str(end.value), time.monotonic() - begun


def turn_until(deadline, connection, wake, reading):
    while time.monotonic() < deadline:
        connection.wait(0.05, wake, reading=reading)
        if reading:
            connection.read()
        connection.housekeep(reading=reading)


def accept_and(*data):
    def script(session):
        session.accept()
        session.receive()
        session.send(*data)
        session.until_closed()

    return script


def accept_and_close(session):
    session.accept()
    session.receive()  # closed with a packet unread, it would be reset


def silent(session):
    session.until_closed()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0x86, "Bad user name or password; check mqtt.username and mqtt.password"),
        (
            0x87,
            "Not authorized; check mqtt.username and mqtt.password, and whether the broker permits this client ID",
        ),
        (0x85, "Client identifier not valid; choose another mqtt.client_id"),
        (0x89, "Server busy; the broker is overloaded"),
    ],
)
def test_refused_session_reports_why_and_what_to_do(wake, code, words):
    def refuse(session):
        session.accept(code=code)
        session.until_closed()

    assert end_of(refuse, wake)[0] == f"the broker refused the session: {words}"


def test_refused_session_shows_reason_and_server_of_the_broker(wake):
    def refuse(session):
        session.accept(code=0x9C, properties=b"\x1f\x00\x05moved" + b"\x1c\x00\x07other:1")
        session.until_closed()

    said = end_of(refuse, wake)[0]
    assert said == "the broker refused the session: Use another server; 'moved'; use the broker other:1"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "Unsupported protocol version; set mqtt.protocol to a version that the broker supports"),
        (2, "Client identifier not valid; choose another mqtt.client_id"),
        (3, "Server unavailable; the broker is starting or overloaded"),
        (4, "Bad user name or password"),
        (5, "Not authorized"),
        (7, "return code 7, which AWS IoT Core uses for Not authorized; check mqtt.username and mqtt.password"),
        (200, "return code 200"),
    ],
)
def test_refused_session_reports_why_in_version_3_1_1_too(wake, code, words):
    def refuse(session):
        session.accept(code=code)
        session.until_closed()

    assert words in end_of(refuse, wake, version_5=False)[0]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0x87, "the broker refused the session: Not authorized; check mqtt.username"),
        (0x86, "the broker refused the session: Bad user name or password"),
        (0xFF, "the broker refused the session: return code 255"),
        (0x84, "the broker does not support MQTT 5"),
        (0x01, "the broker does not support MQTT 5"),
    ],
)
def test_refusal_of_mqtt_5_without_properties_names_its_reason(wake, code, words):
    def refuse(session):
        session.receive()
        session.send(bytes([0x20, 2, 0, code]))
        session.until_closed()

    assert words in end_of(refuse, wake)[0]


def test_connack_that_never_comes_is_given_up(wake):
    said, secs = end_of(silent, wake)
    assert said == "no CONNACK within 1 s"
    assert secs < 30


def test_peer_removed_silent_is_noticed_within_twice_the_keepalive(wake):
    said, secs = end_of(accept_and(packets.suback(1, 1)), wake)
    assert said == "no data for 4 s (keepalive 1 s)"
    assert secs < 30


def test_keepalive_that_the_broker_sets_goes(wake):
    def script(session):
        session.accept(properties=b"\x13\x00\x01")
        session.receive()
        session.send(packets.suback(1, 1))
        session.until_closed()

    said, secs = end_of(script, wake, keepalive_secs=600)
    assert said == "no data for 4 s (keepalive 1 s)"
    assert secs < 30


def test_connection_closed_before_connack_reports_it(wake):
    assert end_of(lambda session: session.receive(), wake)[0] == "the broker closed the connection before CONNACK"


def test_connection_closed_later_reports_it(wake):
    said, _ = end_of(accept_and_close, wake)
    assert said.startswith("the broker closed the connection without a reason (a restart, a limit, or another client")


def test_session_taken_over_reports_what_to_do(wake):
    said, _ = end_of(accept_and(packets.suback(1, 1), b"\xe0\x02\x8e\x00"), wake)
    assert said.startswith("the broker ended the session: Session taken over; another client uses the same")


def test_disconnect_without_a_reason_ends_the_connection(wake):
    assert end_of(accept_and(b"\xe0\x00"), wake)[0].startswith("the broker ended the session")


def test_disconnect_shows_the_reason_that_the_broker_gives(wake):
    said, _ = end_of(accept_and(packets.packet(0xE0, b"\x8b\x08\x1f\x00\x05night")), wake)
    assert said == "the broker ended the session: Server shutting down; 'night'"


@pytest.mark.parametrize("properties", [b"\x13\x00\x00", b"\x13\x00\x01"], ids=["no keepalive", "1 s"])
def test_pings_are_sent_whatever_keepalive_the_broker_sets(wake, properties):
    def script(session):
        session.accept(properties=properties)
        while True:
            first, body = session.receive()
            received.append(first)
            if first == 0x82:
                session.send(packets.suback(int.from_bytes(body[:2]), 1))
            elif first == 0xC0:
                session.send(packets.PINGRESP)
                if received.count(0xC0) == 8:
                    return

    received = []
    said, _ = end_of(script, wake, secs=60)  # longer than a silence may last
    assert said.startswith("the broker closed the connection without a reason")
    assert received == [0x82] + [0xC0] * 8


def test_second_connack_ends_the_connection(wake):
    assert end_of(accept_and(packets.connack()), wake)[0] == "the broker sent a second CONNACK"


def test_flood_of_control_packets_delays_no_stop():
    def flood(session):
        session.accept()
        session.receive()
        while True:
            session.send(packets.PINGRESP * 50_000)

    with ScriptedBroker(flood) as broker:
        at = subscriber(broker.port, connect_timeout_secs=5.0)
        poll_until(at, lambda _: at.state().connected)
        longest = 0.0
        for _ in range(20):
            begun = time.thread_time()
            at.poll(0.05)
            longest = max(longest, time.thread_time() - begun)
        assert longest < 1.0, "a round handles a bounded number of packets"  # 500 of them cost about 10 ms
        begun = time.monotonic()
        at.close()
        assert time.monotonic() - begun < 30


def test_flood_of_messages_delays_no_stop():
    def flood(session):
        session.accept()
        session.receive()
        while True:
            session.send(packets.publish("a", b"", qos=0, properties=b"") * 20_000)

    with ScriptedBroker(flood) as broker:
        at = subscriber(broker.port)
        poll_until(at, len)
        begun = time.monotonic()
        at.close()
        assert time.monotonic() - begun < 30


@given(st.lists(st.integers(1, 30), max_size=12), st.integers(1, 60))
def test_burst_ends_with_the_read_that_reaches_its_limit(reads, limit):
    session = settings(1883)
    connection = Connection(session, session.addresses[0], Subscriptions(), version_5=False)
    blocks = [packets.publish("a", b"") * messages for messages in reads]
    connection.wire = PacketStream(FakeSocket(*blocks), version_5=False, max_message_bytes=1000)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(connection_module, "MAX_BURST_MESSAGES", limit)
        connection.read()
    expected = 0
    for messages in reads:
        expected += messages if expected < limit else 0
    assert len(connection.wire.take_packets()) == expected


def test_malformed_packet_for_paho_is_a_protocol_violation(wake):
    said, _ = end_of(accept_and(b"\x90\x03\x00\x01\x85"), wake)
    assert said


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=24)), min_size=1, max_size=3), st.booleans())
def test_connection_with_made_up_packets_raises_nothing_else(wake, made_up, accepted):
    def script(session):
        if accepted:
            session.accept()
        session.send(*(packets.packet(first, body) for first, body in made_up))

    assert end_of(script, wake)[0]  # `end_of` lets only the three kinds of end pass


def test_end_while_reading_is_paused_does_not_busy_wait(wake):
    def reset(session):
        session.accept()
        session.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    said, secs = end_of(reset, wake, reading=False, keepalive_secs=600)
    assert said == "the connection broke"
    assert secs < 30


def test_wait_ends_when_reported_to(wake):
    reader, writer = socket.socketpair()
    with reader, writer, ScriptedBroker(silent) as broker:
        session = settings(broker.port)
        connection = Connection(session, session.addresses[0], Subscriptions(), version_5=True)
        connection.dial()
        writer.send(b"\0")
        begun = time.monotonic()
        connection.wait(60, reader, reading=True)
        assert time.monotonic() - begun < 30
        connection.close()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # paho leaves its socket open
@pytest.mark.parametrize("scheme", ["mqtt", "ws"])
def test_peer_that_resets_at_once_is_an_oserror(scheme):
    def reset(session):
        session.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with ScriptedBroker(reset) as broker:
        session = settings(broker.port, scheme=scheme)
        for _ in range(50):
            connection = Connection(session, session.addresses[0], Subscriptions(), version_5=True)
            try:
                connection.dial()
            except OSError as error:
                assert str(error)  # noqa: PT017  it may also come too late for the dial to see it
            else:
                connection.close()


def test_socket_that_paho_has_closed_ends_the_connection(wake):
    def script(session):
        session.accept()
        session.until_closed()

    with ScriptedBroker(script) as broker:
        session = settings(broker.port)
        connection = Connection(session, session.addresses[0], Subscriptions(), version_5=True)
        connection.dial()
        connection.wire.close()
        with pytest.raises(ConnectionLost, match="the connection broke"):
            connection.wait(1.0, wake, reading=True)
