"""Requests of one connection to a scripted broker, and the effect of each response or its absence."""

import itertools

import pytest

from tests.mqtt import packets
from tests.mqtt.polling import Clock, payloads, poll_until, poll_until_subscribed, subscriber
from tests.mqtt.scripted_broker import FilterBroker, ScriptedBroker

DISCONNECT_NOT_AUTHORIZED = packets.packet(0xE0, b"\x87\x00")
MAXIMUM_QOS_1 = b"\x24\x01"
NO_WILDCARDS, NO_IDENTIFIERS, NO_SHARED = b"\x28\x00", b"\x29\x00", b"\x2a\x00"


def maximum_packet_size(size):
    return b"\x27" + size.to_bytes(4)


@pytest.fixture
def session():
    """session(script, **options): a subscriber at a scripted broker; its clock is `session.clock`."""
    made = []

    class Sessions:
        clock = Clock()

        def __call__(self, *scripts, **options):
            broker = ScriptedBroker(*scripts).__enter__()
            options = {"keepalive_secs": 600, "clock": self.clock, **options}
            at = subscriber(broker.port, **options)
            made.append((at, broker))
            return at

    yield Sessions()
    for at, broker in made:
        at.close()
        broker.__exit__()


def wanted(*filters, qos=1):
    return {"wanted": dict.fromkeys(filters, qos).items()}


def poll_and_age(session, at, broker, condition):
    """Let the time for a response pass after each SUBSCRIBE, until `condition()`."""
    for count in itertools.count(1):
        poll_until(at, lambda _, count=count: condition() or len(broker.subscribes) >= count, secs=20)
        if condition():
            return
        session.clock.ahead += 31.0


def subscribed_to(at, *filters):
    return lambda _: at.subscriptions.confirmed.keys() == set(filters)


# -- the deadline of a response belongs to its connection


def late_connack(session):
    """Ends with the SUBSCRIBE unanswered; later connections are accepted only after a round trip of 0.5 s."""
    session.accept()
    session.receive()


def test_unanswered_subscribe_does_not_end_the_next_connection(session):
    broker = FilterBroker(round_trip_secs=0.5)
    at = session(late_connack, late_connack, broker)
    poll_until(at, lambda _: at.connections == 1 and at.state().attempts)
    session.clock.ahead += 31.0  # longer than the broker may take to respond on one connection
    poll_until_subscribed(at, secs=30)
    assert at.connections == 3
    assert at.state().problem == ""


def test_connection_without_any_suback_is_closed_after_half_a_minute(session):
    silent = FilterBroker(silent={"plant/#"})
    at = session(silent, FilterBroker(), keepalive_secs=600)
    poll_until(at, lambda _: silent.subscribes)
    session.clock.ahead += 31.0
    poll_until_subscribed(at)
    assert at.connections == 2


# -- a filter that ends the connection


@pytest.mark.parametrize("end", [b"", DISCONNECT_NOT_AUTHORIZED], ids=["closed", "disconnect"])
@pytest.mark.parametrize("forbidden", ["secret/#", "a", "z"])
def test_filter_that_ends_the_connection_is_omitted(session, warnings, end, forbidden):
    good = {f"plant/{number}" for number in range(12)}
    broker = FilterBroker(ends={forbidden: end})
    at = session(broker, **wanted(*good, forbidden))
    poll_until(at, subscribed_to(at, *good), secs=30)
    refused = f"the broker refused the subscription to {forbidden}: "
    poll_until(at, lambda _: at.state().problem.startswith(refused), secs=30)
    assert any(f"the filter {forbidden} is omitted, and requested again in 60 s" in text for text in warnings())
    assert at.state().conflict == at.state().unstable == ""
    poll_until(at, subscribed_to(at, *good))
    connections = at.connections
    broker.ends.clear()
    session.clock.ahead += 61.0
    poll_until_subscribed(at)
    assert at.connections == connections
    assert at.state().problem == ""


def test_filter_that_ends_the_connection_again_is_left_out_for_longer(session, warnings):
    broker = FilterBroker(ends={"secret/#": b""})
    at = session(broker, **wanted("plant/#", "secret/#"))
    for pause in (60, 120, 240):
        poll_until(at, lambda _, pause=pause: any(f"again in {pause} s" in text for text in warnings()), secs=30)
        poll_until(at, subscribed_to(at, "plant/#"))
        session.clock.ahead += pause + 1


def test_filter_that_is_the_only_one_is_never_left_out(session):
    broker = FilterBroker(ends={"plant/#": b""})
    at = session(broker, **wanted("plant/#"))
    poll_until(at, lambda _: len(broker.subscribes) > 6, secs=30)
    broker.ends.clear()
    poll_until_subscribed(at)


