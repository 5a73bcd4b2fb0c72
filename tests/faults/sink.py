"""Reader of the records in Kinesis: which messages arrived, how often, and in which order."""

import time

import orjson

from bridge.kinesis.packing.unpack import unpacked
from tests.fakes.kinesis import KinesisStandIn


class Arrived:
    """Messages of one stream. `disordered` counts first arrivals after a later message of the same machine."""

    def __init__(self) -> None:
        self.times = bytearray()
        self.records = 0
        self.distinct = 0
        self.disordered = 0
        self.reached = 0
        """Number before which every message has arrived."""
        self._latest: dict[str, int] = {}

    def add(self, key: str, number: int) -> None:
        self.records += 1
        if number >= len(self.times):
            self.times += bytes(number + 1 - len(self.times))
        if self.times[number]:
            self.times[number] = min(255, self.times[number] + 1)
            return
        self.times[number] = 1
        self.distinct += 1
        self.disordered += self._latest.get(key, -1) > number
        self._latest[key] = max(number, self._latest.get(key, -1))
        while self.reached < len(self.times) and self.times[self.reached]:
            self.reached += 1

    @property
    def duplicates(self) -> int:
        return self.records - self.distinct


class Sink:
    """Streams of a stand-in by name. A stream that was deleted and created again counts as the same stream."""

    def __init__(self, kinesis: KinesisStandIn, *, ordered: str | None, ignored: str = "") -> None:
        self.arrived = {name: Arrived() for name in kinesis.streams if name != ignored}
        self._kinesis = kinesis
        self._ordered = ordered
        self._seen = {name: [stream] for name, stream in kinesis.streams.items() if name != ignored}

    def read(self) -> None:
        for name, seen in self._seen.items():
            stream = self._kinesis.streams.get(name)
            if stream is not None and stream not in seen:
                seen.append(stream)
            for stored in self._kinesis.take(seen):
                for record in stored:
                    for value in map(orjson.loads, unpacked(record.data)):
                        self.arrived[name].add(value.get("machine", record.key), value["count"])

    @property
    def reached(self) -> int:
        """Number below which all messages have arrived in every stream."""
        self.read()
        return min(each.reached for each in self.arrived.values())

    def wait_for(self, number: int, *, timeout_secs: float = 60, still=lambda: True) -> bool:
        """Wait until every message before `number` is in every stream.

        Return False after the time limit, or if `still()` is false.
        """
        deadline = time.monotonic() + timeout_secs
        while self.reached < number:
            if time.monotonic() > deadline or not still():
                return False
            time.sleep(0.02)
        return True

    def lost(self, sent: int) -> int:
        """Return how many of the messages 0 to `sent` - 1 are missing in at least one stream."""
        self.read()
        missing = (set_of_missing(each.times, sent) for each in self.arrived.values())
        return len(set().union(*missing))

    @property
    def beyond(self) -> int:
        """Highest message number that has arrived, plus one."""
        return max(len(each.times) for each in self.arrived.values())

    @property
    def duplicates(self) -> int:
        return sum(each.duplicates for each in self.arrived.values())

    @property
    def disordered(self) -> int:
        """Number of records out of order, in the stream with strict order."""
        return self.arrived[self._ordered].disordered if self._ordered else 0


def set_of_missing(times: bytearray, sent: int) -> set[int]:
    return {number for number in range(sent) if number >= len(times) or not times[number]}
