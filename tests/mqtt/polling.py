"""A subscriber, and a polling loop like that of ingest."""

import time

from bridge.mqtt.broker_address import BrokerAddress
from bridge.mqtt.packet_stream import PUBREL
from bridge.mqtt.subscriber import Subscriber
from tests.harness.mqtt_settings import mqtt_settings


class Clock:
    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.monotonic() + self.ahead


ACKNOWLEDGEMENTS = {1: b"\x40\x02", 2: b"\x50\x02"}


def settings(*ports, scheme="mqtt", **options):
    addresses = tuple(BrokerAddress(scheme, "127.0.0.1", port) for port in ports)
    return mqtt_settings(*options.pop("addresses", addresses), **{"reconnect_max_secs": 0.1} | options)


def subscriber(
    *ports, wanted=(("plant/#", 1),), clock=time.monotonic, held=(), record=None, on_session=None, **options
):
    """`save` among the options gets each record of the session."""
    made = Subscriber(
        settings(*ports, **{name: value for name, value in options.items() if name != "save"}),
        clock=clock,
        maybe_subscribed=held,
        record=record,
        save=options.get("save", lambda _record: True),
        on_session=on_session or (lambda _present: None),
    )
    made.set_filters(dict(wanted))
    return made


def poll_until(subscriber, condition, *, secs=10.0, acknowledge=True, reading=True):
    """Poll, and acknowledge, until `condition(burst so far)`; the complete burst."""
    burst = []
    deadline = time.monotonic() + secs
    while not condition(burst):
        assert time.monotonic() < deadline, f"still waiting; {subscriber.state()}, {len(burst)} messages"
        new = subscriber.poll(0.05, reading=reading)
        if new and acknowledge:
            subscriber.acknowledge(subscriber.connections, b"".join(map(acknowledgement, new)))
        burst += new
    return burst


def acknowledgement(publish):
    first, _, packet_id, *_ = publish
    if first == PUBREL:
        return b"\x70\x02" + packet_id
    qos = first >> 1 & 3
    return ACKNOWLEDGEMENTS[qos] + packet_id if qos else b""


def poll_until_subscribed(subscriber, **options):
    return poll_until(subscriber, lambda _: subscriber.state().subscribed, **options)


def payloads(burst):
    return [payload for first, _, _, _, payload, _ in burst if first != PUBREL]
