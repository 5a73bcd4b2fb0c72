"""One request in flight: its deadlines, its times, and the socket that an abort shuts down."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol

from bridge.aws.transport.measurement import RequestMeasurement, RequestProgress, progress_listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.aws.transport.timeouts import TransportTimeouts

FIRST_CHECK_SECS = 0.1
"""Age of a request at which its send buffer is checked for the first time.

The check costs 5 % of the CPU time of a request with 500 records. If the response arrives sooner, no check is made.
"""
MAX_PAUSE_SECS = 0.1
"""Maximum time between two checks of the send buffer.

In the first 0.4 s of a request, the maximum is a quarter of the time since the request began.
"""
MAX_RESPONSE_BYTES = 4 * 1024 * 1024
"""Maximum size of a response. GetRecords has a larger limit. 500 results of PutRecords have 55 kB, and 1,000 shards of
ListShards have 300 kB."""
MAX_RESPONSE_TIMEOUTS = 10
"""Maximum duration of a response after its first byte, as a multiple of `answer_timeout_secs`.

Without this limit, a server that sends single bytes could occupy a thread forever.
"""
LONGEST_PAUSE_SECS = 1.0
"""Maximum wait after the request has left. The wait is short, because clocks of tests may run faster than real time."""


class RequestStalled(TimeoutError):
    """Error: no byte of the request left this machine for `stall_timeout_secs`."""


class NoResponse(TimeoutError):
    """Error: the request left this machine, but no byte of a response arrived for `answer_timeout_secs`."""


class RequestAborted(OSError):
    """Error: another thread ended the request."""


class ResponseTooLarge(OSError):
    """Error: the response is larger than the limit for its operation."""


class Interruptible(Protocol):
    """Socket that another thread may shut down at any time, even after the socket was closed."""

    def shut_down(self) -> None:
        """End every wait of the thread that uses the socket. Any thread calls this. Do not block, and raise nothing."""


class InFlightRequest:
    """State of one request.

    Only the thread that sends the request changes the state. Other threads may read it, and may call `abort` and
    `limit_stall`.
    """

    def __init__(self, timeouts: TransportTimeouts, clock: Callable[[], float]) -> None:
        self.timeouts = timeouts
        self.clock = clock
        self.max_response_bytes = MAX_RESPONSE_BYTES
        self.size = 0
        self.written = 0
        """Number of bytes that the kernel has accepted, including the overhead of TLS. The socket updates it."""
        self.drained = 0
        """Number of bytes that have left this machine, as the kernel last reported."""
        self.aborted = False
        self.failure: OSError | None = None
        """Error with which the transport itself ended the request."""
        self._socket: Interruptible | None = None
        self._connect_secs: float | None = None
        self._started_at: float | None = None
        self._drained_at: float | None = None
        self._answered_at: float | None = None
        self._received_bytes = 0
        self._round_trip_secs: float | None = None
        self._date: float | None = None
        self.draining = True
        """True while bytes may be in the send buffer and no response has arrived."""
        self._sent_completely = False
        self._limit_secs = timeouts.stall_timeout_secs
        # Time of the last progress. While `draining` is true, this is when a byte last left this machine. Afterwards,
        # it is when a byte was last received.
        self._moved_at = 0.0
        self._on_progress = progress_listener()

    # Set-up and abort

    def attach(self, sock: Interruptible) -> None:
        """Store the socket that `abort` shuts down. If the request was already aborted, shut the socket down now."""
        self._socket = sock
        if self.aborted:
            sock.shut_down()

    def abort(self) -> None:
        """End the request. Any thread may call this method."""
        self.aborted = True
        if (sock := self._socket) is not None:
            sock.shut_down()

    def limit_stall(self, secs: float) -> None:
        """Make the request fail if no byte leaves for `secs`, or at once if no byte was written.

        In both cases, the service does not have the complete request, so a retry cannot store its records twice. Any
        thread may call this method.
        """
        if self._started_at is None:
            self.abort()
        elif self.draining:
            self._limit_secs = min(self._limit_secs, secs)

    def raise_if_aborted(self) -> None:
        """Raise RequestAborted if the request was aborted."""
        if self.aborted:
            raise self.failed(RequestAborted("the bridge ended the request"))

    def failed(self, error: OSError) -> OSError:
        """Store and return the error with which the transport ends the request."""
        self.failure = error
        return error

    def connected(self, secs: float) -> None:
        """Store that the set-up of a new connection took `secs`. The set-up may have failed."""
        self._connect_secs = secs

    @property
    def complete(self) -> bool:
        """True once the kernel has accepted the complete request. From then on, the service may have received it."""
        return self._sent_completely

    @property
    def reused(self) -> bool:
        """True if an earlier request had used the connection."""
        return self._started_at is not None and self._connect_secs is None

    # Sending

    def start(self, size: int) -> None:
        """Store that the sending of a request with `size` bytes begins now."""
        self.size = size
        self._started_at = self._moved_at = self.clock()

    def sent_completely(self) -> None:
        """Store that the kernel has accepted the complete request."""
        self._sent_completely = True

    def pause_secs(self) -> float:
        """Return how long the thread may wait before it must call `check`."""
        now = self.clock()
        pause = LONGEST_PAUSE_SECS
        if self.draining:
            age = now - (self._started_at or now)
            pause = min(age / 4, MAX_PAUSE_SECS) if age >= FIRST_CHECK_SECS else FIRST_CHECK_SECS - age
        return max(0.0, min(pause, self._moved_at + self._limit_secs - now))

    def check(self, unacknowledged: int | None) -> None:
        """Check the deadlines. `unacknowledged` is the number of bytes in the kernel's send buffer.

        If `unacknowledged` is None, all written bytes count as left. Raise RequestStalled or NoResponse if no byte has
        moved for too long. Raise RequestAborted after an abort.
        """
        self.raise_if_aborted()
        now = self.clock()
        if self.draining:
            self._note_drained(unacknowledged, now)
        if now - self._moved_at >= self._limit_secs:
            raise self.failed(self._timeout())

    def _note_drained(self, unacknowledged: int | None, now: float) -> None:
        drained = self.written - (unacknowledged or 0)
        moved = drained > self.drained
        if moved:
            self.drained, self._moved_at = drained, now
        # If the kernel does not report its send buffer, the time-out for the response begins when the kernel has
        # accepted the complete request.
        if self._sent_completely and not unacknowledged:
            self._drained_at = now if unacknowledged is not None else None
            self._await_response(now)
        if unacknowledged is not None and (moved or self.drain_known):
            self._report_progress()

    def _report_progress(self) -> None:
        if self._on_progress is not None:
            self._on_progress(RequestProgress(self.size, min(self.drained, self.size), self.drain_known))

    def _await_response(self, now: float) -> None:
        self.draining = False
        self._limit_secs, self._moved_at = self.timeouts.answer_timeout_secs, now

    def _timeout(self) -> OSError:
        if self.draining:
            progress = f"{min(self.drained, self.size):,} of {self.size:,} bytes had left"
            return RequestStalled(f"no byte left this machine for {self._limit_secs:g} s; {progress}")
        where = "the rest of the response" if self._answered_at is not None else "a response"
        return NoResponse(f"the request was sent, and {where} did not come within {self._limit_secs:g} s")

    # Receiving

    def received(self, count: int = 0) -> None:
        """Count `count` bytes of the response that have arrived.

        Raise ResponseTooLarge if the response is too large. Raise NoResponse if it takes too long.
        """
        now = self.clock()
        if self._answered_at is None:
            self._answered_at = now
        self._received_bytes += count
        self.check_response_bytes(self._received_bytes)
        max_secs = MAX_RESPONSE_TIMEOUTS * self.timeouts.answer_timeout_secs
        if now - self._answered_at > max_secs:
            raise self.failed(NoResponse(f"the rest of the response did not come within {max_secs:g} s"))
        self._await_response(now)

    def check_response_bytes(self, count: int) -> None:
        """Raise ResponseTooLarge if a response of `count` bytes exceeds the limit."""
        if count > self.max_response_bytes:
            raise self.failed(ResponseTooLarge(f"the response is larger than {self.max_response_bytes:,} bytes"))

    @property
    def answered(self) -> bool:
        """True if at least one byte of the response has arrived."""
        return self._answered_at is not None

    @property
    def drain_known(self) -> bool:
        """True if the kernel reported, before a response arrived, that the request had left."""
        return self._drained_at is not None

    def round_trip(self, secs: float | None) -> None:
        """Store the shortest round trip of the connection."""
        self._round_trip_secs = secs

    def dated(self, header: str) -> None:
        """Store the Date header of the response, if it is a valid date."""
        # OverflowError occurs for dates in the years 1 and 9999, which cannot be converted to a timestamp.
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            self._date = parsedate_to_datetime(header).timestamp()

    def measurement(self) -> RequestMeasurement:
        """Return the sizes and times that have been measured so far."""
        # If the response to a complete request has arrived, all bytes have left. The kernel may not have reported this.
        all_sent = self._sent_completely and self._answered_at is not None
        return RequestMeasurement(
            request_bytes=self.size,
            drained_bytes=self.size if all_sent else min(self.drained, self.size),
            started_at=self._started_at,
            drained_at=self._drained_at,
            answered_at=self._answered_at,
            reused=self.reused,
            connect_secs=self._connect_secs or 0.0,
            round_trip_secs=self._round_trip_secs,
            date=self._date,
        )


current_request: ContextVar[InFlightRequest] = ContextVar("current_request")
"""Request that this thread sends. It is a context variable, because urllib3 cannot pass it to connections and pools."""
