"""Data flow of the last minutes, measured between snapshots: rates, stalls, and streams that fall behind.

A single snapshot does not show whether a stream delivers slowly or delivers nothing. So `FlowHistory` stores a few
counters of earlier snapshots, and compares each new snapshot with them. The result is a `Flow`. Memory is bounded: at
most 32 samples of five numbers for each stream, and a few counters for each mapping.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.monitoring.stream_flow import StreamFlow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.delivery.stream_status import StreamStatus
    from bridge.monitoring.snapshot import Snapshot
    from bridge.spool.ledger import LedgerRow

SAMPLE_SECS: Final = 10.0
"""Minimum seconds between two stored samples of a stream."""
RATE_SECS: Final = 60.0
"""Each rate is the mean over this number of seconds.

In a minute, even a stream with a message every ten seconds has several records. A longer time would show outages late.
"""
FALLING_BEHIND_STEPS: Final = 5
"""A stream falls behind if the age of its oldest record has increased in this number of consecutive minutes.

After a restart of the broker, or while a machine sends a batch, the age increases for one or two minutes. After five
minutes, it is clear that the stream delivers less than arrives.
"""
STEP_SECS: Final = 60.0
"""Length of a step of FALLING_BEHIND_STEPS, in seconds."""
STEP_GROWTH_SECS: Final = 1.0
"""Seconds by which the age must increase in a minute. Smaller changes are normal variation.

The age increases by one second a minute if 1.7 % more records arrive than are delivered.
"""
FALLING_BEHIND_MIN_SECS: Final = 60.0
"""Minimum age of the oldest record of a stream that falls behind. A younger backlog is not worth a warning."""
REJECT_SECS: Final = 300.0
"""Minimum time over which the rejected messages of a mapping are counted. The maximum is twice this time."""
RECENT_LOSS_SECS: Final = 3_600.0
"""Time for which dropped records and evicted dead letters are reported as a problem.

After an hour, a system that polls `status` has seen the problem.
"""
# 31 samples, ten seconds apart, cover five minutes. One more is stored, because a new sample removes the oldest one.
_SAMPLES: Final = int(FALLING_BEHIND_STEPS * STEP_SECS / SAMPLE_SECS) + 2
# Minimum time over which a rate is calculated. In a shorter time, a single request would determine the rate.
_SHORTEST_RATE_SECS: Final = 5.0


class RecentRejections(NamedTuple):
    """Number of records that a mapping received in the last minutes, and how many of them became dead letters."""

    received: int
    dead_lettered: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Flow of all streams, and recent losses."""

    streams: Mapping[str, StreamFlow] = field(default_factory=dict)
    rejections: Mapping[str, RecentRejections] = field(default_factory=dict)
    """Rejections of the last minutes, by mapping."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Number of records that were dropped in the last hour, by stream."""
    evicted: int = 0
    """Number of dead letters that were evicted in the last hour."""
    unsubscribed_secs: float | None = 0.0
    """Seconds since the session was last subscribed to all topics, or None if it never was in this run."""


