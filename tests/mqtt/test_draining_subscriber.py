"""A session that is given up: on the real broker, and on one that queues for the group."""

import threading

import pytest

from bridge.mqtt.broker_address import BrokerAddress
from bridge.mqtt.broker_session import QUIET_SECS
from bridge.mqtt.draining_subscriber import DrainingSubscriber
from bridge.mqtt.subscriber import Subscriber
from tests.harness.mqtt_settings import mqtt_settings
from tests.harness.publisher import Publisher
from tests.integration.arrivals import eventually
from tests.mqtt import packets
from tests.mqtt.polling import Clock, acknowledgement, payloads
from tests.mqtt.scripted_broker import FilterBroker, ScriptedBroker


def settings(port):
    return mqtt_settings(
        BrokerAddress.parse(f"mqtt://127.0.0.1:{port}"),
        client_id="member",
        share="hall",
        keepalive_secs=600,
        reconnect_max_secs=0.1,
    )


@pytest.fixture
def draining():
    """draining(port, **options): a subscriber that gives its session up; its clock is `draining.clock`."""
    made = []

    class Making:
        clock = Clock()

        def __call__(self, port, **options):
            made.append(DrainingSubscriber(settings(port), clock=self.clock, **options))
            return made[-1]

    yield Making()
    for each in made:
        each.close()


def subscribed_once(port):
    subscriber = Subscriber(settings(port))
    subscriber.set_filters({"plant/+": 1})
    eventually(lambda: subscriber.poll(0.05) or subscriber.state().subscribed, "subscribed")
    subscriber.close()


def poll(subscriber, came):
    burst = subscriber.poll(0.05)
    subscriber.acknowledge(subscriber.connections, b"".join(map(acknowledgement, burst)))
    came += payloads(burst)


def test_draining_receives_what_the_broker_queued_and_nothing_afterwards(mosquitto, draining):
    subscribed_once(mosquitto.port)
    with Publisher(mosquitto.port) as publisher:
        publisher.publish([("plant/press", b"queued")], 1)
        at, came = draining(mosquitto.port, maybe_subscribed=["$share/hall/plant/+"]), []
        assert at.poll(0.05) == []
        assert (at.connections, at.unsubscribed) == (0, False)
        at.leave()
        eventually(lambda: poll(at, came) or came, "what was queued")
        assert not at.unsubscribed
        draining.clock.ahead += QUIET_SECS + 1
        eventually(lambda: poll(at, came) or at.unsubscribed, "the session is given up")
        publisher.publish([("plant/press", b"later")], 1)
    for _ in range(4):
        poll(at, came)
    assert came == [b"queued"]


def test_draining_unsubscribes_the_topics_of_all_mappings(mosquitto, draining):
    subscribed_once(mosquitto.port)
    at = draining(mosquitto.port)
    at.set_filters({"plant/+": 1})
    at.leave()
    eventually(lambda: at.poll(0.05) or at.state().connected, "connected")
    draining.clock.ahead += QUIET_SECS + 1
    eventually(lambda: at.poll(0.05) or at.unsubscribed, "the session is given up")
    at.close()
    with Publisher(mosquitto.port) as publisher:
        publisher.publish([("plant/press", b"later")], 1)
    again = draining(mosquitto.port)
    again.leave()
    eventually(lambda: again.state().connected or again.poll(0.05), "connected")
    assert again.poll(0.2) == []


class GroupQueue(FilterBroker):
    """A broker that queues for the group, hands out 5 messages ahead of acknowledgement, and drops the queue with the
    last subscriber, as HiveMQ does."""

    def __init__(self, count, round_trip_secs=0.0):
        super().__init__(connack={"session_present": True})
        self.queue = [packets.publish("plant/a", b"%d" % n, packet_id=n + 1, properties=b"") for n in range(count)]
        self.pause_secs = round_trip_secs
        self.ended = threading.Event()

    def __call__(self, session):
        session.accept(session_present=True)
        self._hand_out(session, 5)
        while True:
            first, body = session.receive()
            if first == 0x40:
                self.ended.wait(self.pause_secs)
                self._hand_out(session, 1)
            elif first == 0xA2:
                self.queue.clear()
                self._unsuback(session, body, version_5=True)
            elif first == 0xE0:
                return

    def _hand_out(self, session, count):
        session.send(*self.queue[:count])
        del self.queue[:count]


@pytest.mark.parametrize("round_trip_secs", [0.0, 0.5])
def test_draining_loses_nothing_where_the_broker_queues_for_the_group(draining, round_trip_secs):
    count = 500 if not round_trip_secs else 12
    script = GroupQueue(count, round_trip_secs)
    with ScriptedBroker(script) as broker:
        at, came = draining(broker.port, maybe_subscribed=["$share/hall/plant/+"]), []
        at.leave()
        eventually(lambda: poll(at, came) or len(came) == count, "every queued message", timeout_secs=60)
        draining.clock.ahead += QUIET_SECS + 1
        eventually(lambda: poll(at, came) or at.unsubscribed, "the session is given up")
        assert script.unsubscribes == [["$share/hall/plant/+"]]
        script.ended.set()
