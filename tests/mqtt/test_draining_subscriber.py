"""A session that is given up, on the real broker."""

from bridge.mqtt.draining_subscriber import DrainingSubscriber
from bridge.mqtt.session_settings import Address, SessionSettings
from bridge.mqtt.subscriber import Subscriber
from tests.harness.publisher import Publisher
from tests.integration.arrivals import eventually


def settings(port):
    return SessionSettings((Address.parse(f"mqtt://127.0.0.1:{port}"),), "member", share="hall")


def subscribed_once(port):
    subscriber = Subscriber(settings(port))
    subscriber.set_filters({"plant/+": 1})
    eventually(lambda: subscriber.poll(0.05) or subscriber.state().subscribed, "subscribed")
    subscriber.close()


def test_it_takes_what_the_broker_kept_and_gets_nothing_more(mosquitto):
    subscribed_once(mosquitto.port)
    with Publisher(mosquitto.port) as publisher:
        publisher.publish([("plant/press", b"kept")], 1)
        leaving, came = DrainingSubscriber(settings(mosquitto.port), held=["$share/hall/plant/+"]), []
        assert leaving.poll(0.05) == []
        assert (leaving.connections, leaving.left) == (0, False)
        leaving.leave()
        eventually(lambda: came.extend(leaving.poll(0.05)) or leaving.left, "the session is given up")
        eventually(lambda: came.extend(leaving.poll(0.05)) or came, "what was kept")
        publisher.publish([("plant/press", b"later")], 1)
    for _ in range(4):
        came.extend(leaving.poll(0.05))
    leaving.close()
    assert [each[4] for each in came] == [b"kept"]


def test_it_unsubscribes_what_the_mappings_want_though_it_knows_of_nothing(mosquitto):
    subscribed_once(mosquitto.port)
    leaving = DrainingSubscriber(settings(mosquitto.port))
    leaving.set_filters({"plant/+": 1})
    leaving.leave()
    eventually(lambda: leaving.poll(0.05) or leaving.left, "the session is given up")
    leaving.close()
    assert "member 0 $share/hall/plant/+" not in mosquitto.log()
    with Publisher(mosquitto.port) as publisher:
        publisher.publish([("plant/press", b"later")], 1)
    again = DrainingSubscriber(settings(mosquitto.port))
    again.leave()
    eventually(lambda: again.state().connected or again.poll(0.05), "connected")
    assert again.poll(0.2) == []
    again.close()