class FlowHistory:
    """Counters of earlier snapshots. Not thread-safe: the lock of `ProblemMonitor` protects it."""

    def __init__(self) -> None:
        self._streams: dict[str, _StreamHistory] = {}
        self._rejections = _RejectionHistory()
        self._losses: defaultdict[str, _LossHistory] = defaultdict(_LossHistory)
        self._evicted = _LossHistory()
        self._subscribed_at: float | None = None
        self._seen = False

    def observe(self, snapshot: Snapshot, now: float) -> Flow:
        """Store the counters of a snapshot, and return the flow. `now` is in seconds of a monotonic clock."""
        if snapshot.subscribed:
            self._subscribed_at = now
        by_stream: defaultdict[str, list[LedgerRow]] = defaultdict(list)
        for row in snapshot.ledger:
            by_stream[row.stream].append(row)
        flow = Flow(
            streams={
                each.stream: self._streams.setdefault(each.stream, _StreamHistory(now)).observe(
                    each, by_stream[each.stream], now
                )
                for each in snapshot.streams
            },
            rejections=self._rejections.observe(snapshot.ledger, now),
            dropped=dict(self._dropped(by_stream, now)),
            evicted=self._evicted.observe(sum(row.evicted for row in snapshot.ledger), now, known=self._seen),
            unsubscribed_secs=None if self._subscribed_at is None else now - self._subscribed_at,
        )
        self._seen = True
        return flow

    def _dropped(self, by_stream: Mapping[str, list[LedgerRow]], now: float) -> Iterator[tuple[str, int]]:
        for stream, rows in by_stream.items():
            dropped = self._losses[stream].observe(sum(row.dropped for row in rows), now, known=self._seen)
            if dropped:
                yield stream, dropped


class _CounterSample(NamedTuple):
    """Counters of a stream at one time (`at`, in seconds of a monotonic clock)."""

    at: float
    created: int
    """Number of records that were ever put into the spool."""
    delivered: int
    spooled: int
    oldest_secs: float


class _StreamHistory:
    """Samples of one stream, and what they show: the last progress, and since when the stream falls behind."""

    def __init__(self, now: float) -> None:
        self._samples: deque[_CounterSample] = deque(maxlen=_SAMPLES)
        self._settled = 0
        self._progress_at = now
        self._behind_since: float | None = None

    def observe(self, status: StreamStatus, rows: list[LedgerRow], now: float) -> StreamFlow:
        spooled = sum(row.spooled for row in rows)
        # The column `received` also counts messages that were filtered or rejected, and so never became records.
        created = sum(row.delivered + row.spooled + row.dropped for row in rows)
        sample = _CounterSample(now, created, status.delivered, spooled, status.oldest_secs)
        # A record that Kinesis rejected is progress too, because it is no longer in the queue.
        settled = status.delivered + status.rejected
        # An empty queue counts as progress, because a stream without records is idle, not stalled.
        if settled != self._settled or not spooled:
            self._settled, self._progress_at = settled, now
        if not self._samples or now - self._samples[-1].at >= SAMPLE_SECS:
            self._samples.append(sample)
        self._judge_age(sample)
        delivered = self._rate(sample, sample.delivered, "delivered")
        # The sender reports most stalls. This history also detects stalls that the sender does not report.
        stalled_secs = max(status.stalled_secs, now - self._progress_at)
        return StreamFlow(
            stream=status.stream,
            stalled_secs=stalled_secs,
            behind_secs=0.0 if self._behind_since is None else now - self._behind_since,
            received_per_sec=self._rate(sample, sample.created, "created"),
            delivered_per_sec=delivered,
            # The rate is a mean over the last minute, so during a stall it would still be above 0 for a minute.
            drain_secs=spooled / delivered if delivered and stalled_secs < SAMPLE_SECS else None,
        )

    def _rate(self, sample: _CounterSample, count: int, name: str) -> float | None:
        """Return the mean rate of the counter `name` over the last minute, or over the time since the first sample.

        `count` is the current value. Return None if the time is too short.
        """
        # The samples are in the order of time, so this is the oldest sample of the last minute.
        first = next(each for each in self._samples if sample.at - each.at <= RATE_SECS)
        secs = sample.at - first.at
        return max(0.0, (count - getattr(first, name)) / secs) if secs >= _SHORTEST_RATE_SECS else None

    def _judge_age(self, sample: _CounterSample) -> None:
        """Determine since when the stream falls behind.

        It begins to fall behind if the age of the oldest record increased in each of the last five minutes. With
        `backlog: live_first`, the age can increase although the backlog shrinks. So the number of records must not
        have decreased either.
        """
        steps = [self._sample_at(sample.at - number * STEP_SECS) for number in range(1, FALLING_BEHIND_STEPS + 1)]
        known = [sample, *(each for each in steps if each is not None)]
        # For each minute, newest first: whether the age increased.
        grew = [newer.oldest_secs >= older.oldest_secs + STEP_GROWTH_SECS for newer, older in pairwise(known)]
        if self._behind_since is None:
            if len(grew) == FALLING_BEHIND_STEPS and all(grew) and _grew_while_delivering(known[-1], sample):
                self._behind_since = known[-1].at
        elif not any(grew[:2]) or known[min(2, len(known) - 1)].spooled > sample.spooled:
            # The stream recovers after two minutes without growth, or if the backlog is smaller than two minutes ago.
            # A single minute without growth is normal variation.
            self._behind_since = None

    def _sample_at(self, moment: float) -> _CounterSample | None:
        """Return the last sample that was taken before or at `moment`. Return None if there is no such sample."""
        return next((each for each in reversed(self._samples) if each.at <= moment), None)


