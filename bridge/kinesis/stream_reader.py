"""Reader of a stream's records, for the demo and for `prove`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.aws.credentials import authenticated_session
from bridge.aws.error_codes import Answer
from bridge.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.kinesis.publisher import PublisherSettings

_HOUR_MS = 3_600_000


class Arrived(NamedTuple):
    """One record as a consumer reads it."""

    stream: str
    shard: str
    key: str
    sequence_number: str
    data: bytes


class StreamReader:
    """Reader that follows every shard of some streams from their beginning. One thread."""

    def __init__(self, settings: PublisherSettings) -> None:
        self._settings = settings
        self._client: Any = None
        self._iterators: dict[tuple[str, str], str | None] = {}
        """Shard iterators by (stream, shard); None for a closed shard that was read to its end."""

    def create(self, streams: dict[str, int]) -> None:
        """Create streams with these numbers of shards (a local Kinesis has none yet), and wait until they exist."""
        client = self._connected()
        for stream, shards in streams.items():
            client.create_stream(StreamName=stream, ShardCount=shards)
        for stream in streams:
            client.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1})

    def read(self, stream: str) -> Iterator[Arrived]:
        """Yield the records that arrived since the last call, from all shards of the stream."""
        client = self._connected()
        for shard in client.list_shards(StreamName=stream)["Shards"]:
            name = shard["ShardId"]
            if (stream, name) not in self._iterators:
                self._iterators[stream, name] = self._first(stream, name)
            iterator = self._iterators[stream, name]
            if iterator is None:
                continue
            answer = client.get_records(ShardIterator=iterator, Limit=10_000)
            self._iterators[stream, name] = answer.get("NextShardIterator")
            for record in answer["Records"]:
                yield Arrived(stream, name, record["PartitionKey"], record["SequenceNumber"], record["Data"])

    def read_to_end(self, stream: str) -> Iterator[Arrived]:
        """Yield all records of the stream, shard by shard, from its beginning to now. Raise SendError."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - botocore is slow to import

        try:
            client = self._connected()
            for shard in client.list_shards(StreamName=stream)["Shards"]:
                yield from self._shard_to_end(client, stream, shard["ShardId"])
        except ClientError as error:
            raise Answer.of(error).error(stream, self._settings.region) from error
        except BotoCoreError as error:
            from bridge.aws.network_errors import network_error  # noqa: PLC0415 - as above

            raise network_error(error) from error

    def kept_since(self, stream: str, now_ms: int) -> str:
        """Return the time (RFC 3339, UTC) from which on no record can have expired, with a margin of one hour.

        Records from before it may have been removed at the end of the retention. Return "" while the stream is younger
        than its retention. Raise SendError.
        """
        from botocore.exceptions import ClientError  # noqa: PLC0415 - botocore is slow to import

        try:
            summary = self._connected().describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        except ClientError as error:
            raise Answer.of(error).error(stream, self._settings.region) from error
        oldest_ms = now_ms - int(summary["RetentionPeriodHours"]) * _HOUR_MS
        created_ms = summary["StreamCreationTimestamp"].timestamp() * 1000
        return "" if created_ms > oldest_ms else rfc3339(oldest_ms + _HOUR_MS)

    def _shard_to_end(self, client: Any, stream: str, shard: str) -> Iterator[Arrived]:
        iterator: str | None = self._first(stream, shard)
        while iterator:
            answer = client.get_records(ShardIterator=iterator, Limit=10_000)
            for record in answer["Records"]:
                yield Arrived(stream, shard, record["PartitionKey"], record["SequenceNumber"], record["Data"])
            # An empty page is not the end: GetRecords returns one too while later records exist.
            if not answer["Records"] and not answer.get("MillisBehindLatest"):
                return
            iterator = answer.get("NextShardIterator")

    def _first(self, stream: str, shard: str) -> str:
        answer = self._connected().get_shard_iterator(
            StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )
        return str(answer["ShardIterator"])

    def _connected(self) -> Any:
        if self._client is None:
            settings = self._settings
            self._client = settings.client(authenticated_session(settings.authentication, settings), "kinesis")
        return self._client
