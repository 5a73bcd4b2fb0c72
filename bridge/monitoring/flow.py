"""Data flow over the last minutes, measured between snapshots: rates, stalls, and backlogs that keep growing.

One snapshot cannot distinguish a stream that delivers slowly from one that delivers nothing. `FlowHistory` stores a
few counters of earlier snapshots, and `Flow` is the result. Memory is bounded: 32 samples of four numbers per
stream, and two counters per mapping.
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
"""Seconds between two samples. 31 samples cover the five minutes that FALLING_BEHIND_STEPS needs."""
RATE_SECS: Final = 60.0
"""Rates are means over a minute: long enough for a message every ten seconds, short enough to follow an outage."""
FALLING_BEHIND_STEPS: Final = 5
"""Consecutive minutes in which the oldest record must have become older.

After a restart of the broker or a batch of a machine there are one or two such minutes. Five mean that the stream
carries less than arrives.
"""
STEP_SECS: Final = 60.0
STEP_GROWTH_SECS: Final = 1.0
"""Minimum growth of age in seconds per minute: 1.7 % more arrives than is delivered. Less is normal variation."""
FALLING_BEHIND_MIN_SECS: Final = 60.0
"""Age of the oldest record below which a backlog is not worth a warning."""
REJECT_SECS: Final = 300.0
"""Span over which the rejected messages of a mapping are compared with the received ones: five to ten minutes."""
RECENT_LOSS_SECS: Final = 3_600.0
"""Time for which dropped records and evicted dead letters are reported.

An hour is enough for systems that poll `status`.
"""
# 31 samples cover five minutes. One more is stored, because adding the newest sample may remove the oldest.
_SAMPLES: Final = int(FALLING_BEHIND_STEPS * STEP_SECS / SAMPLE_SECS) + 2
# Minimum time for a rate. Over less time, a single request would determine it.
_SHORTEST_RATE_SECS: Final = 5.0


class RecentRejections(NamedTuple):
    """Records that a mapping received in the last minutes, and the number that became dead letters."""

    received: int
    dead_lettered: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Current flow of the streams.

    `unsubscribed_secs`: time since the last subscribed snapshot, None before the first one. `dropped` records and
    `evicted` dead letters are those of the last hour.
    """

    streams: Mapping[str, StreamFlow] = field(default_factory=dict)
    rejections: Mapping[str, RecentRejections] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Number of dropped records of each stream."""
    evicted: int = 0
    unsubscribed_secs: float | None = 0.0


class FlowHistory:
    """A few counters of earlier snapshots. Not thread-safe: the `ProblemMonitor` guards it."""

    def __init__(self) -> None:
        self._streams: dict[str, _StreamHistory] = {}
        self._rejections = _RejectionHistory()
        self._losses: defaultdict[str, _LossHistory] = defaultdict(_LossHistory)
        self._evicted = _LossHistory()
        self._subscribed_at: float | None = None
        self._seen = False

    def observe(self, snapshot: Snapshot, now: float) -> Flow:
        """Store the snapshot's counters, and return the flow. `now`: seconds of a monotonic clock."""
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
    at: float
    made: int
    """Total number of records that were put into the spool."""
    delivered: int
    spooled: int
    oldest_secs: float


