"""Interfaces that delivery uses: a queue of records, and a transport that sends requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bridge.delivery.shard_deferral import DeferrableQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.delivery.batch_outcome import Rejected
    from bridge.kinesis.packing.packers import PackedRecord
    from bridge.kinesis.publisher import StreamDescription
    from bridge.kinesis.put_records_codec import Result
    from bridge.kinesis.shard_map import Shard
    from bridge.model import BatchingOptions, Record


class RecordQueue(DeferrableQueue, Protocol):
    """The spool's queue of one stream. Every method may be called on any thread."""

    stream: str
    max_record_bytes: int | None
    """Maximum record size of the stream in bytes. The sender sets it from the response of DescribeStreamSummary."""
    tuning: BatchingOptions
    """Options of the mappings. The ingest thread may change them at any time."""
    on_ready: Callable[[], None]
    """Callback that the sender sets. The queue calls it after a commit, without holding locks, in two cases. Either the
    first records have arrived since `due_at` returned None. Or enough records have arrived to send before the linger
    ends."""

    @property
    def live_bytes(self) -> int:
        """Bytes of the live records, which are sent before a backlog; 0 if the oldest records are sent first."""

    def due_at(self, max_records: int, max_bytes: int, linger_secs: float) -> float | None:
        """Return the monotonic time from which records should be taken; None while the queue is empty.

        Never block on disk. Return the current time if `max_records` records or `max_bytes` are waiting, or if records
        must be read from disk. Otherwise, return the time `linger_secs` after the commit of the first record.
        """

    def take_batch(self, max_records: int, max_bytes: int) -> list[Record]:
        """Return the next records in order, without waiting. Return [] if the queue is empty or closed.

        Return each record only once. Raise BridgeError if the disk cannot be read. No record is lost in this case.
        """

    def oldest_secs(self, held: int | None) -> float:
        """Return the age in seconds of the oldest unsettled record.

        `held` is the lowest number of the unsettled records that the sender has taken; None if it has taken none.
        """

    def settle(self, delivered: list[Record], rejected: list[Rejected]) -> None:
        """Remove delivered records, and turn each rejected (record, code, detail) into a dead letter.

        Never block on disk.
        """


class PutRecordsTransport(Protocol):
    """Sender of requests: `KinesisPublisher`, or `DryRunPublisher`. Every method may be called on any thread."""

    def endpoint(self, stream: str) -> str:
        """Return the URL or region that a stream's requests go to. Streams with the same endpoint share a link."""

    def put_records(self, stream: str, records: Sequence[Record | PackedRecord]) -> list[Result]:
        """Return one result per record, in order. Raise SendError if the complete request failed."""

    def describe(self, stream: str) -> StreamDescription:
        """Return the stream's limits. Raise SendError if the request fails."""

    def list_shards(self, stream: str) -> list[Shard]:
        """Return the stream's open shards. Raise SendError if the request fails."""

    def finish(self) -> None:
        """Start no further requests, and end requests that make no progress, because the bridge stops. Do not block."""

    def abort(self) -> None:
        """End all requests in flight, and start no further requests: the deadline of the stop has passed."""
