"""Several streams that share one link, in simulated time. Pool, senders, queues and limits are the real ones.

Each stream has a backlog from the beginning, and receives live records. Requests that have not left yet share the
bandwidth of the link equally, as TCP connections do.
"""

from dataclasses import dataclass
from functools import partial
from math import inf

from bridge.aws.transport.measurement import RequestProgress
from bridge.delivery.sender_pool import SenderPool
from bridge.delivery.settings import SenderSettings
from bridge.model import Record
from bridge.spool.queue.live_first_queue import LiveFirstQueue
from bridge.spool.queue.stream_queue import PAGE_RECORDS
from tests.delivery.simulated_requests import AcceptingTransport

STEP_SECS = 0.05
LOOK_SECS = 0.1
KEYS = 50
BACKLOG = 1_000_000
DATA = bytes(200)
WIRE_FACTOR, HEAD_BYTES = 1.37, 1_000
"""Bytes on the wire of a request: base64 and JSON of its records, and the HTTP head."""


@dataclass(eq=False)
class Request:
    """A request in flight. `look_at` is the time at which its thread next queries how much has left."""

    task: partial
    size: float
    remaining: float
    look_at: float
    answered_at: float = inf

    def look(self, left):
        _, flight = self.task.args
        self.task.func.__self__._on_progress(flight, RequestProgress(int(self.size), left, left == int(self.size)))


class SimulatedLoad:
    """One stream: its queue, and the seconds from arrival to delivery of each live record. `rate`: records a second."""

    def __init__(self, name, rate, clock):
        self._rate, self._clock = rate, clock
        self.queue = LiveFirstQueue(name, 1, read=self._read, first=1, next_number=BACKLOG + 1, fresh_bytes=1 << 30)
        self.queue.clock, self.queue.settle = clock, self._settle
        self.latencies = []
        self._received = {}
        self._due = 0.0

    def arrive(self, secs):
        """Append the live records that arrive at a time."""
        self._due += self._rate * secs
        for _ in range(int(self._due)):
            self._received[self.queue.next] = self._clock()
            self.queue.append(1, key_of(self.queue.next), DATA)
        self._due -= int(self._due)
        if self.queue.pending:
            self.queue.committed()

    def latency(self, share):
        """Return the latency that this share of the live records does not exceed.

        The latency of a waiting record is its age.
        """
        ordered = sorted([*self.latencies, *(self._clock() - at for at in self._received.values())])
        return ordered[int(share * len(ordered))]

    def _settle(self, delivered, rejected):
        assert not rejected
        arrived = [self._received.pop(record.number, None) for record in delivered]
        self.latencies += [self._clock() - at for at in arrived if at is not None]

    def _read(self, _stream, first, before, *, newest=False):
        numbers = range(first, before)
        page = numbers[-PAGE_RECORDS:] if newest else numbers[:PAGE_RECORDS]
        return [Record(number, 1, key_of(number), DATA) for number in page]


def key_of(number):
    return f"press-{number % KEYS}"


class SimulatedPool:
    """Streams over a link of `bandwidth` bytes per second, to an endpoint that responds after `latency` seconds.

    `rates`: live records a second of each stream. `buffer`: number of bytes of a connection that fit in a buffer before
    the link, for example of a proxy. `delay()`: seconds by which a thread is late, because the machine is busy.
    """

    def __init__(self, bandwidth, latency, rates, *, packing="kpl", buffer=0, delay=lambda: 0.0):
        self.now = self.sent_bytes = self.highest_bandwidth = 0.0
        self.bandwidth, self._latency, self._buffer, self._delay = bandwidth, latency, buffer, delay
        self._pool = SenderPool("kinesis", AcceptingTransport(2), SenderSettings(), lambda: self.now)
        self.loads = [
            SimulatedLoad(f"s{number} packing={packing}", rate, lambda: self.now) for number, rate in enumerate(rates)
        ]
        for load in self.loads:
            self._pool.add(load.queue)
        self._requests = []
        self._step_at = 0.0

    def run(self, secs):
        """Send for this time. Return the share of the link that was used."""
        end, before = self.now + secs, self.sent_bytes
        while self.now < end:
            self._lead()
            self._advance()
        return (self.sent_bytes - before) / (self.bandwidth * secs)

    def _lead(self):
        """Act as the pool's leader until no task is due."""
        while True:
            sender, task = self._pool._choose(self.now)
            if task is not None:
                task()
            elif sender is None:
                return
            elif (task := sender.prepare()) is not None:
                size = WIRE_FACTOR * task.args[0].counted_bytes + HEAD_BYTES
                self._requests.append(Request(task, size, size, self.now + LOOK_SECS + self._delay()))

    def _advance(self):
        """Advance the time to the next event, and process this event."""
        leaving = [request for request in self._requests if request.remaining > 0]
        rate = self.bandwidth / max(1, len(leaving))
        times = [self._step_at, self.now + max(1e-6, self._pool._wait_secs(self.now))]
        times += [self.now + request.remaining / rate for request in leaving]
        times += [min(request.look_at, request.answered_at) for request in self._requests]
        before, self.now = self.now, max(self.now, min(times))
        for request in leaving:
            request.remaining -= rate * (self.now - before)
            if request.remaining < 1e-6 * request.size:
                request.remaining, request.answered_at = 0.0, self.now + self._latency + self._delay()
        if self.now >= self._step_at:
            self._step_at += STEP_SECS
            for load in self.loads:
                load.arrive(STEP_SECS)
        for request in list(self._requests):
            if request.answered_at <= self.now:
                self._answer(request)
            elif request.look_at <= self.now:
                left = int(min(request.size, request.size - request.remaining + self._buffer))
                request.look(left)
                request.look_at = inf if left == int(request.size) else self.now + LOOK_SECS + self._delay()

    def _answer(self, request):
        self._requests.remove(request)
        self.sent_bytes += request.size
        request.task()
        self.highest_bandwidth = max(self.highest_bandwidth, self._pool.status().bandwidth)
