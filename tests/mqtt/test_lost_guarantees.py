"""Reports of reduced limits and QoS that the broker grants, with the lost guarantee."""

import pytest

from bridge.mqtt.lost_guarantees import SessionLoss
from tests.harness.mosquitto import Mosquitto
from tests.harness.publisher import Publisher
from tests.mqtt import packets
from tests.mqtt.polling import Clock, poll_until, poll_until_subscribed, subscriber
from tests.mqtt.scripted_broker import FilterBroker, ScriptedBroker


def lost(script, **options):
    """The guarantees that are lost once the subscriptions are granted."""
    with ScriptedBroker(script) as broker:
        at = subscriber(broker.port, **options)
        poll_until_subscribed(at)
        found = {each.code: each.cause for each in at.state().lost_guarantees}
        at.close()
        return found


def test_broker_that_grants_all_has_no_lost_guarantee():
    expiry = b"\x11" + (604_800).to_bytes(4)
    assert lost(FilterBroker(connack={"properties": expiry}), share="hall") == {}


@pytest.mark.parametrize("version_5", [True, False])
def test_lower_qos_is_reported_with_the_filter(version_5):
    script = FilterBroker(codes={"a": 0, "b": 1})
    wanted = {"a": 1, "b": 2, "c": 1}.items()
    assert lost(script, wanted=wanted, version_5=version_5) == {
        "qos-lowered": "a: QoS 0 instead of 1, b: QoS 1 instead of 2"
    }


def test_lower_qos_of_many_filters_is_reported_with_examples():
    names = [f"a/{number}" for number in range(6)]
    found = lost(FilterBroker(codes=dict.fromkeys(names, 0)), wanted=dict.fromkeys(names, 1).items())
    assert found["qos-lowered"].endswith("a/2: QoS 0 instead of 1, and 3 more")


@pytest.mark.parametrize("granted", [0, 60])
def test_shorter_session_expiry_is_reported(granted):
    script = FilterBroker(connack={"properties": b"\x11" + granted.to_bytes(4)})
    assert lost(script) == {
        "session-expiry-lowered": f"the broker stores the session for {granted} s, "
        "mqtt.session_expiry_secs requests 604,800 s"
    }
    assert lost(script, persistent=False) == {}


def test_shared_subscription_in_3_1_1_is_unverified_at_first():
    assert lost(FilterBroker(), share="hall", version_5=False).keys() == {"shared-subscription-unverified"}
    assert lost(FilterBroker(), share="hall") == {}
    message = packets.publish("plant/a", b"1")
    with ScriptedBroker(FilterBroker(then=message)) as broker:
        at = subscriber(broker.port, share="hall", version_5=False)
        poll_until(at, len)
        assert at.state().lost_guarantees == ()
        at.close()


def test_session_that_the_broker_has_lost_is_reported_for_ten_minutes(warnings):
    clock = Clock()
    with Mosquitto() as broker:
        at = subscriber(broker.port, clock=clock, keepalive_secs=60_000)
        poll_until_subscribed(at)
        assert at.state().lost_guarantees == ()
        broker.kill()
        poll_until(at, lambda _: not at.state().connected)
        broker.start()
        poll_until_subscribed(at)
        [loss] = at.state().lost_guarantees
        assert loss.code == "session-lost"
        assert "the broker had discarded the session of this client ID" in loss.cause
        assert any(loss.cause in text for text in warnings())
        with Publisher(broker.port) as publisher:
            publisher.publish([("plant/a", b"1")])
        poll_until(at, len)
        clock.ahead += 601.0
        assert at.state().lost_guarantees == ()
        at.close()


@pytest.mark.parametrize(
    ("began", "shown_secs", "words"),
    [
        (86_370.0, 600, "published between 1970-01-01 23:59:30 UTC and 1970-01-02 00:00:00 UTC (30 s) may be lost"),
        (84_600.0, 1800, "(30.0 min) may be lost"),
        (60.0, 3600, "may be lost; later messages are not affected"),
        (0.0, 3600, "published before 1970-01-02 00:00:00 UTC, while the bridge was not connected, may be lost"),
    ],
)
def test_session_loss_is_shown_as_long_as_the_bridge_was_away(began, shown_secs, words):
    loss = SessionLoss(5.0, began, 86_400.0)
    assert words in loss.text()
    assert loss.shown(5.0 + shown_secs)
    assert not loss.shown(6.0 + shown_secs)


def test_session_that_the_broker_has_stored_is_no_loss():
    with Mosquitto(persistence=True) as broker:
        at = subscriber(broker.port)
        poll_until_subscribed(at)
        broker.restart()
        poll_until(at, lambda _: at.connections == 2 and at.state().subscribed)
        assert at.state().lost_guarantees == ()
        at.close()
