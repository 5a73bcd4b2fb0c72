"""Reader of a stream to its end, within the limits of GetRecords, which all consumers of a shard share.

A shard allows 5 calls and 2 MB a second. After a response of 10 MB, it allows no call for 5 seconds:
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html The reader uses half of the calls and leaves
the rest to other consumers. After a response, it waits until the rate is below 2 MB a second. Throttled and unanswered
calls are repeated. Shards are read in turn, so that one is read while another must wait. Only one page is in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.backoff import Backoff
from bridge.errors import OutcomeUnknown, SendError, Unavailable
from bridge.kinesis import responses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bridge.kinesis.responses import RecordsResponse
    from bridge.kinesis.shard_map import Shard

SECS_PER_CALL = 0.4
"""Seconds between two calls to one shard: half of the 5 calls a second that all its consumers share."""
BYTES_PER_SEC = 2_000_000
"""Bytes that may be read from one shard in a second."""
GIVE_UP_SECS = 600.0
"""Seconds without any response after which the reader gives up."""
MAX_EMPTY_PAGES = 1_000
"""Max number of consecutive empty pages that come no nearer to the end of the stream: 7 minutes of calls."""
# Maximum of one GetRecords call.
_PAGE_RECORDS = 10_000
_BACKOFF = Backoff(1.0, 30.0)
# An iterator expires 5 minutes after it was issued (API_GetShardIterator). The stored position creates the next one.
_RENEW = frozenset({"ExpiredIteratorException"})
# Kinesis returns this error for a sequence number whose record has expired.
_NO_SUCH_POSITION = frozenset({"InvalidArgumentException"})


class RecordPage(NamedTuple):
    """Data of some records of one shard, in order. `position` is the sequence number of the last record."""

    shard: Shard
    records: Sequence[bytes]
    position: str


@dataclass(slots=True)
class _ShardPosition:
    """State of one shard. `position` is the sequence number of the last record that was read; "" at the beginning."""

    shard: Shard
    position: str
    iterator: str = ""
    not_before: float = 0.0
    failures: int = 0
    caught_up: bool = False
    behind_ms: float = inf
    """Lowest distance to the end of the stream, in ms, since the last record."""
    empty_pages: int = 0
    """Number of consecutive pages without a record that came no nearer to the end of the stream."""


class ShardReader:
    """Reader of one stream. One thread.

    `call(operation, **parameters)` sends one request and raises SendError; it adds the stream. `wait(secs)` waits, and
    `clock` returns seconds. `positions` returns where to continue: sequence numbers by shard id.
    """

    def __init__(
        self,
        call: Callable[..., dict[str, Any]],
        clock: Callable[[], float],
        wait: Callable[[float], None],
        positions: Mapping[str, str],
    ) -> None:
        self._call = call
        self._clock = clock
        self._wait = wait
        self._positions = positions
        self._answered_at = clock()
        self.throttled = 0
        """Number of calls that were throttled, because other consumers read too."""

    def pages(self) -> Iterator[RecordPage]:
        """Yield all records from the positions up to now. Raise SendError for errors that do not end by waiting."""
        readings = [_ShardPosition(shard, self._positions.get(shard.id, "")) for shard in self.shards()]
        while readings:
            reading = min(readings, key=lambda each: each.not_before)
            secs = reading.not_before - self._clock()
            if secs > 0:
                self._wait(secs)
            response = self._next_response(reading)
            if response is None:
                continue
            if response.records:
                reading.position = response.records[-1].sequence_number
                yield RecordPage(reading.shard, [record.data for record in response.records], reading.position)
            if self._ended(reading, response):
                readings.remove(reading)

    def shards(self) -> list[Shard]:
        """Return all shards whose records have not expired, including closed shards. Raise SendError.

        https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
        """
        return [shard for shard, _ in responses.list_shards(partial(self._patiently, "list_shards"))]

    def _patiently(self, operation: str, **parameters: object) -> dict[str, Any]:
        """Repeat a call until there is a response, and return it. Raise SendError."""
        failures = 0
        while True:
            try:
                response = self._call(operation, **parameters)
            except Unavailable as error:
                failures += 1
                self._fail(error)
                self._wait(_BACKOFF.secs(failures))
            else:
                self._answered_at = self._clock()
                return response

    def _next_response(self, reading: _ShardPosition) -> RecordsResponse | None:
        """Return the next page of a shard, or None if the call has to be repeated later. Raise SendError."""
        try:
            if not reading.iterator:
                reading.iterator = self._first_iterator(reading)
            given = self._call("get_records", ShardIterator=reading.iterator, Limit=_PAGE_RECORDS)
            response = responses.records_response(given)
            self._check_progress(reading, response)
        except SendError as error:
            if error.code in _RENEW:
                reading.iterator = ""
                return None
            if not isinstance(error, Unavailable):
                raise
            reading.failures += 1
            self._fail(error)
            reading.not_before = self._clock() + _BACKOFF.secs(reading.failures)
            return None
        self._answered_at = self._clock()
        reading.failures = 0
        size = sum(len(record.data) + len(record.key) for record in response.records)
        reading.not_before = self._answered_at + max(SECS_PER_CALL, size / BYTES_PER_SEC)
        reading.iterator = response.next_iterator
        return response

    def _first_iterator(self, reading: _ShardPosition) -> str:
        """Return an iterator after the stored position, or at the oldest record if the position has expired."""
        oldest = {"ShardId": reading.shard.id, "ShardIteratorType": "TRIM_HORIZON"}
        start = oldest
        if reading.position:
            start = {**oldest, "ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": reading.position}
        try:
            response = self._call("get_shard_iterator", **start)
        except SendError as error:
            if not reading.position or error.code not in _NO_SUCH_POSITION:
                raise
            response = self._call("get_shard_iterator", **oldest)
        return responses.shard_iterator(response)

    @staticmethod
    def _check_progress(reading: _ShardPosition, response: RecordsResponse) -> None:
        """Raise OutcomeUnknown if empty pages make no progress towards the end of the shard."""
        if response.records or response.behind_ms < reading.behind_ms:
            reading.behind_ms, reading.empty_pages = response.behind_ms, 0
            return
        reading.empty_pages += 1
        if reading.empty_pages > MAX_EMPTY_PAGES:
            raise OutcomeUnknown("BadResponse", f"{MAX_EMPTY_PAGES:,} empty pages without any progress")

    def _fail(self, error: Unavailable) -> None:
        """Count a failed call. Raise its error if there has been no response for GIVE_UP_SECS."""
        self.throttled += "Throughput" in error.code or "Throttl" in error.code or "LimitExceeded" in error.code
        if self._clock() - self._answered_at > GIVE_UP_SECS:
            raise error

    def _ended(self, reading: _ShardPosition, response: RecordsResponse) -> bool:
        """Return whether the shard has been read to now.

        An empty page is not the end, because GetRecords may return one although later records exist. On a busy stream
        no page is ever empty. So the shard has ended if two consecutive pages are not behind, or if one page is neither
        behind nor has records.
        """
        # Without an iterator, the shard was closed by a split or a merge, and has been read to its end.
        if not response.next_iterator:
            return True
        caught_up = not response.behind_ms
        ended = caught_up and (reading.caught_up or not response.records)
        reading.caught_up = caught_up
        return ended
