"""Measurements of one HTTP request, which the transport passes to the caller of the botocore client."""

from __future__ import annotations

from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class RequestMeasurement:
    """Sizes and times of one request, successful or not. Times are in seconds, by the transport's clock.

    `request_bytes / (drained_at - started_at - round_trip_secs)` is the bandwidth, because the peer's acknowledgement
    of the last byte takes a round trip. `answered_at - drained_at` is the time that the service took.
    """

    request_bytes: int
    """Bytes of the HTTP head and body, without the overhead of TLS, TCP and IP. 0: nothing was sent."""
    drained_bytes: int
    """Bytes that had left this machine when the request ended: acknowledged by the peer's TCP."""
    started_at: float | None
    """Time of the first byte; None: the connection was not made."""
    drained_at: float | None
    """Time at which the kernel reported that all bytes had left; None: not known before the response arrived.

It is late by at most 0.1 s, and at most a quarter of the time since `started_at`. It includes one TCP round trip.
    """
    answered_at: float | None
    """Time of the first byte of the response; None: there was none."""
    reused: bool
    """True for a connection that an earlier request had used."""
    connect_secs: float
    """Time to set up the connection: name look-up, TCP, proxy and TLS. 0 for a reused one."""
    round_trip_secs: float | None
    """Shortest recent TCP round trip of the connection; None: the kernel does not report it, or no `drained_at`."""
    date: float | None
    """Date of the response, in seconds since the epoch, without fractions; None: there was no response, or no date."""


@dataclass(frozen=True, slots=True)
class RequestProgress:
    """Figures of the kernel about a request that is being sent."""

    request_bytes: int
    drained_bytes: int
    """Bytes that have left this machine: acknowledged by the peer's TCP."""
    drained: bool
    """True once all bytes have left. This is the last report then."""


class RequestRecording:
    """Block that collects the measurement of the last request that this thread sends in it, even if it failed.

    with RequestRecording() as recording:
        publisher.put_records(stream, records)
    ... recording.measurement  # None where no request began

    `on_progress` is called on the sending thread, without a lock, each time the kernel reports that bytes have left: at
    most every 25 ms, never in a request's first 0.1 s, and never if the kernel does not report it. It must not raise.

    botocore cannot pass an object from its caller to the HTTP session, so this uses a context variable.
    """

    __slots__ = ("_token", "measurement", "on_progress")
    _token: Token[RequestRecording | None]

    def __init__(self, on_progress: Callable[[RequestProgress], None] | None = None) -> None:
        self.measurement: RequestMeasurement | None = None
        self.on_progress = on_progress

    def __enter__(self) -> Self:
        self._token = _recording.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _recording.reset(self._token)


_recording: ContextVar[RequestRecording | None] = ContextVar("recording", default=None)


def report(measurement: RequestMeasurement) -> None:
    """Pass a measurement to the block around this request, if there is one. Called by the transport."""
    if (recording := _recording.get()) is not None:
        recording.measurement = measurement


def progress_listener() -> Callable[[RequestProgress], None] | None:
    """Return `on_progress` of the block around this request, or None if there is none. Called by the transport."""
    recording = _recording.get()
    return None if recording is None else recording.on_progress