def _grew_while_delivering(older: _CounterSample, newer: _CounterSample) -> bool:
    # A stream that delivers nothing is stalled, which is another problem.
    return (
        newer.oldest_secs >= FALLING_BEHIND_MIN_SECS
        and newer.spooled >= older.spooled
        and newer.delivered > older.delivered
    )


class _RejectionHistory:
    """Counters of each mapping at two earlier times, REJECT_SECS apart.

    The rejections are counted since the older of these times, which was REJECT_SECS to 2 * REJECT_SECS ago.
    """

    def __init__(self) -> None:
        self._began_at = float("-inf")
        self._older: dict[str, RecentRejections] = {}
        self._newer: dict[str, RecentRejections] = {}

    def observe(self, rows: tuple[LedgerRow, ...], now: float) -> dict[str, RecentRejections]:
        counts: defaultdict[str, RecentRejections] = defaultdict(lambda: RecentRejections(0, 0))
        for row in rows:
            # The row without a mapping counts messages that no mapping matches. They never become dead letters.
            if row.mapping:
                before = counts[row.mapping]
                counts[row.mapping] = RecentRejections(
                    before.received + row.received, before.dead_lettered + row.dead_lettered
                )
        if now - self._began_at >= REJECT_SECS:
            # The ledger contains the counts of earlier runs, which must not cause a problem now. So the first call
            # uses the current counts as the older ones.
            self._older = self._newer or dict(counts)
            self._newer, self._began_at = dict(counts), now
        return {name: _difference(each, self._older.get(name, RecentRejections(0, 0))) for name, each in counts.items()}


def _difference(now: RecentRejections, before: RecentRejections) -> RecentRejections:
    """Return the increase of both counts. If a count decreased, its increase is 0: a replay subtracts dead letters."""
    return RecentRejections(max(0, now.received - before.received), max(0, now.dead_lettered - before.dead_lettered))


class _LossHistory:
    """Losses of the last hour, calculated from a counter that never decreases."""

    def __init__(self) -> None:
        self._total: int | None = None
        self._losses: deque[tuple[float, int]] = deque()

    def observe(self, total: int, now: float, *, known: bool) -> int:
        """Return by how much the counter increased in the last hour. `total` is its current value.

        `known` is false for the first snapshot of a run. The losses in it happened in earlier runs, and do not count.
        """
        # A stream that appears later, after a reload, begins at 0, so all its losses count.
        before = total if self._total is None and not known else self._total or 0
        if total > before:
            # All losses within ten seconds are one entry, so an hour needs at most 360 entries.
            if self._losses and now - self._losses[-1][0] < SAMPLE_SECS:
                self._losses[-1] = (self._losses[-1][0], self._losses[-1][1] + total - before)
            else:
                self._losses.append((now, total - before))
        self._total = total
        while self._losses and now - self._losses[0][0] > RECENT_LOSS_SECS:
            self._losses.popleft()
        return sum(count for _, count in self._losses)