def test_unanswered_filters_of_a_broken_link_are_subscribed(session):
    broker = FilterBroker()
    at = session(late_connack, late_connack, broker, **wanted(*"abcd"))
    poll_until_subscribed(at, secs=30)
    assert at.state().problem == ""


class OnlyQos1(FilterBroker):
    """Never responds to a SUBSCRIBE with QoS 2, until `fixed`."""

    fixed = False

    def _suback(self, session, body, version_5):
        asked = packets.subscribed(body, version_5=version_5)
        self.silent = {text for text, qos, _ in asked if qos == 2 and not self.fixed}
        return super()._suback(session, body, version_5)


def test_qos_2_filter_without_any_response_is_requested_with_qos_1(session, warnings):
    broker = OnlyQos1()
    at = session(broker, wanted={"a": 1, "b": 2}.items())
    poll_and_age(session, at, broker, lambda: at.state().subscribed)
    assert at.subscriptions.granted_qos == {"a": 1, "b": 1}
    assert [each.code for each in at.state().lost_guarantees] == ["qos-lowered"]


@pytest.mark.parametrize("reload", [True, False])
def test_lowered_qos_is_requested_again_after_a_reload_or_an_hour(session, reload):
    broker = OnlyQos1()
    at = session(broker, wanted={"a": 1, "b": 2}.items())
    poll_and_age(session, at, broker, lambda: at.subscriptions.granted_qos == {"a": 1, "b": 1})
    broker.fixed = True
    if reload:
        at.set_filters({"a": 1, "b": 2})
    else:
        session.clock.ahead += 3601  # longer than the keepalive: the connection ends
    poll_until(at, lambda _: at.subscriptions.granted_qos == {"a": 1, "b": 2}, secs=20)
    assert "qos-lowered" not in [each.code for each in at.state().lost_guarantees]


def test_filter_without_response_does_not_stop_the_others(session):
    broker = FilterBroker(silent={"b"})
    at = session(broker, **wanted("a", "b"))
    poll_and_age(session, at, broker, lambda: at.subscriptions.refused)
    assert at.subscriptions.refused == {"b": "no SUBACK within 30 s"}
    poll_until(at, subscribed_to(at, "a"), secs=20)


# -- limits of the broker


def test_maximum_qos_of_the_connack_is_requested(session):
    broker = FilterBroker(connack={"properties": MAXIMUM_QOS_1})
    at = session(broker, **wanted("a", qos=2))
    poll_until_subscribed(at)
    assert broker.subscribes == [[("a", 1, 0)]]
    assert at.state().lost_guarantees[0].cause == "a: QoS 1 instead of 2"


@pytest.mark.parametrize(
    ("limit", "refused", "reason"),
    [
        (NO_WILDCARDS, "a/#", "the broker does not support the wildcards + and #"),
        (maximum_packet_size(100), "x" * 100, "the packet would exceed the broker's Maximum Packet Size of 100 bytes"),
    ],
)
def test_filter_that_the_broker_cannot_accept_is_not_requested(session, limit, refused, reason):
    broker = FilterBroker(connack={"properties": limit})
    at = session(broker, **wanted("a", refused))
    poll_until(at, lambda _: at.subscriptions.refused)
    poll_until(at, subscribed_to(at, "a"))
    assert broker.filters() == ["a"]
    assert at.state().problem == f"the broker refused the subscription to {refused}: {reason}"
    assert at.connections == 1


def test_unsupported_shared_subscription_is_not_requested(session):
    broker = FilterBroker(connack={"properties": NO_SHARED})
    at = session(broker, share="hall")
    poll_until(at, lambda _: at.state().problem)
    assert broker.subscribes == []
    assert "remove mqtt.share and --workers" in at.state().problem


def test_packets_respect_the_maximum_packet_size_of_the_connack(session):
    broker = FilterBroker(connack={"properties": maximum_packet_size(200)})
    at = session(
        broker, held=[f"old/{'y' * 60}/{n}" for n in range(8)], **wanted(*(f"{'x' * 60}/{n}" for n in range(8)))
    )
    poll_until_subscribed(at)
    poll_until(at, lambda _: at.subscriptions.maybe_subscribed == set(at.subscriptions.wanted))
    assert max(broker.packet_bytes) <= 200
    at.publish("too/large", bytes(300))
    at.publish("small", b"1")
    poll_until(at, lambda _: 0x30 in broker.received)
    assert max(broker.packet_bytes) <= 200


