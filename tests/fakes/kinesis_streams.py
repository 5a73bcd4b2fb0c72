"""Streams and shards of the Kinesis stand-in: placement by MD5, limits, stored records, and counts."""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.arrival_log import ArrivalLog

MAX_RECORDS = 500
MAX_REQUEST_BYTES = 10 * 1024 * 1024
PAYLOAD_UNIT_BYTES = 25 * 1024
ON_DEMAND_BYTES = 1024
"""Unit of sizes in on-demand mode, to which AWS rounds up a record.

https://aws.amazon.com/kinesis/data-streams/pricing/
"""
COUNTED = ("records", "bytes", "units", "billed_bytes", "throttled")
SHARD_RECORDS_PER_SEC = 1000
SHARD_BYTES_PER_SEC = 1024 * 1024
SHARD_READS_PER_SEC = 5
SHARD_READ_BYTES_PER_SEC = 2_000_000
HASH_SPACE = 1 << 128


class KinesisError(Exception):
    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class Stored(NamedTuple):
    shard_id: str
    sequence_number: str
    key: str
    data: bytes


class Bucket:
    """Token bucket that holds at most the tokens of one second."""

    def __init__(self, per_sec: float, clock: Any):
        self.per_sec, self.left, self.clock, self.filled = per_sec, per_sec, clock, clock()

    def refill(self) -> None:
        now = self.clock()
        self.left = min(self.per_sec, self.left + (now - self.filled) * self.per_sec)
        self.filled = now


