"""Reader of the records of a local Kinesis, for the demo. The command `prove` uses stream_scanner.py instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.aws.credentials import authenticated_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.kinesis.publisher import PublisherSettings


class ConsumedRecord(NamedTuple):
    """One record as a consumer reads it."""

    stream: str
    shard: str
    key: str
    sequence_number: str
    data: bytes


class LocalStreamReader:
    """Reader of all records of some streams, from the oldest record on. Not thread-safe."""

    def __init__(self, settings: PublisherSettings) -> None:
        self._settings = settings
        self._client: Any = None
        # Shard iterators by (stream, shard); None for a closed shard that was read to its end.
        self._iterators: dict[tuple[str, str], str | None] = {}

    def create(self, streams: dict[str, int]) -> None:
        """Create streams in a local Kinesis, and wait until they exist. `streams` is the number of shards by name."""
        client = self._connected()
        for stream, shards in streams.items():
            client.create_stream(StreamName=stream, ShardCount=shards)
        for stream in streams:
            client.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1})

    def read(self, stream: str) -> Iterator[ConsumedRecord]:
        """Yield the records of all shards of a stream that arrived since the last call."""
        client = self._connected()
        for shard in client.list_shards(StreamName=stream)["Shards"]:
            name = shard["ShardId"]
            if (stream, name) not in self._iterators:
                self._iterators[stream, name] = self._first(stream, name)
            iterator = self._iterators[stream, name]
            if iterator is None:
                continue
            response = client.get_records(ShardIterator=iterator, Limit=10_000)
            self._iterators[stream, name] = response.get("NextShardIterator")
            for record in response["Records"]:
                yield ConsumedRecord(stream, name, record["PartitionKey"], record["SequenceNumber"], record["Data"])

    def _first(self, stream: str, shard: str) -> str:
        response = self._connected().get_shard_iterator(
            StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )
        return str(response["ShardIterator"])

    def _connected(self) -> Any:
        if self._client is None:
            settings = self._settings
            self._client = settings.client(authenticated_session(settings.authentication, settings), "kinesis")
        return self._client
