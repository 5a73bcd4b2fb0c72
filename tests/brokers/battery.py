"""Checks of the bridge's session with a broker, the same for each broker.

A check returns "yes", or a short text about the difference. It raises AssertionError if the bridge violates a
requirement that holds for every broker. Each check runs twice: on this machine, and with a round trip of 0.5 s to the
broker. Messages have QoS 1 and are acknowledged when they arrive.
"""

import contextlib
import signal
import time
from collections.abc import Callable

from tests.brokers.bench import YES, Bench
from tests.brokers.broker import SECRET, Broker
from tests.harness.mqtt_settings import tls_files

NO_SHARED = "not delivered"
CRASHED = "the broker crashes"
"""Result of a check after which the broker accepts no session of any client."""
CHECK_SECS = 300
"""Time limit of one check. The start of a broker in Java takes 90 s on a busy machine."""
ALLOWED_ENDS = 3
"""Number of disconnects after which the bridge no longer publishes: see `publish_guard`."""


# -- checks


def version(bench):
    return bench.client("version").subscribed().subscriber.state().protocol


def live(bench):
    client = bench.client("live").subscribed()
    wanted = bench.numbered(500)
    bench.publish("live/a", wanted)
    found = bench.all_of(client, wanted)
    return found if found != YES or client.arrived == wanted else "yes, not in order"


def away(bench):
    client = bench.client("away").subscribed()
    client.close()
    wanted = bench.numbered(200)
    bench.publish("away/a", wanted)
    client.start()
    return bench.all_of(client, wanted, 15, strict=False)


def killed(bench):
    client = bench.client("killed").subscribed()
    client.acknowledging = False
    wanted = bench.numbered(15)
    bench.publish("killed/a", wanted)
    client.until(lambda: client.arrived)
    client.kill()
    client.arrived, client.acknowledging = [], True
    client.start()
    return bench.all_of(client, wanted, 45, strict=False)


def restart(bench):
    """Restart the broker while it has messages for a disconnected client."""
    client = bench.client("restart").subscribed()
    client.close()
    wanted = bench.numbered(100)
    bench.publish("restart/a", wanted)
    time.sleep(1.5 if bench.broker.stores else 0.0)  # mosquitto saves its sessions every second
    bench.broker.restart()
    client.start()
    client.subscribed()
    found = bench.all_of(client, wanted, 5, strict=False)
    if found == YES:
        return YES
    codes = [each.code for each in client.subscriber.state().lost_guarantees]
    assert "session-lost" in codes or bench.broker.loses, f"{found}, and nothing is reported"
    return "reported" if "session-lost" in codes else found


def change(bench):
    client = bench.client("change", {"change/old": 1, "change/both": 1}).subscribed()
    client.filters = {"change/new": 1, "change/both": 1}
    client.subscriber.set_filters(client.filters)
    subscriptions = client.subscriber.subscriptions
    assert client.until(lambda: subscriptions.maybe_subscribed == set(client.filters) and subscriptions.complete, 60)
    bench.publish("change/old", [b"old"])
    bench.publish("change/new", [b"new"])
    bench.publish("change/both", [b"both"])
    found = bench.all_of(client, [b"new", b"both"])
    return found if b"old" not in client.arrived else "still receives the old topic"


def overlap(bench):
    """Subscribe to overlapping filters one by one.

    Return the copies that arrive, and whether identifiers distinguish them.
    """
    parts = {"overlap/+/+": {"overlap/+/t": 1, "overlap/m/+": 1}}
    client = bench.client("overlap", {"overlap/+/+": 1}, parts=parts, overlapping_filters="separate").subscribed()
    bench.publish("overlap/m/t", [b"1"])
    assert client.has([b"1"])
    client.until(lambda: len(client.arrived) > 1, bench.secs(1.0))
    copies = len(client.arrived)
    if copies == 1:
        return "1 copy"
    return f"{copies} copies, " + ("distinguished" if client.subscriber.subscriptions.separated else "duplicates")


def retained(bench):
    bench.publish("retained/r", [b"r"], retain=True)
    client = bench.client("retained").subscribed()
    client.until(lambda: client.arrived, bench.secs(2.0))
    first = len(client.arrived)
    for _ in range(2):
        client.close()
        client.start()
        client.subscribed()
        client.until(lambda: False, bench.secs(0.7))
    if not first:
        return "none arrive"
    return YES if len(client.arrived) == 1 else f"{len(client.arrived)} times in 3 sessions"


def large(bench):
    client = bench.client("large").subscribed()
    data = bytes(1_000_000)
    bench.publish("large/a", [data])
    return YES if client.has([data]) else "no"


def websocket(bench):
    """Use a WebSocket connection for longer than two keepalives."""
    if not bench.broker.has_websocket:
        return "none"
    client = bench.client("websocket", port=bench.broker.websocket_port, scheme="ws", keepalive_secs=2).subscribed()
    connections = client.subscriber.connections
    client.until(lambda: False, 5.0)
    wanted = bench.numbered(100)
    bench.publish_meanwhile(client, "websocket/a", wanted)
    found = bench.all_of(client, wanted)
    assert client.subscriber.connections == connections, "reconnected"
    return found


def tls(bench):
    if not bench.broker.has_tls:
        return "not tried"
    files = tls_files(ca_file=bench.broker.ca_file)
    client = bench.client("tls", port=bench.broker.tls_port, scheme=bench.broker.tls_scheme, tls=files).subscribed()
    wanted = bench.numbered(200)
    bench.publish("tls/a", wanted)
    return bench.all_of(client, wanted)


