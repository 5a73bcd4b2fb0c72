"""One connection to the stand-in for Kinesis: HTTP/1.1 without a library, so that it can send faulty responses."""

from __future__ import annotations

import asyncio
from datetime import datetime
from email.utils import formatdate
from time import monotonic, time
from typing import TYPE_CHECKING, Any

import orjson

from tests.fakes.kinesis_streams import KinesisError

if TYPE_CHECKING:
    from tests.fakes.kinesis import KinesisStandIn
    from tests.fakes.kinesis_faults import Fault
    from tests.fakes.kinesis_streams import Stream


class Connection(asyncio.Protocol):
    """HTTP/1.1 connection that handles one request at a time, and stays open."""

    def __init__(self, server: KinesisStandIn):
        self.server = server
        self.buffer = bytearray()
        self.needed = 0
        self.first_byte_at = self.last_byte_at = 0.0

    def connection_made(self, transport):
        self.transport = transport
        self.server.connections.add(self)

    def connection_lost(self, error):
        self.server.connections.discard(self)
        self.server.cut_short += bool(self.buffer)

    def abort(self) -> None:
        self.transport.abort()

    def data_received(self, data):
        self.server.received_bytes += len(data)
        self.last_byte_at = monotonic()
        if not self.buffer:
            self.first_byte_at = self.last_byte_at
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
        latency_secs, stream = self.server.draw_latency(), self.server.streams.get(stream_name(request))
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
        stream = self.server.streams.get(stream_name(request))
        if stream is not None and stream.arrivals is not None and operation == "PutRecords":
            stream.arrivals.begin_request(self.first_byte_at, self.last_byte_at)
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
            self.reply(fault.status, fault.text.encode())
        elif fault.kind == "short":
            self.reply(status, orjson.dumps({"FailedRecordCount": 0, "Records": orjson.loads(body)["Records"][:-1]}))
        else:
            self.reply(status, body)

    def reply(self, status: int, body: bytes, skew_secs: float = 0.0) -> None:
        if self.transport.is_closing():
            self.server.unread += 1
            return
        self.transport.write(head_of(status, len(body), skew_secs) + body)


def head_of(status: int, length: int, skew_secs: float) -> bytes:
    return (
        f"HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\n"
        f"Date: {formatdate(time() + skew_secs, usegmt=True)}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def header(head: bytes, name: bytes) -> str | None:
    start = head.lower().find(b"\r\n" + name + b":")
    if start < 0:
        return None
    start += len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else len(head)].strip().decode()


def signed_off_by(head: bytes) -> float:
    """Return the number of seconds between the time in a signature and the clock of this machine."""
    signed = header(head, b"x-amz-date")
    return abs(time() - datetime.strptime(signed, "%Y%m%dT%H%M%S%z").timestamp()) if signed else 0.0


def content_length(head: bytes) -> int:
    return int(header(head, b"content-length") or 0)


def stream_name(request: dict[str, Any]) -> str:
    if "StreamName" in request:
        return request["StreamName"]
    return request.get("StreamARN", "").rpartition("/")[2]


def error_body(code: str, message: str) -> bytes:
    return orjson.dumps({"__type": code, "message": message})
