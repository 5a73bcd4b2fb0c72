"""Reading a stream back: the demo shows what arrived, and where."""

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
    """One record as a consumer finds it."""

    stream: str
    shard: str
    key: str
    sequence_number: str
    data: bytes


class StreamReader:
    """Follows every shard of some streams from their beginning. One thread."""

    def __init__(self, settings: PublisherSettings) -> None:
        self._settings = settings
        self._client: Any = None
        self._iterators: dict[tuple[str, str], str | None] = {}
        """By (stream, shard); None where the shard is closed and was read to its end."""

    def create(self, streams: dict[str, int]) -> None:
        """Make streams with so many shards (a local Kinesis has none yet)."""
        client = self._connected()
        for stream, shards in streams.items():
            client.create_stream(StreamName=stream, ShardCount=shards)
        for stream in streams:
            client.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1})

    def read(self, stream: str) -> Iterator[Arrived]:
        """What came since the last call, over all shards of the stream."""
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
        """All that the stream holds now, shard by shard, from its beginning. Raises SendError."""
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
        """What came before then (RFC 3339, UTC), or in the hour after it, the stream may have dropped by its retention;
        "" while it is younger than that. Raises SendError."""
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
