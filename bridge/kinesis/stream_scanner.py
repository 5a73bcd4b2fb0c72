"""Scanner that reads all records of a stream up to now, within the limits of GetRecords.

A shard allows 5 calls and 2 MB a second, for all its consumers together. After a response of 10 MB, the shard allows no
calls for 5 seconds: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html

The scanner uses half of the calls, so that other consumers can use the rest. After a response, the scanner waits until
its rate is below 2 MB a second. It repeats calls that were throttled or got no response. It reads the shards in turn,
so that it can read one shard while another shard allows no call. Only one page of records is in memory.
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
"""Seconds between two calls to one shard. So the scanner uses half of the 5 calls a second of all consumers."""
BYTES_PER_SEC = 2_000_000
"""Bytes that may be read from one shard in a second."""
GIVE_UP_SECS = 600.0
"""Seconds without any response after which the scanner raises the last error."""
MAX_EMPTY_PAGES = 1_000
"""Maximum number of consecutive empty pages that make no progress. With SECS_PER_CALL, they take 7 minutes."""
# Maximum number of records in one GetRecords response.
_PAGE_RECORDS = 10_000
_BACKOFF = Backoff(1.0, 30.0)
# An iterator expires 5 minutes after it was returned (API_GetShardIterator). The scanner then requests a new iterator
# at the stored position.
_EXPIRED_ITERATOR = frozenset({"ExpiredIteratorException"})
# Kinesis returns this error if the record with the given sequence number has expired.
_NO_SUCH_POSITION = frozenset({"InvalidArgumentException"})


class RecordPage(NamedTuple):
    """Data of consecutive records of one shard. `position` is the sequence number of the last record."""

    shard: Shard
    records: Sequence[bytes]
    position: str


@dataclass(slots=True)
class _ShardPosition:
    """State of reading one shard.

    `position` is the sequence number of the last record that was read, or "" if no record was read.
    """

    shard: Shard
    position: str
    iterator: str = ""
    not_before: float = 0.0
    failures: int = 0
    caught_up: bool = False
    behind_ms: float = inf
    """Shortest distance to the end of the stream, in ms, since the last page with records."""
    empty_pages: int = 0
    """Number of consecutive pages without records that made no progress towards the end of the stream."""


class StreamScanner:
    """Scanner of one stream. Not thread-safe.

    `call(operation, **parameters)` sends one request, and adds the name of the stream to the parameters. It raises
    SendError if the request fails. `wait(secs)` waits, and `clock` returns seconds. `positions` contains the sequence
    number of the last record that was read before, by shard id.
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
        """Number of calls that were throttled, because other consumers read the stream, too."""

    def pages(self) -> Iterator[RecordPage]:
        """Yield all records after the positions, up to now. Raise SendError if retries do not help."""
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
        """Return all shards, including closed shards whose records have not expired. Raise SendError.

        https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
        """
        return [shard for shard, _ in responses.list_shards(partial(self._patiently, "list_shards"))]

    def _patiently(self, operation: str, **parameters: object) -> dict[str, Any]:
        """Repeat a call until there is a response, and return the response. Raise SendError if retries do not help."""
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
        """Return the next page of a shard, or None if the call must be repeated later. Raise SendError."""
        try:
            if not reading.iterator:
                reading.iterator = self._first_iterator(reading)
            given = self._call("get_records", ShardIterator=reading.iterator, Limit=_PAGE_RECORDS)
            response = responses.records_response(given)
            self._check_progress(reading, response)
        except SendError as error:
            if error.code in _EXPIRED_ITERATOR:
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
        """Return an iterator after the stored position, or at the oldest record if there is no valid position."""
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
        """Return whether all records of the shard up to now have been read.

        An empty page alone does not show this, because GetRecords may return empty pages although later records exist.
        On a busy stream, no page is ever empty. So one of two conditions is enough:

        1. A page is empty, and its distance to the end of the stream is 0.
        2. Two consecutive pages have the distance 0.
        """
        # Without a next iterator, the shard was closed by a split or a merge, and has been read to its end.
        if not response.next_iterator:
            return True
        caught_up = not response.behind_ms
        ended = caught_up and (reading.caught_up or not response.records)
        reading.caught_up = caught_up
        return ended
