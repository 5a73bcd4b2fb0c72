"""Checks of the bridge's session with one broker, the same for each.

A check returns "yes", or a short text of what is different. It raises AssertionError for what the bridge must do with
any broker. Messages have QoS 1 and are acknowledged as they arrive, as the bridge does once they are on disk.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.mqtt.broker_address import BrokerAddress
from bridge.mqtt.draining_subscriber import DrainingSubscriber
from bridge.mqtt.settings import MqttSettings
from bridge.mqtt.stored_session import StoredSession
from bridge.mqtt.subscriber import Subscriber
from tests.brokers.catalog import Broker
from tests.harness.mqtt_settings import mqtt_settings
from tests.harness.proxy import Proxy
from tests.harness.publisher import Publisher
from tests.mqtt.polling import acknowledgement, payloads

SECS = 30.0
YES = "yes"
NO_SHARED = "not delivered"


@dataclass
class Client:
    """The bridge's session at the broker, with what it has received. It can be restarted as the bridge would be."""

    settings: MqttSettings
    filters: dict
    parts: dict | None = None
    draining: bool = False
    record: StoredSession = field(default_factory=StoredSession)
    held: frozenset = frozenset()
    arrived: list = field(default_factory=list)
    acknowledging: bool = True
    subscriber: Subscriber | None = None

    def start(self):
        kind = DrainingSubscriber if self.draining else Subscriber
        self.subscriber = kind(self.settings, held=self.held, record=self.record, save=self._save)
        self.subscriber.set_filters(self.filters, self.parts)
        return self

    def _save(self, record):
        self.record = record
        return True

    def close(self):
        if self.subscriber is not None:
            self.held = frozenset(self.subscriber.subscriptions.maybe_subscribed)
            self.subscriber.close()
            self.subscriber = None

    def kill(self):
        """End without DISCONNECT, as a killed process does."""
        self.held = frozenset(self.subscriber.subscriptions.maybe_subscribed)
        self.subscriber._connection.close()
        self.subscriber._connection = None
        self.subscriber.close()

    def poll(self, secs=0.05):
        burst = self.subscriber.poll(secs)
        if self.acknowledging and burst:
            self.subscriber.acknowledge(self.subscriber.connections, b"".join(map(acknowledgement, burst)))
        self.arrived += payloads(burst)

    def until(self, condition, secs=SECS):
        """Poll until the condition holds; whether it did in time."""
        deadline = time.monotonic() + secs
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.poll()
        return True

    def subscribed(self):
        assert self.until(lambda: self.subscriber.state().subscribed), f"not subscribed: {self.subscriber.state()}"
        return self

    def has(self, wanted, secs=SECS):
        """Poll until each of these messages has arrived."""
        return self.until(lambda: set(wanted) <= set(self.arrived), secs)


class Bench:
    """Resources of a check for one broker; all it starts is closed at the end of the check."""

    def __init__(self, broker: Broker):
        self.broker = broker
        self._stack = contextlib.ExitStack()
        self._count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    def client(self, name, filters=None, *, port=None, scheme="mqtt", parts=None, draining=False, **options):
        address = BrokerAddress(scheme, "127.0.0.1", port or self.broker.port)
        options = {"connect_timeout_secs": 5.0, "reconnect_max_secs": 0.5, "keepalive_secs": 10} | options
        settings = mqtt_settings(address, client_id=name, **options)
        client = Client(settings, {f"{name}/#": 1} if filters is None else filters, parts, draining)
        self._stack.callback(client.close)
        return client.start()

    def publish(self, topic, messages, *, retain=False):
        self._count += 1
        with Publisher(self.broker.port, client_id=f"publisher-{self._count}", window=50) as publisher:
            publisher.publish([(topic, data) for data in messages], 1, retain=retain)

    def proxy(self):
        return self._stack.enter_context(Proxy(self.broker.port))


def numbered(count, first=0):
    return [b"%d" % number for number in range(first, first + count)]


# -- checks


def version(bench):
    client = bench.client("version").subscribed()
    return client.subscriber.state().protocol


def live(bench):
    client = bench.client("live").subscribed()
    bench.publish("live/a", numbered(500))
    assert client.has(numbered(500)), f"{len(set(client.arrived))} of 500"
    return YES if client.arrived == numbered(500) else "yes, not in order"


def away(bench):
    client = bench.client("away").subscribed()
    client.close()
    bench.publish("away/a", numbered(200))
    client.start()
    return YES if client.has(numbered(200), 10) else f"{len(set(client.arrived))} of 200 messages"


def killed(bench):
    client = bench.client("killed").subscribed()
    client.acknowledging = False
    bench.publish("killed/a", numbered(15))
    client.until(lambda: client.arrived)
    client.kill()
    client.arrived, client.acknowledging = [], True
    client.start()
    return YES if client.has(numbered(15), 45) else f"{len(set(client.arrived))} of 15 messages"


def restart(bench):
    """The broker restarts with messages for a client that is away."""
    client = bench.client("restart").subscribed()
    client.close()
    bench.publish("restart/a", numbered(100))
    time.sleep(1.5 if bench.broker.stores else 0.0)  # mosquitto saves every second
    bench.broker.restart()
    client.start()
    client.subscribed()
    if client.has(numbered(100), 5):
        return YES
    codes = [each.code for each in client.subscriber.state().lost_guarantees]
    assert "session-lost" in codes, f"{len(set(client.arrived))} of 100, and nothing is reported"
    return "reported"


