"""A Kinesis on this machine: moto, in process."""

from __future__ import annotations

import logging
from typing import Any

from bridge.errors import BridgeError

REGION = "us-east-1"
SHARDS = 2


class LocalKinesis:
    """Started when made. Any credentials will do."""

    def __init__(self) -> None:
        """Raises BridgeError if moto is not installed."""
        try:
            from moto.server import ThreadedMotoServer  # noqa: PLC0415 - only the demo needs it, and it is large
        except ImportError as error:
            raise BridgeError("the demo needs moto: pip install 'mqtt-kinesis[demo]'") from error
        for name in ("werkzeug", "moto"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._server: Any = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"

    def stop(self) -> None:
        """End it."""
        self._server.stop()
