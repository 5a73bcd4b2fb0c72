"""`sample`: send one message for each key and span of time, and filter the others.

Spans follow the clock: with `every_secs: 10`, a span lasts from :00 to :10. The receive time of a message selects its
span.

    first     the first message of a span, sent at once
    last      the last message, sent when the span has ended
    mean      one record, sent when the span has ended: made from the last message; the transform sees `sample`:
              {count, mean, min, max, from_ms, to_ms}
    min_max   the messages with the lowest and with the highest value, sent when the span has ended, in arrival order

A record that waits for the end of its span is complete, and is part of the mapping's state. It is stored in the
transaction of its message. So it survives a crash, and a reload does not change it. The ledger counts it when it is
released. Until then, it counts neither as received nor as filtered.

State, one row per key: `sample KEY` -> {span, held: [[records, number, value], ...], ...}. `records` is a list of
[destination, key, base64, enveloped]. `enveloped` is true if the data is an envelope that has no id yet, because its
JSON alone does not show that.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

import orjson

from bridge.errors import TransformError
from bridge.mapping.stateful.statistics import Statistics
from bridge.mapping.stateful.stored_values import key_text, numbers
from bridge.model import HELD_ROWS, MappingResult, ReleasedRecord, SideEffects, UnnumberedEnvelope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.mapping.expressions.expression import Expression
    from bridge.model import Message, NewRecord, Output, StateStore

Keep: TypeAlias = Literal["first", "last", "mean", "min_max"]
ROW: Final = HELD_ROWS
SAMPLE: Final = "sample"
"""Name that `keep: mean` adds to a scope."""


class HeldRecords(NamedTuple):
    """The complete records of a message and, with `min_max`, its number within the span and its value."""

    records: list[list[Any]]
    number: int = 0
    value: float = 0.0


class Sampler:
    """The stage `sample` of one mapping. Only the mapping thread uses it."""

    def __init__(
        self, key: Expression | None, every_secs: float, keep: Keep, value: Expression | None, outputs: Sequence[Output]
    ) -> None:
        """Without `key`, the key is the topic. `mean` and `min_max` need a `value`."""
        self._key = key
        # At least 1 ms, because the number of a span is the time divided by this value.
        self._every_ms = max(1, round(every_secs * 1000))
        self._keep = keep
        self._value = value
        self._outputs = outputs
        self._open: dict[str, int] = {}

    def attach(self, memory: StateStore) -> None:
        """Continue the open spans of an earlier process, or of an earlier version of the mapping."""
        self._open = {key: orjson.loads(row)["span"] for key, row in memory.items() if key.startswith(ROW)}

    def apply(
        self, scope: dict[str, Any], message: Message, memory: StateStore, convert: Callable[[], MappingResult]
    ) -> MappingResult:
        """Return the result for a message that passed `where` and `changes`, and update its row.

        Raise TransformError, or the error that `convert` raises; the state is then unchanged.
        """
        row_key = ROW + key_text("sample.key", message.topic if self._key is None else self._key.search(scope))
        # Spans are aligned to 1970, not to the first message. So all mappings and all workers have the same spans.
        span = message.received_at_ms // self._every_ms
        row = memory.get(row_key)
        known: dict[str, Any] = orjson.loads(row) if row is not None else {"span": span, "held": []}
        ended = known["span"] != span
        released = _released(known["held"]) if ended else ()
        before = {"span": span, "held": []} if ended or row is None else known
        mapped, after, filtered = _KEEPERS[self._keep](self, before, scope, message, convert)
        # The row is written last. After an error before this line, the state is unchanged, so the message can be
        # replayed.
        memory.put(row_key, orjson.dumps(after))
        self._open[row_key] = span
        return MappingResult(
            mapped.drafts, mapped.rejections, SideEffects(filtered, (), released + self._make_room(row_key, memory))
        )

    def _make_room(self, row_key: str, memory: StateStore) -> tuple[ReleasedRecord, ...]:
        """While the store has no room, evict the rows of the oldest spans, and return their records.

        These are sent early, because they must not be lost. The row of `row_key` stays.
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
        """Add `sample` to the scope of a replayed message, which forms a separate span. Raise TransformError."""
        if self._keep == "mean":
            scope[SAMPLE] = Statistics().with_value(self._number(scope), message.received_at_ms).shown()

    def due(self, now_ms: int, memory: StateStore) -> tuple[ReleasedRecord, ...]:
        """Return the records of all spans that have ended, and delete their rows.

        A clock that was set back also ends them.
        """
        now = now_ms // self._every_ms
        released: list[ReleasedRecord] = []
        # This searches `_open` and not the state, so that only rows with an ended span are read.
        for key in [key for key, span in self._open.items() if span != now]:
            row = memory.get(key)
            released += _released(orjson.loads(row)["held"]) if row is not None else ()
            memory.forget(key)
            del self._open[key]
        return tuple(released)

    # -- the kinds of `keep`: each returns the result so far, the row, and the number of filtered messages ------------

    def _first(
        self, row: dict[str, Any], _scope: Any, _message: Message, convert: Callable[[], MappingResult]
    ) -> _SampleStep:
        """Send the first message of a span that results in records; filter the others."""
        if "seen" in row:
            return _SampleStep(_NOTHING, row, 1)
        mapped = convert()
        if not mapped.drafts:
            return _SampleStep(mapped, row, 0 if mapped.rejections else 1)
        return _SampleStep(mapped, {**row, "seen": True}, 0)

    def _last(
        self, row: dict[str, Any], _scope: Any, _message: Message, convert: Callable[[], MappingResult]
    ) -> _SampleStep:
        """Hold the records of this message, and drop those of the previous message."""
        mapped = convert()
        if not mapped.drafts:
            return _SampleStep(mapped, row, 0 if mapped.rejections else 1)
        held = HeldRecords(self._records(mapped.drafts))
        # The previous message of the span, if there is one, is filtered.
        return _SampleStep(MappingResult([], mapped.rejections), {**row, "held": [list(held)]}, len(row["held"]))

    def _mean(
        self, row: dict[str, Any], scope: Any, message: Message, convert: Callable[[], MappingResult]
    ) -> _SampleStep:
        """Add the value to the span's statistics, and hold the record made with them."""
        statistics = Statistics.of(row.get("statistics")).with_value(self._number(scope), message.received_at_ms)
        scope[SAMPLE] = statistics.shown()
        kept = self._last(row, scope, message, convert)
        return _SampleStep(kept.mapped, {**kept.row, "statistics": statistics.stored()}, kept.filtered)

    def _min_max(
        self, row: dict[str, Any], scope: Any, _message: Message, convert: Callable[[], MappingResult]
    ) -> _SampleStep:
        """Hold the messages with the lowest and with the highest value so far; filter the others."""
        value, number = self._number(scope), row.get("number", 0)
        if isinstance(value, dict):
            raise TransformError("sample.value: gave an object; `keep: min_max` needs one number")
        mapped = convert()
        if not mapped.drafts:
            return _SampleStep(mapped, row, 0 if mapped.rejections else 1)
        before = [HeldRecords(*each) for each in row["held"]]
        candidates = [*before, HeldRecords(self._records(mapped.drafts), number, value)]
        lowest, highest = min(candidates, key=_value), max(candidates, key=_value)
        # The comparison is by identity: a message that is both the lowest and the highest is held once.
        held = [each for each in candidates if each is lowest or each is highest]
        row = {**row, "held": [list(each) for each in held], "number": number + 1}
        return _SampleStep(MappingResult([], mapped.rejections), row, len(candidates) - len(held))

    def _number(self, scope: dict[str, Any]) -> Any:
        """Return the number, or the object of numbers, of `value`. Raise TransformError for anything else."""
        return numbers("sample.value", self._value.search(scope) if self._value is not None else None)

    def _records(self, drafts: Sequence[NewRecord]) -> list[list[Any]]:
        """Return the drafts as JSON values with their destinations, as a reload may change the numbers of outputs."""
        destinations = {output.number: str(output.destination) for output in self._outputs}
        return [
            [destinations[number], key, base64.b64encode(data).decode(), type(data) is UnnumberedEnvelope]
            for number, key, data in drafts
        ]


class _SampleStep(NamedTuple):
    """Result of one `keep`: the mapping result so far, the row to store, and the number of filtered messages."""

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


def leave(memory: StateStore) -> tuple[ReleasedRecord, ...]:
    """Return all held records at once, and delete their rows.

    The caller uses this for a mapping that was removed or no longer samples. Otherwise, its held records would never be
    released.
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
