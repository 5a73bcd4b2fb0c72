"""Parser of manifests, which bridge/ingest/manifest_writer.py writes and describes.

Any producer may write to the manifests' stream, so the parser checks each field.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from bridge.model import Destination
from bridge.spool.queue.record_checksum import checksum_from_text

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_NUMBER = (1 << 48) - 1
"""Highest record number. The id of a record contains the number as 12 hexadecimal digits."""
MAX_QUEUE = (1 << 16) - 1
"""Highest number of a queue. The id of a record contains the number as 4 hexadecimal digits."""
REASONS = ("dead_lettered", "dropped", "no envelope")
"""Reasons for which a manifest excludes records."""
MAX_TEXT_CHARS = 2048
"""Maximum number of characters of a text in a manifest. The longest valid text is the name of a queue with two ARNs."""

_SPOOL = re.compile(r"[0-9a-f]{8}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


class QueueId(NamedTuple):
    """Identity of a queue in one spool. The record numbers of a queue have no gaps."""

    spool: str
    queue: int


class Manifest(NamedTuple):
    """One manifest: the records `first` to `last` are in the stream, except the records in the spans `excluded`.

    `since` is the first number in the very first manifest of the queue. `checksum` is the checksum of the records that
    are not excluded, or None if the bridge did not know it. `reasons` contains pairs of a reason and the number of
    records that are excluded for this reason. A record may be excluded for two reasons.
    """

    queue: QueueId
    bridge: str
    stream: str
    since: int
    first: int
    last: int
    excluded: tuple[tuple[int, int], ...]
    checksum: int | None
    at: str
    reasons: tuple[tuple[str, int], ...] = ()

    @property
    def destination(self) -> Destination:
        """Data stream, region and role of the records."""
        return Destination.parse(self.stream)


def parse_manifest(data: bytes) -> Manifest | None:
    """Return the manifest in a record, or None if the record is not a valid manifest."""
    try:
        fields = orjson.loads(data)
        return _manifest(fields) if isinstance(fields, dict) else None
    except (KeyError, TypeError, ValueError):
        return None


def _manifest(fields: dict[str, Any]) -> Manifest:
    """Return the manifest. Raise KeyError, TypeError or ValueError if a field is missing or invalid."""
    if type(fields["manifest"]) is not int or fields["manifest"] != 1:
        raise ValueError("not a manifest of version 1")
    if not _SPOOL.fullmatch(fields["spool"]) or not _TIME.fullmatch(fields["at"]):
        raise ValueError("not a spool's id, or not a time")
    first = _integer(fields["first"], 1, MAX_NUMBER)
    last = _integer(fields["last"], first, MAX_NUMBER)
    manifest = Manifest(
        queue=QueueId(fields["spool"], _integer(fields["queue"], 0, MAX_QUEUE)),
        bridge=_text(fields["bridge"]),
        stream=_text(fields["stream"]),
        since=_integer(fields.get("since", first), 1, first),
        first=first,
        last=last,
        excluded=_excluded(fields["except"], first, last),
        checksum=checksum_from_text(fields["checksum"]) if "checksum" in fields else None,
        at=fields["at"],
        reasons=_reasons(fields["except"]),
    )
    if not manifest.destination.data_stream:
        raise ValueError("no data stream")
    return manifest


def _reasons(spans: Sequence[dict[str, Any]]) -> tuple[tuple[str, int], ...]:
    """Return the number of excluded records for each reason. Unknown reasons become `other`.

    `_excluded` must have checked the spans.
    """
    counts: Counter[str] = Counter()
    for each in spans:
        reason = each.get("reason")
        counts[reason if reason in REASONS else "other"] += each["last"] + 1 - each["first"]
    return tuple(sorted(counts.items()))


def _excluded(spans: Sequence[Any], first: int, last: int) -> tuple[tuple[int, int], ...]:
    """Return the excluded spans in order. Join overlapping spans, because a number may be excluded for two reasons.

    Raise TypeError or ValueError if a span is invalid, or is not between `first` and `last`.
    """
    if not isinstance(spans, list):
        raise TypeError("`except` is a list")
    joined: list[tuple[int, int]] = []
    for low, high in sorted(
        (_integer(each["first"], first, last), _integer(each["last"], first, last)) for each in spans
    ):
        if low > high:
            raise ValueError("a span ends before it begins")
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return tuple(joined)


def _integer(value: Any, low: int, high: int) -> int:
    # Compare the type, because `isinstance(True, int)` is true.
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"not an integer from {low} to {high}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT_CHARS:
        raise ValueError("not a text")
    return value
