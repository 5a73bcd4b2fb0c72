"""Sessions that another client with the same ID ends, or seems to end. The broker is scripted."""

import socket
import struct

import pytest

from tests.mqtt import packets
from tests.mqtt.polling import Clock, poll_until, poll_until_subscribed, subscriber
from tests.mqtt.scripted_broker import FilterBroker, ScriptedBroker, granting


def taken_over(session):
    session.accept()
    session.send(packets.packet(0xE0, b"\x8e\x00"))
    session.until_closed()


def test_reported_takeover_is_a_conflict_and_keeps_the_peer(warnings):
    with ScriptedBroker(taken_over, granting([1])) as broker:
        clock = Clock()
        at = subscriber(broker.port, clock=clock, reconnect_max_secs=40.0, keepalive_secs=600)
        poll_until(at, lambda _: at.state().conflict)
        assert any("client ID conflict: another client connects with 'press-shop'" in text for text in warnings())
        clock.ahead = 19.0
        at.poll(0.01)
        assert at.connections == 1
        clock.ahead = 41.0
        poll_until_subscribed(at)
        clock.ahead += 30.0  # as long as two bridges let each other be
        at.poll(0.01)
        assert at._retries.attempts > 0
        assert at.state().conflict
        clock.ahead += 15.0
        at.poll(0.01)
        assert at._retries.attempts == 0
        clock.ahead += 40.0
        at.poll(0.01)
        assert at.state().conflict == ""
        at.close()


def subscribes_and(end):
    """A session that is subscribed, and ends then."""

    def script(session):
        version_5 = session.accept()
        _, body = session.receive()
        session.send(packets.suback(int.from_bytes(body[:2]), 1, version_5=version_5))
        end(session)

    return script


def close(session):
    session.connection.settimeout(0.2)
    session.until_closed()  # a socket that is closed with bytes unread in it resets the connection instead


def reset(session):
    session.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("end", [close, reset])
def test_session_ended_three_times_is_unstable_not_a_conflict(warnings, end):
    clock = Clock()
    with ScriptedBroker(*[subscribes_and(end)] * 3, granting([1])) as broker:
        at = subscriber(broker.port, clock=clock, keepalive_secs=600)
        poll_until(at, lambda _: at.state().unstable, secs=20)
        poll_until_subscribed(at)
        assert at.state().conflict == at.state().problem == ""
        assert len([text for text in warnings() if text.startswith("the broker closed or reset the session 3")]) == 1
        clock.ahead = 61.0
        at.poll(0.01)
        assert at.state().unstable == ""
        at.close()


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(FilterBroker(ends={"plant/#": b""}), id="a filter that ends the connection"),
        pytest.param(lambda session: session.receive(), id="a proxy whose broker is down"),
        pytest.param(subscribes_and(lambda session: session.send(b"\xe0\x02\x8b\x00")), id="server shutting down"),
        pytest.param(subscribes_and(lambda session: session.send(b"\xe0\x02\x97\x00")), id="quota exceeded"),
    ],
)
def test_session_that_ends_with_a_reason_is_no_conflict(script):
    with ScriptedBroker(script) as broker:
        at = subscriber(broker.port)
        poll_until(at, lambda _: at.connections >= 6, secs=30)
        assert at.state().conflict == at.state().unstable == ""
        at.close()
