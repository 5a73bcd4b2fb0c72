"""The emitter of one output: it adds the partition key to a record, and checks the size of the record.

- A partition key must be text of 1 to 256 characters, or a number. A number is converted to its JSON text.
- A record that is too large for its stream is rejected. Kinesis counts the bytes of the data and of the partition key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from bridge.errors import PartitionKeyError, RecordTooLarge, TransformError
from bridge.mapping.pipeline.scope import RECORD, Scope
from bridge.model import MAX_PARTITION_KEY_CHARS, MAX_RECORD_BYTES, SPREAD_KEY_BYTES, NewRecord, Output

if TYPE_CHECKING:
    from bridge.mapping.expressions.expression import Expression

Limits: TypeAlias = Mapping[str, int]
"""Maximum number of bytes of a record (data and key), by destination.

The emitter reads the limit for each record, because the bridge learns the limits of streams while it runs.
"""

# Calling `NewRecord(...)` would take 1.5 times as long.
_new = tuple.__new__

Emit: TypeAlias = Callable[[Scope, Any, bytes], NewRecord]
"""Function from (scope, record as a value, record as bytes) to the record of one output.

The function raises PartitionKeyError or RecordTooLarge.
"""


def json_type(value: Any) -> str:
    """Return the JSON type of a value for an error text, such as "an object"."""
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null" if value is None else type(value).__name__)


def emitter(
    output: Output,
    key_from: Expression | None,
    limits: Limits,
    envelope: Callable[[Scope, bytes], bytes] | None = None,
) -> Emit:
    """Return the emitter of one output.

    - `key_from`: the expression of `partition_key_from`, or None if the key is constant or missing
    - `envelope`: the function that puts the record into an envelope, or None without `envelope: true`
    """
    if envelope is not None:
        emit_enveloped = emitter(output, key_from, limits)
        return lambda scope, record, data: emit_enveloped(scope, record, envelope(scope, data))
    if key_from is not None:
        return _emit_keyed(output, key_from, limits)
    number, stream, key = output.number, str(output.destination), output.partition_key
    key_bytes = SPREAD_KEY_BYTES if key is None else len(key.encode())
    limit_of = limits.get

    def emit(_scope: Scope, _record: Any, data: bytes) -> NewRecord:
        if len(data) + key_bytes > limit_of(stream, MAX_RECORD_BYTES):
            raise _too_large(output, limits, len(data) + key_bytes)
        return _new(NewRecord, (number, key, data))

    return emit


def _emit_keyed(output: Output, key_from: Expression, limits: Limits) -> Emit:
    """Return the emitter of an output with `partition_key_from`."""
    number, stream, search, limit_of = output.number, str(output.destination), key_from.search, limits.get
    # The scope is copied only if the expression can use `record`, because the copy takes time.
    with_record = key_from.names is None or RECORD in key_from.names

    def emit(scope: Scope, record: Any, data: bytes) -> NewRecord:
        try:
            key = search({**scope, RECORD: record} if with_record else scope)
        except TransformError as error:
            raise PartitionKeyError(f"partition_key_from: {error.detail}") from None
        # Nearly all keys are ASCII text, which has one byte per character. Such keys need no call of `checked_key`.
        if type(key) is str and key.isascii() and 0 < len(key) <= MAX_PARTITION_KEY_CHARS:
            key_bytes = len(key)
        else:
            key, key_bytes = checked_key(key)
        if len(data) + key_bytes > limit_of(stream, MAX_RECORD_BYTES):
            raise _too_large(output, limits, len(data) + key_bytes)
        return _new(NewRecord, (number, key, data))

    return emit


def checked_key(value: Any) -> tuple[str, int]:
    """Return the partition key for the result of an expression, and the length of the key in UTF-8 bytes.

    Raise PartitionKeyError if the result cannot be a partition key.
    """
    key = value if type(value) is str else _key_text(value)
    key_bytes = _utf8_bytes(key)
    # Kinesis limits the key to 256 Unicode characters. The size limit of a record counts the key in UTF-8 bytes:
    # https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html
    if not 0 < len(key) <= MAX_PARTITION_KEY_CHARS:
        raise PartitionKeyError(_key_length(key))
    return key, key_bytes


def _key_text(value: Any) -> str:
    """Return a number's JSON text. Raise PartitionKeyError for any other value."""
    if type(value) is int:
        return str(value)
    # orjson writes null for NaN and the infinities, which JSON does not have.
    if type(value) is float and (text := orjson.dumps(value).decode()) != "null":
        return text
    raise PartitionKeyError(f"partition_key_from: returned {json_type(value)}; a key is text or a number")


def _utf8_bytes(key: str) -> int:
    """Return the length of the key in UTF-8 bytes. Raise PartitionKeyError if the key cannot be encoded."""
    try:
        return len(key.encode())
    except UnicodeEncodeError:
        raise PartitionKeyError("partition_key_from: the key holds half of a surrogate pair") from None


def _key_length(key: str) -> str:
    if not key:
        return "partition_key_from: returned empty text"
    return f"partition_key_from: the key has {len(key)} characters; Kinesis allows {MAX_PARTITION_KEY_CHARS}"


def _too_large(output: Output, limits: Limits, size: int) -> RecordTooLarge:
    most = limits.get(str(output.destination), MAX_RECORD_BYTES)
    return RecordTooLarge(f"{size} bytes with the partition key; '{output.data_stream}' accepts at most {most}")
