"""Scenarios of shared shards: four bridges send more records to a stream than its shards accept.

The stand-in enforces the limits of shards as AWS does. The scenarios check that nearly all of the capacity is used, and
that each bridge gets its share, even beside a producer that does not back off.
"""

import contextlib
import hashlib
import http.client
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.fakes.arrival_log import ArrivalLog
from tests.fakes.kinesis import KinesisStandIn
from tests.fakes.kinesis_streams import HASH_SPACE, SHARD_RECORDS_PER_SEC
from tests.faults.scenario import Outcome
from tests.faults.scenario_setup import Setup
from tests.faults.thin_links.calibrated_sender import TARGET
from tests.faults.thin_links.capacity import body_of, message
from tests.faults.thin_links.link_setup import START_SECS
from tests.faults.thin_links.load import LinkLoad
from tests.faults.thin_links.trial import FILL_SECS, stopped
from tests.harness.bridge_process import BridgeProcess, write_configuration
from tests.harness.mosquitto import Mosquitto

BRIDGES = 4
STREAM = "shared"
BACKLOG = 30_000
MESSAGE_BYTES = 200
SETTLE_SECS, MEASURE_SECS = 90.0, 120.0
RESPONSE_SECS = 0.02
MIN_USED = 0.9
MAX_DIFFERENCE = 0.2
MIN_OF_FAIR_SHARE = 0.5
AGGRESSIVE_REQUEST_RECORDS = 100