def change(bench):
    client = bench.client("change", {"change/old": 1, "change/both": 1}).subscribed()
    client.filters = {"change/new": 1, "change/both": 1}
    client.subscriber.set_filters(client.filters)
    subscriptions = client.subscriber.subscriptions
    assert client.until(lambda: subscriptions.maybe_subscribed == set(client.filters) and subscriptions.complete, 40)
    bench.publish("change/old", [b"old"])
    bench.publish("change/new", [b"new"])
    bench.publish("change/both", [b"both"])
    assert client.has([b"new", b"both"])
    return YES if b"old" not in client.arrived else "still receives the old topic"


def overlap(bench):
    """Subscriptions one by one: the copies that arrive, and whether identifiers tell them apart."""
    parts = {"overlap/+/+": {"overlap/+/t": 1, "overlap/m/+": 1}}
    client = bench.client("overlap", {"overlap/+/+": 1}, parts=parts, overlapping_filters="separate").subscribed()
    bench.publish("overlap/m/t", [b"1"])
    assert client.has([b"1"])
    client.until(lambda: len(client.arrived) > 1, 1.0)
    copies = len(client.arrived)
    if copies == 1:
        return "1 copy"
    return f"{copies} copies, " + ("distinguished" if client.subscriber.subscriptions.separated else "duplicates")


def retained(bench):
    bench.publish("retained/r", [b"r"], retain=True)
    client = bench.client("retained").subscribed()
    client.until(lambda: client.arrived, 2.0)
    first = len(client.arrived)
    for _ in range(2):
        client.close()
        client.start()
        client.subscribed()
        client.until(lambda: False, 0.7)
    if not first:
        return "none arrive"
    return YES if len(client.arrived) == 1 else f"{len(client.arrived)} times in 3 sessions"


def large(bench):
    client = bench.client("large").subscribed()
    data = bytes(1_000_000)
    bench.publish("large/a", [data])
    return YES if client.has([data]) else "no"


def websocket(bench):
    """Over WebSocket, for longer than two keepalives."""
    if not bench.broker.has_websocket:
        return "none"
    client = bench.client("websocket", port=bench.broker.websocket_port, scheme="ws", keepalive_secs=2).subscribed()
    client.until(lambda: False, 5.0)
    bench.publish("websocket/a", numbered(100))
    assert client.has(numbered(100)), f"{len(set(client.arrived))} of 100"
    assert client.subscriber.connections - (client.subscriber.state().protocol != "5") * 3 <= 1, "reconnected"
    return YES


def shared(bench):
    pair = [bench.client(f"shared-{name}", {"shared/#": 1}, share="hall") for name in "ab"]
    for each in pair:
        subscriptions = each.subscriber.subscriptions
        if not each.until(lambda each=each, of=subscriptions: each.subscriber.state().subscribed or of.refused, 20):
            return f"not granted: {each.subscriber.state().problem}"
        if subscriptions.refused:
            return "refused"
    bench.publish("shared/a", numbered(200))
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and len({*pair[0].arrived, *pair[1].arrived}) < 200:
        for each in pair:
            each.poll()
    found = {*pair[0].arrived, *pair[1].arrived}
    if not found:
        codes = [each.code for each in pair[0].subscriber.state().lost_guarantees]
        assert "shared-subscription-unverified" in codes, "nothing is delivered, and nothing is reported"
        return NO_SHARED
    return YES if len(found) == 200 and len(pair[0].arrived) + len(pair[1].arrived) == 200 else f"{len(found)} of 200"


def fewer_workers(bench):
    """The only member of a group is drained, with messages queued for it."""
    client = bench.client("drain", {"drain/#": 1}, share="hall")
    if not client.until(lambda: client.subscriber.state().subscribed, 5):
        return "no groups"
    bench.publish("drain/a", [b"first"])
    if not client.has([b"first"], 3):
        return "no groups"
    client.close()
    bench.publish("drain/a", numbered(300))
    client.draining = True
    client.start()
    client.subscriber.leave()
    assert client.until(lambda: client.subscriber.left, 60), "the session is not given up"
    client.until(lambda: False, 1.0)
    count = len(set(numbered(300)) & set(client.arrived))
    return YES if count == 300 else f"{count} of 300 messages"


def slow_link(bench):
    """A round trip of 0.5 s, and the connection cut twice."""
    proxy = bench.proxy()
    proxy.slow(0.25)
    client = bench.client("slow", port=proxy.port, connect_timeout_secs=10.0).subscribed()
    for cut in range(2):
        proxy.reset()
        client.until(lambda: not client.subscriber.state().connected)
        client.subscribed()
        bench.publish("slow/a", numbered(20, cut * 20))
    assert client.has(numbered(40)), f"{len(set(client.arrived))} of 40"
    return YES


CHECKS: dict[str, Callable] = {
    "MQTT version": version,
    "live": live,
    "queued while away": away,
    "redelivered after a kill": killed,
    "broker restart": restart,
    "changed subscriptions": change,
    "overlapping filters one by one": overlap,
    "retained once": retained,
    "1 MB": large,
    "WebSocket": websocket,
    "shared subscription": shared,
    "fewer workers": fewer_workers,
    "round trip 0.5 s, cut twice": slow_link,
}


def run(kind: type[Broker], only=CHECKS) -> dict[str, str]:
    """The result of each check, with the broker on its own; "FAILED: …" for what the bridge must do and does not."""
    found = {}
    for name in only:
        with kind() as broker, Bench(broker) as bench:
            try:
                found[name] = CHECKS[name](bench)
            except (AssertionError, OSError) as error:
                found[name] = f"FAILED: {error}"
    return found
