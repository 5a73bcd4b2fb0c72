"""From a scope to records: what a mapping's transform and outputs make of a message that passed `where`.

- `transform` gives null: rejected, since a record of `null` is nearly always a misspelt name. Messages are left out
  with `where`.
- `each: true`: one record an item; an empty list is filtered; a null item is rejected alone.
- A partition key must be text of 1 to 256 characters, or a number, which becomes its JSON text.
- A record larger than its stream takes is rejected: data and key together are counted, as Kinesis does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from bridge.errors import PartitionKeyError, RecordTooLarge, Rejected, TransformError
from bridge.mapping.scope import RECORD, Scope
from bridge.model import MAX_PARTITION_KEY_CHARS, MAX_RECORD_BYTES, Draft, Mapped, Output, Rejection

if TYPE_CHECKING:
    from bridge.mapping.expressions import Expression
    from bridge.model import Message

SPREAD_KEY_BYTES = 40
"""Room kept for the key that the spool gives a spread record."""

MAX_DETAIL_CHARS = 500
"""A reason is for a person, and is kept with every dead letter."""

Limits: TypeAlias = Mapping[str, int]
"""The most bytes (data and key) a record may have, by data stream. Read anew for each record."""

_LEAVE_OUT = {"the result": "`where`", "the item": "a filter, such as `[?@]`"}
_new = tuple.__new__  # a NamedTuple's own constructor takes half as long again

Emit: TypeAlias = Callable[[Scope, Any, bytes], Draft]
"""(scope, record, the record's bytes) to draft, for one output. Raises PartitionKeyError, RecordTooLarge."""

Convert: TypeAlias = "Callable[[Message, Scope, int | None], Mapped]"
"""What a message that passed `where` becomes. Raises TransformError if nothing can be made of it."""


def converter(
    outputs: Sequence[Output],
    keys: Sequence[Expression | None],
    transform: Expression | None,
    *,
    each: bool,
    limits: Limits,
) -> Convert:
    """Give the closure for a mapping; `keys` are the outputs' `partition_key_from`."""
    emitters = tuple((output.number, _emitter(output, key, limits)) for output, key in zip(outputs, keys, strict=True))
    if transform is None:
        return _unchanged(emitters)
    if each:
        return _each(transform, emitters)
    return _one_to_one(transform, emitters[0][1]) if len(emitters) == 1 else _one_to_many(transform, emitters)


def _search(transform: Expression, scope: Scope) -> Any:
    try:
        return transform.search(scope)
    except TransformError as error:
        raise TransformError(f"transform: {error.detail}") from None


def _json(record: Any, what: str = "the result") -> bytes:
    if record is None:
        raise TransformError(f"transform: {what} is null; leave it out with {_LEAVE_OUT[what]}")
    try:
        return orjson.dumps(record)
    except TypeError as error:
        raise TransformError(f"transform: {what} cannot become JSON: {error}") from None


def _emit_all(
    emitters: tuple[tuple[int, Emit], ...], scope: Scope, record: Any, data: bytes, item: int | None
) -> tuple[list[Draft], list[Rejection]]:
    drafts, rejections = [], []
    for number, emit in emitters:
        try:
            drafts.append(emit(scope, record, data))
        except Rejected as error:
            rejections.append(Rejection((number,), item, error.code, error.detail[:MAX_DETAIL_CHARS]))
    return drafts, rejections


def _unchanged(emitters: tuple[tuple[int, Emit], ...]) -> Convert:
    def convert(message: Message, scope: Scope, item: int | None) -> Mapped:
        drafts, rejections = _emit_all(emitters, scope, scope["payload"], message.payload, item)
        return Mapped(drafts, tuple(rejections))

    return convert


def _one_to_one(transform: Expression, emit: Emit) -> Convert:
    """Give what most mappings need: `_one_to_many` without what one output does not need."""
    search = transform.search

    def convert(_message: Message, scope: Scope, _item: int | None) -> Mapped:
        try:
            record = search(scope)
        except TransformError as error:
            raise TransformError(f"transform: {error.detail}") from None
        data = _json(record)
        return _new(Mapped, ([emit(scope, record, data)], ()))

    return convert


def _one_to_many(transform: Expression, emitters: tuple[tuple[int, Emit], ...]) -> Convert:
    def convert(_message: Message, scope: Scope, item: int | None) -> Mapped:
        record = _search(transform, scope)
        drafts, rejections = _emit_all(emitters, scope, record, _json(record), item)
        return Mapped(drafts, tuple(rejections))

    return convert


def _each(transform: Expression, emitters: tuple[tuple[int, Emit], ...]) -> Convert:
    every = tuple(number for number, _ in emitters)

    def convert(_message: Message, scope: Scope, item: int | None) -> Mapped:
        drafts: list[Draft] = []
        rejections: list[Rejection] = []
        for number, record in _items(_search(transform, scope), item):
            try:
                made, refused = _emit_all(emitters, scope, record, _json(record, "the item"), number)
            except TransformError as error:
                rejections.append(Rejection(every, number, error.code, error.detail[:MAX_DETAIL_CHARS]))
            else:
                drafts += made
                rejections += refused
        return Mapped(drafts, tuple(rejections))

    return convert


def _items(records: Any, item: int | None) -> Sequence[tuple[int, Any]]:
    if not isinstance(records, list):
        raise TransformError(f"transform: `each` needs a list, and the result is {json_type(records)}")
    if item is None:
        return tuple(enumerate(records))
    if item >= len(records):
        raise TransformError(f"transform: there is no item {item} any more, only {len(records)}")
    return ((item, records[item]),)


def json_type(value: Any) -> str:
    """Give the name of a value's JSON type, with its article."""
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null" if value is None else type(value).__name__)


def _emitter(output: Output, key_from: Expression | None, limits: Limits) -> Emit:
    if key_from is not None:
        return _emit_keyed(output, key_from, limits)
    number, stream, key = output.number, output.data_stream, output.partition_key
    key_bytes = SPREAD_KEY_BYTES if key is None else len(key.encode())
    limit_of = limits.get

    def emit(_scope: Scope, _record: Any, data: bytes) -> Draft:
        if len(data) + key_bytes > limit_of(stream, MAX_RECORD_BYTES):
            raise _too_large(output, limits, len(data) + key_bytes)
        return _new(Draft, (number, key, data))

    return emit


def _emit_keyed(output: Output, key_from: Expression, limits: Limits) -> Emit:
    number, stream, search, limit_of = output.number, output.data_stream, key_from.search, limits.get
    with_record = key_from.names is None or RECORD in key_from.names

    def emit(scope: Scope, record: Any, data: bytes) -> Draft:
        try:
            key = search({**scope, RECORD: record} if with_record else scope)
        except TransformError as error:
            raise PartitionKeyError(f"partition_key_from: {error.detail}") from None
        if type(key) is not str:
            key = _key_text(key)
        key_bytes = len(key) if key.isascii() else _utf8_bytes(key)
        if not 0 < len(key) <= MAX_PARTITION_KEY_CHARS:
            raise PartitionKeyError(_key_length(key))
        if len(data) + key_bytes > limit_of(stream, MAX_RECORD_BYTES):
            raise _too_large(output, limits, len(data) + key_bytes)
        return _new(Draft, (number, key, data))

    return emit


def _key_text(value: Any) -> str:
    """Give a number's JSON text; raises PartitionKeyError for all else."""
    if type(value) is int:
        return str(value)
    if type(value) is float and (text := orjson.dumps(value).decode()) != "null":  # NaN and infinity have no JSON text
        return text
    raise PartitionKeyError(f"partition_key_from: gave {json_type(value)}; a key is text or a number")


def _utf8_bytes(key: str) -> int:
    try:
        return len(key.encode())
    except UnicodeEncodeError:
        raise PartitionKeyError("partition_key_from: the key holds half of a surrogate pair") from None


def _key_length(key: str) -> str:
    if not key:
        return "partition_key_from: gave empty text"
    return f"partition_key_from: the key has {len(key)} characters; Kinesis takes {MAX_PARTITION_KEY_CHARS}"


def _too_large(output: Output, limits: Limits, size: int) -> RecordTooLarge:
    most = limits.get(output.data_stream, MAX_RECORD_BYTES)
    return RecordTooLarge(f"{size} bytes with the partition key; '{output.data_stream}' takes {most}")
