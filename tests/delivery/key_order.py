"""Traffic with a sequence number in each record, and the faults that a consumer finds."""

import json
import random
import threading
from typing import NamedTuple

import pytest

from bridge.aws.credentials import Authentication
from bridge.delivery.settings import SenderSettings
from bridge.kinesis.publisher import KinesisPublisher, PublisherSettings
from bridge.model import Record
from tests.fakes.stream_queue import MemoryQueue
from tests.harness.consumers import kcl

PATIENCE_SECS = 100
SETTINGS = SenderSettings(linger_secs=0.005)
"""Default settings with a short linger, so that several requests are in flight at 700 records/s."""

DATA_BYTES = 200
STREAM_RECORDS, STREAM_SECS = 7, 0.01
"""Traffic of a plant: 700 records a second, which arrive in small groups."""

KEYS = (1, 20, 2000)
PACKINGS = ("none", "kpl", "lines")


class Faults(NamedTuple):
    """Numbers of faulty records. `behind`: records that a consumer reads after a later record of their key."""

    lost: int
    duplicates: int
    behind: int


NO_FAULTS = Faults(0, 0, 0)


class Traffic:
    """Numbered records with `keys` different keys. The data of each record contains its key and its number."""

    def __init__(self, keys, seed=0):
        self.sent = 0
        self._keys = keys
        self._random = random.Random(seed)

    def records(self, count):
        """Return the next records."""
        first = self.sent + 1
        self.sent += count
        return [self._record(number) for number in range(first, first + count)]

    def _record(self, number):
        key = f"press-{self._random.randrange(self._keys)}"
        return Record(number, 1, key, json.dumps({"n": number, "key": key}).ljust(DATA_BYTES).encode())

    def faults(self, stream):
        """Compare what a KCL consumer reads from a stream, whatever its packing, with all that was sent."""
        found = [json.loads(line) for _, data in kcl(stream) for line in data.splitlines()]
        numbers = [each["n"] for each in found]
        lost = set(range(1, self.sent + 1)).difference(numbers)
        return Faults(len(lost), len(numbers) - len(set(numbers)), _behind(found))


def _behind(found):
    latest, behind = {}, 0
    for each in found:
        behind += each["n"] < latest.get(each["key"], 0)
        latest[each["key"]] = max(each["n"], latest.get(each["key"], 0))
    return behind


def burst(queue, records):
    """Append all records at once."""
    queue.put(*records)


def stream(queue, records):
    """Append records at about 700/s; a busy machine appends them more slowly."""
    pause = threading.Event()
    for start in range(0, len(records), STREAM_RECORDS):
        queue.put(*records[start : start + STREAM_RECORDS])
        pause.wait(STREAM_SECS)


each_packing = pytest.mark.parametrize("packing", PACKINGS)
each_number_of_keys = pytest.mark.parametrize("keys", KEYS)
each_arrival = pytest.mark.parametrize("arrive", [burst, stream], ids=lambda arrive: arrive.__name__)


def publisher_to(url):
    """Return a publisher with long time-outs.

    On a busy machine, a short time-out would fail requests, which may change the order.
    """
    key = Authentication("token", {"access_key_id": "test", "secret_access_key": "test"})
    patience = {"connect_timeout_secs": PATIENCE_SECS, "answer_timeout_secs": PATIENCE_SECS}
    return KinesisPublisher(PublisherSettings("us-east-1", key, endpoint_url=url, **patience))


def queue_of(data_stream, packing):
    """Return an empty queue with the default option `order`."""
    return MemoryQueue(data_stream if packing == "none" else f"{data_stream} packing={packing}")
