"""Whether a stream holds every record that manifests say it does.

It is fed what was read. The format of manifests: bridge/ingest/manifest_writer.py.
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
    """A queue of one spool: where numbers have no gaps."""

    spool: str
    queue: int


@dataclass(slots=True)
class QueueVerdict:
    """Of one queue. `missing`: runs of numbers that a manifest says are there and are not; `untold`: runs between
    manifests that no manifest tells of. `aged`: told of, but perhaps longer ago than the stream keeps records.
    `later`: records that no manifest tells of yet; `expected`: numbers among those that have not come yet.
    `until`: when the last manifest was made."""

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
        """Nothing is missing."""
        return not self.missing and not self.untold


@dataclass(slots=True)
class ManifestVerifier:
    """Fed with the records of the streams, and with manifests."""

    _found: defaultdict[QueueId, set[int]] = field(default_factory=lambda: defaultdict(set))
    _repeated: defaultdict[QueueId, int] = field(default_factory=lambda: defaultdict(int))
    _manifests: defaultdict[QueueId, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    others: int = 0
    """Records without an id."""

    def record(self, data: bytes) -> None:
        """A record of a stream, as it was before it was packed."""
        found = _ID.match(data)
        if found is None:
            self.others += 1
            return
        place, number = QueueId(found[1].decode(), int(found[2], 16)), int(found[3], 16)
        if number in self._found[place]:
            self._repeated[place] += 1
        self._found[place].add(number)

    def manifest(self, data: bytes, stream: str = "") -> None:
        """A record of the manifests' stream; `stream`: only those about this one count."""
        try:
            told = orjson.loads(data)
            place = QueueId(str(told["spool"]), int(told["queue"]))
            _ = int(told["first"]), int(told["last"]), [(each["first"], each["last"]) for each in told["except"]]
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return
        if told.get("manifest") == 1 and (not stream or str(told["stream"]).split(" ")[0] == stream):
            self._manifests[place].append(told)

    def untold(self) -> dict[QueueId, int]:
        """How many records came of each queue that no manifest tells of at all."""
        return {place: len(found) for place, found in self._found.items() if found and place not in self._manifests}

    def verdicts(self, kept_since: str = "") -> Iterator[QueueVerdict]:
        """One for each queue that manifests tell of. `kept_since`: what came before then (RFC 3339, UTC) the stream no
        longer keeps; "" if it keeps all that ever came."""
        for place in sorted(self._manifests):
            manifests = sorted(self._manifests[place], key=lambda told: int(told["first"]))
            yield self._verdict(place, manifests, kept_since)

    def _verdict(self, place: QueueId, manifests: list[dict[str, Any]], kept_since: str) -> QueueVerdict:
        found, missing, untold = self._found[place], list[int](), list[tuple[int, int]]()
        newest = manifests[-1]
        verdict = QueueVerdict(place, newest["bridge"], newest["stream"], str(newest.get("at", "")))
        following = manifests[0]["first"] if kept_since else manifests[0].get("since", manifests[0]["first"])
        before = ""
        for manifest in manifests:
            first, last = max(manifest["first"], following), manifest["last"]
            if first > following:
                untold.append((following, first - 1))
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
    """The numbers from `first` on that it excepts."""
    spans = [(max(first, each["first"]), min(manifest["last"], each["last"])) for each in manifest["except"]]
    return {number for low, high in spans for number in range(low, high + 1)}