def balanced_keys(shards: int, count: int = 32) -> list[str]:
    """Return keys that are evenly distributed over the shards. Consecutive keys belong to different shards."""
    by_shard: list[list[str]] = [[] for _ in range(shards)]
    for key in map(str, range(1_000)):
        by_shard[int(hashlib.md5(key.encode()).hexdigest(), 16) * shards // HASH_SPACE].append(key)
    return [by_shard[index % shards][index // shards] for index in range(count)]


class ProducerLog(ArrivalLog):
    """Arrival log of several producers. `delivered` is the number of messages of each.

    A message belongs to the producer whose index is the remainder of the message number divided by the number of
    producers.
    """

    def __init__(self, producers: int) -> None:
        super().__init__()
        self.delivered = [0] * producers

    def count_first(self, number: int) -> None:
        self.delivered[number % len(self.delivered)] += 1


@dataclass(frozen=True)
class Shares:
    """Records per second that each producer delivered during the measurement. The aggressive producer is the last."""

    per_sec: tuple[float, ...]
    capacity: float
    aggressive: bool

    @property
    def used(self) -> float:
        """Used share of the capacity of the shards."""
        return sum(self.per_sec) / self.capacity

    def faults(self) -> list[str]:
        """Return the verdict: texts that name each violated limit."""
        found = [] if self.used >= MIN_USED else [f"{self.used:.0%} of the shards used; at least {MIN_USED:.0%}"]
        fair = sum(self.per_sec) / len(self.per_sec)
        bridges = self.per_sec[:-1] if self.aggressive else self.per_sec
        lowest, highest = (MIN_OF_FAIR_SHARE, None) if self.aggressive else (1 - MAX_DIFFERENCE, 1 + MAX_DIFFERENCE)
        for number, per_sec in enumerate(bridges, 1):
            if per_sec < lowest * fair or (highest and per_sec > highest * fair):
                found.append(f"bridge {number} has {per_sec / fair:.0%} of the fair share of {fair:,.0f} records/s")
        return found

    def __str__(self) -> str:
        names = [f"bridge {number}" for number in range(1, BRIDGES + 1)] + ["aggressive producer"] * self.aggressive
        shares = ", ".join(f"{name} {per_sec:,.0f}/s" for name, per_sec in zip(names, self.per_sec, strict=True))
        return f"{shares}; {self.used:.0%} of the shards' capacity used"


class AggressiveProducer:
    """Producer that sends `per_sec` records per second, even if they are refused.

    `number_of(n)` returns the number of its n-th message.
    """

    def __init__(self, port: int, per_sec: float, number_of: Callable[[int], int], keys: list[str]) -> None:
        self._port, self._per_sec, self._number_of, self._keys = port, per_sec, number_of, keys
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aggressive", daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._thread.join()

    def _run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        started = time.monotonic()
        for first in itertools.count(0, AGGRESSIVE_REQUEST_RECORDS):
            if self._ending.wait(max(0.0, started + first / self._per_sec - time.monotonic())):
                return
            messages = [
                (self._keys[number % len(self._keys)], message(self._number_of(number), MESSAGE_BYTES))
                for number in range(first, first + AGGRESSIVE_REQUEST_RECORDS)
            ]
            connection.request("POST", "/", body_of(STREAM, "none", messages), {"X-Amz-Target": TARGET})
            connection.getresponse().read()


@dataclass(frozen=True)
class SharedShards:
    """Scenario of four bridges on one stream.

    With `aggressive`, there is also a producer that does not back off. It sends as much as all shards accept.
    """

    name: str
    shards: int
    aggressive: bool = False
    needs_root: bool = False
    setup: Setup = field(default_factory=Setup)

    @property
    def capacity(self) -> float:
        return float(self.shards * SHARD_RECORDS_PER_SEC)

    @property
    def producers(self) -> int:
        return BRIDGES + self.aggressive

    def play(self, folder: Path) -> Outcome:
        """Run the scenario, print the shares, and return its row of the table."""
        log, keys = ProducerLog(self.producers), balanced_keys(self.shards)
        with contextlib.ExitStack() as parts:
            kinesis = KinesisStandIn({STREAM: self.shards}, limited=True, latency_secs=RESPONSE_SECS)
            parts.enter_context(kinesis).streams[STREAM].arrivals = log
            broker = parts.enter_context(Mosquitto())
            bridges = [self._bridge(parts, folder, kinesis, broker, number) for number in range(BRIDGES)]
            loads = [self._load(parts, broker, log, keys, number) for number in range(BRIDGES)]
            assert all(load.filled.wait(FILL_SECS) for load in loads), "the backlog could not be published"
            if self.aggressive:
                number_of = partial(self._number_of, BRIDGES)
                parts.enter_context(AggressiveProducer(kinesis.port, self.capacity, number_of, keys))
            shares = self._measured(log, loads)
            published = sum(load.stop() for load in loads)
            return self._outcome(log, shares, bridges, published)

    def _bridge(self, parts, folder, kinesis, broker, number):
        output = {"data_stream": STREAM, "partition_key_from": "captures.key"}
        write_configuration(
            folder / f"bridge-{number}",
            mqtt={"url": f"mqtt://127.0.0.1:{broker.port}", "client_id": f"bridge-{number}"},
            kinesis={"endpoint_url": kinesis.url},
            mappings={"shared": {"topic": f"shared/{number}/{{key}}", "outputs": [output]}},
        )
        bridge = parts.enter_context(BridgeProcess(folder / f"bridge-{number}", await_subscribed=False))
        bridge.wait_for("subscribed", timeout_secs=START_SECS)
        return bridge

    def _load(self, parts, broker, log, keys, producer):
        def message_of(number):
            payload = message(self._number_of(producer, number), MESSAGE_BYTES)
            return f"shared/{producer}/{keys[number % len(keys)]}", payload

        def arrived():
            return log.delivered[producer]

        return parts.enter_context(LinkLoad(broker.port, f"{producer}", message_of, backlog=BACKLOG, arrived=arrived))

    def _number_of(self, producer: int, number: int) -> int:
        """Return the number that the n-th message of a producer has among all messages."""
        return number * self.producers + producer

    def _measured(self, log, loads):
        time.sleep(SETTLE_SECS)
        began, before = time.monotonic(), list(log.delivered)
        time.sleep(MEASURE_SECS)
        took = time.monotonic() - began
        per_sec = tuple((now - then) / took for now, then in zip(log.delivered, before, strict=True))
        for load in loads:
            load.check()
        return Shares(per_sec, self.capacity, self.aggressive)

    def _outcome(self, log, shares, bridges, published):
        print(f"\n{self.name}: {shares}", flush=True)
        problems, spooled = shares.faults(), 0
        for bridge in bridges:
            found, remaining = stopped(bridge)
            problems += found
            spooled += remaining
        lost = 0 if problems else max(0, published - sum(log.delivered[:BRIDGES]) - spooled)
        problems += [f"{lost} of {published} records lost"] if lost else []
        return Outcome(self.name, sum(shares.per_sec), published, lost, log.duplicates, 0.0, tuple(problems))


SCENARIOS = (
    SharedShards("shared shards: four bridges on two shards, each with more than its share", 2),
    SharedShards("shared shards: four bridges and a producer that does not back off, on one shard", 1, aggressive=True),
)
