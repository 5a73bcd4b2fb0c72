"""A Kinesis that does as it is told: enforces shard limits, fails by script, counts what it got.

In a test:              with KinesisStandIn({"telemetry": 2}) as kinesis: … kinesis.url … kinesis.fault("hang")
As a process:           python -m tests.stand_in.kinesis --port 0 --streams telemetry:2,archive:1 [--forget] [--limited]
                                                         [--latency-ms 100]
Its control:            POST /control: {"fault": {"kind": "hang", …}}, {"records": {"stream": …}}, {"clear": true}, …
Its counts:             GET /counters
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import threading
from collections import Counter
from datetime import datetime
from email.utils import formatdate
from time import time
from typing import TYPE_CHECKING, Any

import orjson

from tests.stand_in.kinesis_faults import Fault, RecordFault, Script
from tests.stand_in.kinesis_streams import KinesisError, Shard, Stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.stand_in.kinesis_streams import Stored

ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/"


class KinesisStandIn:
    """A server on 127.0.0.1 in a thread of its own. `forget` keeps counts only; `limited` enforces shard limits.

    `max_skew_secs` (None: any): signatures made at another time than so near to now are refused, as AWS does after 300.
    `latency_secs` passes before a request of any kind is done and answered: the way there and back.
    """

    def __init__(
        self, streams: dict[str, int] | None = None, *, port=0, forget=False, limited=False, tls=None, latency_secs=0.0
    ):
        self.script = Script()
        self.max_skew_secs: float | None = None
        self.latency_secs = latency_secs
        self.streams: dict[str, Stream] = {}
        self.received_bytes = 0
        self.operations: Counter[tuple[str, str | None]] = Counter()
        self._options = {"forget": forget, "limited": limited}
        for name, shards in (streams or {}).items():
            self.create(name, shards)
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            self._loop.create_server(lambda: Connection(self), "127.0.0.1", port, backlog=256, ssl=tls)
        )
        self.connections: set[Connection] = set()
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
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
        self._server.close()
        for connection in tuple(self.connections):
            connection.abort()
        await asyncio.sleep(0)

    def create(self, name: str, shards: int = 1, **options: Any) -> Stream:
        self.streams[name] = Stream(name, shards, **{**self._options, **options})
        return self.streams[name]

    def take(self, streams: Iterable[Stream]) -> list[list[Stored]]:
        """What has arrived on each since the last call, in the order of arrival, and is not kept any longer.

        Any thread. No record arrives meanwhile, so the order is right while streams are resharded too.
        """

        async def taken():
            return [stream.take() for stream in streams]

        return asyncio.run_coroutine_threadsafe(taken(), self._loop).result(60)

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

    def stream(self, name: str | None) -> Stream:
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
                "StreamCreationTimestamp": 1_700_000_000,
                "EnhancedMonitoring": [],
                "EncryptionType": "NONE",
                "OpenShardCount": len(stream.open_shards),
                "MaxRecordSizeInKiB": stream.max_record_kib,
            }
        }

    def _ListShards(self, name, request):  # noqa: N802 - named as the operation
        """A page holds three: whoever lists shards must be able to turn pages."""
        if token := request.get("NextToken"):
            name, start = token.rsplit(" ", 1)
        else:
            start = "0"
        stream = self.stream(name)
        only_open = request.get("ShardFilter", {}).get("Type") == "AT_LATEST" or bool(token)
        shards = stream.open_shards if only_open else stream.shards
        page = shards[int(start) : int(start) + 3]
        more = {"NextToken": f"{name} {int(start) + 3}"} if only_open and len(shards) > int(start) + 3 else {}
        return {"Shards": list(map(shard_description, page if only_open else shards)), **more}

    def _GetShardIterator(self, name, request):  # noqa: N802 - named as the operation
        number = next(s.number for s in self.stream(name).shards if s.id == request["ShardId"])
        return {"ShardIterator": f"{name} {number} 0"}

    def _GetRecords(self, name, request):  # noqa: N802 - named as the operation
        name, number, start = request["ShardIterator"].rsplit(" ", 2)
        stored = self.stream(name).shards[int(number)].stored
        end = min(len(stored), int(start) + request.get("Limit", 10_000))
        records = [
            {"SequenceNumber": s.sequence_number, "PartitionKey": s.key, "Data": b64(s.data)}
            for s in stored[int(start) : end]
        ]
        return {"Records": records, "NextShardIterator": f"{name} {number} {end}", "MillisBehindLatest": 0}


def shard_description(shard: Shard) -> dict[str, Any]:
    numbers = {"StartingSequenceNumber": "0", **({} if shard.open else {"EndingSequenceNumber": "1"})}
    hashes = {"StartingHashKey": str(shard.first_hash), "EndingHashKey": str(shard.last_hash)}
    return {"ShardId": shard.id, "HashKeyRange": hashes, "SequenceNumberRange": numbers}


class Connection(asyncio.Protocol):
    """HTTP/1.1, one request at a time, kept alive."""

    def __init__(self, server: KinesisStandIn):
        self.server = server
        self.buffer = bytearray()
        self.needed = 0

    def connection_made(self, transport):
        self.transport = transport
        self.server.connections.add(self)

    def connection_lost(self, error):
        self.server.connections.discard(self)

    def abort(self) -> None:
        self.transport.abort()

    def data_received(self, data):
        self.server.received_bytes += len(data)
        self.buffer += data
        if len(self.buffer) < self.needed:
            return
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.buffer[:end])
        self.needed = end + 4 + content_length(head)
        if len(self.buffer) >= self.needed:
            body = bytes(self.buffer[end + 4 : self.needed])
            del self.buffer[: self.needed]
            self.needed = 0
            self.handle(head, body)

    def handle(self, head: bytes, body: bytes) -> None:
        target = header(head, b"x-amz-target")
        if target is None:
            self.handle_control(head, body)
            return
        operation, request = target.rsplit(".", 1)[-1], orjson.loads(body)
        name = stream_name(request)
        self.server.operations[operation, name] += 1
        fault = self.server.script.next_fault(operation, name)
        if self.server.max_skew_secs is not None and signed_off_by(head) > self.server.max_skew_secs:
            message = "Signature expired: the time of the request is not within 5 minutes of this server's"
            self.reply(400, error_body("InvalidSignatureException", message))
        elif fault is None:
            self.serve(operation, request)
        elif fault.kind != "hang":
            self.server._loop.call_later(fault.secs, self.misbehave, fault, operation, request)

    def serve(self, operation: str, request: dict[str, Any]) -> None:
        latency_secs, stream = self.server.latency_secs, self.server.streams.get(stream_name(request))
        if not latency_secs:
            self.reply(*self.result(operation, request))
            return
        if stream is not None and operation == "PutRecords":
            stream.arrived()
        self.server._loop.call_later(latency_secs, self.serve_late, operation, request, stream)

    def serve_late(self, operation: str, request: dict[str, Any], stream: Stream | None) -> None:
        if stream is not None and operation == "PutRecords":
            stream.in_flight -= 1
        self.reply(*self.result(operation, request))

    def handle_control(self, head: bytes, body: bytes) -> None:
        try:
            if head.startswith(b"POST /control"):
                self.reply(200, orjson.dumps(self.server.control(orjson.loads(body))))
            else:
                self.reply(200, orjson.dumps(self.server.counters()))
        except (TypeError, ValueError) as error:
            self.reply(400, orjson.dumps({"error": str(error)}))

    def result(self, operation: str, request: dict[str, Any]) -> tuple[int, bytes]:
        try:
            return 200, self.server.answer(operation, request)
        except KinesisError as error:
            return error.status, error_body(error.code, error.message)

    def misbehave(self, fault: Fault, operation: str, request: dict[str, Any]) -> None:
        if fault.kind == "error":
            self.reply(fault.status, error_body(fault.code, fault.message), fault.skew_secs)
            return
        status, body = self.result(operation, request)
        if fault.kind == "reset":
            self.abort()
        elif fault.kind == "truncate":
            self.transport.write(head_of(status, len(body), 0.0) + body[: len(body) // 2])
            self.transport.close()
        elif fault.kind == "malformed":
            self.reply(fault.status, b"<html>Sign in to the plant network</html>")
        elif fault.kind == "short":
            self.reply(status, orjson.dumps({"FailedRecordCount": 0, "Records": orjson.loads(body)["Records"][:-1]}))
        else:
            self.reply(status, body)

    def reply(self, status: int, body: bytes, skew_secs: float = 0.0) -> None:
        self.transport.write(head_of(status, len(body), skew_secs) + body)


def head_of(status: int, length: int, skew_secs: float) -> bytes:
    date = "" if status == 200 else f"Date: {formatdate(time() + skew_secs, usegmt=True)}\r\n"
    return (
        f"HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\n{date}Content-Length: {length}\r\n\r\n"
    ).encode()


def header(head: bytes, name: bytes) -> str | None:
    start = head.lower().find(b"\r\n" + name + b":")
    if start < 0:
        return None
    start += len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else len(head)].strip().decode()


def signed_off_by(head: bytes) -> float:
    """How far the time of the signature is from this machine's, in seconds."""
    signed = header(head, b"x-amz-date")
    return abs(time() - datetime.strptime(signed, "%Y%m%dT%H%M%S%z").timestamp()) if signed else 0.0


def content_length(head: bytes) -> int:
    return int(header(head, b"content-length") or 0)


def stream_name(request: dict[str, Any]) -> str | None:
    if "StreamName" in request:
        return request["StreamName"]
    return request.get("StreamARN", "").rpartition("/")[2] or None


def error_body(code: str, message: str) -> bytes:
    return orjson.dumps({"__type": code, "message": message})


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
