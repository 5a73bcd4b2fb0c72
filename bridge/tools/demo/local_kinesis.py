"""Local Kinesis: the emulator moto, within this process.

moto is intended for short tests, but a demo may run all day. This module works around two defects of moto. moto loses
records if two requests write to a shard at the same time, so the server handles one request at a time. moto also
becomes slower with every record in a shard, so the demo deletes records after it has read them back.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

from bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HOST = "127.0.0.1"
REGION = "us-east-1"
SHARDS = 2


class LocalKinesis:
    """Local Kinesis server. At first it has no streams.

    It accepts any credentials. A process may have only one server at a time, because moto's streams are global
    variables. While `reachable` is false, every connection ends without a response.
    """

    def __init__(self) -> None:
        """Start the server. Raise BridgeError if moto is not installed."""
        try:
            # Only the demo needs these imports, and they are large.
            from moto.moto_server import werkzeug_app as moto  # noqa: PLC0415
            from werkzeug.serving import make_server  # noqa: PLC0415
        except ImportError as error:
            raise BridgeError("the demo needs moto: pip install 'mqtt-kinesis[demo]'") from error
        for name in ("werkzeug", "moto"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._one_at_a_time = threading.Lock()
        self.reachable = True
        self._backends = _backends()
        for backend in self._backends:
            # The backends are global in moto, so an earlier demo in this process may have left streams.
            backend.reset()
        self._answer = moto.DomainDispatcherApplication(moto.create_backend_app)
        self._server: Any = make_server(HOST, 0, self._application, True, request_handler=moto.MotoRequestHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="kinesis", daemon=True)
        self._thread.start()
        self.url = f"http://{HOST}:{self._server.server_port}"

    def _application(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not self.reachable:
            # Read the body. Otherwise the server would parse it as the next request of this connection, and log an
            # error.
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            # Close the connection without a response. Werkzeug handles ConnectionAbortedError, and logs nothing.
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError
        with self._one_at_a_time:
            answer: Iterable[bytes] = self._answer(environ, start_response)
        return answer

    def forget(self, read: Mapping[tuple[str, str], str]) -> None:
        """Delete the records that were read back, except the last record of each shard.

        `read` maps (stream, shard) to the sequence number of the last record that was read. This last record is not
        deleted, because moto derives the next sequence number from it.
        """
        kinesis, metrics = self._backends
        with self._one_at_a_time:
            for (stream, shard), sequence_number in read.items():
                records = kinesis.streams[stream].get_shard(shard).records
                for number in [number for number in records if number < int(sequence_number)]:
                    del records[number]
            metrics.metric_data.clear()

    def stop(self) -> None:
        """Stop the server and its thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _backends() -> tuple[Any, Any]:
    """Return moto's backends for Kinesis and for CloudWatch. In CloudWatch, moto stores metrics about each request."""
    # Only the demo needs these imports.
    from moto.cloudwatch.models import cloudwatch_backends  # noqa: PLC0415
    from moto.core.models import DEFAULT_ACCOUNT_ID  # noqa: PLC0415
    from moto.kinesis.models import kinesis_backends  # noqa: PLC0415

    return kinesis_backends[DEFAULT_ACCOUNT_ID][REGION], cloudwatch_backends[DEFAULT_ACCOUNT_ID][REGION]


@contextlib.contextmanager
def isolated_environment() -> Iterator[None]:
    """Hide this machine's AWS profiles and proxies from the demo, until the `with` block ends."""
    kept = dict(os.environ)
    for name in [name for name in kept if name.startswith("AWS_")]:
        del os.environ[name]
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    os.environ.update(nowhere, NO_PROXY=HOST, no_proxy=HOST)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)
