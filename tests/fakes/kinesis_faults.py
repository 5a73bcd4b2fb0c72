"""Faults of the Kinesis stand-in, which affect complete requests or single records."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field

KINDS = ("error", "hang", "reset", "truncate", "malformed", "short", "slow")
THROTTLED = "ProvisionedThroughputExceededException"


@dataclass
class Fault:
    """A fault of the next `requests` requests (None: until it is cleared) of an operation and a stream (None: any).

    error       respond with the error `code` and HTTP `status` (default 500), and store nothing
    slow        respond after `secs`
    hang        never respond
    reset       store the records, then reset the connection
    truncate, malformed, short
                store the records, then send an invalid response

    `secs` delays the response of any kind of fault. `skew_secs` is the error of the Date header in the response.
    """

    kind: str
    requests: int | None = None
    stream: str | None = None
    operation: str | None = "PutRecords"
    code: str = "InternalFailure"
    status: int = 0
    message: str = "scripted"
    text: str = "<html>Sign in to the plant network</html>"
    """Body of a malformed response."""
    secs: float = 0.0
    skew_secs: float = 0.0

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r}: one of {', '.join(KINDS)}")
        self.status = self.status or (500 if self.kind == "error" else 200)

    def concerns(self, operation: str, stream: str | None) -> bool:
        return self.operation in (None, operation) and self.stream in (None, stream)


@dataclass
class RecordFault:
    """Failure of single records of a stream with `code`: a share from 0 to 1, on all shards or only on `shard`."""

    stream: str
    share: float = 1.0
    shard: int | None = None
    code: str = THROTTLED
    records: int | None = None
    """Total number of records that fail (None: until the fault is cleared)."""


@dataclass
class Script:
    """The active faults. Any thread may add faults. Each request uses up one of the requests of a fault."""

    seed: int = 0
    _faults: list[Fault] = field(default_factory=list)
    _record_faults: list[RecordFault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self):
        self._random = random.Random(self.seed)

    def add(self, fault: Fault | RecordFault) -> None:
        with self._lock:
            if isinstance(fault, Fault):
                self._faults.append(fault)
            else:
                self._record_faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()
            self._record_faults.clear()

    def next_fault(self, operation: str, stream: str | None) -> Fault | None:
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if fault.concerns(operation, stream):
                    self._spend(fault)
                    return fault
        return None

    def _spend(self, fault: Fault) -> None:
        if fault.requests is not None:
            fault.requests -= 1
            if fault.requests <= 0:
                self._faults.remove(fault)

    def record_faults(self, stream: str) -> list[RecordFault]:
        return [fault for fault in self._record_faults if fault.stream == stream]

    def code_for(self, faults: list[RecordFault], shard: int) -> str | None:
        """Return the error code with which a record on this shard fails, or None if it succeeds."""
        for fault in faults:
            if fault.shard not in (None, shard) or fault.records == 0 or self._random.random() >= fault.share:
                continue
            if fault.records is not None:
                fault.records -= 1
            return fault.code
        return None
