"""Common pause of all bridges on a shard. It shows whether another producer keeps the shard full.

Every 20 s, all bridges that write to a full (congested) shard stop sending to it for 1.25 s. If only bridges write to
the shard, the shard regains its full capacity. Then each bridge sends one request, the *sample*, at a random time, and
waits until the samples of all bridges have arrived. If the shard refuses records of a sample, another producer has used
the capacity. Such a producer does not slow down when its records are refused.

    seconds of the period   0.0          1.25                         2.0    2.25        20.0
                            | pause       | sample at a random time     | wait | as usual   | pause ...

The sample has the size of the records that the shard accepted from this bridge in 0.8 s. So the samples of all bridges
together use at most the capacity of one second. The capacity that the shard regains while samples are sent is for
bridges that do not pause: bridges that have just started, and bridges on links with a long latency.

A sample of a few records proves little, because the shard may accept them between two requests of another producer. So
a bridge with a small share sends no sample in most periods, and a sample of 0.07 shard seconds in the other periods.
Example: a bridge with 1 % of the shard limit sends 70 records in every twelfth period instead of 8 records in each
period.

The clocks of the bridges may differ by half a second. A sample whose response took more than a second proves nothing.
The sample may have arrived together with requests from before the pause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.delivery.token_bucket import BYTES_PER_SEC, RECORDS_PER_SEC

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds from one pause to the next. This is long compared with the pause, but short enough to detect another producer
# within a minute.
PERIOD_SECS = 20.0
PAUSE_SECS = 1.25
"""Seconds of the pause. A shard regains its full capacity in 1 s. The other 0.25 s are for clocks that differ."""

SAMPLING_SECS = 0.75
"""Seconds in which all bridges send their samples, each at a random time."""
END_SECS = PAUSE_SECS + SAMPLING_SECS + 0.25
"""Time in the period at which bridges send as usual again. The last sample needs up to 0.25 s to reach the shard."""

# Latest time in the period at which a bridge may begin its pause. A bridge that begins later has sent records during
# the pause of the other bridges, so it sends no sample.
_BEGIN_SECS = 0.3

# The sample has the size of the records that the shard accepted in this number of seconds.
_SAMPLE_SECS = 0.8
# Maximum size of a sample in shard seconds. It is low, because two or three bridges may send their samples at nearly
# the same time.
_MAX_SAMPLE_SHARE = 0.3

# Minimum size of a sample in shard seconds. While a bridge contends (see `refusal_tolerance`), samples may be smaller.
_MIN_SAMPLE_SECS = 0.07
# By chance, many bridges may send such a minimum sample in the same period. With this weight, bridges send fewer
# minimum samples, so that the samples of all bridges fit into the capacity of the shard.
_RARE_SAMPLE_WEIGHT = 0.75

# The share that sets the size of a sample falls by at most this factor from one period to the next. Otherwise, a bridge
# that loses its share would soon send no sample for minutes.
_MAX_FALL = 0.7
# Maximum of the previous share in the rule of _MAX_FALL. With a higher maximum, a bridge whose share has fallen would
# send too large samples.
_MAX_REMEMBERED_SHARE = 0.15
_FIRST_SHARE = 0.05

# Bridges resume at random times, so that the pause does not end with a burst from all of them.
_RESUME_JITTER_SECS = 0.25
# A sample with a longer latency proves nothing. It may have reached the shard with requests from before the pause.
_MAX_LATENCY_SECS = 1.0


@dataclass(slots=True)
class _PauseSample:
    """Sample of one period.

    `records` and `size` (in bytes) are the amount that may still be sent. `sent_at` is None until the sample is sent.
    """

    period: float
    share: float
    begins_secs: float
    records: float
    size: float
    sent_at: float | None = None


class CommonPause:
    """Pause and sample of one shard.

    `now` is the time of the limiter's monotonic clock. `wall` is the time of the clock of Kinesis, which all bridges
    share.
    """

    def __init__(self, random_share: Callable[[], float]) -> None:
        self.sampling = False
        """True while only the sample, or the rest of the sample, may be sent."""
        self._random_share = random_share
        # Weighted size, in shard seconds, of the samples that were omitted since the last sample.
        self._saved_secs = _MIN_SAMPLE_SECS * random_share()
        self._sample: _PauseSample | None = None

    def secs(self, accepted_share: float, now: float, wall: float, *, contending: bool = False) -> float:
        """Return the seconds during which no record may be sent, or 0 if records may be sent now.

        A bridge that is `contending` sends a sample in each period, even if the sample is very small.
        """
        period, phase = divmod(wall, PERIOD_SECS)
        self.sampling = False
        if phase < _BEGIN_SECS and (self._sample is None or self._sample.period != period):
            self._sample = self._new_sample(period, accepted_share, contending=contending)
        if phase >= END_SECS:
            return 0.0
        sample = self._sample
        if sample is not None and sample.period == period:
            if phase < sample.begins_secs:
                return sample.begins_secs - phase
            if sample.sent_at in {None, now}:
                self.sampling = True
                return 0.0
        return END_SECS - phase + _RESUME_JITTER_SECS * self._random_share()

    def skip(self) -> None:
        """Skip the pause, because the shard is not congested."""
        self.sampling = False

    def limit(self, available: tuple[int, int]) -> tuple[int, int]:
        """Return how many records and bytes may be sent: `available`, or the rest of the sample while sampling."""
        if not self.sampling or self._sample is None:
            return available
        return int(self._sample.records), int(self._sample.size)

    def on_sent(self, records: int, size: int, now: float) -> None:
        """Subtract sent records from the sample. Records that are sent at the same `now` belong to one request."""
        if self._sample is not None:
            self._sample.sent_at = now
            self._sample.records -= records
            self._sample.size -= size

    def is_sample(self, sent_at: float, now: float) -> bool:
        """Return whether the request that was sent at `sent_at` is the sample, and its response arrived in time."""
        sample = self._sample
        return sample is not None and sample.sent_at == sent_at and now - sent_at <= _MAX_LATENCY_SECS

    def _new_sample(self, period: float, accepted_share: float, *, contending: bool) -> _PauseSample:
        before = _FIRST_SHARE if self._sample is None else min(_MAX_REMEMBERED_SHARE, _MAX_FALL * self._sample.share)
        share = max(accepted_share, before)
        secs = min(_MAX_SAMPLE_SHARE, _SAMPLE_SECS * share)
        begins_secs = PAUSE_SECS + SAMPLING_SECS * self._random_share()
        if not contending and secs < _MIN_SAMPLE_SECS:
            self._saved_secs += _RARE_SAMPLE_WEIGHT * secs
            if self._saved_secs < _MIN_SAMPLE_SECS:
                begins_secs = END_SECS  # no sample in this period
            else:
                self._saved_secs -= _MIN_SAMPLE_SECS
            secs = _MIN_SAMPLE_SECS
        return _PauseSample(
            period, share, begins_secs, max(1.0, secs * RECORDS_PER_SEC), max(1.0, secs * BYTES_PER_SEC)
        )
