"""Stand-in for Kinesis for all peers. It counts each message by its number, also in packed records and envelopes.

As a process:      python -m tests.benchmarks.peers.sink LATENCY_MS [CERTIFICATE KEY]     (prints its port first)
Its counts:        GET /counters
Away for a while:  POST /control {"away_secs": 15}: closes all connections, and refuses new ones for this time
Throttling:        POST /control, as for the stand-in
"""

import contextlib
import http.client
import json
import ssl
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from bridge.kinesis.packing.unpack import unpacked
from tests.benchmarks.load import ROOT, SHARDS, STREAM
from tests.fakes.kinesis import ARN, Connection, KinesisStandIn, shard_description
from tests.fakes.kinesis_streams import Stream
from tests.faults.sink import Arrived
from tests.harness.certificates import Authority


def number_of(data: bytes) -> int:
    """Return the number of a message: `count`, at the top level or in the `fields` of Telegraf's JSON.

    Raise KeyError if there is none.
    """
    message = orjson.loads(data)
    return int(message["count"] if "count" in message else message["fields"]["count"])


class CountingStream(Stream):
    """Stream that counts accepted messages, whereas the stream of the stand-in counts records."""

    def __init__(self, name: str, shards: int) -> None:
        super().__init__(name, shards, forget=True)
        self.messages = Arrived()

    def put(self, entries, script):
        answer = super().put(entries, script)
        if b'"ErrorCode"' in answer:
            results = orjson.loads(answer)["Records"]
            entries = [entry for entry, result in zip(entries, results, strict=True) if "ErrorCode" not in result]
        for entry in entries:
            for message in unpacked(b64decode(entry["Data"])):
                self.messages.add(entry["PartitionKey"], number_of(message))
        return answer

    def counters(self):
        arrived = self.messages
        return super().counters() | {"distinct": arrived.distinct, "duplicates": arrived.duplicates}


class CountingKinesis(KinesisStandIn):
    """Server of the sink. `tls` is its TLS context, for a peer that uses only TLS."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, latency_secs: float = 0.0) -> None:
        super().__init__(tls=tls, latency_secs=latency_secs)
        self._tls = tls
        self.streams[STREAM] = CountingStream(STREAM, SHARDS)

    def control(self, order):
        if "away_secs" in order:
            self._loop.call_soon(self._leave, order["away_secs"])
        return super().control(order)

    def _leave(self, secs: float) -> None:
        self._server.close()
        for connection in tuple(self.connections):
            connection.abort()
        self._loop.call_later(secs, lambda: self._loop.create_task(self._return()))

    async def _return(self) -> None:
        self._server = await self._loop.create_server(
            lambda: Connection(self), "127.0.0.1", self.port, backlog=256, ssl=self._tls
        )

    def _DescribeStream(self, name, request):  # noqa: N802 - named as the operation; Benthos requests it
        shards = list(map(shard_description, self.stream(name).shards))
        described = {"StreamName": name, "StreamARN": ARN + name, "StreamStatus": "ACTIVE", "Shards": shards}
        more = {"HasMoreShards": False, "RetentionPeriodHours": 24, "EnhancedMonitoring": []}
        return {"StreamDescription": described | more | {"StreamCreationTimestamp": 1_700_000_000}}


@dataclass
class Sink:
    """Process of the sink, which is controlled over HTTP."""

    port: int
    _tls: ssl.SSLContext | None = None

    def counters(self) -> dict:
        return self._ask("GET", "/counters")[STREAM]

    def leave(self, secs: float) -> None:
        """Close all connections, and refuse new ones for this time. The call returns immediately."""
        self._ask("POST", "/control", json.dumps({"away_secs": secs}))

    def throttle(self, share: float) -> None:
        """Fail this share of the records of every request, like a full shard; 0 ends it."""
        order = {"clear": True} | ({"records": {"stream": STREAM, "share": share}} if share else {})
        self._ask("POST", "/control", json.dumps(order))

    def _ask(self, method: str, path: str, body: str | None = None) -> dict:
        with contextlib.closing(self._connection()) as connection:
            connection.request(method, path, body)
            return json.loads(connection.getresponse().read())

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self._tls)


@contextlib.contextmanager
def sink_process(authority: Authority | None = None, *, latency_secs: float = 0.0) -> Iterator[Sink]:
    """Start the sink. With an authority, it uses TLS with a certificate of this authority."""
    command = [sys.executable, "-m", "tests.benchmarks.peers.sink", str(latency_secs * 1000)]
    command += map(str, authority.server()) if authority else ()
    tls = ssl.create_default_context(cafile=authority.ca_file) if authority else None
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Sink(int(process.stdout.readline()), tls)
        finally:
            process.kill()


def main() -> None:
    latency_ms, *certificate = sys.argv[1:]
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(*certificate)
    with CountingKinesis(tls=tls, latency_secs=float(latency_ms) / 1000) as server:
        print(server.port, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
