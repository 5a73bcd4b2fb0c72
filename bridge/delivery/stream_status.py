"""Counters and state of a stream. A failure and its recovery are each logged once. Record data is never logged."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any, Literal

from bridge.errors import Refused, SendError
from bridge.histogram import Histogram

logger = logging.getLogger(__name__)

State = Literal["ok", "retrying", "refused"]


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """Counters and state of one stream at one time. The counters start at 0 when the process starts.

    These fields count records:

    - `delivered`: accepted by Kinesis
    - `rejected`: became dead letters, because Kinesis can never accept them
    - `throttled`: refused because of a throughput limit
    - `retried`: sent again
    - `resent`: sent again because a wrong shard had stored them, where consumers that de-aggregate discard them
    - `duplicates_possible`: sent in a request without a valid response, so Kinesis may store them twice
    - `waiting`: taken from the queue and not in flight

    Other fields:

    - `bad_for_secs`: seconds since the state was last "ok"
    - `max_record_bytes`: the stream's maximum record size; None while it is unknown
    - `hot_key`: a partition key that alone reaches the limit of a shard; "" if there is none
    - `oldest_secs`: age of the oldest unsettled record; 0 if there is none
    - `answered_at`: time of the last response with results, in seconds since 1970; 0 if there was none
    - `endpoint`: URL or region of the requests
    - `stalled_secs`: seconds for which Kinesis has accepted no record although records wait
    - `failed_in_a_row`: number of requests that failed since the last response
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
    endpoint: str = ""
    stalled_secs: float = 0.0
    failed_in_a_row: int = 0


class StreamHealth:
    """Counters of one stream, and its state with the reason. Callers hold the lock of the sender pool."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self.state: State = "ok"
        self.code = self.detail = self.hint = ""
        self.delivered = self.rejected = self.throttled = self.retried = self.resent = self.duplicates_possible = 0
        self.requests = self.failed_requests = 0
        self.last_latency_ms = self.answered_at = 0.0
        self.accepted_at: float | None = None
        """Time at which Kinesis last accepted a record, by the sender's clock."""
        self.latencies = Histogram()
        """Time from the start of each request to its results, in seconds."""
        self._bad_since = 0.0

    def bad(self, error: SendError, since: float) -> None:
        """Store why the stream does not accept all records. Log the error if it is new."""
        state: State = "refused" if isinstance(error, Refused) else "retrying"
        hint = error.hint if isinstance(error, Refused) else ""
        if self.state == "ok":
            self._bad_since = since
        if self._is_news(state, error.code):
            self._log(error, hint)
        self.state, self.code, self.detail, self.hint = state, error.code, error.detail, hint

    def answered(self, latency_secs: float) -> None:
        """Note that Kinesis returned the results of a request, which took `latency_secs`."""
        self.last_latency_ms = latency_secs * 1000
        self.answered_at = time.time()
        self.latencies.observe(latency_secs)

    def accepted(self, records: int, now: float) -> None:
        """Count records that Kinesis accepted."""
        self.delivered += records
        self.accepted_at = now

    def ok(self, now: float) -> None:
        """Note that the stream accepts records. If it did not before, log for how long."""
        if self.state == "ok":
            return
        logger.info("stream %s: accepts records again, after %.0f s", self._stream, now - self._bad_since)
        self.state = "ok"
        self.code = self.detail = self.hint = ""

    def status(self, now: float, **of_tracker: Any) -> StreamStatus:
        """Return counters and state. `of_tracker` contains the fields that only the tracker knows."""
        return StreamStatus(
            stream=self._stream,
            state=self.state,
            code=self.code,
            detail=self.detail,
            hint=self.hint,
            bad_for_secs=self.bad_for_secs(now),
            delivered=self.delivered,
            rejected=self.rejected,
            throttled=self.throttled,
            retried=self.retried,
            resent=self.resent,
            duplicates_possible=self.duplicates_possible,
            requests=self.requests,
            failed_requests=self.failed_requests,
            last_latency_ms=self.last_latency_ms,
            answered_at=self.answered_at,
            **of_tracker,
        )

    def bad_for_secs(self, now: float) -> float:
        """Return the seconds since the state was last "ok"; 0 if it is "ok" now."""
        return 0.0 if self.state == "ok" else now - self._bad_since

    def _is_news(self, state: State, code: str) -> bool:
        """Return whether to log an error: it is the first of an outage, or a new reason why a person must act."""
        return self.state == "ok" or (state == "refused" and (self.state, self.code) != (state, code))

    def _log(self, error: SendError, hint: str) -> None:
        if hint:
            logger.error("stream %s: refused by AWS; records stay in the spool: %s - %s", self._stream, error, hint)
        else:
            logger.warning("stream %s: cannot deliver; retrying, records stay in the spool: %s", self._stream, error)
