"""Log of the messages that arrive on one stream of the stand-in. It stores times and counts, but no content.

A message is a JSON object. Its member `n` is its number, from 0. A record contains one message, or is packed.
"""

import time
from array import array
from collections.abc import Callable

import orjson

from bridge.kinesis.packing.unpack import unpacked

NOT_ARRIVED = 0.0


class ArrivalLog:
    """Log of arrivals. The thread of the stand-in writes it; any thread may read it.

    messages         number of arrivals, including repeated ones
    distinct         number of different messages that arrived
    distinct_bytes   payload bytes of these different messages
    transfers        [time of the first byte, time of the last byte, distinct payload bytes] for each request
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.messages = self.distinct = self.distinct_bytes = 0
        self.transfers: list[list[float]] = []
        self._clock = clock
        self._arrived = array("d")

    @property
    def duplicates(self) -> int:
        """Number of repeated arrivals."""
        return self.messages - self.distinct

    def begin_request(self, first_byte_at: float, last_byte_at: float) -> None:
        """Begin a request with the times of its first and last byte. The following records belong to this request."""
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
        """Do nothing. Subclasses override this method to count the first arrivals of messages in another way."""

    def arrived_at(self, number: int) -> float | None:
        """Return the time at which message `number` arrived for the first time; None if it has not arrived."""
        time_of = self._arrived[number] if number < len(self._arrived) else NOT_ARRIVED
        return None if time_of == NOT_ARRIVED else time_of

    def bytes_between(self, began: float, ended: float) -> float:
        """Return the payload bytes that arrived between two times.

        The bytes of a request are distributed evenly over its duration. A request can take many seconds, so otherwise
        it would depend on chance in which interval it counts.
        """
        found = 0.0
        for first, last, size in tuple(self.transfers):
            took = max(last - first, 1e-6)
            found += size * max(0.0, min(ended, first + took) - max(began, first)) / took
        return found
