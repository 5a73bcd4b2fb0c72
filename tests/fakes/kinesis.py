"""Stand-in for Kinesis: it enforces shard limits, fails when a test wants it, and counts records.

In a test:              with KinesisStandIn({"telemetry": 2}) as kinesis: … kinesis.url … kinesis.fault("hang")
As a process:           python -m tests.fakes.kinesis --port 0 --streams telemetry:2,archive:1 [--forget] [--limited]
                                                         [--latency-ms 100]
Control of a process:   POST /control: {"fault": {"kind": "hang", …}}, {"records": {"stream": …}}, {"clear": true}, …
Counts of a process:    GET /counters
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson

from tests.fakes.kinesis_connection import Connection, stream_name
from tests.fakes.kinesis_faults import Fault, RecordFault, Script
from tests.fakes.kinesis_streams import KinesisError, Shard, Stream
from tests.harness.network import close_server

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.fakes.kinesis_streams import Stored

MAX_PAGE_BYTES = 10 * 1024 * 1024
"""Maximum number of bytes in a page of GetRecords."""
ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/"


class KinesisStandIn:
    """A server on 127.0.0.1, which runs in a separate thread.

    forget          store only counts, not records
    limited         enforce the limits of shards
    max_skew_secs   refuse a signature whose time differs more than this from now; None: accept any. AWS permits 300 s
    latency_secs    delay before any request is executed and answered. A test may change it at any time. For a pair,
                    each request gets a random latency in this range, so requests overtake each other
    latency_seed    seed of the random latencies
    cut_short       number of connections that ended within a request
    unread          number of responses that could not be sent, because the connection had ended
    """

    def __init__(
        self,
        streams: dict[str, int] | None = None,
        *,
        port=0,
        host="127.0.0.1",
        forget=False,
        limited=False,
        tls=None,
        latency_secs: float | tuple[float, float] = 0.0,
        latency_seed: int = 0,
    ):
        self.script = Script()
        self.max_skew_secs: float | None = None
        self.latency_secs = latency_secs
        self._latencies = random.Random(latency_seed)
        self.streams: dict[str, Stream] = {}
        self.received_bytes = self.cut_short = self.unread = 0
        self.operations: Counter[tuple[str, str | None]] = Counter()
        self._options = {"forget": forget, "limited": limited}
        for name, shards in (streams or {}).items():
            self.create(name, shards)
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            self._loop.create_server(lambda: Connection(self), host, port, backlog=256, ssl=tls)
        )
        self.connections: set[Connection] = set()
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _close(self) -> None:
        await close_server(self._server)
        for connection in tuple(self.connections):
            connection.abort()
        await asyncio.sleep(0)

    def create(self, name: str, shards: int = 1, **options: Any) -> Stream:
        self.streams[name] = Stream(name, shards, **{**self._options, **options})
        return self.streams[name]

    def take(self, streams: Iterable[Stream]) -> list[list[Stored]]:
        """Return the records that have arrived since the last call, in the order of arrival, and remove them.

        Any thread may call this method. No record arrives while it runs, so the order is right even while streams are
        resharded.
        """

        async def taken():
            return [stream.take() for stream in streams]

        return asyncio.run_coroutine_threadsafe(taken(), self._loop).result(60)

    def draw_latency(self) -> float:
        """Return the latency of one request, in seconds. Only the thread of the server may call this method."""
        if isinstance(self.latency_secs, tuple):
            return self._latencies.uniform(*self.latency_secs)
        return self.latency_secs

    def fault(self, kind: str, **settings: Any) -> None:
        self.script.add(Fault(kind, **settings))

    def fail_records(self, stream: str, **settings: Any) -> None:
        self.script.add(RecordFault(stream, **settings))

    def clear(self) -> None:
        self.script.clear()

    def counters(self) -> dict[str, Any]:
        return {name: stream.counters() for name, stream in self.streams.items()}

    def control(self, order: dict[str, Any]) -> dict[str, Any]:
        if order.get("clear"):
            self.clear()
        if "fault" in order:
            self.fault(**order["fault"])
        if "records" in order:
            self.fail_records(**order["records"])
        if "create" in order:
            self.create(**order["create"])
        if "delete" in order:
            self.streams.pop(order["delete"], None)
        return {"ok": True}

    def stream(self, name: str) -> Stream:
        try:
            return self.streams[name]
        except KeyError:
            raise KinesisError("ResourceNotFoundException", f"Stream {name} under account 0 not found.") from None

    def answer(self, operation: str, request: dict[str, Any]) -> bytes:
        name = stream_name(request)
        if operation == "PutRecords":
            return self.stream(name).put(request["Records"], self.script)
        handler = getattr(self, f"_{operation}", None)
        if handler is None:
            raise KinesisError("UnknownOperationException", operation)
        return orjson.dumps(handler(name, request))

    def _CreateStream(self, name, request):  # noqa: N802 - named as the operation
        self.create(name, request.get("ShardCount", 1))
        return {}

    def _DeleteStream(self, name, request):  # noqa: N802 - named as the operation
        del self.streams[self.stream(name).name]
        return {}

    def _DescribeStreamSummary(self, name, request):  # noqa: N802 - named as the operation
        stream = self.stream(name)
        return {
            "StreamDescriptionSummary": {
                "StreamName": name,
                "StreamARN": ARN + name,
                "StreamStatus": "ACTIVE",
                "StreamModeDetails": {"StreamMode": "PROVISIONED"},
                "RetentionPeriodHours": 24,
                "StreamCreationTimestamp": stream.created_at,
                "EnhancedMonitoring": [],
                "EncryptionType": "NONE",
                "OpenShardCount": len(stream.open_shards),
                "MaxRecordSizeInKiB": stream.max_record_kib,
                "RecordDistributionStrategy": stream.distribution,
            }
        }

    def _ListShards(self, name, request):  # noqa: N802 - named as the operation
        """Return at most three shards per page, so that clients must read several pages."""
        if token := request.get("NextToken"):
            name, which, start = token.rsplit(" ", 2)
        else:
            which, start = request.get("ShardFilter", {}).get("Type", "ALL"), "0"
        stream = self.stream(name)
        shards = stream.open_shards if which == "AT_LATEST" else stream.shards
        end = int(start) + 3
        more = {"NextToken": f"{name} {which} {end}"} if len(shards) > end else {}
        return {"Shards": list(map(shard_description, shards[int(start) : end])), **more}

    def _GetShardIterator(self, name, request):  # noqa: N802 - named as the operation
        shard = next(s for s in self.stream(name).shards if s.id == request["ShardId"])
        start = 0
        if request["ShardIteratorType"] == "AFTER_SEQUENCE_NUMBER":
            after = request["StartingSequenceNumber"]
            start = 1 + next(n for n, stored in enumerate(shard.stored) if stored.sequence_number == after)
        return {"ShardIterator": f"{name} {shard.number} {start}"}

    def _GetRecords(self, name, request):  # noqa: N802 - named as the operation
        name, number, start = request["ShardIterator"].rsplit(" ", 2)
        shard = self.stream(name).shards[int(number)]
        page = shard.stored[int(start) : int(start) + request.get("Limit", 10_000)]
        while sum(len(each.data) for each in page) > MAX_PAGE_BYTES:
            page.pop()
        if self._options["limited"] and not shard.allows_read(sum(len(each.data) for each in page)):
            raise KinesisError("ProvisionedThroughputExceededException", f"Rate exceeded for shard {shard.id}")
        end = int(start) + len(page)
        records = [{"SequenceNumber": s.sequence_number, "PartitionKey": s.key, "Data": b64(s.data)} for s in page]
        behind = len(shard.stored) - end
        more = {"NextShardIterator": f"{name} {number} {end}"} if shard.open or behind else {}
        return {"Records": records, "MillisBehindLatest": behind, **more}


def shard_description(shard: Shard) -> dict[str, Any]:
    numbers = {"StartingSequenceNumber": "0", **({} if shard.open else {"EndingSequenceNumber": "1"})}
    hashes = {"StartingHashKey": str(shard.first_hash), "EndingHashKey": str(shard.last_hash)}
    return {"ShardId": shard.id, "HashKeyRange": hashes, "SequenceNumberRange": numbers}


def b64(data: bytes) -> str:
    import base64  # noqa: PLC0415 - only reading back needs it

    return base64.b64encode(data).decode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--streams", default="", help="name:shards,name:shards")
    parser.add_argument("--forget", action="store_true")
    parser.add_argument("--limited", action="store_true")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    chosen = parser.parse_args()
    streams = {}
    for item in filter(None, chosen.streams.split(",")):
        name, _, shards = item.partition(":")
        streams[name] = int(shards or 1)
    options = {"port": chosen.port, "forget": chosen.forget, "limited": chosen.limited}
    with KinesisStandIn(streams, **options, latency_secs=chosen.latency_ms / 1000) as server:
        print(server.port, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
