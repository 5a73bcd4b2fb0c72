"""Sessions that another client of the same id ends, or that seem to be: a test decides what the broker does."""

import socket
import struct

from tests.mqtt import packets
from tests.mqtt.polling import Clock, poll_until, poll_until_subscribed, subscriber
from tests.mqtt.scripted_broker import ScriptedBroker, granting


def taken_over(session):
    session.accept()
    session.send(packets.packet(0xE0, b"\x8e\x00"))
    session.until_closed()


def test_a_broker_that_tells_of_another_client_of_the_same_id_is_left_to_it_for_the_longest_pause(warnings):
    with ScriptedBroker(taken_over, granting([1])) as broker:
        clock = Clock()
        at = subscriber(broker.port, clock=clock, reconnect_max_secs=40.0, keepalive_secs=600)
        poll_until(at, lambda _: at.state().rival)
        assert any(
            "another client uses the same mqtt.client_id: the broker threw this one out" in w for w in warnings()
        )
        clock.ahead = 19.0
        at.poll(0.01)
        assert at.connections == 1
        clock.ahead = 41.0
        poll_until_subscribed(at)
        clock.ahead += 30.0  # as long as two bridges let each other be
        at.poll(0.01)
        assert at._retries.attempts > 0
        assert at.state().rival
        clock.ahead += 15.0
        at.poll(0.01)
        assert at._retries.attempts == 0
        at.close()


def closes(session):
    session.accept()
    session.receive()  # the SUBSCRIBE: a socket that is closed with bytes unread in it resets the connection instead


def test_a_broker_that_closes_three_times_and_lets_in_again_is_told_as_a_rival(warnings):
    with ScriptedBroker(closes, closes, closes, granting([1])) as broker:
        at = subscriber(broker.port)
        poll_until_subscribed(at)
        assert "uses the same mqtt.client_id; give each bridge its own" in at.state().rival
        assert at.state().problem == ""
        assert len([text for text in warnings() if text.startswith("the broker closed the session 3 times")]) == 1
        at.close()


def resets(session):
    session.accept()
    session.receive()  # so that it has been let in by then
    session.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_session_that_is_reset_five_times_is_told_with_both_causes_and_dialled_as_before(warnings):
    clock = Clock()
    with ScriptedBroker(*[resets] * 5, granting([1])) as broker:
        at = subscriber(broker.port, clock=clock)
        poll_until_subscribed(at)
        assert at.state().rival.startswith("the session was reset or closed 5 times in the last 10 minutes")
        assert len([text for text in warnings() if text.startswith("the session was reset or closed")]) == 1
        clock.ahead = 11.0
        at.poll(0.01)
        assert at._retries.attempts == 0
        at.close()
