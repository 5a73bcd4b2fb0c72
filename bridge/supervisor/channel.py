"""Channel between the supervisor and a worker: lines of JSON over a private pair of Unix sockets.

    supervisor   {"id": 7, "command": "status"}
    worker       {"id": 7, ...}

When the supervisor's process ends for any reason, its socket is closed. A worker stops when it reads the end of the
stream.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Number of bytes to read at once. A larger message, such as the status of a worker with many mappings, needs several
# reads.
_CHUNK: Final = 1 << 16
# Time after which a worker stops trying to send a response. The supervisor waits for a response for 2 s. A supervisor
# that does not read for 5 s hangs, or its process was suspended.
_SEND_SECS: Final = 5.0


class SupervisorChannel:
    """The supervisor's end of the channel. Thread-safe."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair()
        # A thread holds this lock from its request until the response. Otherwise, two threads could read each other's
        # responses.
        self._turn = threading.Lock()
        self._number = 0
        self._unread = bytearray()

    def request(self, what: str, timeout_secs: float, **more: Any) -> dict[str, Any]:
        """Send a request and return the worker's response.

        Raises BridgeError if the worker has ended, or if there is no response within `timeout_secs`.
        """
        deadline = time.monotonic() + timeout_secs
        with self._turn:
            self._number += 1
            try:
                self._send({"id": self._number, "command": what, **more}, timeout_secs)
                while True:
                    response = self._read_response(deadline)
                    # Ignore late responses to earlier requests.
                    if response["id"] == self._number:
                        return response
            except OSError as error:
                raise BridgeError(f"no response within {timeout_secs:g} s ({error})") from error

    def notify(self, what: str, **more: Any) -> None:
        """Send a request without waiting for a response. If the worker has ended, do nothing."""
        with self._turn:
            try:
                self._send({"id": 0, "command": what, **more}, 1.0)
            except OSError:
                return

    def close(self) -> None:
        """Close both sockets. The worker then stops, if it has not ended yet."""
        self._ours.close()
        self.theirs.close()

    def _send(self, value: dict[str, Any], timeout_secs: float) -> None:
        self._ours.settimeout(timeout_secs)
        self._ours.sendall(orjson.dumps(value) + b"\n")

    def _read_response(self, deadline: float) -> dict[str, Any]:
        while (end := self._unread.find(b"\n")) < 0:
            # A timeout of 0 would make the socket non-blocking.
            self._ours.settimeout(max(0.001, deadline - time.monotonic()))
            new = self._ours.recv(_CHUNK)
            if not new:
                # This is the end of the stream, and not a timeout: the worker's process has ended or is ending.
                raise ConnectionResetError("the worker closed the channel")
            self._unread += new
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        response: dict[str, Any] = orjson.loads(line)
        return response


class WorkerChannel:
    """The worker's end of the channel.

    `disconnected` is True if the supervisor has ended, or does not read responses.
    """

    def __init__(self, number: int) -> None:
        """Use the inherited socket with file descriptor `number`."""
        self._socket = socket.socket(fileno=number)
        self._socket.settimeout(_SEND_SECS)
        self._unread = bytearray()
        self.disconnected = False

    def fileno(self) -> int:
        """Return the file descriptor of the socket, for `select`."""
        return self._socket.fileno()

    def requests(self) -> Iterator[dict[str, Any]]:
        """Yield the requests that have arrived, without waiting. If the supervisor has ended, set `disconnected`."""
        # Test first whether there is anything to read. `recv` would wait, because `respond` needs a blocking socket.
        if not select.select([self._socket], [], [], 0)[0]:
            return
        try:
            new = self._socket.recv(_CHUNK)
        except OSError:
            new = b""
        self.disconnected = not new
        self._unread += new
        while (end := self._unread.find(b"\n")) >= 0:
            line = bytes(self._unread[:end])
            del self._unread[: end + 1]
            yield orjson.loads(line)

    def respond(self, request: dict[str, Any], value: dict[str, Any]) -> None:
        """Send the response `value`. Send nothing if the request was sent with `notify`, which expects no response.

        If the response cannot be sent within 5 s, set `disconnected`.
        """
        if not request["id"]:
            return
        try:
            self._socket.sendall(orjson.dumps({"id": request["id"], **value}) + b"\n")
        except OSError:
            self.disconnected = True
