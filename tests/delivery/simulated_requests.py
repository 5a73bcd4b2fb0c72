"""Sender of one stream in simulated time, with several requests in flight, which are answered later.

The queue, the sender and the adaptive concurrency are the real ones. There are no threads and no sockets. A task that
`StreamSender.prepare` returns runs at the time of its response.
"""

import heapq
import random
import threading

from bridge.delivery.adaptive_concurrency import AdaptiveConcurrency
from bridge.delivery.circuit_breaker import CircuitBreaker
from bridge.delivery.settings import SenderSettings
from bridge.delivery.stream_sender import StreamSender
from bridge.kinesis.publisher import StreamDescription
from bridge.kinesis.put_records_codec import RecordAccepted
from bridge.kinesis.shard_map import Shard
from bridge.spool.queue.stream_queue import PAGE_RECORDS, StreamQueue
from tests.fakes.kinesis_streams import Stream

ARRIVAL_STEP_SECS = 0.01


class AcceptingTransport:
    """Accepts every record on the shard of its key."""

    def __init__(self, shards):
        self._stream = Stream("s", shards)

    def endpoint(self, _stream):
        return "kinesis"

    def describe(self, _stream):
        return StreamDescription()

    def list_shards(self, _stream):
        return [Shard(each.id, each.first_hash, each.last_hash) for each in self._stream.open_shards]

    def put_records(self, _stream, entries):
        return [
            RecordAccepted("1", self._stream.shard_of(each.key, getattr(each, "hash_key", None)).id) for each in entries
        ]


class SimulatedRequests:
    """Simulation of one sender.

    `batches` are all requests that were sent. `outstanding` is the number of records that the sender had at each
    request. `keys` is the number of partition keys; with 0, each record has a different key. `latency_secs` is the
    range of the latency of the responses.
    """

    def __init__(self, packing="", *, keys, latency_secs=(0.02, 0.05), shards=64, data_bytes=200, **settings):
        self.now, self.batches, self.outstanding, self.delivered = 0.0, [], [], 0
        self._keys, self._latency_secs, self._data_bytes = keys, latency_secs, data_bytes
        self._random = random.Random(1)
        self._answers = []
        self._records = []
        name = " ".join(["s", *([packing] if packing else []), *([] if keys else ["keys=spread"])])
        self.queue = StreamQueue(name, 1, read=self._read, first=1, next_number=1, fresh_bytes=1 << 40)
        self.queue.clock = lambda: self.now
        self._settle, self.queue.settle = self.queue.settle, self._count
        chosen = SenderSettings(**settings)
        self._concurrency = AdaptiveConcurrency(chosen.requests_in_flight)
        self.sender = StreamSender(
            self.queue,
            AcceptingTransport(shards),
            chosen,
            self._concurrency,
            CircuitBreaker(chosen.network_backoff),
            threading.Condition(),
            lambda: self.now,
        )

    def send_backlog(self, count):
        """Send records that are all in the queue from the beginning."""
        self._arrive(count)
        while self.delivered < count:
            self._turn()
            self._pass_time([])

    def send_live(self, count, records_per_sec):
        """Send records that arrive at a constant rate."""
        arrived = 0
        while self.delivered < count:
            due = min(count, int(self.now * records_per_sec) + 1)
            if due > arrived:
                self._arrive(due - arrived)
                arrived = due
            self._turn()
            self._pass_time([self.now + ARRIVAL_STEP_SECS] if arrived < count else [])

    def _arrive(self, count):
        for _ in range(count):
            key = f"press-{self._random.randrange(self._keys)}" if self._keys else None
            self.queue.append(1, key, self._random.randbytes(self._data_bytes))
        self._records += self.queue.pending
        self.queue.committed()

    def _read(self, _stream, first, before, *, newest=False):
        """Read a page from disk. In this simulation, all records that arrived are on disk."""
        numbers = range(first, min(before, len(self._records) + 1))
        page = numbers[-PAGE_RECORDS:] if newest else numbers[:PAGE_RECORDS]
        return [self._records[number - 1] for number in page]

    def _count(self, delivered, rejected):
        assert not rejected
        self.delivered += len(delivered)
        self._settle(delivered, rejected)

    def _turn(self):
        """Act as the pool's leader until no task is due."""
        while True:
            if (task := self.sender.other_task(self.now)) is not None:
                task()
                continue
            self.sender.schedule_check(self.now)
            if self.sender.sendable_at > self.now:
                return
            if not self._concurrency.has_room(self.sender, self.now):
                self._concurrency.waited(self.now)
                return
            if (task := self.sender.prepare()) is not None:
                self._start(task)

    def _start(self, task):
        self.batches.append(task.args[0])
        status = self.sender.status()
        self.outstanding.append(status.waiting + status.in_flight_records)
        answered_at = self.now + self._random.uniform(*self._latency_secs)
        heapq.heappush(self._answers, (answered_at, len(self.batches), task))

    def _pass_time(self, times):
        """Advance to the next event, and answer the requests that are due."""
        times = [*times, *(at for at, _, _ in self._answers[:1])]
        if self.sender.next_check_at > self.now:
            times.append(self.sender.next_check_at)
        self.now = min(times)
        while self._answers and self._answers[0][0] <= self.now:
            heapq.heappop(self._answers)[2]()
