"""Whether a stream holds every record that manifests say it does (bridge/manifest.py). It is fed what was read."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from bridge.spool.transaction import runs

if TYPE_CHECKING:
    from collections.abc import Iterator

_ID = re.compile(rb'\{"id":"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{12})"')


class Place(NamedTuple):
    """A queue of one spool: where numbers have no gaps."""

    spool: str
    queue: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one queue. `missing`: runs of numbers that a manifest says are there and are not; `untold`: runs between
    manifests that no manifest tells of. `later`: records that no manifest tells of yet."""

    place: Place
    bridge: str
    stream: str
    told: int
    excepted: int
    found: int
    repeated: int
    later: int
    missing: tuple[tuple[int, int], ...]
    untold: tuple[tuple[int, int], ...]

    @property
    def proven(self) -> bool:
        """Nothing is missing."""
        return not self.missing and not self.untold


@dataclass(slots=True)
class Proof:
    """Fed with the records of the streams, and with manifests."""

    _found: defaultdict[Place, set[int]] = field(default_factory=lambda: defaultdict(set))
    _repeated: defaultdict[Place, int] = field(default_factory=lambda: defaultdict(int))
    _manifests: defaultdict[Place, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    others: int = 0
    """Records without an id."""

    def record(self, data: bytes) -> None:
        """A record of a stream, as it was before it was packed."""
        found = _ID.match(data)
        if found is None:
            self.others += 1
            return
        place, number = Place(found[1].decode(), int(found[2], 16)), int(found[3], 16)
        if number in self._found[place]:
            self._repeated[place] += 1
        self._found[place].add(number)

    def manifest(self, data: bytes, stream: str = "") -> None:
        """A record of the manifests' stream; `stream`: only those about this one count."""
        try:
            told = orjson.loads(data)
            place = Place(str(told["spool"]), int(told["queue"]))
            _ = int(told["first"]), int(told["last"]), [(each["first"], each["last"]) for each in told["except"]]
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return
        if told.get("manifest") == 1 and (not stream or str(told["stream"]).split(" ")[0] == stream):
            self._manifests[place].append(told)

    def verdicts(self) -> Iterator[Verdict]:
        """One for each queue that manifests tell of."""
        for place in sorted(self._manifests):
            yield self._verdict(place, sorted(self._manifests[place], key=lambda told: int(told["first"])))

    def _verdict(self, place: Place, manifests: list[dict[str, Any]]) -> Verdict:
        found, missing, untold = self._found[place], list[int](), list[tuple[int, int]]()
        told = excepted = 0
        expected = manifests[0]["first"]
        for manifest in manifests:
            first, last = manifest["first"], manifest["last"]
            if first > expected:
                untold.append((expected, first - 1))
            out = {
                n for each in manifest["except"] for n in range(max(first, each["first"]), min(last, each["last"]) + 1)
            }
            new = range(max(first, expected), last + 1)
            missing += [number for number in new if number not in found and number not in out]
            told += len(new)
            excepted += len([number for number in new if number in out])
            expected = max(expected, last + 1)
        return Verdict(
            place,
            manifests[-1]["bridge"],
            manifests[-1]["stream"],
            told,
            excepted,
            len(found),
            self._repeated[place],
            len([number for number in found if number >= expected]),
            tuple(runs(missing)),
            tuple(untold),
        )
