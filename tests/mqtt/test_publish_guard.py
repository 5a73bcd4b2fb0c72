import pytest

from bridge.mqtt.publish_guard import PAUSE_SECS, PublishGuard
from tests.mqtt import packets
from tests.mqtt.polling import Clock, poll_until, poll_until_subscribed, subscriber
from tests.mqtt.scripted_broker import FilterBroker, ScriptedBroker


def test_ends_right_after_a_message_pause_publishing_for_an_hour(caplog):
    guard = PublishGuard()
    for now in (0.0, 100.0, 200.0):
        assert guard.may_publish("a/cmd", now)
        assert guard.caused(now + 1.0)
    assert not guard.may_publish("a/cmd", 201.0 + PAUSE_SECS - 1)
    assert caplog.text.count("the broker ends the connection when this client publishes to a/cmd") == 1
    assert guard.may_publish("a/cmd", 202.0 + PAUSE_SECS)
    assert guard.caused(203.0 + PAUSE_SECS)  # one more end is enough
    assert not guard.may_publish("a/cmd", 300.0 + PAUSE_SECS)


def test_message_that_ends_no_connection_clears_the_suspicion():
    guard = PublishGuard()
    for now in (0.0, 100.0):
        assert guard.may_publish("a/cmd", now)
        assert guard.caused(now + 1.0)
    assert guard.may_publish("a/cmd", 200.0)
    assert guard.may_publish("a/cmd", 300.0)
    assert guard.caused(301.0)
    assert guard.may_publish("a/cmd", 302.0)


@pytest.mark.parametrize("secs", [6.0, 3600.0])
def test_end_long_after_a_message_has_another_cause(secs):
    guard = PublishGuard()
    guard.may_publish("a/cmd", 0.0)
    assert not guard.caused(secs)


class Forbidding(FilterBroker):
    """Closes the connection at any PUBLISH."""

    def _respond(self, session, version_5):
        going_on = super()._respond(session, version_5)
        return going_on and self.received[-1] & 0xF0 != 0x30


def test_session_outlives_messages_that_the_broker_forbids():
    clock, script = Clock(), Forbidding(then=packets.publish("plant/a", b"1", properties=b""))
    with ScriptedBroker(script) as broker:
        at = subscriber(broker.port, clock=clock, keepalive_secs=600)
        for _ in range(3):
            poll_until_subscribed(at)
            connections = at.connections
            at.publish("plant/cmd", b"rebirth")
            poll_until(at, lambda _, connections=connections: at.connections > connections)
        poll_until_subscribed(at)
        at.publish("plant/cmd", b"rebirth")
        for _ in range(10):
            at.poll(0.01)
        assert at.connections == 4
        assert script.received.count(0x30) == 3
        assert at.state().unstable == at.state().conflict == ""
        at.close()
