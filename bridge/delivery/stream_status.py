"""A stream's counters and state. Logs once when it goes bad and once when it recovers, and never a record."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Literal

from bridge.errors import Refused, SendError
from bridge.histogram import Histogram

logger = logging.getLogger(__name__)

State = Literal["ok", "retrying", "refused"]


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """How a stream does at one moment. Counters count since the start of this process.

    `delivered`, `rejected`: records settled. `throttled`: refusals of the stream's records for lack of throughput.
    `retried`: records sent once more. `resent`: records stored on a shard that they do not belong to any more, where
    consumers that de-aggregate discard them, and so sent again. `duplicates_possible`: records sent again although an
    earlier request, which got no good answer, may have stored them. `waiting`: records that were handed out by the
    queue and are not in flight. `bad_for_secs`: since the state left "ok", 0 while it is. `max_record_bytes`: None
    while Kinesis has not been asked. `hot_key`: a partition key that alone brings what a shard takes, or more.
    `oldest_secs`: since the oldest record that is not settled was received, 0 if there is none. `answered_at`: when
    Kinesis last gave the records of a request their results, in seconds since 1970; 0 if it never did.
    """

    stream: str
    state: State
    code: str
    detail: str
    hint: str
    bad_for_secs: float
    delivered: int
    rejected: int
    throttled: int
    retried: int
    resent: int
    duplicates_possible: int
    requests: int
    failed_requests: int
    in_flight_requests: int
    in_flight_records: int
    waiting: int
    last_latency_ms: float
    max_record_bytes: int | None
    hot_key: str = ""
    oldest_secs: float = 0.0
    answered_at: float = 0.0


class StreamHealth:
    """The counters, and the state with its reason. Not thread-safe: the sender guards it."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self.state: State = "ok"
        self.code = self.detail = self.hint = ""
        self.delivered = self.rejected = self.throttled = self.retried = self.resent = self.duplicates_possible = 0
        self.requests = self.failed_requests = 0
        self.last_latency_ms = self.answered_at = 0.0
        self.answers = Histogram()
        """How long Kinesis took for each request that it gave results for."""
        self._bad_since = 0.0

    def bad(self, error: SendError, now: float) -> None:
        """The stream takes nothing, or not everything, for this reason."""
        state: State = "refused" if isinstance(error, Refused) else "retrying"
        hint = error.hint if isinstance(error, Refused) else ""
        if self.state == "ok":
            self._bad_since = now
        if self._worth_telling(state, error.code):
            self._tell(error, hint)
        self.state, self.code, self.detail, self.hint = state, error.code, error.detail, hint

    def answered(self, latency_secs: float) -> None:
        """Kinesis gave each record of a request its own result."""
        self.last_latency_ms = latency_secs * 1000
        self.answered_at = time.time()
        self.answers.observe(latency_secs)

    def ok(self, now: float) -> None:
        """Records are taken again."""
        if self.state == "ok":
            return
        logger.info("stream %s: accepts records again, after %.0f s", self._stream, now - self._bad_since)
        self.state = "ok"
        self.code = self.detail = self.hint = ""

    def bad_for_secs(self, now: float) -> float:
        """How long the state has not been "ok"."""
        return 0.0 if self.state == "ok" else now - self._bad_since

    def _worth_telling(self, state: State, code: str) -> bool:
        """A new trouble, or a new reason why a human must act; not each other face of one outage."""
        return self.state == "ok" or (state == "refused" and (self.state, self.code) != (state, code))

    def _tell(self, error: SendError, hint: str) -> None:
        if hint:
            logger.error("stream %s: refused, records are kept: %s - %s", self._stream, error, hint)
        else:
            logger.warning("stream %s: unavailable, records are kept and tried again: %s", self._stream, error)
