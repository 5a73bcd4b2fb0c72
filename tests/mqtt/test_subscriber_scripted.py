"""The session with scripted brokers, for responses that no real broker sends."""

import itertools
import re
import socket
import threading
import time

import pytest

from bridge.tools.demo.broker import AmqttBroker
from tests.harness.mosquitto import CONNECT_REFUSED_PROTOCOL, Mosquitto
from tests.harness.network import free_port
from tests.harness.publisher import Publisher
from tests.mqtt import packets
from tests.mqtt.polling import Clock, payloads, poll_until, poll_until_subscribed, subscriber
from tests.mqtt.scripted_broker import FilterBroker, ScriptedBroker, granting


def only_3_1_1(session):
    _, body = session.receive()
    if body[6] == 5:
        session.send(CONNECT_REFUSED_PROTOCOL)
        return
    session.send(packets.connack(version_5=False))
    _, body = session.receive()
    session.send(packets.suback(int.from_bytes(body[:2]), 1, version_5=False))
    session.until_closed()


def closes_on_version_5(session):
    _, body = session.receive()
    if body[6] == 4:
        session.send(packets.connack(version_5=False))
        _, body = session.receive()
        session.send(packets.suback(int.from_bytes(body[:2]), 1, version_5=False))
        session.until_closed()


@pytest.mark.parametrize(("version_5", "code"), [(True, 0x87), (True, 0x80), (False, 0x80)])
def test_refused_subscription_is_reported_and_retried_in_a_minute(warnings, version_5, code):
    clock = Clock()
    with ScriptedBroker(granting([1, code], [1])) as broker:
        wanted = {"plant/#": 1, "secret/#": 1}
        at = subscriber(broker.port, wanted=wanted.items(), clock=clock, keepalive_secs=600, version_5=version_5)
        poll_until(at, lambda _: at.state().problem)
        assert at.state().problem.startswith("the broker refused the subscription to secret/#: ")
        assert any("the broker refused the subscription to secret/#" in text for text in warnings())
        assert at.state().connected
        assert not at.state().subscribed
        clock.ahead = 61.0
        poll_until_subscribed(at)
        assert at.state().problem == ""
        at.close()


def test_broker_without_shared_subscriptions_is_reported_with_what_to_do():
    with ScriptedBroker(granting([0x9E])) as broker:
        at = subscriber(broker.port, share="hall")
        poll_until(at, lambda _: at.state().problem)
        advice = (
            "Shared subscription not supported; use a broker that supports them, or remove mqtt.share and --workers"
        )
        assert advice in at.state().problem
        at.close()


@pytest.mark.parametrize(("version_5", "warned"), [(True, 0), (False, 1)])
def test_group_in_3_1_1_is_warned_of_once_however_often_it_connects(warnings, version_5, warned):
    def closing(session):
        session.accept()

    with ScriptedBroker(closing, closing, granting([1])) as broker:
        at = subscriber(broker.port, share="hall", version_5=version_5, reconnect_max_secs=0.1)
        poll_until_subscribed(at)
        assert sum("3.1.1 has no shared subscriptions" in text for text in warnings()) == warned
        at.close()


def test_messages_of_the_granted_filters_flow_beside_a_refused_one():
    with ScriptedBroker(granting([1, 0x87], then=packets.publish("plant/a", b"1", properties=b""))) as broker:
        at = subscriber(broker.port, wanted={"plant/#": 1, "secret/#": 1}.items())
        assert payloads(poll_until(at, len)) == [b"1"]
        at.close()


@pytest.mark.parametrize("script", [only_3_1_1, closes_on_version_5])
def test_broker_that_knows_only_3_1_1_is_spoken_to_in_it(warnings, script):
    with ScriptedBroker(script) as broker:
        at = subscriber(broker.port)
        poll_until_subscribed(at)
        assert at.state().protocol == "3.1.1"
        assert at.state().problem == ""
        assert f"mqtt://127.0.0.1:{broker.port} does not support MQTT 5; using 3.1.1" in warnings()
        at.close()


def test_embedded_broker_of_the_demo_is_spoken_to_in_3_1_1(warnings):
    broker = AmqttBroker(free_port())
    try:
        at = subscriber(broker.port, connect_timeout_secs=1.0)
        poll_until_subscribed(at)
        assert at.state().protocol == "3.1.1"
        with Publisher(broker.port) as publisher:
            publisher.publish([("plant/a", b"1")])
        assert payloads(poll_until(at, len)) == [b"1"]
        at.close()
    finally:
        broker.stop()


