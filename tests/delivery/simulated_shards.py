"""Bridges that share the shards of a stream, in simulated time, each with the real limiter and the real service clock.

A shard is a token bucket of 1,000 records and 1 MiB per second with a burst of one second. A request reaches the shard
after half of its latency. The shard then accepts or refuses its records, in their order.
"""

import heapq
import itertools
import random
from dataclasses import dataclass, field

from bridge.aws.transport.measurement import RequestMeasurement
from bridge.delivery.shard_limiter import ShardLimiter

RECORDS_PER_SEC, BYTES_PER_SEC = 1000, 1 << 20
MAX_REQUEST_RECORDS, MAX_REQUEST_BYTES = 500, 5 << 20
LINGER_SECS = 0.1
EPOCH = 1_700_000_007.0
"""Time of the service's clock at the start, in the middle of a period of the common pause."""


class Simulation:
    """Simulated time and the shards of one stream. `random_refusals` is a probability per record."""

    def __init__(self, *, shards=1, seed=1, random_refusals=0.0, record_secs=0.0):
        self.now = 0.0
        self.random = random.Random(seed)
        self.shards = {f"shard-{number}": Shard(self, random_refusals, record_secs) for number in range(shards)}
        self._events, self._order = [], itertools.count()

    def at(self, time, action):
        heapq.heappush(self._events, (max(time, self.now), next(self._order), action))

    def run(self, until):
        while self._events and self._events[0][0] <= until:
            self.now, _, action = heapq.heappop(self._events)
            action()
        self.now = until


