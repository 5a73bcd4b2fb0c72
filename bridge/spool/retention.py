"""Limits of the spool in bytes and age. Records that exceed a limit are dropped, counted and logged."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from bridge.durations import size_text
from bridge.spool.database.transaction import write_dropped

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bridge.spool.ledger import Ledger
    from bridge.spool.queue.stream_queue import StreamQueue

log = logging.getLogger(__name__)

# Maximum number of records that `make_room` drops before it measures the size again. The number is small, so that few
# records are dropped unnecessarily.
_DROPPED_AT_ONCE = 2000
# Number of records after which `expire` stops. The next transaction continues. This bounds the duration of a commit.
_EXPIRED_AT_ONCE = 50_000
# Bytes that may be committed without measuring the size on disk.
_UNMEASURED_BYTES = 1024 * 1024
# If the spool is at least this many bytes below its limit, the next commits need no measurement. The value is much
# larger than _UNMEASURED_BYTES, because SQLite may write each record twice: to the log and to the database.
_FAR_BYTES = 8 * _UNMEASURED_BYTES


class DiskBudget:
    """Limit of the spool's size. It is `max_bytes`, or lower, so that `min_free_bytes` of the disk stay free."""

    def __init__(self, path: Path, max_bytes: int, min_free_bytes: int) -> None:
        self.full = False
        self._path = path
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes
        # True if the last result of `limit` followed from `min_free_bytes`, and False if it was `max_bytes`.
        self._disk_limits = False
        # Bytes committed since the last measurement, if the spool was far from full then. -1 if the next commit must
        # measure.
        self._unmeasured_bytes = -1

    def fits_without_measuring(self, needed: int) -> bool:
        """Return True if the spool is so far from full that `needed` more bytes fit without a measurement.

        This saves time: a measurement takes 50 µs, like the insertion of 20 records.
        """
        if self._unmeasured_bytes < 0 or self._unmeasured_bytes + needed > _UNMEASURED_BYTES:
            return False
        # Read the free space of the disk for each commit, because other programs may fill many megabytes between two
        # commits.
        if self._min_free_bytes and shutil.disk_usage(self._path).free - self._min_free_bytes < _FAR_BYTES:
            return False
        self._unmeasured_bytes += needed
        return True

    def limit(self, used: int) -> int:
        """Return the maximum size of the spool in bytes at this time. `used` is its present size."""
        if not self._min_free_bytes:
            return self._max_bytes
        of_disk = used + shutil.disk_usage(self._path).free - self._min_free_bytes
        self._disk_limits = of_disk < self._max_bytes
        return min(self._max_bytes, of_disk)

    def fits(self, used: int, needed: int, *, blocking: bool) -> bool:
        """Return whether `needed` more bytes fit into the limit.

        If `blocking` is true, a full spool stays full until a tenth of the limit is free (hysteresis).
        """
        limit = self.limit(used)
        # Without hysteresis, the bridge would read one burst after each delivered batch, and then pause again.
        spare = self._spare() if self.full and blocking else 0
        self.full = used + needed > limit - spare
        self._unmeasured_bytes = 0 if used + needed + _FAR_BYTES < limit else -1
        return not self.full

    def _spare(self) -> float:
        return min(self._max_bytes, self._min_free_bytes or self._max_bytes) / 10

    def full_reason(self, used: int) -> str:
        """Return a text that explains why the spool is full."""
        # The text shows a person whether to free disk space or to raise spool.max_bytes.
        if self._disk_limits:
            free, resumes = shutil.disk_usage(self._path).free, size_text(self._min_free_bytes + self._spare())
            text = f"{size_text(free)} free on the disk of {self._path}, spool.min_free_bytes is"
            return f"{text} {size_text(self._min_free_bytes)}; reading resumes when {resumes} are free"
        resumes = size_text(self._max_bytes - self._spare())
        text = f"{size_text(used)} used, spool.max_bytes is {size_text(self._max_bytes)}"
        return f"{text}; reading resumes below {resumes}"


class RecordDropper:
    """Dropping of records in one transaction. If the transaction fails, the queues get the records back."""

    def __init__(self, database: sqlite3.Connection, changes: Ledger) -> None:
        self._database = database
        self._changes = changes
        self.queues: dict[StreamQueue, None] = {}
        """Queues for which this transaction has called `drop_oldest`. The dict is used as an ordered set."""

    def make_room(self, queues: Iterable[StreamQueue], still_needed: Callable[[], bool]) -> None:
        """Drop the oldest records of the longest queue while `still_needed` returns True and unsent records exist."""
        queues, count = list(queues), 0
        while still_needed():
            # Choose the longest queue, so that one slow destination does not cause losses in other queues.
            longest = max(queues, key=lambda queue: queue.waiting)
            waiting = longest.waiting
            dropped = self._drop(longest, _DROPPED_AT_ONCE)
            # Stop if there is no progress. A smaller `waiting` is progress too: then numbers without records were
            # skipped.
            if dropped is None and longest.waiting == waiting:
                break
            count += dropped or 0
        if count:
            log.warning("the spool is full: dropped the %d oldest records (spool.when_full: drop_oldest)", count)

    def expire(self, queues: Iterable[StreamQueue], before_ms: int) -> None:
        """Drop records received before `before_ms` (milliseconds since 1970).

        Only records that no sender has taken are dropped.
        """
        count = 0
        for queue in queues:
            # `count` is the sum over all queues, because the limit bounds the duration of the commit.
            while count < _EXPIRED_AT_ONCE and (older := queue.older_than(before_ms)):
                dropped = self._drop(queue, min(older, _DROPPED_AT_ONCE), "expired")
                if dropped is None:
                    break
                count += dropped
        if count:
            log.warning("dropped %d records that waited too long (spool.max_age_secs)", count)

    def _drop(self, queue: StreamQueue, count: int, column: str = "") -> int | None:
        """Delete up to `count` of the oldest unsent records of a queue.

        Return their number, or None if there are no such records.
        """
        # `drop_oldest` pauses the queue, and `done` or `failed` resumes every queue in `self.queues`. So add the queue
        # first.
        self.queues[queue] = None
        span = queue.drop_oldest(count)
        return None if span is None else write_dropped(self._database, queue, *span, self._changes, column)

    def failed(self) -> None:
        """Let the queues hand out the dropped records again. Called if the transaction has failed."""
        for queue in self.queues:
            queue.rewind()

    def done(self) -> None:
        """Let the queues continue. Called after the commit."""
        for queue in self.queues:
            queue.dropped()
