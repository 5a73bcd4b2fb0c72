"""Scripted failures of the Kinesis stand-in: entire requests, and single records."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field

KINDS = ("error", "hang", "reset", "truncate", "malformed", "short", "slow")
THROTTLED = "ProvisionedThroughputExceededException"


@dataclass
class Fault:
    """Trouble for the next `requests` requests (None: until cleared) of one operation and stream (None: any).

    error: an error `code` with HTTP `status` (500), before anything is stored · slow: answers after `secs`
    hang: no answer · reset: stores, then cuts the connection · truncate, malformed, short: stores, answers badly
    `secs` delays every kind; `skew_secs` is how far the Date header of the answer is off.
    """

    kind: str
    requests: int | None = None
    stream: str | None = None
    operation: str | None = "PutRecords"
    code: str = "InternalFailure"
    status: int = 0
    message: str = "scripted"
    text: str = "<html>Sign in to the plant network</html>"
    """Body of a malformed answer."""
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
    """Failure of records of a stream with `code`: a share of them (0 to 1), or all on shard number `shard`."""

    stream: str
    share: float = 1.0
    shard: int | None = None
    code: str = THROTTLED
    records: int | None = None
    """How many in all (None: until cleared)."""


@dataclass
class Script:
    """The active faults. Any thread adds to them; each request takes from them."""

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
        """Return the error code of one record for that shard, or None."""
        for fault in faults:
            if fault.shard not in (None, shard) or fault.records == 0 or self._random.random() >= fault.share:
                continue
            if fault.records is not None:
                fault.records -= 1
            return fault.code
        return None
