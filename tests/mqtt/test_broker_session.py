"""Stored knowledge of the broker's session, over connections and over runs of the bridge."""

import subprocess

import pytest

from bridge.mqtt.broker_session import MAX_LEFTOVER_SECS, QUIET_SECS
from bridge.mqtt.stored_session import StoredSession
from tests.harness.mosquitto import Mosquitto, executable
from tests.harness.proxy import Proxy
from tests.harness.publisher import Publisher
from tests.mqtt import packets
from tests.mqtt.polling import Clock, payloads, poll_until, poll_until_subscribed, subscriber
from tests.mqtt.scripted_broker import FilterBroker, ScriptedBroker

PRESENT = {"session_present": True}


class Disk:
    """Values that `save` has stored, in place of the spool."""

    def __init__(self, record=None):
        self.record = record or StoredSession()
        self.history = []
        self.fails = False

    def __call__(self, record):
        if self.fails:
            return False
        self.record = StoredSession.parse(record.dump())
        self.history.append(self.record)
        return True


def known(broker, *filters):
    return StoredSession(f"mqtt://127.0.0.1:{broker.port}", dict.fromkeys(filters, (1, 1)))


def poll_until_disconnected(at):
    return poll_until(at, lambda _: not at.state().connected)


@pytest.mark.parametrize("version_5", [False, True], ids=["3.1.1", "5"])
def test_retained_messages_arrive_once_over_restarts_and_cut_sockets(version_5):
    with Mosquitto() as broker, Proxy(broker.port) as proxy, Publisher(broker.port) as publisher:
        subprocess.run(
            [executable("mosquitto_pub"), "-p", str(broker.port), "-t", "plant/r", "-m", "retained", "-r", "-q", "1"],
            check=True,
        )
        disk, arrived = Disk(), []
        for run in range(3):
            at = subscriber(proxy.port, version_5=version_5, record=disk.record, save=disk)
            for cut in range(3):
                arrived += poll_until_subscribed(at)
                publisher.publish([("plant/a", b"%d.%d" % (run, cut))])
                arrived += poll_until(at, lambda burst: any(first & 1 == 0 for first, *_ in burst))
                proxy.reset()
                arrived += poll_until_disconnected(at)
            at.close()
    live = [b"%d.%d" % (run, cut) for run in range(3) for cut in range(3)]
    assert sorted(set(payloads(arrived))) == sorted([*live, b"retained"])
    # A reset may discard the PUBACK, and the broker then sends the message once more, with the flag DUP (bit 3).
    assert [payload for first, *_, payload, _ in arrived if not first & 8].count(b"retained") == 1


def test_session_of_3_1_1_is_requested_only_for_the_difference():
    script = FilterBroker(connack=PRESENT)
    with ScriptedBroker(script) as broker:
        at = subscriber(
            broker.port,
            version_5=False,
            wanted={"a": 1, "b": 1}.items(),
            held=["a", "old"],
            record=known(broker, "a", "old"),
        )
        poll_until(at, lambda _: script.unsubscribes)
        assert script.subscribes == [[("b", 1, 0)]]
        assert script.unsubscribes == [["old"]]
        at.close()


@pytest.mark.parametrize(
    ("present", "of_this_broker", "version_5"), [(False, True, False), (True, False, False), (True, True, True)]
)
def test_filters_are_all_requested_for_a_new_session_or_broker(present, of_this_broker, version_5):
    script = FilterBroker(connack={"session_present": present})
    with ScriptedBroker(script) as broker:
        record = known(broker, "plant/#") if of_this_broker else StoredSession("mqtt://other:1", {"plant/#": (1, 1)})
        at = subscriber(broker.port, version_5=version_5, record=record)
        poll_until_subscribed(at)
        assert script.filters() == ["plant/#"]
        at.close()


@pytest.mark.parametrize(("of_this_broker", "present"), [(True, True), (False, False)])
def test_packet_identifiers_of_another_broker_do_not_apply(of_this_broker, present):
    told = []
    with ScriptedBroker(FilterBroker(connack=PRESENT)) as broker:
        record = known(broker) if of_this_broker else StoredSession("mqtt://other:1", {})
        at = subscriber(broker.port, record=record, on_session=told.append)
        poll_until_subscribed(at)
        assert told == [present]
        at.close()


def test_record_is_empty_on_disk_before_a_new_session_is_subscribed():
    script = FilterBroker()
    with ScriptedBroker(script) as broker:
        disk = Disk(known(broker, "plant/#"))
        at = subscriber(broker.port, version_5=False, record=disk.record, save=disk)
        poll_until(at, lambda _: len(disk.history) == 2)
        assert [each.filters for each in disk.history] == [{}, {"plant/#": (1, 1)}]
        at.close()


def test_filter_is_unsubscribed_after_its_removal_is_on_disk():
    script = FilterBroker()
    with ScriptedBroker(script) as broker:
        disk = Disk()
        at = subscriber(broker.port, record=disk.record, save=disk, wanted={"a": 1, "b": 1}.items())
        poll_until(at, lambda _: disk.record.filters.keys() == {"a", "b"})
        disk.fails = True
        at.set_filters({"a": 1})
        for _ in range(20):
            at.poll(0.01)
        assert script.unsubscribes == []
        disk.fails = False
        poll_until(at, lambda _: script.unsubscribes == [["b"]])
        assert disk.record.filters.keys() == {"a"}
        at.close()


# -- leftovers of an earlier run


def test_old_shared_filter_is_unsubscribed_after_its_messages():
    clock = Clock()
    queued = packets.publish("plant/a", b"queued", properties=b"")
    script = FilterBroker(connack=PRESENT, then=queued)
    with ScriptedBroker(script) as broker:
        at = subscriber(broker.port, held=["$share/hall/plant/#"], clock=clock, keepalive_secs=600)
        poll_until(at, len)
        assert script.unsubscribes == []
        clock.ahead += QUIET_SECS + 1
        poll_until(at, lambda _: script.unsubscribes == [["$share/hall/plant/#"]])
        at.close()


def test_old_shared_filter_is_unsubscribed_despite_messages(warnings):
    clock = Clock()

    class Busy(FilterBroker):
        def _respond(self, session, version_5):
            session.send(packets.publish("plant/a", b"live", qos=0, properties=b""))
            return super()._respond(session, version_5)

    script = Busy(connack=PRESENT)
    with ScriptedBroker(script) as broker:
        at = subscriber(broker.port, held=["$share/hall/plant/#"], clock=clock, keepalive_secs=5)

        def pass_until(condition, most_secs):
            begun = clock.ahead
            while not condition():
                assert clock.ahead - begun < most_secs
                clock.ahead += QUIET_SECS / 2  # a ping, to which a message is the answer
                poll_until(at, len)

        poll_until_subscribed(at)
        pass_until(lambda: clock.ahead > MAX_LEFTOVER_SECS / 2, MAX_LEFTOVER_SECS)
        assert script.unsubscribes == []
        pass_until(lambda: script.unsubscribes, MAX_LEFTOVER_SECS)
        assert sum("messages still arrive after 600 s" in text for text in warnings()) == 1
        at.close()
