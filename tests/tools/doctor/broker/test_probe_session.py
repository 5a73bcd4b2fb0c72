"""Temporary session: it acknowledges only on request, and only messages of its present connection."""

import pytest

from bridge.mqtt.broker_address import BrokerAddress
from bridge.tools.doctor.broker.probe_session import ProbeSession
from tests.harness.mqtt_settings import mqtt_settings

RETAINED_1, QOS_2, QOS_1, QOS_0, PUBREL = 0x33, 0x34, 0x32, 0x30, 0x62
SETTINGS = mqtt_settings(BrokerAddress.parse("mqtt://127.0.0.1"), share=None)


class Broker:
    """Subscriber that returns the given bursts, and stores the acknowledgements."""

    def __init__(self, *bursts):
        self.bursts, self.sent, self.connections = list(bursts), [], 1

    def poll(self, _secs):
        return self.bursts.pop(0) if self.bursts else []

    def acknowledge(self, connection, packets):
        assert connection == self.connections
        self.sent.append(packets)

    def close(self):
        pass


def message(first, packet_id=b"\0\1", size=5):
    return (first, b"a", packet_id, b"", b"x" * size, size)


@pytest.fixture
def session():
    """Return a function that makes a session whose broker sends these bursts."""
    made = []

    def make(*bursts, **options):
        session = ProbeSession(SETTINGS, {"a": 1}, **options)
        made.append(session.subscriber)
        session.subscriber = Broker(*bursts)
        return session

    yield make
    for each in made:
        each.close()


def test_session_counts_messages_and_retained_messages(session):
    got = []
    at = session([message(RETAINED_1, size=7), message(QOS_0), message(QOS_1), message(QOS_2)], on_message=got.append)
    assert at.listen(0.0) is False
    assert (at.messages, at.bytes, at.retained, at.retained_bytes) == (4, 22, 1, 7)
    assert (at.needing, len(at.unacknowledged), len(got)) == (3, 3, 4)
    assert at.subscriber.sent == []


def test_session_acknowledges_the_oldest_messages_in_one_write(session):
    at = session([message(RETAINED_1, b"\0\1"), message(QOS_2, b"\0\2"), message(RETAINED_1, b"\0\3")])
    at.listen(0.0)
    at.acknowledge(2)
    assert at.subscriber.sent == [b"\x40\x02\0\1\x50\x02\0\2"]
    at.acknowledge(9)
    at.acknowledge(9)
    assert len(at.subscriber.sent) == 2


def test_session_after_acknowledge_all_acknowledges_each_burst(session):
    at = session([message(RETAINED_1, b"\0\1")], [message(RETAINED_1, b"\0\2")])
    at.listen(0.0)
    at.acknowledge_all()
    at.listen(0.0)
    assert at.subscriber.sent == [b"\x40\x02\0\1", b"\x40\x02\0\2"]


def test_session_completes_a_pubrel_and_does_not_count_it(session):
    at = session([(PUBREL, b"", b"\0\7", b"", b"", 0)])
    at.listen(0.0)
    assert at.subscriber.sent == [b"\x70\x02\0\7"]
    assert at.messages == 0


def test_session_after_a_reconnect_acknowledges_no_old_message(session):
    at = session([message(RETAINED_1, b"\0\1")], [message(RETAINED_1, b"\0\2")])
    at.listen(0.0)
    # The broker has begun a new session, in which the packet identifier 1 belongs to another message.
    at._on_session(False)
    at.acknowledge_all()
    at.listen(0.0)
    assert at.subscriber.sent == [b"\x40\x02\0\2"]


def test_session_that_continues_acknowledges_its_messages(session):
    at = session([message(RETAINED_1, b"\0\1")])
    at.listen(0.0)
    at._on_session(True)
    at.acknowledge_all()
    assert at.subscriber.sent == [b"\x40\x02\0\1"]


def test_session_listens_until_the_condition_is_true(session):
    at = session([message(QOS_0)], [message(QOS_0)], [message(QOS_0)])
    assert at.listen(600.0, lambda: at.messages == 2)
    assert at.messages == 2
