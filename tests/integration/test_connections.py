"""Every kind of connection in bridge.yaml: TLS, certificates, passwords, WebSockets, URL lists, MQTT 3.1.1."""

from contextlib import contextmanager

import orjson
import pytest

from bridge.tools.demo.broker import start_broker
from tests.harness.certificates import Authority
from tests.harness.mosquitto import Mosquitto
from tests.harness.publisher import Publisher
from tests.integration.arrivals import Arrivals, stop_and_balance

MAPPINGS = {"all": {"topic": "plant/#", "outputs": [{"data_stream": "telemetry"}]}}
USERS = {"bridge": "s3cret-passw0rd", "machine": "m"}


def moves(bridge, kinesis, port, mqtt, *, log=(), user=None, environment=None):
    """Assert that ten messages arrive, and that the log does not contain the password."""
    running = bridge(MAPPINGS, mqtt=mqtt, environment=environment, here=environment is None)
    arrivals = Arrivals(kinesis, number=orjson.loads)
    with Publisher(port, **({"username": user, "password": USERS[user]} if user else {})) as publisher:
        publisher.publish([("plant/press", b"%d" % number) for number in range(10)], 1)
        # amqtt drops the messages of a publisher that has disconnected, so the publisher stays connected.
        arrivals.wait_for_all(range(10))
    stop_and_balance(running)
    for words in log:
        assert words in running.stderr()
    assert "s3cret" not in running.stderr() + running.stdout()


@contextmanager
def secured(tmp_path, **options):
    authority = Authority(tmp_path / "authority")
    with Mosquitto(authority=authority, **options) as broker:
        yield broker, authority


def test_tls_with_a_password_from_the_environment(tmp_path, kinesis, bridge):
    with secured(tmp_path, users=USERS) as (broker, authority):
        mqtt = {
            "url": f"mqtts://localhost:{broker.tls_port}",
            "username": "bridge",
            "password": "${BROKER_PASSWORD}",
            "tls": {"ca_file": str(authority.ca_file)},
        }
        environment = {"BROKER_PASSWORD": USERS["bridge"]}
        moves(bridge, kinesis, broker.port, mqtt, user="machine", environment=environment)


def test_mutual_tls(tmp_path, kinesis, bridge):
    with secured(tmp_path, client_certificates=True) as (broker, authority):
        certificate, key = authority.client("bridge")
        tls = {"ca_file": str(authority.ca_file), "cert_file": str(certificate), "key_file": str(key)}
        moves(bridge, kinesis, broker.port, {"url": f"mqtts://localhost:{broker.tls_port}", "tls": tls})


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_websockets_with_tls(tmp_path, kinesis, bridge, protocol):
    with secured(tmp_path, websockets=True) as (broker, authority):
        mqtt = {
            "url": f"wss://localhost:{broker.websocket_tls_port}/mqtt",
            "protocol": protocol,
            "tls": {"ca_file": str(authority.ca_file)},
        }
        moves(bridge, kinesis, broker.port, mqtt)


def test_list_of_brokers_is_tried_in_turn(mosquitto, kinesis, bridge, free_port):
    urls = [f"mqtt://127.0.0.1:{free_port}", f"mqtt://127.0.0.1:{mosquitto.port}"]
    moves(bridge, kinesis, mosquitto.port, {"url": urls}, log=[f"cannot connect to mqtt://127.0.0.1:{free_port}"])


def test_broker_that_refuses_version_5_is_spoken_to_in_3_1_1(kinesis, bridge):
    with Mosquitto(refuses_mqtt5=True) as old:
        mqtt = {"url": f"mqtt://127.0.0.1:{old.port}", "protocol": "5"}
        moves(bridge, kinesis, old.port, mqtt, log=["does not support MQTT 5; using 3.1.1"])


def test_connection_to_another_broker_of_3_1_1_only(tmp_path, kinesis, bridge):
    broker = start_broker(tmp_path, None)
    try:
        mqtt = {"url": f"mqtt://127.0.0.1:{broker.port}", "protocol": "5"}
        moves(bridge, kinesis, broker.port, mqtt, log=["does not support MQTT 5; using 3.1.1"])
    finally:
        broker.stop()
