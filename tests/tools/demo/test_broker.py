import socket
import sys
import threading

import pytest

from bridge.errors import BridgeError
from bridge.tools.demo import broker as demo_broker
from bridge.tools.demo.broker import HOST, find_mosquitto, free_port, start_broker
from bridge.tools.demo.message_publisher import MessagePublisher


@pytest.mark.parametrize("embedded", [False, True], ids=["mosquitto", "amqtt"])
def test_broker_accepts_messages_and_is_removed_after_its_stop(tmp_path, embedded):
    program = None if embedded else find_mosquitto()
    assert embedded or program, "the tests need mosquitto: apt-get install mosquitto"
    broker = start_broker(tmp_path, program)
    try:
        with MessagePublisher(HOST, broker.port, "test") as publisher:
            for number in range(5):
                publisher.publish("a/b", b"%d" % number, qos=1, retain=False)
            assert publisher.wait(10) == 0
    finally:
        broker.stop()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((HOST, broker.port), timeout=2)


def test_port_that_is_taken_in_between_is_given_up_for_another(tmp_path, monkeypatch):
    with socket.create_server((HOST, 0)) as taken:
        taken.listen()
        ports = iter([taken.getsockname()[1], free_port()])
        monkeypatch.setattr(demo_broker, "free_port", lambda: next(ports))
        broker = start_broker(tmp_path, find_mosquitto())
        assert broker.port != taken.getsockname()[1]
        broker.stop()


def test_broker_is_embedded_if_mosquitto_does_not_start(tmp_path):
    broker = start_broker(tmp_path, "/bin/false")
    assert broker.name == "amqtt (embedded)"
    broker.stop()


def test_embedded_broker_closes_a_connection_without_connect(tmp_path):
    broker = start_broker(tmp_path, None)
    try:
        with socket.create_connection((HOST, broker.port), timeout=20) as connection:
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b""
    finally:
        broker.stop()


def test_broker_that_cannot_start_is_one_clear_line(tmp_path, monkeypatch):
    with socket.create_server((HOST, 0)) as taken:
        monkeypatch.setattr(demo_broker, "free_port", lambda: taken.getsockname()[1])
        with pytest.raises(BridgeError, match="broker does not start"):
            start_broker(tmp_path, find_mosquitto())


def test_demo_without_any_broker_reports_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "amqtt.broker", None)
    with pytest.raises(BridgeError, match=r"pip install 'mqtt-kinesis\[demo\]'"):
        start_broker(tmp_path, None)


def test_waiting_for_a_broker_that_ended_does_not_wait():
    ended = threading.Event()
    ended.set()
    with pytest.raises(OSError, match="ended at once"):
        demo_broker._wait_for(free_port(), ended)