def test_real_broker_behind_one_that_refuses_version_5(warnings):
    with Mosquitto(refuses_mqtt5=True) as broker:
        at = subscriber(broker.port)
        poll_until_subscribed(at)
        assert at.state().protocol == "3.1.1"
        at.close()


def test_acknowledgements_of_an_old_connection_are_dropped():
    heard = []

    def listen(session):
        session.accept()
        while True:
            heard.append(session.receive()[0])
            if heard[-1] == 0x82:
                session.send(packets.suback(1, 1), packets.publish("plant/a", b"1", properties=b""))

    def once(session):
        session.accept()
        session.receive()
        session.send(packets.suback(1, 1), packets.publish("plant/a", b"1", properties=b""))

    with ScriptedBroker(once, listen) as broker:
        at = subscriber(broker.port)
        poll_until(at, len, acknowledge=False)
        old = at.connections
        poll_until(at, lambda burst: at.connections > old and burst, acknowledge=False)
        at.acknowledge(old, b"\x40\x02\x00\x01")
        at.wake()
        at.poll(0.1)
        assert 0x40 not in heard
        at.acknowledge(at.connections, b"\x40\x02\x00\x01")
        deadline = time.monotonic() + 5
        while 0x40 not in heard and time.monotonic() < deadline:
            at.poll(0.02)
        assert 0x40 in heard
        at.close()


def test_messages_before_the_end_of_the_connection_are_returned():
    def script(session):
        session.accept()
        session.receive()
        session.send(packets.suback(1, 1), *(packets.publish("a", b"%d" % n, properties=b"") for n in range(3)))

    with ScriptedBroker(script) as broker:
        at = subscriber(broker.port)
        assert payloads(poll_until(at, lambda burst: len(burst) >= 3))[:3] == [b"0", b"1", b"2"]
        at.close()


