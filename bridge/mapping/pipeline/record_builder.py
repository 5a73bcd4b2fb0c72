"""The conversion from a scope to records: `transform` and the outputs, for a message that passed `where`.

- If `transform` returns null, the message is rejected: a record of `null` is nearly always a misspelt name. Use `where`
  to filter messages.
- `each: true` creates one record per item. A message with an empty list is filtered. A null item is rejected; this does
  not affect the other items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from bridge.errors import RecordTooLarge, Rejected, TransformError
from bridge.mapping.pipeline.output_emitter import Emit, json_type
from bridge.model import MappingResult, NewRecord, Rejection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.mapping.expressions.expression import Expression
    from bridge.mapping.pipeline.compiled_parts import CompiledParts
    from bridge.mapping.pipeline.scope import Scope
    from bridge.model import Message

MAX_DETAIL_CHARS = 500
"""Max characters of a rejection's reason: it is text for people, and is stored with every dead letter."""

MAX_EACH_ITEMS = 20_000
"""Max items of `each`: a record of a few bytes takes up to 4 KB of memory until it is committed."""

MAX_RECORDS_BYTES = 64 * 1024 * 1024
"""Max bytes of all records of `each`: a field of the message that each item repeats multiplies its size."""
MAX_AMPLIFICATION = 4
"""Number of times by which the records of a large message may exceed its payload, also beyond MAX_RECORDS_BYTES."""

_LEAVE_OUT = {"the result": "`where`", "the item": "a filter, such as `[?@]`"}
_new = tuple.__new__  # a NamedTuple's own constructor takes 1.5 times as long

Convert: TypeAlias = "Callable[[Message, Scope, int | None], MappingResult]"
"""Function from a message that passed `where`, its scope and an item (None: all) to the result.

It raises TransformError if the transform fails; with only one output also PartitionKeyError or RecordTooLarge.
"""

OneRecord: TypeAlias = "Callable[[bytes, Scope], NewRecord]"
"""Function from the payload's bytes and the scope to the only record.

It raises TransformError, PartitionKeyError or RecordTooLarge.
"""


def converter(parts: CompiledParts) -> Convert:
    """Return the converter of a mapping."""
    emitters = tuple(enumerate(parts.emits))
    if parts.each and parts.transform is not None:
        return _each(parts.transform, emitters)
    return _to_one(one_record(parts)) if len(emitters) == 1 else _to_many(parts.transform, emitters)


def one_record(parts: CompiledParts) -> OneRecord:
    """Return the function that creates the record of a mapping with one output and without `each`."""
    [emit], transform = parts.emits, parts.transform
    if transform is None:
        return lambda payload, scope: emit(scope, scope["payload"], payload)
    search = transform.search

    def make(_payload: bytes, scope: Scope) -> NewRecord:
        record = search(scope)
        return emit(scope, record, _json(record))

    return make


def _json(record: Any, what: str = "the result") -> bytes:
    """Return the record as JSON bytes. Raise TransformError for null, and for a value that JSON cannot represent."""
    if record is None:
        raise TransformError(f"{what} is null; leave it out with {_LEAVE_OUT[what]}")
    try:
        return orjson.dumps(record)
    except TypeError as error:
        raise TransformError(f"{what} cannot become JSON: {error}") from None


def _emit_all(
    emitters: tuple[tuple[int, Emit], ...], scope: Scope, record: Any, data: bytes, item: int | None
) -> tuple[list[NewRecord], list[Rejection]]:
    """Return the drafts and rejections of all outputs. A rejection by one output does not stop the others."""
    drafts, rejections = [], []
    for number, emit in emitters:
        try:
            drafts.append(emit(scope, record, data))
        except Rejected as error:
            rejections.append(Rejection((number,), item, error.code, error.detail[:MAX_DETAIL_CHARS]))
    return drafts, rejections


def _to_one(make: OneRecord) -> Convert:
    """Return the converter of a mapping with one output, the usual case.

    An error of the emitter rejects the message.
    """

    def convert(message: Message, scope: Scope, _item: int | None) -> MappingResult:
        return _new(MappingResult, ([make(message.payload, scope)], (), None))

    return convert


def _to_many(transform: Expression | None, emitters: tuple[tuple[int, Emit], ...]) -> Convert:
    """Return the converter of a mapping with several outputs. Without `transform`, the payload is the record."""

    def convert(message: Message, scope: Scope, item: int | None) -> MappingResult:
        record = scope["payload"] if transform is None else transform.search(scope)
        data = message.payload if transform is None else _json(record)
        drafts, rejections = _emit_all(emitters, scope, record, data, item)
        return MappingResult(drafts, tuple(rejections))

    return convert


def _each(transform: Expression, emitters: tuple[tuple[int, Emit], ...]) -> Convert:
    """Return the converter of a mapping with `each`: one record per item and output."""
    every = tuple(number for number, _ in emitters)

    def convert(message: Message, scope: Scope, item: int | None) -> MappingResult:
        drafts: list[NewRecord] = []
        rejections: list[Rejection] = []
        # A small message may not become a huge number of bytes, but a large message may become as many times its own
        # size.
        size, most = 0, max(MAX_RECORDS_BYTES, MAX_AMPLIFICATION * len(message.payload))
        for number, record in _items(transform.search(scope), item):
            try:
                made, refused = _emit_all(emitters, scope, record, _json(record, "the item"), number)
            except TransformError as error:
                rejections.append(Rejection(every, number, error.code, error.detail[:MAX_DETAIL_CHARS]))
            else:
                drafts += made
                rejections += refused
                size += sum([len(draft.data) for draft in made])
            # Checked after each item: the records of all items could exceed the memory.
            if size > most:
                raise RecordTooLarge(f"the records of the first {number + 1:,} items exceed {most:,} bytes")
        return MappingResult(drafts, tuple(rejections))

    return convert


def _items(records: Any, item: int | None) -> Sequence[tuple[int, Any]]:
    """Return the items with their numbers: all of them, or only `item`.

    Raise TransformError if there is no such item.
    """
    if not isinstance(records, list):
        raise TransformError(f"`each` needs a list, and the result is {json_type(records)}")
    # A replay selects one item, so the limit on all items does not apply to it.
    if item is None:
        if len(records) > MAX_EACH_ITEMS:
            raise TransformError(f"`each` makes {len(records):,} items, more than {MAX_EACH_ITEMS:,}")
        return tuple(enumerate(records))
    if item >= len(records):
        raise TransformError(f"there is no item {item} any more, only {len(records)}")
    return ((item, records[item]),)
