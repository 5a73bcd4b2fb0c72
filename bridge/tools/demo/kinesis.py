"""A Kinesis on this machine: moto, in process.

moto is made for short tests, and a demo may run all day. Two things are mended here: it loses records when two requests
write to a shard at once, so requests are answered one at a time; and it grows slower with every record that a shard
holds, so what has been read back is forgotten.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from typing import TYPE_CHECKING, Any

from bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HOST = "127.0.0.1"
REGION = "us-east-1"
SHARDS = 2


class LocalKinesis:
    """Started when made, and empty. Any credentials will do. One at a time in a process: moto's streams are its own."""

    def __init__(self) -> None:
        """Raises BridgeError if moto is not installed."""
        try:
            # Only the demo needs them, and they are large.
            from moto.moto_server import werkzeug_app as moto  # noqa: PLC0415
            from werkzeug.serving import make_server  # noqa: PLC0415
        except ImportError as error:
            raise BridgeError("the demo needs moto: pip install 'mqtt-kinesis[demo]'") from error
        for name in ("werkzeug", "moto"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._one_at_a_time = threading.Lock()
        self._backends = _backends()
        for backend in self._backends:
            backend.reset()
        self._answer = moto.DomainDispatcherApplication(moto.create_backend_app)
        self._server: Any = make_server(HOST, 0, self._application, True, request_handler=moto.MotoRequestHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="kinesis", daemon=True)
        self._thread.start()
        self.url = f"http://{HOST}:{self._server.server_port}"

    def _application(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._one_at_a_time:
            answer: Iterable[bytes] = self._answer(environ, start_response)
        return answer

    def forget(self, read: Mapping[tuple[str, str], str]) -> None:
        """Drop what lies before the record last read of each (stream, shard), given by its sequence number.

        That record stays: moto takes the next sequence number from the last record it holds.
        """
        kinesis, metrics = self._backends
        with self._one_at_a_time:
            for (stream, shard), sequence_number in read.items():
                records = kinesis.streams[stream].get_shard(shard).records
                for number in [number for number in records if number < int(sequence_number)]:
                    del records[number]
            metrics.metric_data.clear()

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _backends() -> tuple[Any, Any]:
    """Where moto keeps its streams, and its metrics of them, which nobody reads."""
    # As above: only the demo needs them.
    from moto.cloudwatch.models import cloudwatch_backends  # noqa: PLC0415
    from moto.core.models import DEFAULT_ACCOUNT_ID  # noqa: PLC0415
    from moto.kinesis.models import kinesis_backends  # noqa: PLC0415

    return kinesis_backends[DEFAULT_ACCOUNT_ID][REGION], cloudwatch_backends[DEFAULT_ACCOUNT_ID][REGION]


@contextlib.contextmanager
def without_surroundings() -> Iterator[None]:
    """No proxy, profile or other setting of this machine that is meant for the real AWS reaches the demo."""
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
