"""First arrivals of the messages on one stream of the stand-in, in little memory: their content is not stored.

Messages are JSON objects whose `n` is their number, from 0 on, alone or in a packed record.
"""

import time
from array import array
from collections.abc import Callable

import orjson

from bridge.kinesis.packing.unpack import unpacked

NOT_ARRIVED = 0.0


class ArrivalLog:
    """`messages` counts every arrival, `distinct` the first arrival of each message, `distinct_bytes` their payload.

    `transfers` are [time of the first byte, time of the last byte, distinct payload bytes] of each request. The
    stand-in's thread adds; any thread may read.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.messages = self.distinct = self.distinct_bytes = 0
        self.transfers: list[list[float]] = []
        self._clock = clock
        self._arrived = array("d")

    @property
    def duplicates(self) -> int:
        """Number of messages that arrived again."""
        return self.messages - self.distinct

    def begin_request(self, first_byte_at: float, last_byte_at: float) -> None:
        """Note that the next records belong to a request of that time."""
        self.transfers.append([first_byte_at, last_byte_at, 0])

    def add(self, data: bytes) -> None:
        """Log the messages in the data of one record."""
        now = self._clock()
        for message in unpacked(data):
            number = orjson.loads(message)["n"]
            self.messages += 1
            if number >= len(self._arrived):
                self._arrived.frombytes(bytes(8 * (number + 1 - len(self._arrived))))
            if self._arrived[number] == NOT_ARRIVED:
                self._arrived[number] = now
                self.distinct += 1
                self.distinct_bytes += len(message)
                if self.transfers:
                    self.transfers[-1][2] += len(message)
                self.count_first(number)

    def count_first(self, number: int) -> None:
        """Count the first arrival of message `number`. Subclasses count arrivals separately."""

    def arrived_at(self, number: int) -> float | None:
        """Return the time of message `number`'s first arrival."""
        time_of = self._arrived[number] if number < len(self._arrived) else NOT_ARRIVED
        return None if time_of == NOT_ARRIVED else time_of

    def bytes_between(self, began: float, ended: float) -> float:
        """Return the payload bytes that came in this time. What a request brought is spread over the time that it took:
        requests that take the link many seconds would otherwise count in one window or in another by chance.
        """
        found = 0.0
        for first, last, size in tuple(self.transfers):
            took = max(last - first, 1e-6)
            found += size * max(0.0, min(ended, first + took) - max(began, first)) / took
        return found
