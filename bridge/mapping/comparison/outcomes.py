"""Results of two sets of mappings for the same message, compared record by record."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.mapping.rendering import shown_data, shown_key
from bridge.mapping.selftest.value_diff import Change, changes
from bridge.model import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.mapping.mapping import Mapping
    from bridge.mapping.router import Router
    from bridge.model import Message, NewRecord


class ChangeKind(StrEnum):
    """Kind of a difference between the old and the new mappings."""

    SAME = "same"
    CHANGED = "changed"
    ONLY_OLD = "only old"
    ONLY_NEW = "only new"
    FILTERED = "now filtered"
    REJECTED = "now rejected"


class RecordOrRejection(NamedTuple):
    """Result of one output of a mapping: a record or a rejection."""

    mapping: Mapping
    result: NewRecord | Rejection

    @property
    def rejected(self) -> bool:
        """True if the result is a rejection."""
        return isinstance(self.result, Rejection)

    def value(self) -> dict[str, Any]:
        """Return a JSON object. A record has `partition_key` and `data`. A rejection has `dead_letter` and `detail`."""
        if isinstance(self.result, Rejection):
            return {"dead_letter": self.result.code, "detail": self.result.detail}
        return {"partition_key": shown_key(self.result), **shown_data(self.mapping, self.mapping.content(self.result))}


@dataclass(slots=True)
class MessageOutcome:
    """Results of one set of mappings for one message.

    - `records`: the records and rejections for each data stream, in order
    - `filtered`: names of the mappings that filtered the message
    - `matched`: True if the topic matches at least one mapping
    """

    records: dict[str, list[RecordOrRejection]] = field(default_factory=dict)
    filtered: set[str] = field(default_factory=set)
    matched: bool = False


class Difference(NamedTuple):
    """An old and a new result for the same data stream, and their difference.

    `old` is None if only the new mappings have a result. `new` is None if only the old mappings have a result.
    `changed` lists the changed values of a record.
    """

    what: ChangeKind
    data_stream: str
    old: RecordOrRejection | None
    new: RecordOrRejection | None
    changed: list[Change]


def outcome(routes: Router, message: Message) -> MessageOutcome:
    """Map one message with all mappings of a router, and return the results."""
    found = routes.match(message.topic.encode())
    result = MessageOutcome(matched=bool(found.targets))
    for mapping, captures in found.targets:
        mapped = mapping.apply(message, captures, found.levels)
        drafts, rejections = mapping.all_records(mapped), mapped.rejections
        for draft in drafts:
            result.records.setdefault(mapping.outputs[draft.output].data_stream, []).append(
                RecordOrRejection(mapping, draft)
            )
        for rejection in rejections:
            for number in rejection.outputs:
                result.records.setdefault(mapping.outputs[number].data_stream, []).append(
                    RecordOrRejection(mapping, rejection)
                )
        if not drafts and not rejections:
            result.filtered.add(mapping.name)
    return result


def compare(old: MessageOutcome, new: MessageOutcome) -> Iterator[Difference]:
    """Yield one `Difference` for each pair of an old and a new result. Equal results are included."""
    for stream in dict.fromkeys([*old.records, *new.records]):
        before, after = old.records.get(stream, ()), new.records.get(stream, ())
        for one, other in _paired(before, after):
            found = _changed(one, other) if one is not None and other is not None else []
            yield Difference(_kind(one, other, found, new, stream), stream, one, other, found)


def _paired(
    old: Sequence[RecordOrRejection], new: Sequence[RecordOrRejection]
) -> Iterator[tuple[RecordOrRejection | None, RecordOrRejection | None]]:
    """Yield pairs of an old and a new result, in order. A result without a partner is paired with None.

    Equal results at the beginning and at the end are paired first. Without this step, one additional record would make
    all later records look changed.
    """
    # Nearly all messages have one record, so there is only one pair.
    if len(old) == len(new) == 1:
        yield old[0], new[0]
        return
    shorter = min(len(old), len(new))
    begin = next((at for at in range(shorter) if _changed(old[at], new[at])), shorter)
    remaining = shorter - begin
    end = next((back for back in range(remaining) if _changed(old[-1 - back], new[-1 - back])), remaining)
    yield from zip(old[:begin], new[:begin], strict=True)
    middle, other = old[begin : len(old) - end], new[begin : len(new) - end]
    for at in range(max(len(middle), len(other))):
        yield (middle[at] if at < len(middle) else None), (other[at] if at < len(other) else None)
    yield from zip(old[len(old) - end :], new[len(new) - end :], strict=True)


def _changed(old: RecordOrRejection, new: RecordOrRejection) -> list[Change]:
    # Nearly all records have the same key and the same bytes in both sets. Do not decode such records, because decoding
    # takes time.
    if not old.rejected and not new.rejected and old.result[1:] == new.result[1:]:
        return []
    return changes(old.value(), new.value())


def _kind(
    old: RecordOrRejection | None,
    new: RecordOrRejection | None,
    found: list[Change],
    outcome_new: MessageOutcome,
    stream: str,
) -> ChangeKind:
    if old is None or new is None:
        return _kind_without_new(old, outcome_new, stream) if old is not None else _kind_of_new(new)
    if old.rejected != new.rejected:
        return _kind_of_new(new)
    return ChangeKind.CHANGED if found else ChangeKind.SAME


def _kind_of_new(new: RecordOrRejection | None) -> ChangeKind:
    return ChangeKind.REJECTED if new is not None and new.rejected else ChangeKind.ONLY_NEW


def _kind_without_new(old: RecordOrRejection, outcome_new: MessageOutcome, stream: str) -> ChangeKind:
    """Return the reason why the new mappings have no result for `old`."""
    # A rejection without an item number rejects the complete message, so it also replaces the record `old`.
    causes = (records.result for records in outcome_new.records.get(stream, ()))
    if any(isinstance(result, Rejection) and result.item is None for result in causes):
        return ChangeKind.REJECTED
    nothing = outcome_new.matched and not outcome_new.records
    return ChangeKind.FILTERED if nothing or old.mapping.name in outcome_new.filtered else ChangeKind.ONLY_OLD
