"""Uplink check: bytes per second to Kinesis, measured with requests that Kinesis rejects and never stores.

If the name of a stream contains '!', Kinesis rejects PutRecords with ValidationException, because no stream can have
such a name. Kinesis verifies the signature of the body before it responds, so the response comes after the last byte of
the body. Nothing is stored or billed, and the requests use no capacity of a shard. Instead of ValidationException, an
IAM policy may cause AccessDenied, and an emulator may respond with ResourceNotFound. Both responses are as useful for
the measurement.
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html (StreamName: [a-zA-Z0-9_.-]+)

Each request is four times as large as the previous request, until a request takes at least ENOUGH_SECS. In total, the
requests transfer 20 kB on a link of 8 kB/s, and 1.4 MB on a fast link.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bridge.durations import approximate, estimate, pluralize
from bridge.errors import SendError
from bridge.model import Destination, Record
from bridge.tools.doctor.finding import ok, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.kinesis.publisher import KinesisPublisher
    from bridge.tools.doctor.finding import Finding

IMPOSSIBLE_STREAM: Final = "mqtt-kinesis-doctor!"
SIZES: Final = (4_000, 16_000, 64_000, 256_000, 1_024_000)
"""Request sizes in bytes on the wire. One record has at most 1 MiB of data, which is 1.4 MB in base64."""
ENOUGH_SECS: Final = 2.0
"""If a request takes this long, the measurement ends.

The result is accurate enough then, and a larger request could exceed its time-out.
"""
HEAD_BYTES: Final = 1_200
"""Size of a request without its data: HTTP headers with the signature, and the JSON around the data."""
DISTINCT_SECS: Final = 0.02
"""Minimum difference in seconds between the durations of the smallest and the largest request.

A smaller difference may be jitter. The link is then faster than these requests can measure.
"""
EXPECTED_CODES: Final = frozenset(
    {
        "ValidationException",
        "InvalidArgumentException",
        "AccessDeniedException",
        "AccessDenied",
        "ResourceNotFoundException",
    }
)
_ADVICE: Final = "see the findings on the endpoint and the credentials"


@dataclass(frozen=True, slots=True)
class Backlog:
    """Number of records that are buffered on disk, and their approximate size in bytes.

    `source` names the origin of the two numbers. `links` contains the measurements of the running bridge, as text.
    """

    records: int
    size_bytes: int
    source: str
    links: tuple[str, ...] = ()


class UplinkMeasurement(NamedTuple):
    """Result of the measurement: bytes per second on the wire, and the response time of a small request.

    `at_least` is true if the link may be faster than the requests can measure.
    """

    bytes_per_sec: float
    response_secs: float
    at_least: bool


def measure_uplink(send: Callable[[int], None], clock: Callable[[], float] = time.monotonic) -> UplinkMeasurement:
    """Measure the uplink with requests of increasing size.

    `send` sends a request of the given number of bytes. The first request opens the connection and is not measured.
    Raise any exception that `send` raises.
    """
    # DNS, TCP and TLS need several round trips, which must not count as transfer time.
    send(SIZES[0])
    samples: list[tuple[int, float]] = []
    for size in SIZES:
        began = clock()
        send(size)
        # The time must not be 0, because the rate is the size divided by the time.
        samples.append((size, max(1e-6, clock() - began)))
        if samples[-1][1] >= ENOUGH_SECS:
            break
    return _uplink(samples)


def _uplink(samples: list[tuple[int, float]]) -> UplinkMeasurement:
    """Return the rate, calculated from the time difference of the largest and the smallest request."""
    (small, small_secs), (large, large_secs) = samples[0], samples[-1]
    # Each of the two times contains the latency once, so their difference contains only transfer time.
    if large > small and large_secs - small_secs >= DISTINCT_SECS:
        rate = (large - small) / (large_secs - small_secs)
        return UplinkMeasurement(rate, max(0.0, small_secs - small / rate), at_least=False)
    return UplinkMeasurement(large / large_secs, small_secs, at_least=large_secs < ENOUGH_SECS)


def examine_uplink(
    publisher: KinesisPublisher,
    destination: Destination,
    region: str,
    backlog: Callable[[], Backlog | None],
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Finding]:
    """Yield a finding on the uplink to a region, with the time that the uplink needs to send the current backlog."""
    impossible = str(Destination(IMPOSSIBLE_STREAM, region=region, role_arn=destination.role_arn))
    try:
        measured = measure_uplink(lambda size: _send_request(publisher, impossible, size), clock)
    except SendError as error:
        yield warning("aws.uplink", f"uplink to {region}", f"not measured: {error}", _ADVICE)
        return
    backlog_now = backlog()
    message = [f"{'at least ' if measured.at_least else ''}{approximate(measured.bytes_per_sec / 1000)} kB/s"]
    message += [f"response after {measured.response_secs:.2f} s"]
    facts: dict[str, Any] = {
        "bytes_per_sec": round(measured.bytes_per_sec),
        "response_secs": round(measured.response_secs, 3),
        "at_least": measured.at_least,
    }
    if backlog_now is not None and backlog_now.records:
        secs = backlog_now.size_bytes / measured.bytes_per_sec
        records = pluralize(backlog_now.records, "record")
        message += [f"backlog of {backlog_now.source} ({records}) needs about {estimate(secs)}"]
        facts |= {"backlog_records": backlog_now.records, "backlog_secs": round(secs)}
    details = tuple(f"the running bridge measures: {each}" for each in backlog_now.links) if backlog_now else ()
    yield ok("aws.uplink", f"uplink to {region}", ", ".join(message), facts, details)


def _send_request(publisher: KinesisPublisher, stream: str, size: int) -> None:
    """Send one request of about `size` bytes.

    Raise SendError if there is no response, or if the error code in the response is not in EXPECTED_CODES.
    """
    # The data is random, so that no proxy or tunnel can compress it. Base64 converts 3 bytes to 4.
    data = os.urandom(max(1, (size - HEAD_BYTES) * 3 // 4))
    try:
        publisher.put_records(stream, [Record(1, 0, "doctor", data)])
    except SendError as error:
        if error.code not in EXPECTED_CODES:
            raise
