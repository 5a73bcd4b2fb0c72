"""The bridge as a process with a faulty broker. It continues, needs little memory, and reconnects."""

import random
import socket

from tests.harness.bridge_process import BridgeProcess, write_configuration
from tests.integration.arrivals import TELEMETRY
from tests.mqtt import packets
from tests.mqtt.scripted_broker import ScriptedBroker

MIB = 1 << 20
NOISE = random.Random(7).randbytes(256 * 1024)


def said_all(session):
    """End the input of the bridge, so that it reads to the end and does not wait for more."""
    session.connection.shutdown(socket.SHUT_WR)
    session.until_closed()


def noise_at_once(session):
    session.send(NOISE)
    said_all(session)


def another_protocol(session):
    session.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    said_all(session)


def noise_in_a_session(session):
    session.accept()
    session.send(NOISE)
    said_all(session)


def a_message_of_256_mib(session):
    """Announce a message of 256 MiB, and end the connection after 60 MiB."""
    session.accept()
    session.send(b"\x32\xff\xff\xff\x7f\x00\x05plant\x00\x01\x00")
    for _ in range(60):
        session.send(bytes(MIB))


def a_control_packet_of_256_mib(session):
    session.accept()
    session.send(b"\x90\xff\xff\xff\x7f", bytes(MIB))
    session.until_closed()


def malformed_answers(session):
    session.accept()
    session.send(packets.PINGRESP * 100_000, b"\x90\x01\x00", b"\xe0\x01\x8e", b"\xb0\x00")
    session.until_closed()


def well(session):
    version_5 = session.accept()
    while True:
        first, body = session.receive()
        if first == 0x82:
            session.send(packets.suback(int.from_bytes(body[:2]), 1, version_5=version_5))


def test_broker_removed_bad_neither_ends_the_bridge_nor_eats_its_memory(tmp_path):
    scripts = (
        noise_at_once,
        another_protocol,
        noise_in_a_session,
        a_message_of_256_mib,
        a_control_packet_of_256_mib,
        malformed_answers,
        well,
    )
    with ScriptedBroker(*scripts) as broker:
        mqtt = {"url": f"mqtt://127.0.0.1:{broker.port}", "reconnect_max_secs": 1}
        kinesis = {"endpoint_url": "http://127.0.0.1:1"}
        write_configuration(tmp_path, mqtt=mqtt, kinesis=kinesis, mappings={"press": TELEMETRY})
        with BridgeProcess(tmp_path) as bridge:
            assert broker.accepted >= len(scripts)
            assert bridge.max_rss_bytes < 150 * MIB
            assert bridge.stop() == 0
            assert not [line for line in bridge.log() if line.get("level") == "critical"]