def refused_filter(bench):
    """Subscribe to two filters, one of which is denied.

    Messages of the other filter must arrive. The denied filter must be reported, if the broker reports it.
    """
    if not bench.broker.has_acl:
        return "not tried"
    secret = f"{SECRET}/#"
    client = bench.client("filters", {"acl/open/#": 1, secret: 1})
    subscriptions = client.subscriber.subscriptions

    def decided():
        granted = subscriptions.granted_qos
        return "acl/open/#" in granted and (secret in granted or secret in subscriptions.refused)

    assert client.until(decided, 60), f"granted {subscriptions.granted_qos}, refused {subscriptions.refused}"
    wanted = bench.numbered(50)
    bench.publish("acl/open/a", wanted)
    found = bench.all_of(client, wanted)
    if secret in subscriptions.granted_qos:
        return "granted, and delivers nothing" if found == YES else found
    assert secret in client.subscriber.state().problem, "the refusal is not reported"
    return found


def refused_topic(bench):
    """Publish to a denied topic, as for a rebirth request. Messages must still arrive."""
    if not bench.broker.has_acl:
        return "not tried"
    client = bench.client("topics", {"acl/open/#": 1}).subscribed()
    connections = client.subscriber.connections
    for _ in range(5):
        client.until(lambda: client.subscriber.state().subscribed)
        client.subscriber.publish(f"{SECRET}/command", b"x")
        client.until(lambda: False, bench.secs(0.5))
    client.subscribed()
    wanted = bench.numbered(50)
    bench.publish("acl/open/a", wanted)
    found = bench.all_of(client, wanted)
    ended = client.subscriber.connections - connections
    assert ended <= ALLOWED_ENDS, f"publishing ended {ended} connections"
    return found if not ended or found != YES else f"yes; publishing pauses after {ended} ended connections"


def shared(bench):
    pair = [bench.client(f"shared-{name}", {"shared/#": 1}, share="hall") for name in "ab"]
    for each in pair:
        subscriptions = each.subscriber.subscriptions
        if not each.until(lambda each=each, of=subscriptions: each.subscriber.state().subscribed or of.refused, 20):
            return f"not granted: {each.subscriber.state().problem or 'no SUBACK'}"
        if subscriptions.refused:
            return "refused"
    wanted = bench.numbered(200)
    bench.publish("shared/a", wanted)
    deadline = time.monotonic() + bench.secs(10)
    while time.monotonic() < deadline and len({*pair[0].arrived, *pair[1].arrived}) < len(wanted):
        for each in pair:
            each.poll()
    found = {*pair[0].arrived, *pair[1].arrived}
    if not found:
        codes = [each.code for each in pair[0].subscriber.state().lost_guarantees]
        assert "shared-subscription-unverified" in codes, "nothing is delivered, and nothing is reported"
        return NO_SHARED
    each_once = len(pair[0].arrived) + len(pair[1].arrived) == len(wanted)
    return YES if len(found) == len(wanted) and each_once else f"{len(found)} of {len(wanted)} messages"


def fewer_workers(bench):
    """Drain the only member of a shared group while the broker queues messages for it."""
    client = bench.client("drain", {"drain/#": 1}, share="hall")
    if not client.until(lambda: client.subscriber.state().subscribed, bench.secs(5)):
        return "no groups"
    bench.publish("drain/a", [b"first"])
    if not client.has([b"first"], bench.secs(3)):
        return "no groups"
    client.close()
    wanted = bench.numbered(300, 1_000)
    bench.publish("drain/a", wanted)
    client.draining = True
    client.start()
    client.subscriber.leave()
    assert client.until(lambda: client.subscriber.unsubscribed, 90), "the session is not given up"
    client.until(lambda: False, 1.0)
    return bench.all_of(client, wanted, 1, strict=False)


def cut_twice(bench):
    proxy = bench.proxy()
    client = bench.client("cut", proxy=proxy).subscribed()
    for cut in range(2):
        proxy.reset()
        client.until(lambda: not client.subscriber.state().connected)
        client.subscribed()
        bench.publish("cut/a", bench.numbered(20, cut * 20))
    return bench.all_of(client, [*bench.numbered(20), *bench.numbered(20, 20)])


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
    "TLS": tls,
    "refused filter": refused_filter,
    "refused topic": refused_topic,
    "shared subscription": shared,
    "fewer workers": fewer_workers,
    "connection cut twice": cut_twice,
}
_OPTIONS = {tls: {"tls": True}, refused_filter: {"acl": True}, refused_topic: {"acl": True}}


@contextlib.contextmanager
def _deadline():
    """Raise TimeoutError after CHECK_SECS. A publisher whose message ends each connection would never end otherwise."""

    def end(*_):
        raise TimeoutError(f"no end within {CHECK_SECS} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(CHECK_SECS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run(kind: type[Broker], only=CHECKS) -> dict[str, str]:
    """Return the result of each check with one broker.

    "FAILED: …" means that the bridge does not meet a requirement. If the result over the slow link differs, it follows
    after "slow link:".
    """
    found = {}
    for name in only:
        near, far = (run_check(kind, CHECKS[name], slow=slow) for slow in (False, True))
        found[name] = near if near == far else f"{near}; slow link: {far}"
    return found


def run_check(kind: type[Broker], check: Callable, *, slow: bool) -> str:
    try:
        with _deadline(), kind(**_OPTIONS.get(check, {})) as broker, Bench(broker, slow=slow) as bench:
            try:
                return check(bench)
            except (AssertionError, OSError):
                if broker.responds():
                    raise
                return CRASHED
    except (AssertionError, OSError) as error:
        return f"FAILED: {error}"