class Shard:
    """Shard that accepts `share` of its limit, and needs `record_secs` for each record, in which it regains tokens."""

    def __init__(self, simulation, random_refusals, record_secs):
        self.simulation, self.random_refusals, self.record_secs = simulation, random_refusals, record_secs
        self.share, self.accepted, self.filled_at = 1.0, 0, 0.0
        self.records, self.bytes = float(RECORDS_PER_SEC), float(BYTES_PER_SEC)

    def offer(self, count, size):
        """Return one bool for each record, True if it was accepted. Return None if all were accepted."""
        now = self.simulation.now
        self._fill(now)
        if not self.random_refusals and not self.record_secs:  # the usual case, without a loop over the records
            accepted = min(count, int(self.records), int(self.bytes // size))
            self._take(accepted, size)
            return None if accepted == count else [number < accepted for number in range(count)]
        outcomes = []
        for number in range(count):
            if self.record_secs:
                self._fill(now + number * self.record_secs)
            fits = self.records >= 1 and self.bytes >= size
            outcomes.append(fits and self.simulation.random.random() >= self.random_refusals)
            self._take(outcomes[-1], size)
        return None if all(outcomes) else outcomes

    def _take(self, count, size):
        self.records -= count
        self.bytes -= count * size
        self.accepted += count

    def _fill(self, now):
        elapsed, self.filled_at = max(0.0, now - self.filled_at), max(now, self.filled_at)
        self.records = min(self.share, self.records / RECORDS_PER_SEC + elapsed * self.share) * RECORDS_PER_SEC
        self.bytes = min(self.share, self.bytes / BYTES_PER_SEC + elapsed * self.share) * BYTES_PER_SEC


@dataclass
class Bridge:
    """One bridge. `demand` is in records per second and shard; None: an endless backlog.

    `failing` is the probability that a request fails.
    """

    simulation: Simulation
    start: float = 0.0
    demand: float | None = None
    size: int = 100
    latency: tuple[float, float] = (0.02, 0.08)
    in_flight: int = 4
    failing: float = 0.0
    accepted: dict[str, int] = field(init=False)
    refused: dict[str, int] = field(init=False)
    requests: int = field(default=0, init=False)
    max_request_records: int = field(default=0, init=False)

    def __post_init__(self):
        shards = self.simulation.shards
        self.limiter = ShardLimiter(self.simulation.random.random)
        self.accepted, self.refused = dict.fromkeys(shards, 0), dict.fromkeys(shards, 0)
        self.backlog = dict.fromkeys(shards, 0.0 if self.demand else float("inf"))
        self.due = dict.fromkeys(shards, self.start)
        self._flying, self._wake_at, self._arrived_at = 0, None, self.start
        self._wake(self.start)

    def _wake(self, time):
        if self._wake_at is None or time < self._wake_at:
            self._wake_at = time
            self.simulation.at(time, lambda: self._look(time))

    def _look(self, time):
        if time != self._wake_at:
            return  # an earlier wake-up has replaced this one
        self._wake_at, now = None, self.simulation.now
        if self.demand:
            for shard in self.backlog:
                self.backlog[shard] += (now - self._arrived_at) * self.demand
            self._arrived_at = now
        while self._flying < self.in_flight and (request := self._load(now)):
            self._send(request, now)
        if self._flying < self.in_flight:
            self._wake(max(now + 0.001, min(self.due.values())))

    def _load(self, now):
        """Return the records of the next request by shard. The shards are in random order."""
        request, room = {}, MAX_REQUEST_RECORDS
        due = [shard for shard, time in self.due.items() if time <= now]
        self.simulation.random.shuffle(due)
        for shard in due:
            if not room:
                break
            count = self._draw(shard, room, now)
            self.due[shard] = now + (self.limiter.secs_until_available(shard, now) or LINGER_SECS)
            if count:
                request[shard] = count
                room -= count
        return request

    def _draw(self, shard, room, now):
        records, size = self.limiter.available(shard, now)
        if records <= 0 or size <= 0:
            return 0
        room = min(room, MAX_REQUEST_BYTES // self.size)
        count = int(min(records, room, self.backlog[shard], max(1, size // self.size)))
        if count:
            self.limiter.consume(shard, count, count * self.size, now)
            self.backlog[shard] -= count
        return count

    def _send(self, request, now):
        self._flying += 1
        self.requests += 1
        self.max_request_records = max(self.max_request_records, *request.values())
        secs = self.simulation.random.uniform(*self.latency)
        if self.simulation.random.random() < self.failing:
            self.simulation.at(now + secs, lambda: self._failed(request))
        else:
            self.simulation.at(now + secs / 2, lambda: self._arrive(request, now, now + secs))

    def _failed(self, request):
        for shard, count in request.items():
            self.backlog[shard] += count
        self._landed()

    def _arrive(self, request, sent_at, answered_at):
        shards, date = self.simulation.shards, int(EPOCH + self.simulation.now)
        results = {shard: (count, shards[shard].offer(count, self.size)) for shard, count in request.items()}
        self.simulation.at(answered_at, lambda: self._answered(results, sent_at, date))

    def _answered(self, results, sent_at, date):
        now = self.simulation.now
        self.limiter.clock.observe(measurement(date, sent_at, now))
        for shard, (count, outcomes) in results.items():
            if outcomes is None:
                self.limiter.on_accepted(shard, count, count * self.size, now, sent_at)
            else:
                self.limiter.on_results(shard, [(self.size, accepted) for accepted in outcomes], now, sent_at)
            accepted = count if outcomes is None else sum(outcomes)
            self.accepted[shard] += accepted
            self.refused[shard] += count - accepted
            self.backlog[shard] += count - accepted
        self._landed()

    def _landed(self):
        """Note that a request has ended, and start the next request if it waited for this."""
        if self._flying == self.in_flight:
            self._wake(self.simulation.now)
        self._flying -= 1


def measurement(date, sent_at, answered_at):
    """Return the measurement of a request with these times. The other fields do not matter."""
    return RequestMeasurement(
        0, 0, sent_at, None, answered_at, reused=True, connect_secs=0, round_trip_secs=0, date=date
    )


class ConstantProducer:
    """Producer that sends `rate` records per second to one shard in batches, even if they are refused."""

    def __init__(self, simulation, rate, batch_secs=0.05, stop=float("inf"), shard="shard-0"):
        self.simulation, self.rate, self.batch_secs, self.stop = simulation, rate, batch_secs, stop
        self.shard = simulation.shards[shard]
        simulation.at(0.0, self._send)

    def _send(self):
        if self.simulation.now < self.stop:
            self.shard.offer(int(self.rate * self.batch_secs), 100)
            pause_secs = self.batch_secs * self.simulation.random.uniform(0.8, 1.2)
            self.simulation.at(self.simulation.now + pause_secs, self._send)


@dataclass
class Measured:
    """Records per second that one shard accepted over some time: of each bridge, and of all producers."""

    rates: list[float]
    refused: float
    utilisation: float

    @property
    def max_to_min(self):
        return max(self.rates) / max(1e-9, min(self.rates))

    @property
    def deviation(self):
        """Largest deviation from equal shares."""
        mean = sum(self.rates) / len(self.rates)
        return max(abs(rate - mean) for rate in self.rates) / mean


def measure(simulation, bridges, begin, end, limit=RECORDS_PER_SEC):
    """Return a Measured for each shard, from the simulated time `begin` to `end`. `limit` is in records per second."""
    simulation.run(begin)
    before = [(dict(bridge.accepted), dict(bridge.refused)) for bridge in bridges]
    accepted_before = {name: shard.accepted for name, shard in simulation.shards.items()}
    simulation.run(end)
    secs, measured = end - begin, []
    for name, shard in simulation.shards.items():
        accepted = [bridge.accepted[name] - old[name] for bridge, (old, _) in zip(bridges, before, strict=True)]
        refused = sum(bridge.refused[name] - old[name] for bridge, (_, old) in zip(bridges, before, strict=True))
        utilisation = (shard.accepted - accepted_before[name]) / secs / limit
        measured.append(Measured([each / secs for each in accepted], refused / (refused + sum(accepted)), utilisation))
    return measured


def crowd(simulation, count, *, apart_secs=0.0, **options):
    """Return `count` bridges that start `apart_secs` one after the other, plus up to 0.3 s."""
    starts = [number * apart_secs + simulation.random.uniform(0, 0.3) for number in range(count)]
    return [Bridge(simulation, start=start, **options) for start in starts]
