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

FIRST_LOOK_SECS = 0.1
"""Age at which a request's send buffer is first checked.

One check after a sleep costs 5 % of the CPU time of a request of 500 records. On a link with faster responses, there is
none.
"""
MAX_PAUSE_SECS = 0.1
"""Maximum time between two checks while bytes may still leave, or a quarter of the request's age if that is less."""
MAX_RESPONSE_BYTES = 4 * 1024 * 1024
"""Max bytes of a response, unless the operation needs more. 500 results of PutRecords are 55 kB, and 1,000 shards of
ListShards 300 kB."""
MAX_RESPONSE_TIMEOUTS = 10
"""Maximum duration of a response from its first byte, in multiples of `answer_timeout_secs`.

So a server that sends single bytes does not occupy a thread forever.
"""
LONGEST_PAUSE_SECS = 1.0
"""Maximum wait without a check, because an injected clock may run faster than the kernel's."""


class RequestStalled(TimeoutError):
    """Error: no byte of the request left this machine for `stall_timeout_secs`."""


class NoResponse(TimeoutError):
    """Error: the request left this machine, but no byte of a response arrived for `answer_timeout_secs`."""


class RequestAborted(OSError):
    """Another thread ended the request."""


class ResponseTooLarge(OSError):
    """Error: the response is larger than any response of its operation can be."""


class Interruptible(Protocol):
    """Socket of one thread that another thread may shut down at any time, even after it was closed."""

    def shut_down(self) -> None:
        """End every wait of the thread that uses the socket. Any thread; does not block, raises nothing."""


class InFlightRequest:
    """State of one request. The thread that sends it writes; others only read, or call `abort`."""

    def __init__(self, timeouts: TransportTimeouts, clock: Callable[[], float]) -> None:
        self.timeouts = timeouts
        self.clock = clock
        self.max_response_bytes = MAX_RESPONSE_BYTES
        self.size = 0
        self.written = 0
        """Bytes that the kernel has accepted, including what TLS added. The socket counts them."""
        self.drained = 0
        """Number of these bytes that have left this machine, as the kernel reported."""
        self.aborted = False
        self.failure: OSError | None = None
        """The error by which the transport itself ended the request."""
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
        self._sent_whole = False
        self._limit_secs = timeouts.stall_timeout_secs
        # Time of the last progress: of the last byte that left, later of the last byte received.
        self._moved_at = 0.0
        self._on_progress = progress_listener()

    # Set-up and abort

    def attach(self, sock: Interruptible) -> None:
        """Let `abort` shut down this socket. If the request was aborted before, shut it down now."""
        self._socket = sock
        if self.aborted:
            sock.shut_down()

    def abort(self) -> None:
        """End the request. Any thread."""
        self.aborted = True
        if (sock := self._socket) is not None:
            sock.shut_down()

    def limit_stall(self, secs: float) -> None:
        """Fail if no byte leaves for `secs`, or at once if none was written. Any thread.

        In both cases the service does not have the complete request, so a retry cannot store its records twice.
        """
        # No byte has been written, so the request may end at once without any loss.
        if self._started_at is None:
            self.abort()
        elif self.draining:
            self._limit_secs = min(self._limit_secs, secs)

    def raise_if_aborted(self) -> None:
        """Raise RequestAborted after an abort."""
        if self.aborted:
            raise self.failed(RequestAborted("the bridge ended the request"))

    def failed(self, error: OSError) -> OSError:
        """Store and return the error with which the transport ends the request."""
        self.failure = error
        return error

    def connected(self, secs: float) -> None:
        """Note that a new connection was attempted, and the duration of the attempt."""
        self._connect_secs = secs

    @property
    def complete(self) -> bool:
        """True once the kernel has accepted the complete request. From then on the service may have it."""
        return self._sent_whole

    @property
    def reused(self) -> bool:
        """True if an earlier request had used the connection."""
        return self._started_at is not None and self._connect_secs is None

    # Sending

    def start(self, size: int) -> None:
        """Note that the first of `size` bytes is about to be written."""
        self.size = size
        self._started_at = self._moved_at = self.clock()

    def sent_whole(self) -> None:
        """Note that the kernel has accepted the complete request."""
        self._sent_whole = True

    def pause_secs(self) -> float:
        """Return how long the thread may wait before it has to `check`."""
        now = self.clock()
        pause = LONGEST_PAUSE_SECS
        if self.draining:
            age = now - (self._started_at or now)
            pause = min(age / 4, MAX_PAUSE_SECS) if age >= FIRST_LOOK_SECS else FIRST_LOOK_SECS - age
        return max(0.0, min(pause, self._moved_at + self._limit_secs - now))

    def check(self, unacknowledged: int | None) -> None:
        """Store how many bytes have left, given the bytes in the send buffer (None: unknown, so all count as left).

        Raises RequestStalled or NoResponse if nothing has moved for too long, RequestAborted after an abort.
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
        # With None, the kernel does not report the contents of its buffer. All written bytes then count as sent,
        # because the time for the response must begin at some point.
        if self._sent_whole and not unacknowledged:
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
        """Note that `count` bytes of the response arrived.

        Raises ResponseTooLarge or NoResponse if a limit is exceeded.
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
        """True once a byte of the response has arrived."""
        return self._answered_at is not None

    @property
    def drain_known(self) -> bool:
        """True if the kernel reported that the request had left before a response arrived."""
        return self._drained_at is not None

    def round_trip(self, secs: float | None) -> None:
        """Note the shortest round trip of the connection."""
        self._round_trip_secs = secs

    def dated(self, header: str) -> None:
        """Note the Date header of the response, if it is a valid date."""
        # A timestamp cannot express a date without a time zone in the year 1 or 9999.
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            self._date = parsedate_to_datetime(header).timestamp()

    def measurement(self) -> RequestMeasurement:
        """Return the current measurement."""
        answered_whole = self._sent_whole and self._answered_at is not None  # the send buffer may not have been checked
        return RequestMeasurement(
            request_bytes=self.size,
            drained_bytes=self.size if answered_whole else min(self.drained, self.size),
            started_at=self._started_at,
            drained_at=self._drained_at,
            answered_at=self._answered_at,
            reused=self.reused,
            connect_secs=self._connect_secs or 0.0,
            round_trip_secs=self._round_trip_secs,
            date=self._date,
        )


current_request: ContextVar[InFlightRequest] = ContextVar("current_request")
"""The request that this thread sends. urllib3 has no argument by which it could reach connections and pools."""
