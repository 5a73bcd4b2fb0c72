"""The contract with paho: it calls the private hook `_create_socket`, and that gives all it reads and writes."""

import select
import time

import pytest

from bridge.mqtt.broker_address import BrokerAddress
from bridge.mqtt.packet_stream import PacketStream
from bridge.mqtt.paho_client import PahoClient
from tests.harness.certificates import Authority
from tests.harness.mosquitto import Mosquitto
from tests.harness.mqtt_settings import mqtt_settings, tls_files
from tests.harness.publisher import Publisher
from tests.mqtt import packets
from tests.mqtt.scripted_broker import ScriptedBroker

TRANSPORTS = {"mqtt": 700_000, "mqtts": 700_000, "ws": 12_000, "wss": 12_000}
"""With the size of a large message: mosquitto 2.0 sends no more than some 40 KB/s of one message by WebSocket."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def broker(authority):
    with Mosquitto(authority=authority, client_certificates=True, websockets=True) as broker:
        yield broker


def client_to(broker, authority, scheme, *, version_5, client_id):
    port = {"mqtt": broker.port, "mqtts": broker.tls_port, "ws": broker.websocket_port}.get(
        scheme, broker.websocket_tls_port
    )
    certificate, key = authority.client("press-shop")
    settings = mqtt_settings(client_id=client_id, tls=tls_files(authority.ca_file, certificate, key))
    return PahoClient(settings, BrokerAddress(scheme, "127.0.0.1", port), version_5=version_5)


def until(client, condition, *, secs=10):
    deadline = time.monotonic() + secs
    while not condition():
        assert time.monotonic() < deadline
        if not client.wire.pending():
            select.select([client.wire], [], [], 0.05)
        while client.wire.read():
            pass
        while client.wire.has_control_packets:
            client.loop_read()
        client.wire.flush()


@pytest.mark.parametrize("version_5", [False, True], ids=["3.1.1", "5"])
@pytest.mark.parametrize("scheme", TRANSPORTS)
def test_paho_speaks_through_the_wire_and_messages_stay_in_it(broker, authority, scheme, version_5):
    client = client_to(broker, authority, scheme, version_5=version_5, client_id=f"{scheme}-{version_5}")
    told, by_paho = [], []
    client.on_connect = lambda *_: told.append("connected")
    client.on_subscribe = lambda *_: told.append("subscribed")
    client.on_message = lambda *_: by_paho.append("message")
    wire = client.dial()
    assert isinstance(wire, PacketStream)
    assert client.socket() is wire
    until(client, lambda: told == ["connected"])
    client.subscribe(f"{scheme}/{version_5}/#", 2)
    until(client, lambda: told == ["connected", "subscribed"])
    large = b"x" * TRANSPORTS[scheme]
    with Publisher(broker.port, client_id=f"to-{scheme}-{version_5}") as publisher:
        publisher.publish([(f"{scheme}/{version_5}/a", b"1"), (f"{scheme}/{version_5}/b", large)], qos=1)
    until(client, lambda: len(wire.packets) == 2)
    assert [payload for *_, payload, _ in wire.take_packets()] == [b"1", large]
    assert by_paho == []
    client.disconnect()
    client.loop_write()
    assert wire.fileno() == -1


def connect_packet(version_5, **options):
    heard = []
    with ScriptedBroker(lambda session: heard.append(session.receive())) as broker:
        client = PahoClient(
            mqtt_settings(**options),
            BrokerAddress("mqtt", "127.0.0.1", broker.port),
            version_5=version_5,
        )
        client.dial()
        deadline = time.monotonic() + 5
        while not heard and time.monotonic() < deadline:
            time.sleep(0.005)
        client.wire.close()
    [(first, body)] = heard
    assert first == 0x10
    return body


def test_session_is_stored_and_a_large_window_requested_in_version_5():
    body = connect_packet(True, session_expiry_secs=3600, receive_maximum=65_535, keepalive_secs=7)
    assert body[:10] == b"\x00\x04MQTT\x05\x00\x00\x07"  # no clean start
    assert b"\x11\x00\x00\x0e\x10" in body
    assert b"\x21\xff\xff" in body


def test_session_is_stored_in_version_3_1_1():
    assert connect_packet(False, keepalive_secs=7)[:10] == b"\x00\x04MQTT\x04\x00\x00\x07"


@pytest.mark.parametrize("version_5", [False, True], ids=["3.1.1", "5"])
def test_session_that_is_not_to_persist_starts_clean(version_5):
    assert connect_packet(version_5, persistent=False)[7] == 0x02


def test_username_and_password_go_with_the_connect():
    body = connect_packet(False, username="bridge", password="secret")
    assert body[7] == 0xC0
    assert body.endswith(b"\x00\x06bridge\x00\x06secret")


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # paho leaves its socket open
def test_peer_that_speaks_no_http_is_a_connection_error():
    def no_http(session):
        session.connection.recv(4096)
        session.send(b"sec-websocket-accept\n\n")

    with ScriptedBroker(no_http) as broker:
        address = BrokerAddress("ws", "127.0.0.1", broker.port)
        client = PahoClient(mqtt_settings(address, client_id="x"), address, version_5=True)
        with pytest.raises((OSError, LookupError)):  # what paho raises; the connection makes one kind of it
            client.dial()


def test_packets_are_as_a_broker_sends_them():
    assert packets.connack(version_5=False) == b"\x20\x02\x00\x00"
    assert packets.suback(1, 0x87) == b"\x90\x04\x00\x01\x00\x87"
