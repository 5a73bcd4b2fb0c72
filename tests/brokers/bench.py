"""Bench for one check: a broker, and clients with the code of the bridge."""

import contextlib
import threading
import time
from dataclasses import dataclass, field

from bridge.mqtt.broker_address import BrokerAddress
from bridge.mqtt.draining_subscriber import DrainingSubscriber
from bridge.mqtt.settings import MqttSettings
from bridge.mqtt.stored_session import StoredSession
from bridge.mqtt.subscriber import Subscriber
from tests.brokers.broker import SECRET, Broker
from tests.harness.mqtt_settings import mqtt_settings
from tests.harness.proxy import Proxy
from tests.harness.publisher import Publisher
from tests.mqtt.polling import acknowledgement, payloads

SECS = 30.0
SLOW_SECS = 0.25
"""Delay of the slow link in each direction."""
PATIENCE = 4
"""Factor for time limits on the slow link."""
FEWER = 5
"""Divisor for numbers of messages on the slow link, because some brokers send one message at a time."""
YES = "yes"


@dataclass
class Client:
    """The bridge's session with the broker, and the received messages. A check can restart it like a bridge."""

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
        self.subscriber = kind(self.settings, maybe_subscribed=self.held, record=self.record, save=self._save)
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
        """End the session without DISCONNECT, like a killed process."""
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
        """Poll until the condition is true. Return False after the time limit."""
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
        """Poll until all these messages have arrived. Return False after the time limit."""
        return self.until(lambda: set(wanted) <= set(self.arrived), secs)


class Bench:
    """Resources of a check of one broker. They are closed at the end of the check.

    With `slow`, clients reach the broker over a link with a round trip of 0.5 s.
    """

    def __init__(self, broker: Broker, *, slow: bool = False):
        self.broker = broker
        self.slow = slow
        self._stack = contextlib.ExitStack()
        self._count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    def client(
        self, name, filters=None, *, port=None, proxy=None, scheme="mqtt", parts=None, draining=False, **options
    ):
        target = port or self.broker.port
        link = proxy or (self.proxy(target) if self.slow else None)
        address = BrokerAddress(scheme, "127.0.0.1", link.port if link else target)
        options = {"connect_timeout_secs": 10.0, "reconnect_max_secs": 0.5, "keepalive_secs": 10} | options
        if self.broker.username:
            options |= {"username": self.broker.username, "password": SECRET}
        settings = mqtt_settings(address, client_id=name, **options)
        client = Client(settings, {f"{name}/#": 1} if filters is None else filters, parts, draining)
        self._stack.callback(client.close)
        return client.start()

    def publish(self, topic, messages, *, retain=False):
        self._count += 1
        login = {"username": self.broker.username, "password": SECRET}
        with Publisher(self.broker.port, client_id=f"publisher-{self._count}", window=50, **login) as publisher:
            publisher.publish([(topic, data) for data in messages], 1, retain=retain)

    def publish_meanwhile(self, client, topic, messages):
        """Publish in another thread, and poll the client meanwhile, so that it can send pings.

        Some brokers need seconds to accept the messages.
        """
        thread = threading.Thread(target=self.publish, args=(topic, messages))
        thread.start()
        client.until(lambda: not thread.is_alive(), self.secs(SECS))
        thread.join()

    def proxy(self, target=None):
        """Return a proxy before a port of the broker, with the delay of the link."""
        made = self._stack.enter_context(Proxy(target or self.broker.port))
        made.slow(SLOW_SECS if self.slow else 0.0)
        return made

    def secs(self, secs):
        return secs * PATIENCE if self.slow else secs

    def numbered(self, count, first=0):
        """Return `count` payloads, or fewer on the slow link."""
        count = max(15, count // FEWER) if self.slow else count
        return [b"%d" % number for number in range(first, first + count)]

    def all_of(self, client, wanted, secs=SECS, *, strict=True):
        """Wait for all these messages. Return "yes", or how many have arrived.

        With `strict`, missing messages are a failure, unless this broker loses messages.
        """
        if client.has(wanted, self.secs(secs)):
            return YES
        found = f"{len(set(wanted) & set(client.arrived))} of {len(wanted)} messages"
        assert not strict or self.broker.loses, found
        return found