class _StreamHistory:
    def __init__(self, now: float) -> None:
        self._samples: deque[_CounterSample] = deque(maxlen=_SAMPLES)
        self._settled = 0
        self._progress_at = now
        self._behind_since: float | None = None

    def observe(self, status: StreamStatus, rows: list[LedgerRow], now: float) -> StreamFlow:
        spooled = sum(row.spooled for row in rows)
        # `received` is not used, because filtered and rejected messages never become records of the stream.
        made = sum(row.delivered + row.spooled + row.dropped for row in rows)
        sample = _CounterSample(now, made, status.delivered, spooled, status.oldest_secs)
        # A rejected record is progress too: it has left the queue.
        settled = status.delivered + status.rejected
        # An empty queue counts as progress, because a stream without records is idle, not stalled.
        if settled != self._settled or not spooled:
            self._settled, self._progress_at = settled, now
        if not self._samples or now - self._samples[-1].at >= SAMPLE_SECS:
            self._samples.append(sample)
        self._judge_age(sample)
        delivered = self._rate(sample, sample.delivered, "delivered")
        # Delivery reports when the last record was accepted. The history also detects stalls that delivery does not
        # report.
        stalled_secs = max(status.stalled_secs, now - self._progress_at)
        return StreamFlow(
            stream=status.stream,
            stalled_secs=stalled_secs,
            behind_secs=0.0 if self._behind_since is None else now - self._behind_since,
            received_per_sec=self._rate(sample, sample.made, "made"),
            delivered_per_sec=delivered,
            # The rate is the mean of the last minute. During a stall, it would still include the time before the stall.
            drain_secs=spooled / delivered if delivered and stalled_secs < SAMPLE_SECS else None,
        )

    def _rate(self, sample: _CounterSample, count: int, name: str) -> float | None:
        """Return the mean of the last minute, or of the known part of it."""
        # The deque is ordered by time, so this is the oldest sample within the last minute.
        first = next(each for each in self._samples if sample.at - each.at <= RATE_SECS)
        secs = sample.at - first.at
        return max(0.0, (count - getattr(first, name)) / secs) if secs >= _SHORTEST_RATE_SECS else None

    def _judge_age(self, sample: _CounterSample) -> None:
        """Determine whether the backlog keeps becoming older.

        With `backlog: live_first`, a shrinking backlog may become older, because its records are sent more slowly than
        they arrived. So the number of records must grow too.
        """
        steps = [self._sample_at(sample.at - number * STEP_SECS) for number in range(1, FALLING_BEHIND_STEPS + 1)]
        known = [sample, *(each for each in steps if each is not None)]
        grew = [newer.oldest_secs >= older.oldest_secs + STEP_GROWTH_SECS for newer, older in pairwise(known)]
        if self._behind_since is None:
            if len(grew) == FALLING_BEHIND_STEPS and all(grew) and _grew_while_delivering(known[-1], sample):
                self._behind_since = known[-1].at
        elif not any(grew[:2]) or known[min(2, len(known) - 1)].spooled > sample.spooled:
            # One minute without growth is not a recovery; two consecutive minutes are.
            self._behind_since = None

    def _sample_at(self, moment: float) -> _CounterSample | None:
        """Return the newest sample of at least this age, or None if the history is shorter."""
        return next((each for each in reversed(self._samples) if each.at <= moment), None)


def _grew_while_delivering(older: _CounterSample, newer: _CounterSample) -> bool:
    return (
        newer.oldest_secs >= FALLING_BEHIND_MIN_SECS
        and newer.spooled >= older.spooled
        and newer.delivered > older.delivered
    )


class _RejectionHistory:
    """Counters at the beginning of this span and of the previous one."""

    def __init__(self) -> None:
        self._began_at = float("-inf")
        self._older: dict[str, RecentRejections] = {}
        self._newer: dict[str, RecentRejections] = {}

    def observe(self, rows: tuple[LedgerRow, ...], now: float) -> dict[str, RecentRejections]:
        counts: defaultdict[str, RecentRejections] = defaultdict(lambda: RecentRejections(0, 0))
        for row in rows:
            # Rows without a mapping count messages that no mapping matches, which cannot become dead letters.
            if row.mapping:
                before = counts[row.mapping]
                counts[row.mapping] = RecentRejections(
                    before.received + row.received, before.dead_lettered + row.dead_lettered
                )
        if now - self._began_at >= REJECT_SECS:
            # The ledger survives a restart, and counts of earlier runs must not cause a problem. So the first call uses
            # the current counts as the previous span.
            self._older = self._newer or dict(counts)
            self._newer, self._began_at = dict(counts), now
        return {name: _difference(each, self._older.get(name, RecentRejections(0, 0))) for name, each in counts.items()}


def _difference(now: RecentRejections, before: RecentRejections) -> RecentRejections:
    """Return the growth. A replay subtracts dead letters from both counts."""
    return RecentRejections(max(0, now.received - before.received), max(0, now.dead_lettered - before.dead_lettered))


class _LossHistory:
    """Growth of a counter of losses within the last hour."""

    def __init__(self) -> None:
        self._total: int | None = None
        self._losses: deque[tuple[float, int]] = deque()

    def observe(self, total: int, now: float, *, known: bool) -> int:
        """Return the growth. If `known` is false, the counter's earlier losses do not count."""
        # A stream that appears after a reload begins at 0, so its first losses count.
        before = total if self._total is None and not known else self._total or 0
        if total > before:
            # Losses of ten seconds share an entry: an hour of steady drops needs at most 360 entries.
            if self._losses and now - self._losses[-1][0] < SAMPLE_SECS:
                self._losses[-1] = (self._losses[-1][0], self._losses[-1][1] + total - before)
            else:
                self._losses.append((now, total - before))
        self._total = total
        while self._losses and now - self._losses[0][0] > RECENT_LOSS_SECS:
            self._losses.popleft()
        return sum(count for _, count in self._losses)
