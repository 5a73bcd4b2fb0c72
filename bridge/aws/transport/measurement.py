"""Measurements of one HTTP request, which the transport passes to the caller of the botocore client."""

from __future__ import annotations

from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class RequestMeasurement:
    """Sizes and times of one successful or failed request. Times are in seconds, by the transport's clock.

    The bandwidth is `request_bytes / (drained_at - started_at - round_trip_secs)`. The round trip is subtracted,
    because the acknowledgement of the last byte takes one round trip. `answered_at - drained_at` is the time that the
    service needed.
    """

    request_bytes: int
    """Bytes of the HTTP head and body, without the overhead of TLS, TCP and IP; 0 if no byte was sent."""
    drained_bytes: int
    """Bytes that had left this machine when the request ended. The peer's TCP has acknowledged these bytes."""
    started_at: float | None
    """Time at which the first byte was sent; None if the connection failed."""
    drained_at: float | None
    """Time at which the kernel reported that all bytes had left; None if this was unknown before the response arrived.

    The time includes one TCP round trip. It may be late by up to 0.1 s, but not by more than a quarter of the time
    since `started_at`.
    """
    answered_at: float | None
    """Time at which the first byte of the response arrived; None if there was no response."""
    reused: bool
    """True if an earlier request had used the connection."""
    connect_secs: float
    """Time that the set-up of the connection took (DNS, TCP, proxy and TLS); 0 if the connection was reused."""
    round_trip_secs: float | None
    """Shortest recent TCP round trip of the connection; None if this is unknown, or if `drained_at` is None."""
    date: float | None
    """Date header of the response, in whole seconds since 1970; None if there was no response or no Date header."""


@dataclass(frozen=True, slots=True)
class RequestProgress:
    """Progress of a request that is being sent, as the kernel reports it."""

    request_bytes: int
    drained_bytes: int
    """Bytes that have left this machine. The peer's TCP has acknowledged these bytes."""
    drained: bool
    """True if all bytes have left. No further progress is reported then."""


class RequestRecording:
    """Context manager that records the measurement of the last request that this thread sends within its block.

        with RequestRecording() as recording:
            publisher.put_records(stream, records)
        ... recording.measurement  # None if no request has begun; a failed request has a measurement, too

    The sending thread calls `on_progress`, without a lock, each time the kernel reports that bytes have left. There is
    at most one call in 25 ms, and no call in the first 0.1 s of a request. On systems where the kernel reports nothing,
    there are no calls. `on_progress` must not raise.

    The recording is stored in a context variable, because botocore cannot pass an object from its caller to the HTTP
    session.
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
    """Pass a measurement to the recording of this thread, if there is one. The transport calls this."""
    if (recording := _recording.get()) is not None:
        recording.measurement = measurement


def progress_listener() -> Callable[[RequestProgress], None] | None:
    """Return `on_progress` of the recording of this thread; None if there is no recording. The transport calls this."""
    recording = _recording.get()
    return None if recording is None else recording.on_progress
