"""`sample`: send one message for each key and span of time, and filter the others.

Spans follow the clock: with `every_secs: 10`, a span lasts from :00 to :10. A message belongs to the span that contains
its receive time. The option `keep` selects the message:

    first     the first message of a span, sent at once
    last      the last message of a span, sent at the end of the span
    mean      one record per span, sent at the end of the span. The transform creates the record from the last
              message and from `sample`, the statistics of the span: {count, mean, min, max, from_ms, to_ms}
    min_max   the messages with the lowest and with the highest value, sent at the end of the span, in arrival order

A record that waits for the end of its span is *held*. A held record is complete, and is part of the mapping's state.
The state is stored on disk before the message is acknowledged. So a crash does not lose the record, and a reload does
not change the record. At the end of the span, the record is *released*: the bridge sends it, and the ledger counts it.
Until then, the ledger does not count the message of the record.

State: one row per key, `sample KEY` -> {span, held: [[records, number, value], ...], ...}. `records` is a list of
[destination, partition key, data in base64, enveloped]. `enveloped` is true if the data is an envelope, into which the
spool inserts the id later. The data itself does not show this.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

import orjson

from bridge.errors import TransformError
from bridge.mapping.stateful.statistics import Statistics
from bridge.mapping.stateful.stored_values import key_text, numbers
from bridge.model import SAMPLE_ROWS, MappingResult, ReleasedRecord, SideEffects, UnnumberedEnvelope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.mapping.expressions.expression import Expression
    from bridge.model import Message, NewRecord, Output, StateStore

Keep: TypeAlias = Literal["first", "last", "mean", "min_max"]
ROW: Final = SAMPLE_ROWS
SAMPLE: Final = "sample"
"""Name of the statistics in the scope, with `keep: mean`."""


class HeldRecords(NamedTuple):
    """Held records of one message.

    Only `min_max` uses two attributes: `number` is the position of the message in its span, and `value` is the number
    by which `min_max` compares messages.
    """

    records: list[list[Any]]
    number: int = 0
    value: float = 0.0


class Sampler:
    """The stage `sample` of one mapping. Only the ingest thread uses this object."""

    def __init__(
        self, key: Expression | None, every_secs: float, keep: Keep, value: Expression | None, outputs: Sequence[Output]
    ) -> None:
        """Create the stage. Without `key`, the topic is the key. `mean` and `min_max` need a `value`."""
        self._key = key
        # Use at least 1 ms, because times are divided by this number.
        self._every_ms = max(1, round(every_secs * 1000))
        self._keep = keep
        self._value = value
        self._outputs = outputs
        # Span number of each row in the state, so that `release_ended` reads only the rows whose span has ended.
        self._open: dict[str, int] = {}

    def attach(self, memory: StateStore) -> None:
        """Continue the spans in a state store.

        An earlier process, or an earlier version of the mapping, has stored the spans.
        """
        self._open = {key: orjson.loads(row)["span"] for key, row in memory.items() if key.startswith(ROW)}

    def apply(
        self, scope: dict[str, Any], message: Message, memory: StateStore, convert: Callable[[], MappingResult]
    ) -> MappingResult:
        """Return the result for a message that passed `where` and `changes`, and update the row of its key.

        `convert` creates the records of the message. Raise TransformError, or the error of `convert`. After an error,
        the state is unchanged.
        """
        row_key = ROW + key_text("sample.key", message.topic if self._key is None else self._key.search(scope))
        # Number the spans from 1970 on, so that the spans of all mappings and bridges begin at the same times.
        span = message.received_at_ms // self._every_ms
        row = memory.get(row_key)
        known: dict[str, Any] = orjson.loads(row) if row is not None else {"span": span, "held": []}
        ended = known["span"] != span
        released = _released(known["held"]) if ended else ()
        before = {"span": span, "held": []} if ended or row is None else known
        mapped, after, filtered = _KEEPERS[self._keep](self, before, scope, message, convert)
        # Write the row last. If a line above raises an error, the state is unchanged, and the rejected message can be
        # replayed.
        memory.put(row_key, orjson.dumps(after))
        self._open[row_key] = span
        return MappingResult(
            mapped.drafts, mapped.rejections, SideEffects(filtered, (), released + self._make_room(row_key, memory))
        )

    def _make_room(self, row_key: str, memory: StateStore) -> tuple[ReleasedRecord, ...]:
        """Delete the rows of the oldest spans until the store has room. Return their held records.

        The records must not be lost, so the caller sends them now, before the end of their span. The row `row_key` was
        just written, and is not deleted.
        """
        released: tuple[ReleasedRecord, ...] = ()
        while memory.crowded and len(self._open) > 1:
            # A dict keeps the order of insertion, so the first key belongs to the span that was opened first.
            oldest = next(key for key in self._open if key != row_key)
            row = memory.get(oldest)
            released += _released(orjson.loads(row)["held"]) if row is not None else ()
            memory.evict(oldest)
            del self._open[oldest]
        return released

    def show_alone(self, scope: dict[str, Any], message: Message) -> None:
        """Add `sample` to the scope of a replayed message. The statistics contain only this message.

        Raise TransformError.
        """
        if self._keep == "mean":
            scope[SAMPLE] = Statistics().with_value(self._number(scope), message.received_at_ms).shown()

    def release_ended(self, now_ms: int, memory: StateStore) -> tuple[ReleasedRecord, ...]:
        """Return the held records of all spans that have ended, and delete their rows."""
        now = now_ms // self._every_ms
        released: list[ReleasedRecord] = []
        # Compare with `!=` and not with `<`. After the clock was set back, the span of a row can be in the future. Its
        # records would otherwise be held until the clock reaches this span again.
        for key in [key for key, span in self._open.items() if span != now]:
            row = memory.get(key)
            released += _released(orjson.loads(row)["held"]) if row is not None else ()
            memory.forget(key)
            del self._open[key]
        return tuple(released)

    # -- One method for each value of `keep` --------------------------------------------------------------------------

    def _first(
        self, row: dict[str, Any], _scope: Any, _message: Message, convert: Callable[[], MappingResult]
    ) -> _SampleStep:
        """Send the first message of a span that creates records, and filter the others."""
        if "seen" in row:
            return _SampleStep(_NOTHING, row, 1)
        mapped = convert()
        if not mapped.drafts:
            return _SampleStep(mapped, row, 0 if mapped.rejections else 1)
        return _SampleStep(mapped, {**row, "seen": True}, 0)

    def _last(
        self, row: dict[str, Any], _scope: Any, _message: Message, convert: Callable[[], MappingResult]
    ) -> _SampleStep:
        """Hold the records of this message, and drop the records of the previous message."""
        mapped = convert()
        if not mapped.drafts:
            return _SampleStep(mapped, row, 0 if mapped.rejections else 1)
        held = HeldRecords(self._records(mapped.drafts))
        # The previous message counts as filtered now, because its records are dropped.
        return _SampleStep(MappingResult([], mapped.rejections), {**row, "held": [list(held)]}, len(row["held"]))

    def _mean(
        self, row: dict[str, Any], scope: Any, message: Message, convert: Callable[[], MappingResult]
    ) -> _SampleStep:
        """Add the value to the statistics of the span, and hold the record that the transform creates with `sample`."""
        statistics = Statistics.of(row.get("statistics")).with_value(self._number(scope), message.received_at_ms)
        scope[SAMPLE] = statistics.shown()
        kept = self._last(row, scope, message, convert)
        return _SampleStep(kept.mapped, {**kept.row, "statistics": statistics.stored()}, kept.filtered)

    def _min_max(
        self, row: dict[str, Any], scope: Any, _message: Message, convert: Callable[[], MappingResult]
    ) -> _SampleStep:
        """Hold the records of the messages with the lowest and with the highest value, and filter the others."""
        value, number = self._number(scope), row.get("number", 0)
        if isinstance(value, dict):
            raise TransformError("sample.value: returned an object; `keep: min_max` needs one number")
        mapped = convert()
        if not mapped.drafts:
            return _SampleStep(mapped, row, 0 if mapped.rejections else 1)
        before = [HeldRecords(*each) for each in row["held"]]
        candidates = [*before, HeldRecords(self._records(mapped.drafts), number, value)]
        lowest, highest = min(candidates, key=_value), max(candidates, key=_value)
        # Compare by identity, so that a message with both the lowest and the highest value is held only once.
        held = [each for each in candidates if each is lowest or each is highest]
        row = {**row, "held": [list(each) for each in held], "number": number + 1}
        return _SampleStep(MappingResult([], mapped.rejections), row, len(candidates) - len(held))

    def _number(self, scope: dict[str, Any]) -> Any:
        """Return the result of the expression `value`.

        Raise TransformError if the result is not a number or an object of numbers.
        """
        return numbers("sample.value", self._value.search(scope) if self._value is not None else None)

    def _records(self, drafts: Sequence[NewRecord]) -> list[list[Any]]:
        """Return records as JSON values for a row.

        A JSON value contains the destination and not the number of the output, because a reload may renumber the
        outputs.
        """
        destinations = {output.number: str(output.destination) for output in self._outputs}
        return [
            [destinations[number], key, base64.b64encode(data).decode(), type(data) is UnnumberedEnvelope]
            for number, key, data in drafts
        ]


class _SampleStep(NamedTuple):
    """Result for one message of a span.

    `mapped` has the records to send now. `row` is the row to store. `filtered` is the number of messages that are
    filtered now. This number includes an earlier message whose records are no longer held.
    """

    mapped: MappingResult
    row: dict[str, Any]
    filtered: int


_NOTHING: Final = MappingResult([], ())
_KEEPERS: Final = {
    "first": Sampler._first,  # noqa: SLF001  this module's own
    "last": Sampler._last,  # noqa: SLF001
    "mean": Sampler._mean,  # noqa: SLF001
    "min_max": Sampler._min_max,  # noqa: SLF001
}


def release_all(memory: StateStore) -> tuple[ReleasedRecord, ...]:
    """Return all held records in a state store, and delete their rows.

    The bridge calls this after a mapping was removed, or after its `sample` was removed. Otherwise, the held records of
    the mapping would never be sent.
    """
    rows = {key: orjson.loads(row)["held"] for key, row in memory.items() if key.startswith(ROW)}
    for key in rows:
        memory.forget(key)
    return tuple(released for held in rows.values() for released in _released(held))


def _value(held: HeldRecords) -> float:
    return held.value


def _released(held: list[list[Any]]) -> tuple[ReleasedRecord, ...]:
    """Return held records in the order in which their messages arrived."""
    return tuple(
        ReleasedRecord(destination, key, (UnnumberedEnvelope if enveloped else bytes)(base64.b64decode(data)))
        for each in held
        for destination, key, data, enveloped in HeldRecords(*each).records
    )
