"""Publisher of the demo's factory: it counts each message until the broker has acknowledged it."""

import pytest

from bridge.tools.demo.message_publisher import MessagePublisher


def test_publisher_counts_all_messages_as_acknowledged(mosquitto):
    with MessagePublisher("127.0.0.1", mosquitto.port, "factory") as publisher:
        for number in range(1_500):
            publisher.publish("plant/a", b"x", qos=number % 2, retain=False)
        assert publisher.published == 1_500
        assert publisher.wait(30.0) == 0


def test_publisher_without_a_broker_reports_unacknowledged_messages(mosquitto):
    with MessagePublisher("127.0.0.1", mosquitto.port, "factory") as publisher:
        publisher.publish("plant/a", b"x", qos=1, retain=False)
        assert publisher.wait(30.0) == 0
        mosquitto.stop()
        publisher.publish("plant/a", b"x", qos=1, retain=False)
        assert publisher.wait(0.0) == 1


def test_publisher_that_cannot_connect_is_an_error(free_port):
    with pytest.raises(OSError, match="refused"):
        MessagePublisher("127.0.0.1", free_port, "factory")