@dataclass
class Shard:
    number: int
    first_hash: int
    last_hash: int
    clock: Any
    stored: list[Stored] = field(default_factory=list)
    records: int = 0
    bytes: int = 0
    units: int = 0
    billed_bytes: int = 0
    throttled: int = 0
    open: bool = True

    def __post_init__(self):
        self.id = f"shardId-{self.number:012d}"
        self.accepted = orjson.dumps({"SequenceNumber": f"{self.number + 1:056d}", "ShardId": self.id})
        self._records = Bucket(SHARD_RECORDS_PER_SEC, self.clock)
        self._bytes = Bucket(SHARD_BYTES_PER_SEC, self.clock)
        self._reads = Bucket(SHARD_READS_PER_SEC, self.clock)
        self._read_bytes = Bucket(SHARD_READ_BYTES_PER_SEC, self.clock)

    def count(self, size: int) -> None:
        self.records += 1
        self.bytes += size
        self.units += 1 if size <= PAYLOAD_UNIT_BYTES else -(-size // PAYLOAD_UNIT_BYTES)
        self.billed_bytes += -(-size // ON_DEMAND_BYTES) * ON_DEMAND_BYTES

    def allows_read(self, size: int) -> bool:
        """Return whether the limits of the shard (5 calls and 2 MB a second) permit another page.

        A page may be larger than the remaining bytes. The next page then waits longer.
        """
        self._reads.refill()
        self._read_bytes.refill()
        if self._reads.left < 1 or self._read_bytes.left < 0:
            return False
        self._reads.left -= 1
        self._read_bytes.left -= size
        return True

    def takes(self, size: int) -> bool:
        """Return whether the limits of the shard permit a record of this size. If so, count the record."""
        self._records.refill()
        self._bytes.refill()
        if self._records.left < 1 or self._bytes.left < size:
            return False
        self._records.left -= 1
        self._bytes.left -= size
        return True


class Stream:
    """A stream.

    limited       enforce the limits of shards
    forget        store only counts, not records; all records of a shard get the same sequence number
    poison_keys   a request with one of these partition keys is invalid
    poison_data   a request with a record that contains these bytes is invalid
    arrivals      log that gets the data of each record instead of storing it
    """

    def __init__(
        self, name: str, shards: int, *, forget=False, limited=False, max_record_kib=1024, clock=time.monotonic
    ):
        self.name, self.forget, self.limited, self.max_record_kib = name, forget, limited, max_record_kib
        width = HASH_SPACE // shards
        last = [(number + 1) * width - 1 for number in range(shards - 1)] + [HASH_SPACE - 1]
        self.shards = [Shard(number, number * width, last[number], clock) for number in range(shards)]
        self.created_at = 1_700_000_000
        self.poison_keys: set[str] = set()
        self.poison_data: bytes | None = None
        self.arrivals: ArrivalLog | None = None
        self._by_service: Iterator[Shard] | None = None
        self.requests = 0
        self.in_flight = self.most_in_flight = 0  # counted only for requests with a latency
        self._numbers = itertools.count(1)
        self._shard_of: dict[str, Shard] = {}
        self._clock = clock
        self._resharding = threading.Lock()

    @property
    def stored(self) -> list[Stored]:
        """Stored records, in order of arrival."""
        return sorted(
            itertools.chain.from_iterable(shard.stored for shard in self.shards), key=lambda s: s.sequence_number
        )

    def take(self) -> list[Stored]:
        """Remove and return all stored records. Only the thread that stores records may call this method."""
        taken = self.stored
        for shard in self.shards:
            shard.stored.clear()
        return taken

    @property
    def open_shards(self) -> list[Shard]:
        """Open shards, in the order of their hash ranges."""
        return sorted((shard for shard in self.shards if shard.open), key=lambda shard: shard.first_hash)

    def split(self, number: int) -> list[Shard]:
        """Close shard `number`, and divide its hash range between two new shards."""
        parent = self.shards[number]
        middle = (parent.first_hash + parent.last_hash) // 2
        return self._replace([parent], [(parent.first_hash, middle), (middle + 1, parent.last_hash)])

    def merge(self, one: int, other: int) -> list[Shard]:
        """Close two adjacent shards, and open one shard with the hash range of both."""
        low, high = sorted((self.shards[one], self.shards[other]), key=lambda shard: shard.first_hash)
        assert low.last_hash + 1 == high.first_hash, "only neighbours can be merged"
        return self._replace([low, high], [(low.first_hash, high.last_hash)])

    def _replace(self, parents: list[Shard], ranges: list[tuple[int, int]]) -> list[Shard]:
        with self._resharding:
            children = [Shard(len(self.shards) + n, *hashes, self._clock) for n, hashes in enumerate(ranges)]
            self.shards += children
            for parent in parents:
                parent.open = False
            self._shard_of.clear()
            return children

    def place_by_service(self, on: bool = True) -> None:
        """Ignore keys and hash keys, and choose the shards as a stream with RecordDistributionStrategy AUTO does."""
        self._shard_of.clear()
        self._by_service = itertools.cycle(self.open_shards) if on else None

    @property
    def distribution(self) -> str:
        return "AUTO" if self._by_service else "USER_PARTITION_KEY"

    def shard_of(self, key: str, hash_key: str | None = None) -> Shard:
        if self._by_service:
            return next(self._by_service)
        shard = self._shard_of.get(hash_key or key)
        if shard is None or not shard.open:
            place = int(hash_key) if hash_key else int.from_bytes(hashlib.md5(key.encode()).digest(), "big")
            with self._resharding:
                shard = next(s for s in self.shards if s.open and s.first_hash <= place <= s.last_hash)
            if len(self._shard_of) < 100_000:
                self._shard_of[hash_key or key] = shard
        return shard

    def arrived(self) -> None:
        """Count a request that gets its response later as in flight."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def put(self, entries: list[dict[str, str]], script: Any) -> bytes:
        """Store the records, and return the response of PutRecords as JSON."""
        self.requests += 1
        if not 1 <= len(entries) <= MAX_RECORDS:
            raise KinesisError("InvalidArgumentException", f"{len(entries)} records; 1 to {MAX_RECORDS} are allowed")
        sizes = [_size(entry) for entry in entries]
        self._validate(entries, sizes)
        faults = script.record_faults(self.name)
        if self.forget and not faults and not self.limited:
            return self._count_only(entries, sizes)
        results = [self._put(entry, size, script, faults) for entry, size in zip(entries, sizes, strict=True)]
        failed = sum("ErrorCode" in result for result in results)
        return orjson.dumps({"FailedRecordCount": failed, "Records": results, "EncryptionType": "NONE"})

    def _validate(self, entries: list[dict[str, str]], sizes: list[int]) -> None:
        if sum(sizes) > MAX_REQUEST_BYTES:
            raise KinesisError("InvalidArgumentException", "the request is larger than 10 MiB")
        if max(sizes) > self.max_record_kib * 1024:
            raise KinesisError("InvalidArgumentException", f"a record is larger than {self.max_record_kib} KiB")
        if not all(0 < len(entry["PartitionKey"]) <= 256 for entry in entries):
            raise KinesisError("ValidationException", "a partition key must have 1 to 256 characters")
        if self.poison_keys and any(entry["PartitionKey"] in self.poison_keys for entry in entries):
            raise KinesisError("InvalidArgumentException", "a record is poison")
        if self.poison_data is not None and any(self.poison_data in b64decode(entry["Data"]) for entry in entries):
            raise KinesisError("InvalidArgumentException", "a record is poison")

    def _count_only(self, entries: list[dict[str, str]], sizes: list[int]) -> bytes:
        """Count the records without decoding them. It is fast, so that benchmarks do not measure the stand-in."""
        answers, known = [], self._shard_of.get
        for entry, size in zip(entries, sizes, strict=True):
            shard = known(entry.get("ExplicitHashKey") or entry["PartitionKey"])
            if shard is None or not shard.open:
                shard = self.shard_of(entry["PartitionKey"], entry.get("ExplicitHashKey"))
            shard.count(size)
            answers.append(shard.accepted)
        return b'{"FailedRecordCount":0,"Records":[' + b",".join(answers) + b"]}"

    def _put(self, entry: dict[str, str], size: int, script: Any, faults: list[Any]) -> dict[str, str]:
        shard = self.shard_of(entry["PartitionKey"], entry.get("ExplicitHashKey"))
        code = script.code_for(faults, shard.number)
        if code is None and self.limited and not shard.takes(size):
            code = "ProvisionedThroughputExceededException"
        if code is not None:
            shard.throttled += 1
            return {"ErrorCode": code, "ErrorMessage": f"{code} on {self.name} {shard.id}"}
        shard.count(size)
        number = f"{next(self._numbers):056d}"
        if self.arrivals is not None:
            self.arrivals.add(b64decode(entry["Data"]))
        elif not self.forget:
            shard.stored.append(Stored(shard.id, number, entry["PartitionKey"], b64decode(entry["Data"])))
        return {"SequenceNumber": number, "ShardId": shard.id}

    def counters(self) -> dict[str, Any]:
        shards = [{name: getattr(shard, name) for name in COUNTED} for shard in self.shards]
        totals = {name: sum(shard[name] for shard in shards) for name in COUNTED}
        return {"requests": self.requests, "most_in_flight": self.most_in_flight, **totals, "shards": shards}


def _size(entry: dict[str, str]) -> int:
    data, key = entry["Data"], entry["PartitionKey"]
    decoded = len(data) // 4 * 3
    if data.endswith("="):
        decoded -= 2 if data.endswith("==") else 1
    return decoded + (len(key) if key.isascii() else len(key.encode()))
