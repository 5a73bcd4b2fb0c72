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
    """Set by the sender as soon as it knows the stream's MaxRecordSizeInKiB."""
    tuning: BatchingOptions
    """Set by the ingest thread; may change at any time."""
    on_ready: Callable[[], None]
    """Set by the sender. Called after a commit, without locks, if records arrived since `due_at` returned None, or
    enough to send before the linger ends."""

    @property
    def live_bytes(self) -> int:
        """Bytes of the records that are sent before a backlog; 0 if the queue sends the oldest first."""

    def due_at(self, max_records: int, max_bytes: int, linger_secs: float) -> float | None:
        """Return when records should be taken, by the steady clock; None while there are none.

        Never blocks on disk. If there are enough records or bytes, or if they must be read from disk, the result is
        now. Otherwise it is `linger_secs` after the commit of the first record.
        """

    def take_batch(self, max_records: int, max_bytes: int) -> list[Record]:
        """Return the next records in order, each only once; [] if there are none, or after close.

        Does not wait. Raises BridgeError if the disk cannot be read. No record is lost in this case.
        """

    def oldest_secs(self, held: int | None) -> float:
        """Return the age in seconds of the oldest unsettled record. `held` is the lowest number that the sender has."""

    def settle(self, delivered: list[Record], rejected: list[Rejected]) -> None:
        """Remove delivered records, and send (record, code, detail) to the dead letters. Never block on disk."""


class PutRecordsTransport(Protocol):
    """Sends requests: `KinesisPublisher`, or the dry run. Every method may be called on any thread."""

    def endpoint(self, stream: str) -> str:
        """Return the host or URL for requests of a stream. Streams with the same endpoint share a link."""

    def put_records(self, stream: str, records: Sequence[Record | PackedRecord]) -> list[Result]:
        """Return one result per record, in order. Raise SendError if the complete request failed."""

    def describe(self, stream: str) -> StreamDescription:
        """Return the stream's limits; raise SendError."""

    def list_shards(self, stream: str) -> list[Shard]:
        """Return the stream's open shards; raise SendError."""

    def finish(self) -> None:
        """Send no further requests, and end requests without progress, because the bridge stops. Does not block."""

    def abort(self) -> None:
        """End all requests in flight and send nothing more, because the deadline of the stop has passed."""
