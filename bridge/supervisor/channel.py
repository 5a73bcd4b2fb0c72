"""How a supervisor and a worker talk: lines of JSON over a pair of Unix sockets that nobody else has.

    supervisor   {"id": 7, "ask": "status"}
    worker       {"id": 7, ...}

The supervisor's end closes with its process, however that ends: a worker that reads the end of it stops.
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

_CHUNK: Final = 1 << 16
_SEND_SECS: Final = 5.0


class Channel:
    """The supervisor's end. Any thread, one at a time."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair()
        self._turn = threading.Lock()
        self._number = 0
        self._unread = bytearray()

    def ask(self, what: str, timeout_secs: float, **more: Any) -> dict[str, Any]:
        """The worker's answer. Raises BridgeError where there is none in time, or no worker any more."""
        deadline = time.monotonic() + timeout_secs
        with self._turn:
            self._number += 1
            try:
                self._send({"id": self._number, "ask": what, **more}, timeout_secs)
                while True:
                    answer = self._answer(deadline)
                    if answer["id"] == self._number:  # an earlier one may have come too late
                        return answer
            except OSError as error:
                raise BridgeError(f"no answer within {timeout_secs:g} s ({error})") from error

    def tell(self, what: str, **more: Any) -> None:
        """Nobody waits for an answer, and a worker that has gone does not need to be told."""
        with self._turn:
            try:
                self._send({"id": 0, "ask": what, **more}, 1.0)
            except OSError:
                return

    def close(self) -> None:
        """The worker stops, if it has not."""
        self._ours.close()
        self.theirs.close()

    def _send(self, value: dict[str, Any], timeout_secs: float) -> None:
        self._ours.settimeout(timeout_secs)
        self._ours.sendall(orjson.dumps(value) + b"\n")

    def _answer(self, deadline: float) -> dict[str, Any]:
        while (end := self._unread.find(b"\n")) < 0:
            self._ours.settimeout(max(0.001, deadline - time.monotonic()))
            new = self._ours.recv(_CHUNK)
            if not new:
                raise ConnectionResetError("the worker has closed its end")
            self._unread += new
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        answer: dict[str, Any] = orjson.loads(line)
        return answer


class WorkerChannel:
    """The worker's end. `gone`: there is no supervisor any more."""

    def __init__(self, number: int) -> None:
        """`number` is that of the open file."""
        self._socket = socket.socket(fileno=number)
        self._socket.settimeout(_SEND_SECS)
        self._unread = bytearray()
        self.gone = False

    def fileno(self) -> int:
        """To wait for."""
        return self._socket.fileno()

    def requests(self) -> Iterator[dict[str, Any]]:
        """What has been asked by now."""
        if not select.select([self._socket], [], [], 0)[0]:
            return
        try:
            new = self._socket.recv(_CHUNK)
        except OSError:
            new = b""
        self.gone = not new
        self._unread += new
        while (end := self._unread.find(b"\n")) >= 0:
            line = bytes(self._unread[:end])
            del self._unread[: end + 1]
            yield orjson.loads(line)

    def answer(self, request: dict[str, Any], value: dict[str, Any]) -> None:
        """If somebody waits for it. A supervisor that does not listen is taken for gone."""
        if not request["id"]:
            return
        try:
            self._socket.sendall(orjson.dumps({"id": request["id"], **value}) + b"\n")
        except OSError:
            self.gone = True
