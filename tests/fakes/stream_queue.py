"""Queue of a stream in memory. Like the spool, it returns each record once, and removes only settled records."""

from __future__ import annotations

import threading
import time
from collections import deque
from math import inf
from types import SimpleNamespace
from typing import TYPE_CHECKING

from bridge.kinesis.limits import counted_bytes
from bridge.model import BatchingOptions, Record
from bridge.spool.queue.stream_queue import PAGE_RECORDS

if TYPE_CHECKING:
    from collections.abc import Iterable


class MemoryQueue:
    def __init__(self, stream: str, records: Iterable[Record] = ()):
        self.stream = stream
        self.max_record_bytes = None
        self.live_bytes = 0
        self.tuning = BatchingOptions()
        self.delivered: list[Record] = []
        self.rejected: list[tuple[Record, str, str]] = []
        self._fresh = deque(records)
        self._left: list[SimpleNamespace] = []
        self._open = True
        self._since = -inf
        self.on_ready = lambda: None
        self._changed = threading.Condition()

    def put(self, *records: Record) -> None:
        with self._changed:
            if not self._fresh:
                self._since = time.monotonic()
            self._fresh.extend(records)
        self.on_ready()

    def close(self) -> None:
        self._open = False

    def due_at(self, max_records, max_bytes, linger_secs):
        with self._changed:
            if not self._open or not self._fresh:
                return None
            return -inf if self._full(max_records, max_bytes) else self._since + linger_secs

    def take_batch(self, max_records, max_bytes):
        with self._changed:
            return self._take(max_records, max_bytes) if self._open else []

    def defer(self, holds):
        self._left.append(SimpleNamespace(holds=holds, records=[], done=False))
        return self._left[-1]

    def divide(self, left, parts):
        self._left.remove(left)
        made = [self.defer(holds) for holds in parts]
        for part in made:
            part.records = [record for record in left.records if part.holds(record.key)]
        return made

    def read_deferred(self, left):
        page, left.records = left.records[:PAGE_RECORDS], left.records[PAGE_RECORDS:]
        if not left.records:
            left.done = True
            self._left.remove(left)
        return page

    def received_ms(self, number):
        return int(time.time() * 1000)

    def oldest_secs(self, held):
        return 0.0 if held is None else 1.0

    def settle(self, delivered, rejected):
        with self._changed:
            self.delivered += delivered
            self.rejected += rejected
            self._changed.notify_all()

    def wait_settled(self, count: int, secs: float = 30.0) -> bool:
        """Wait until `count` records are delivered or rejected. Return False after `secs`."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.delivered) + len(self.rejected) >= count, secs)

    def _full(self, max_records, max_bytes):
        return len(self._fresh) >= max_records or sum(map(counted_bytes, self._fresh)) >= max_bytes

    def _take(self, max_records, max_bytes):
        taken: list[Record] = []
        size = 0
        while self._fresh and len(taken) < max_records:
            size += counted_bytes(self._fresh[0])
            if size > max_bytes and taken:
                break
            taken.append(self._fresh.popleft())
        for left in self._left:
            left.records += [record for record in taken if left.holds(record.key)]
        return taken


def records(count: int, *, data: bytes = b'{"n":1}', key: str | None = None) -> list[Record]:
    """Return `count` records with numbers from 1. Without `key`, each record has a different key."""
    return [Record(n, 1, key or f"machine-{n}", data) for n in range(1, count + 1)]


def eventually(condition, secs: float = 30.0) -> bool:
    """Wait until the condition is true. Return False after `secs`."""
    deadline = time.monotonic() + secs
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.005)
    return bool(condition())