def test_filters_beyond_the_packet_size_are_sent_in_several_packets(session):
    broker = FilterBroker()
    at = session(broker, **wanted(*(f"plant/{number:02}" for number in range(20))))
    poll_until_subscribed(at)
    assert [len(packet) for packet in broker.subscribes] == [8, 8, 4]


# -- responses


def test_packet_identifier_in_use_is_requested_again_after_a_second(session):
    broker = FilterBroker(codes={"a": 0x91})
    at = session(broker, **wanted("a"))
    poll_until(at, lambda _: broker.subscribes)
    poll_until(at, lambda _: at.subscriptions.refused)
    broker.codes.clear()
    session.clock.ahead += 1.1
    poll_until_subscribed(at)
    assert len(broker.subscribes) == 2


def test_suback_with_too_few_codes_refuses_the_rest_and_floods_nothing(session):
    def script(session):
        session.accept()
        for _ in range(2):
            _, body = session.receive()
            asked.append(body)
            session.send(packets.suback(int.from_bytes(body[:2]), 1))
        session.until_closed()

    asked = []
    at = session(script, **wanted("a", "b"))
    poll_until(at, lambda _: at.subscriptions.refused)
    assert at.subscriptions.refused == {"b": "the broker's response has no reason code for it"}
    for _ in range(20):
        at.poll(0.01)
    assert len(asked) == 1


@pytest.mark.parametrize("version_5", [True, False])
def test_unsubscribe_without_response_ends_no_connection(session, version_5):
    broker = FilterBroker(silent={"old"})
    at = session(broker, held=["old"], version_5=version_5, **wanted("a"))
    poll_until(at, lambda _: broker.unsubscribes)
    session.clock.ahead += 31.0
    poll_until(at, lambda _: at.subscriptions.maybe_subscribed == {"a"})
    poll_until_subscribed(at)
    assert at.connections == 1


def test_unsubscribe_that_is_refused_is_reported_and_repeated(session, warnings):
    broker = FilterBroker(unsuback_codes={"old": 0x87})
    at = session(broker, held=["old"], **wanted("a"))
    poll_until(
        at, lambda _: any("the broker refused to unsubscribe old: Not authorized" in text for text in warnings())
    )
    assert "old" in at.subscriptions.maybe_subscribed
    broker.unsuback_codes.clear()
    session.clock.ahead += 61.0
    poll_until(at, lambda _: at.subscriptions.maybe_subscribed == {"a"})


def test_stored_filters_are_unsubscribed_without_a_session(session):
    broker = FilterBroker(connack={"session_present": False})
    at = session(broker, held=["old/#"], **wanted("a"))
    poll_until(at, lambda _: broker.unsubscribes == [["old/#"]])


# -- overlapping filters

JOINED = {"plant/+/+": 1}
PARTS = {"plant/+/+": {"plant/+/t": 1, "plant/m1/+": 1}}


@pytest.mark.parametrize("end", [None, b"", DISCONNECT_NOT_AUTHORIZED], ids=["refused", "closed", "disconnect"])
def test_refused_joined_filter_is_replaced_by_its_parts(session, end):
    broker = FilterBroker(codes={"plant/+/+": 0x87}, ends={} if end is None else {"plant/+/+": end})
    at = session(broker, **wanted("plant/+/t"))
    poll_until_subscribed(at)
    at.set_filters(JOINED, PARTS)
    poll_until(at, subscribed_to(at, "plant/+/t", "plant/m1/+"), secs=30)
    poll_until_subscribed(at)
    assert "plant/+/t" not in [text for packet in broker.unsubscribes for text in packet]
    assert at.state().problem == ""
    identifiers = {text: identifier for packet in broker.subscribes for text, _, identifier in packet}
    assert identifiers["plant/m1/+"] == at.subscriptions.separated["plant/m1/+"] > 0


def test_parts_have_no_identifier_where_the_broker_has_none(session):
    broker = FilterBroker(codes={"plant/+/+": 0x87}, connack={"properties": NO_IDENTIFIERS})
    at = session(broker, **wanted("plant/+/t"))
    at.set_filters(JOINED, PARTS)
    poll_until(at, subscribed_to(at, "plant/+/t", "plant/m1/+"))
    assert {identifier for packet in broker.subscribes for _, _, identifier in packet} == {0}


def test_messages_of_the_granted_filters_flow_beside_a_forbidden_one(session):
    broker = FilterBroker(ends={"secret/#": b""}, then=packets.publish("plant/a", b"1", properties=b""))
    at = session(broker, **wanted("plant/#", "secret/#"))
    poll_until(at, lambda burst: payloads(burst).count(b"1") >= 3 and at.subscriptions.refused, secs=30)
