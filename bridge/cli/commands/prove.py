"""Command `prove`: reads a stream and its manifests, and reports missing records."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import orjson

from bridge.cli.output.progress import progress
from bridge.config import load_settings
from bridge.errors import BridgeError
from bridge.kinesis.packing.unpack import unpacked
from bridge.kinesis.stream_reader import StreamReader
from bridge.runtime.assembly import publisher_settings
from bridge.runtime.exit_codes import FAILED
from bridge.terminal import BAD, GOOD, WARN, print_coloured, print_error
from bridge.tools.prove import ManifestVerifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.tools.prove import QueueVerdict

_SHOWN_RUNS = 20
_INKS = {r"\bcomplete$": GOOD, "INCOMPLETE$|^  missing:": BAD, "^no .*": WARN}


def prove(config: Path, stream: str, manifests: str, *, as_json: bool) -> int:
    """Print the verdicts; return 0 if the stream contains all records that manifests cover, else 1.

    Raise ConfigError, BridgeError, SendError.
    """
    settings = load_settings(config, os.environ)
    told = settings.kinesis.manifest
    manifests = manifests or (told.data_stream if told else "")
    if not manifests:
        raise BridgeError("give --manifests STREAM, or kinesis.manifest in the configuration")
    reader = StreamReader(replace(publisher_settings(settings), uplink=None))
    proof, kept_since = ManifestVerifier(), reader.kept_since(stream, time.time_ns() // 1_000_000)
    # Manifests first: every record that they cover is in the stream already when it is read afterwards.
    for arrived in progress(reader.read_to_end(manifests), manifests):
        proof.manifest(arrived.data, stream)
    for arrived in progress(reader.read_to_end(stream), stream):
        for data in unpacked(arrived.data):
            proof.record(data)
    verdicts = sorted(proof.verdicts(kept_since), key=lambda each: (each.bridge, each.place))
    if as_json:
        print(orjson.dumps([_value(each) for each in verdicts]).decode())
    else:
        lines = "\n".join(line for each in verdicts for line in _in_words(each))
        print_coloured(lines or f"no manifest tells of {stream}", _INKS)
        if len(verdicts) > 1:
            print(f"{sum(each.proven for each in verdicts)} of {len(verdicts)} complete")
    for place, count in sorted(proof.untold().items()):
        print_error(f"note: spool {place.spool}, queue {place.queue}: no manifest tells of its {count:,} records")
    return 0 if verdicts and all(each.proven for each in verdicts) else FAILED


def _value(verdict: QueueVerdict) -> dict[str, Any]:
    """Return a verdict as JSON values."""
    return {**asdict(verdict), "place": verdict.place._asdict(), "proven": verdict.proven}


def _in_words(verdict: QueueVerdict) -> Iterator[str]:
    word = "complete" if verdict.proven else "INCOMPLETE"
    yield f"{verdict.bridge}, {verdict.stream} (spool {verdict.place.spool}, queue {verdict.place.queue}): {word}"
    there = verdict.told - verdict.excepted - sum(last - first + 1 for first, last in verdict.missing)
    yield f"  {verdict.told:,} told of until {verdict.until}: {there:,} there, {verdict.excepted:,} excepted by name"
    yield f"  {verdict.repeated:,} came more than once, {verdict.later:,} are newer than the last manifest"
    if verdict.expected:
        yield f"  {verdict.expected:,} before the newest of them have not come yet, and no manifest says that they have"
    if verdict.aged:
        yield f"  {verdict.aged:,} were told of as long ago as the stream keeps records, or nearly: not looked for"
    for name, spans in (("missing", verdict.missing), ("no manifest tells of", verdict.untold)):
        for first, last in spans[:_SHOWN_RUNS]:
            yield f"  {name}: {first:,}" + (f" to {last:,}" if last > first else "")
        if len(spans) > _SHOWN_RUNS:
            yield f"  {name}: and {len(spans) - _SHOWN_RUNS:,} runs more"
