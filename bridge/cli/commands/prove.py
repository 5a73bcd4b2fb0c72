"""Command `prove`: reads a stream and its manifests, and reports missing and altered records."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from bridge.cli.output.formatting import pluralize
from bridge.cli.output.json_document import print_document
from bridge.cli.output.progress_bar import progress
from bridge.config import load_settings
from bridge.errors import BridgeError, SendError, UsageError
from bridge.kinesis.publisher import KinesisPublisher
from bridge.runtime.assembly import publisher_settings
from bridge.runtime.exit_codes import FAILED, NOT_CHECKED
from bridge.terminal import BAD, GOOD, WARN, print_coloured, print_error
from bridge.tools.proof.proof_reading import ProofReading, no_manifests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.tools.proof.proof_reading import ProofRequest
    from bridge.tools.proof.queue_proof import QueueVerdict, Spans

# Maximum number of spans that are printed for each kind of fault.
_SHOWN_RUNS = 20
_COLOURS = {r"\bcomplete$": GOOD, "INCOMPLETE$|^  (missing|altered|covered twice):": BAD, "^no .*": WARN}


def prove(config: Path, request: ProofRequest, *, as_json: bool) -> int:
    """Print the verdicts. Return 0 if the stream is complete, 1 if it is not, 3 if it could not be checked.

    If `request.manifests` is "", the stream of manifests in the configuration is used. Raise ConfigError for an invalid
    configuration, UsageError if there is no stream of manifests.
    """
    settings = load_settings(config, os.environ)
    configured = settings.kinesis.manifest
    request = replace(request, manifests=request.manifests or (configured.data_stream if configured else ""))
    if not request.manifests:
        raise UsageError("give --manifests STREAM, or kinesis.manifest in the configuration")
    publisher = KinesisPublisher(publisher_settings(settings))
    try:
        return _verdict(ProofReading(request, publisher), request, as_json=as_json)
    except (SendError, BridgeError) as error:
        hint = getattr(error, "hint", "")
        message = f"could not be checked: {error}" + (f": {hint}" if hint else "")
        if as_json:
            print_document(error={"code": "not_checked", "message": message})
        print_error(message)
        return NOT_CHECKED
    finally:
        publisher.close()


def _verdict(reading: ProofReading, request: ProofRequest, *, as_json: bool) -> int:
    """Read the streams, print the verdicts, and return the exit code. Raise SendError or BridgeError."""
    # `read` adds the records to the verifier. The names of streams that it yields are needed only for the progress bar.
    for _ in progress(reading.read(), request.stream):
        pass
    verifier = reading.verifier
    retained_since = reading.retained_since(time.time_ns() // 1_000_000)
    verdicts = sorted(verifier.verdicts(retained_since), key=lambda each: (each.bridge, each.queue))
    if as_json and verdicts:
        print_document(queues=[_value(each) for each in verdicts])
    elif verdicts:
        print_coloured("\n".join(line for each in verdicts for line in _verdict_text(each)), _COLOURS)
        if len(verdicts) > 1:
            print(f"{sum(each.complete for each in verdicts)} of {len(verdicts)} complete")
    _print_notes(reading, request)
    # Raise this error after the notes, because the notes may explain why there is no manifest.
    if not verdicts:
        raise no_manifests(request)
    return 0 if all(each.complete for each in verdicts) else FAILED


def _print_notes(reading: ProofReading, request: ProofRequest) -> None:
    for queue, count in sorted(reading.verifier.without_manifest().items()):
        print_error(
            f"note: spool {queue.spool}, queue {queue.queue}: no manifest covers its {pluralize(count, 'record')}"
        )
    if reading.verifier.invalid:
        print_error(
            f"note: {request.manifests} contains {pluralize(reading.verifier.invalid, 'record')} other than manifests"
        )
    if reading.throttled:
        print_error(f"note: Kinesis throttled {reading.throttled:,} calls: other consumers read these shards too")


def _value(verdict: QueueVerdict) -> dict[str, Any]:
    """Return a verdict as an object for JSON."""
    return {**asdict(verdict), "queue": verdict.queue._asdict(), "complete": verdict.complete}


def _verdict_text(verdict: QueueVerdict) -> Iterator[str]:
    word = "complete" if verdict.complete else "INCOMPLETE"
    yield f"{verdict.bridge}, {verdict.stream} (spool {verdict.queue.spool}, queue {verdict.queue.queue}): {word}"
    found_count = verdict.covered - verdict.excluded - _size(verdict.missing)
    reasons = ", ".join(f"{reason}: {count:,}" for reason, count in verdict.excluded_by.items())
    found = f"{found_count:,} found, {verdict.excluded:,} excluded" + (f" ({reasons})" if reasons else "")
    yield f"  manifests cover {pluralize(verdict.covered, 'record')} up to {verdict.until}: {found}"
    yield f"  {verdict.repeated:,} found more than once, {verdict.later:,} newer than the last manifest"
    notes = (
        (verdict.discarded, "discarded by the Kinesis Client Library: their aggregated record is on another shard"),
        (verdict.awaited, "not found, but newer than the last manifest: they may still arrive"),
        (verdict.expired, "not found, and older than the stream's retention: not checked"),
        (verdict.unchecked, "found, but their content was not checked: no checksum, or covered twice"),
    )
    yield from (f"  {count:,} {text}" for count, text in notes if count)
    for name, spans in (
        ("missing", verdict.missing),
        ("altered (their checksum differs from the manifest)", verdict.altered),
        ("covered by no manifest", verdict.uncovered),
        ("covered twice, by different manifests (a spool restored from a copy)", verdict.overlapping),
    ):
        yield from _runs(name, spans)


def _runs(name: str, spans: Spans) -> Iterator[str]:
    for first, last in spans[:_SHOWN_RUNS]:
        yield f"  {name}: {first:,}" + (f" to {last:,}" if last > first else "")
    if len(spans) > _SHOWN_RUNS:
        yield f"  {name}: and {len(spans) - _SHOWN_RUNS:,} more runs"


def _size(spans: Spans) -> int:
    """Return the number of records in the spans."""
    return sum(last - first + 1 for first, last in spans)
