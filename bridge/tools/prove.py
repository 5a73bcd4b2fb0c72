"""Verification that a stream contains every record that manifests cover.

The caller reads the streams and passes the data. The format of manifests: bridge/ingest/manifest_writer.py.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from bridge.spool.queue.ranges import runs

if TYPE_CHECKING:
    from collections.abc import Iterator

_ID = re.compile(rb'\{"id":"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{12})"')


class QueueId(NamedTuple):
    """Identity of a queue in one spool. The record numbers of a queue have no gaps."""

    spool: str
    queue: int


@dataclass(slots=True)
class QueueVerdict:
    """Result for one queue.

    until     time of the last manifest
    told      numbers that manifests cover and that were checked
    excepted  numbers among those that a manifest excludes
    missing   runs of numbers that a manifest covers and the stream does not contain
    untold    runs of numbers between manifests that no manifest covers
    aged      numbers that are covered, but perhaps older than the stream's retention
    later     records after the last manifest
    expected  numbers after the last manifest that are missing among those records
    """

    place: QueueId
    bridge: str
    stream: str
    until: str
    told: int = 0
    excepted: int = 0
    aged: int = 0
    found: int = 0
    repeated: int = 0
    later: int = 0
    expected: int = 0
    missing: tuple[tuple[int, int], ...] = ()
    untold: tuple[tuple[int, int], ...] = ()

    @property
    def proven(self) -> bool:
        """True if no record is missing, and no number is uncovered."""
        return not self.missing and not self.untold


@dataclass(slots=True)
class ManifestVerifier:
    """Verifier of records against manifests. One thread."""

    _found: defaultdict[QueueId, set[int]] = field(default_factory=lambda: defaultdict(set))
    _repeated: defaultdict[QueueId, int] = field(default_factory=lambda: defaultdict(int))
    _manifests: defaultdict[QueueId, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    others: int = 0
    """Number of records without an id."""

    def record(self, data: bytes) -> None:
        """Add a record of a stream, as it was before it was packed."""
        found = _ID.match(data)
        if found is None:
            self.others += 1
            return
        place, number = QueueId(found[1].decode(), int(found[2], 16)), int(found[3], 16)
        if number in self._found[place]:
            self._repeated[place] += 1
        self._found[place].add(number)

    def manifest(self, data: bytes, stream: str = "") -> None:
        """Add a record of the manifests' stream. `stream`: only manifests about this data stream count."""
        try:
            told = orjson.loads(data)
            place = QueueId(str(told["spool"]), int(told["queue"]))
            _ = int(told["first"]), int(told["last"]), [(each["first"], each["last"]) for each in told["except"]]
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return
        if told.get("manifest") == 1 and (not stream or str(told["stream"]).split(" ")[0] == stream):
            self._manifests[place].append(told)

    def untold(self) -> dict[QueueId, int]:
        """Return the number of records of each queue without any manifest."""
        return {place: len(found) for place, found in self._found.items() if found and place not in self._manifests}

    def verdicts(self, kept_since: str = "") -> Iterator[QueueVerdict]:
        """Yield a verdict for each queue with manifests.

        `kept_since` (RFC 3339, UTC): records from before it may have expired; "" if none can have.
        """
        for place in sorted(self._manifests):
            manifests = sorted(self._manifests[place], key=lambda told: int(told["first"]))
            yield self._verdict(place, manifests, kept_since)

    def _verdict(self, place: QueueId, manifests: list[dict[str, Any]], kept_since: str) -> QueueVerdict:
        # `following` is the next number that no manifest has covered so far. `since` is the first number of all. It
        # counts only if no record can have expired; otherwise the first manifests may have expired too.
        found, missing, untold = self._found[place], list[int](), list[tuple[int, int]]()
        newest = manifests[-1]
        verdict = QueueVerdict(place, newest["bridge"], newest["stream"], str(newest.get("at", "")))
        following = manifests[0]["first"] if kept_since else manifests[0].get("since", manifests[0]["first"])
        before = ""
        for manifest in manifests:
            first, last = max(manifest["first"], following), manifest["last"]
            if first > following:
                untold.append((following, first - 1))
            # The records of a manifest were delivered after the previous one was made (`before`). If that was before
            # `kept_since`, the stream may have lost them by its retention, and their absence proves nothing.
            if before < kept_since:
                verdict.aged += last + 1 - first
            else:
                out = _excepted(manifest, first)
                verdict.told += last + 1 - first
                verdict.excepted += len(out)
                missing += [number for number in range(first, last + 1) if number not in found and number not in out]
            following, before = max(following, last + 1), str(manifest.get("at", ""))
        verdict.missing, verdict.untold = tuple(runs(missing)), tuple(untold)
        verdict.found, verdict.repeated = len(found), self._repeated[place]
        verdict.later = len([number for number in found if number >= following])
        verdict.expected = max(0, max(found, default=0) + 1 - following - verdict.later)
        return verdict


def _excepted(manifest: dict[str, Any], first: int) -> set[int]:
    """Return the numbers from `first` on that a manifest excludes."""
    spans = [(max(first, each["first"]), min(manifest["last"], each["last"])) for each in manifest["except"]]
    return {number for low, high in spans for number in range(low, high + 1)}
