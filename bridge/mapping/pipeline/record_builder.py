"""The conversion of a message that passed `where` to records: first `transform`, then the outputs.

- If `transform` returns null, the message is rejected, because the cause is nearly always a misspelt name. To filter
  messages, a mapping uses `where`.
- With `each: true`, each item of the list becomes a record. If the list is empty, the message is filtered. A null item
  is rejected. The other items still become records.
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
"""Maximum number of characters in the reason of a rejection, which is stored with each dead letter."""

MAX_EACH_ITEMS = 20_000
"""Maximum number of items of `each`. Even a short record takes up to 4 KB of memory until it is in the spool."""

MAX_RECORDS_BYTES = 64 * 1024 * 1024
"""Maximum total size in bytes of the records that `each` creates from one message.

Without this limit, each item could repeat a large field of the message. For a payload larger than 16 MiB, the maximum
is MAX_AMPLIFICATION times the size of the payload.
"""
MAX_AMPLIFICATION = 4
"""Maximum total size of the records of `each` for a large payload, as a multiple of the payload's size."""

# Alternatives that the error text for a null proposes.
_LEAVE_OUT = {"the result": "`where`", "the item": "a filter, such as `[?@]`"}
# Calling `NewRecord(...)` would take 1.5 times as long.
_new = tuple.__new__

Convert: TypeAlias = "Callable[[Message, Scope, int | None], MappingResult]"
"""Function from (message that passed `where`, its scope, item number) to the result. The number None means all items.

The function raises TransformError if the transform fails. If the mapping has only one output, the function also raises
PartitionKeyError and RecordTooLarge. With several outputs, such an error becomes a rejection for the output that has
raised it.
"""

OneRecord: TypeAlias = "Callable[[bytes, Scope], NewRecord]"
"""Function from (bytes of the payload, scope) to the record of a mapping with one output.

The function raises TransformError, PartitionKeyError or RecordTooLarge.
"""


def converter(parts: CompiledParts) -> Convert:
    """Return the function that converts a message to the records of a mapping."""
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
    """Return the record as JSON bytes. Raise TransformError for null and for a value that JSON cannot represent.

    `what` names the record in the error text.
    """
    if record is None:
        raise TransformError(f"{what} is null; leave it out with {_LEAVE_OUT[what]}")
    try:
        return orjson.dumps(record)
    except TypeError as error:
        raise TransformError(f"{what} cannot become JSON: {error}") from None


def _emit_all(
    emitters: tuple[tuple[int, Emit], ...], scope: Scope, record: Any, data: bytes, item: int | None
) -> tuple[list[NewRecord], list[Rejection]]:
    """Return the records and rejections of all outputs. An error in one output does not affect the other outputs."""
    drafts, rejections = [], []
    for number, emit in emitters:
        try:
            drafts.append(emit(scope, record, data))
        except Rejected as error:
            rejections.append(Rejection((number,), item, error.code, error.detail[:MAX_DETAIL_CHARS]))
    return drafts, rejections


def _to_one(make: OneRecord) -> Convert:
    """Return the converter of a mapping with one output and without `each`, which is the usual case.

    If the output rejects the record, the converter raises the error. The caller then rejects the message.
    """

    def convert(message: Message, scope: Scope, _item: int | None) -> MappingResult:
        return _new(MappingResult, ([make(message.payload, scope)], (), None))

    return convert


def _to_many(transform: Expression | None, emitters: tuple[tuple[int, Emit], ...]) -> Convert:
    """Return the converter of a mapping with several outputs. If `transform` is None, the payload is the record."""

    def convert(message: Message, scope: Scope, item: int | None) -> MappingResult:
        record = scope["payload"] if transform is None else transform.search(scope)
        data = message.payload if transform is None else _json(record)
        drafts, rejections = _emit_all(emitters, scope, record, data, item)
        return MappingResult(drafts, tuple(rejections))

    return convert


def _each(transform: Expression, emitters: tuple[tuple[int, Emit], ...]) -> Convert:
    """Return the converter of a mapping with `each`: one record per item and output."""
    all_outputs = tuple(number for number, _ in emitters)

    def convert(message: Message, scope: Scope, item: int | None) -> MappingResult:
        drafts: list[NewRecord] = []
        rejections: list[Rejection] = []
        # A small message must not create huge records. A large message may create records of several times its own
        # size.
        size, most = 0, max(MAX_RECORDS_BYTES, MAX_AMPLIFICATION * len(message.payload))
        for number, record in _items(transform.search(scope), item):
            try:
                made, refused = _emit_all(emitters, scope, record, _json(record, "the item"), number)
            except TransformError as error:
                rejections.append(Rejection(all_outputs, number, error.code, error.detail[:MAX_DETAIL_CHARS]))
            else:
                drafts += made
                rejections += refused
                size += sum([len(draft.data) for draft in made])
            # Check the size after each item and not at the end, because all records together could exceed the memory.
            if size > most:
                raise RecordTooLarge(f"the records of the first {number + 1:,} items exceed {most:,} bytes")
        return MappingResult(drafts, tuple(rejections))

    return convert


def _items(records: Any, item: int | None) -> Sequence[tuple[int, Any]]:
    """Return the items of a list as (number, item). If `item` is not None, return only the item with this number.

    Raise TransformError if the value is not a list, if it has too many items, or if it has no item with this number.
    """
    if not isinstance(records, list):
        raise TransformError(f"`each` needs a list, and the result is {json_type(records)}")
    # A replay maps only one item, so the limit for the number of items does not apply.
    if item is None:
        if len(records) > MAX_EACH_ITEMS:
            raise TransformError(f"`each` makes {len(records):,} items, more than {MAX_EACH_ITEMS:,}")
        return tuple(enumerate(records))
    if item >= len(records):
        raise TransformError(f"there is no item {item} any more; the list has {len(records)} items")
    return ((item, records[item]),)