def test_garbage_ends_the_connection_and_not_the_bridge(warnings):
    with ScriptedBroker(lambda session: session.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as broker:
        at = subscriber(broker.port)
        poll_until(at, lambda _: at.connections >= 3)
        assert at.state().problem.startswith(f"no session with mqtt://127.0.0.1:{broker.port}: ")
        at.close()


def test_problem_that_repeats_is_logged_once(warnings):
    at = subscriber(free_port(), free_port())
    end = time.monotonic() + 0.8
    while time.monotonic() < end:
        at.poll(0.02)
    at.close()
    assert len(warnings()) == 2
    assert all("cannot connect to mqtt://127.0.0.1:" in text for text in warnings())


def test_pauses_between_attempts_grow_and_are_capped():
    clock = Clock()
    dialled = []
    at = subscriber(free_port(), clock=clock, reconnect_max_secs=8.0)
    real = at._schedule_reconnect
    at._schedule_reconnect = lambda address, problem: (dialled.append(clock()), real(address, problem))
    while len(dialled) < 8:
        clock.ahead += 0.05
        at.poll(0.0)
    at.close()
    pauses = [later - earlier for earlier, later in itertools.pairwise(dialled)]
    for pause, longest in zip(pauses, [1, 2, 4, 8, 8, 8, 8], strict=True):
        assert longest / 2 <= pause <= longest + 0.2


def test_session_that_ends_soon_does_not_reset_the_pause():
    clock = Clock()
    with ScriptedBroker(lambda session: session.accept()) as broker:
        at = subscriber(broker.port, clock=clock, reconnect_max_secs=30.0)
        deadline = time.monotonic() + 5
        while at._retries.attempts < 5 and time.monotonic() < deadline:
            at.poll(0.005)
            clock.ahead += 0.5
        assert at._retries.attempts == 5
        at.close()


def test_session_that_lasts_resets_the_pause():
    clock = Clock()
    with ScriptedBroker(lambda session: session.accept(), granting([1])) as broker:
        at = subscriber(broker.port, clock=clock)
        poll_until_subscribed(at)
        assert at._retries.attempts == 1
        clock.ahead = 11.0
        at.poll(0.01)
        assert at._retries.attempts == 0
        at.close()


def test_mqtt_5_limits_last_as_long_as_the_connection():
    told = b"\x11\x00\x00\x0e\x10" + b"\x21\x00\x14"  # Session Expiry Interval 3600, Receive Maximum 20

    def script(session):
        version_5 = session.accept(properties=told)
        _, body = session.receive()
        session.send(packets.suback(int.from_bytes(body[:2]), 1, version_5=version_5))
        session.until_closed()

    with ScriptedBroker(script) as broker:
        at = subscriber(broker.port)
        poll_until_subscribed(at)
        assert at.limits == {"SessionExpiryInterval": 3600, "ReceiveMaximum": 20}
        at.close()
        assert at.limits == {}


@pytest.mark.parametrize(("code", "said"), [(0x00, ""), (0x10, ""), (0x87, "Not authorized")])
def test_message_that_the_broker_refuses_is_reported(code, said):
    def script(session):
        session.accept()
        while True:
            first, body = session.receive()
            if first == 0x82:
                session.send(packets.suback(int.from_bytes(body[:2]), 1))
            elif first & 0xF0 == 0x30:
                at = 2 + int.from_bytes(body[:2])
                session.send(packets.packet(0x40, body[at : at + 2] + bytes([code])))

    with ScriptedBroker(script) as broker:
        at = subscriber(broker.port)
        at.publish_acknowledged("plant/doctor", b"too early, and gone")
        poll_until_subscribed(at)
        assert at.publish_acks == (0, "")
        at.publish_acknowledged("plant/doctor", b"one")
        poll_until(at, lambda _: at.publish_acks[0])
        assert at.publish_acks == (1, said)
        at.close()
        assert at.publish_acks == (0, "")


def test_session_of_mqtt_5_outlives_any_outage_behind_a_proxy():
    down = [lambda session: session.receive()] * 8
    with ScriptedBroker(FilterBroker(ends={"other": b""}), *down, FilterBroker()) as broker:
        at = subscriber(broker.port)
        poll_until_subscribed(at)
        at.set_filters({"plant/#": 1, "other": 1})  # which ends the session
        poll_until(at, lambda _: at.connections == 10 and at.state().subscribed, secs=30)
        assert at.state().protocol == "5"
        at.close()


def test_mqtt_5_is_used_after_a_proxy_without_its_broker():
    down = [lambda session: session.receive()]
    with ScriptedBroker(*down, FilterBroker()) as broker:
        at = subscriber(broker.port)
        poll_until_subscribed(at)
        assert at.state().protocol == "5"
        assert broker.accepted == 3  # no response to 5, 3.1.1 shows that the broker is up, 5
        at.close()


def test_attempt_with_mqtt_5_does_not_outlive_its_connection():
    def accepts_twice(session):
        session.receive()
        session.send(packets.connack(version_5=False), packets.connack(version_5=False))
        session.until_closed()

    def accepts_late(session):
        late.wait(10)
        FilterBroker()(session)

    # The 3.1.1 session shows that the broker is up, and ends before MQTT 5 is tried. The next connection tries it, and
    # must not be given up for the sake of the ended one, however late its CONNACK is.
    late = threading.Event()
    with ScriptedBroker(lambda session: session.receive(), accepts_twice, accepts_late) as broker:
        at = subscriber(broker.port)
        poll_until(at, lambda _: at.connections == 3)
        at.poll(0.01)
        late.set()
        poll_until_subscribed(at)
        assert (broker.accepted, at.state().protocol) == (3, "5")
        at.close()


def test_hint_on_the_scheme_ends_with_the_first_session():
    with ScriptedBroker(lambda _session: None, lambda _session: None, granting([1])) as broker:
        at = subscriber(broker.port)
        poll_until(at, lambda _: at.state().problem)
        assert "check the scheme and the port of mqtt.url" in at.state().problem
        poll_until_subscribed(at)
        broker._connections[-1].shutdown(socket.SHUT_RDWR)
        poll_until(at, lambda _: at.state().problem)
        assert "check the scheme" not in at.state().problem
        at.close()


def test_refusal_of_mqtt_5_in_a_rolling_upgrade_lasts_for_one_session(warnings):
    clock = Clock()
    old, new = FilterBroker(refuses_5=True), FilterBroker()
    with ScriptedBroker(granting([1]), old, old, new) as broker:
        at = subscriber(broker.port, clock=clock, keepalive_secs=60_000)
        poll_until_subscribed(at)
        [connection] = broker._connections
        connection.shutdown(socket.SHUT_RDWR)
        poll_until(at, lambda _: at.state().subscribed and at.state().protocol == "3.1.1")
        clock.ahead += 601.0
        poll_until(at, lambda _: at.state().subscribed and at.state().protocol == "5")
        assert at.connections == 4
        assert sum("does not support MQTT 5" in text for text in warnings()) == 1
        at.close()


def test_attempts_name_the_time_of_the_next(warnings):
    at = subscriber(free_port(), reconnect_max_secs=60.0)
    poll_until(at, lambda _: at.state().problem)
    at.close()
    assert re.search(r"retrying \(next attempt in [01]\.\d s\)$", warnings()[0])
