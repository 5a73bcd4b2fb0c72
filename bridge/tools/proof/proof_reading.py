"""Reading of the streams for a proof: first the stream of the manifests, then the data streams."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.errors import BridgeError
from bridge.kinesis.packing.unpack import unpack
from bridge.kinesis.stream_scanner import StreamScanner
from bridge.model import Destination
from bridge.timestamps import rfc3339
from bridge.tools.proof.progress import Progress
from bridge.tools.proof.verifier import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bridge.kinesis.publisher import KinesisPublisher
    from bridge.kinesis.shard_map import Shard

SAVE_SECS = 60.0
"""Seconds between two writes of the progress file. After a crash, at most one minute of reading is repeated."""
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class ProofRequest:
    """Request for a proof. `stream` is the name or ARN of the data stream, and `manifests` the stream of its manifests.

    If `region` or `role_arn` is empty, the value in the manifests is used. If `progress_file` is None, no progress is
    saved.
    """

    stream: str
    manifests: str
    region: str = ""
    role_arn: str = ""
    progress_file: Path | None = None

    def covers(self, destination: Destination) -> bool:
        """Return whether a destination is the requested stream. A name matches the ARN of the same stream."""
        if self.region and destination.region and destination.region != self.region:
            return False
        names = {self.stream, destination.data_stream}
        return len(names) == 1 or (
            len({name.rpartition("/")[2] for name in names}) == 1
            and sum(name.startswith("arn:") for name in names) == 1
        )


class ProofReading:
    """Reader of all streams of a proof, which adds their records to `verifier`. Only one thread may use it.

    `throttled` is the number of calls that Kinesis throttled. `records` is the number of Kinesis records read.
    """

    def __init__(
        self,
        request: ProofRequest,
        publisher: KinesisPublisher,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Continue from the progress file, if it exists. Raise BridgeError if it belongs to another request."""
        self.verifier = Verifier(request.covers)
        self.throttled = self.records = 0
        self._request = request
        self._publisher = publisher
        self._clock = clock
        self._wait = wait
        self._progress = Progress(request.progress_file, request.stream, request.manifests, self.verifier)
        self._saved_at = clock()

    def read(self) -> Iterator[str]:
        """Read all streams. After each page of records, yield the name of the stream. Raise SendError or BridgeError.

        The progress is saved at the end, even if an error or the caller ends the reading.
        """
        try:
            # Read the manifests first. The bridge writes a manifest after the delivery of its records, so these records
            # are in the data streams when the data streams are read afterwards.
            yield from self._read(Destination(self._request.manifests), manifests=True)
            for destination in self.destinations():
                yield from self._read(destination, manifests=False)
        finally:
            self._progress.save()

    def destinations(self) -> list[Destination]:
        """Return the data streams to read. A stream with several queues occurs only once."""
        streams: dict[tuple[str, str], Destination] = {}
        for each in sorted(self.verifier.destinations, key=str):
            region = self._request.region or each.region
            # The request may contain the name of the stream and the manifests its ARN, or the reverse. Prefer the ARN,
            # because it also contains the account.
            stream = max(each.data_stream, self._request.stream, key=lambda name: name.startswith("arn:"))
            role_arn = self._request.role_arn or each.role_arn
            streams.setdefault((stream, region), Destination(stream, region=region, role_arn=role_arn))
        return list(streams.values())

    def retained_since(self, now_ms: int) -> str:
        """Return a time in RFC 3339, UTC. Records that were delivered after this time cannot have expired.

        Older records may have expired, because a stream stores records only for its retention period. Return "" if no
        record can have expired, because all streams are younger than their retention period. Raise SendError.
        """
        return max((self._retained_since(each, now_ms) for each in self.destinations()), default="")

    def _retained_since(self, destination: Destination, now_ms: int) -> str:
        response = self._publisher.call("describe_stream_summary", str(destination))
        summary = response["StreamDescriptionSummary"]
        oldest_ms = now_ms - int(summary["RetentionPeriodHours"]) * _HOUR_MS
        created_ms = summary["StreamCreationTimestamp"].timestamp() * 1000
        # Add one hour, because Kinesis may remove records a little earlier or later, and the clocks may differ.
        return "" if created_ms > oldest_ms else rfc3339(oldest_ms + _HOUR_MS)

    def _read(self, destination: Destination, *, manifests: bool) -> Iterator[str]:
        name, positions = str(destination), self._progress.positions
        # The key of a position is the destination, a blank and the id of the shard. Only the destination may contain
        # blanks.
        known = {key.rpartition(" ")[2]: at for key, at in positions.items() if key.rpartition(" ")[0] == name}

        def call(operation: str, **parameters: object) -> dict[str, Any]:
            return self._publisher.call(operation, name, **parameters)

        reader = StreamScanner(call, self._clock, self._wait, known)
        try:
            for page in reader.pages():
                for data in page.records:
                    self._add(data, page.shard, manifests=manifests)
                # Store the position only after all records of the page were added. The next line may write the progress
                # file. In this file, the position must match the findings.
                positions[f"{name} {page.shard.id}"] = page.position
                self._save_in_time()
                yield destination.data_stream
        finally:
            self.throttled += reader.throttled

    def _add(self, data: bytes, shard: Shard, *, manifests: bool) -> None:
        self.records += 1
        found = unpack(data, shard)
        if manifests:
            for each in found.records:
                self.verifier.add_manifest(each)
            return
        for each in found.records:
            self.verifier.add_record(each)
        for each in found.discarded:
            self.verifier.add_discarded(each)

    def _save_in_time(self) -> None:
        now = self._clock()
        if now - self._saved_at >= SAVE_SECS:
            self._saved_at = now
            self._progress.save()


def no_manifests(request: ProofRequest) -> BridgeError:
    """Return the error for a request without manifests for its data stream."""
    return BridgeError(
        f"no manifest in {request.manifests} covers {request.stream}: its output needs `envelope: true`, "
        "and the bridge `kinesis.manifest`"
    )
