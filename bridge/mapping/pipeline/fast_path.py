"""What most mappings make of most messages, in one call: decoded, passed by `where`, transformed, and given its key.

It answers for a mapping that remembers nothing, with one output, whose expressions see no more than `payload` and
`captures`; and leaves everything unusual about a message (an error, a record that is too large) to `Mapping.apply`,
which says what comes of it. Measured: 3.6 µs for what takes `apply` 4.4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from bridge.mapping.expressions.functions.conditional import truthy
from bridge.mapping.pipeline.output_emitter import SPREAD_KEY_BYTES, checked_key
from bridge.mapping.pipeline.scope import RECORD
from bridge.model import MAX_RECORD_BYTES

if TYPE_CHECKING:
    from bridge.mapping.expressions.expression import Expression
    from bridge.mapping.pipeline.compiled_parts import CompiledParts
    from bridge.mapping.pipeline.output_emitter import Limits
    from bridge.mapping.schema.mapping_spec import MappingSpec
    from bridge.model import Output

Quick: TypeAlias = Callable[[bytes, dict[str, str]], tuple[str | None, bytes] | None]
"""(payload, captures) to the record of the mapping's only output, its key and data; None: ask `apply`."""

FILTERED_FAST: tuple[None, bytes] = (None, b"")
"""`where` said no. Told by identity."""

FAST_PATH_NAMES = frozenset({"payload", "captures", RECORD})


def compile_fast_path(
    specification: MappingSpec, steps: CompiledParts, outputs: tuple[Output, ...], limits: Limits
) -> Quick | None:
    """Give the call for a mapping without stages; None if it is not one of the usual ones."""
    if len(outputs) > 1 or outputs[0].envelope or specification.each or specification.retained == "skip":
        return None
    expressions = [each for each in (steps.where, steps.transform, *steps.keys) if each is not None]
    if specification.compression != "none" or not all(
        FAST_PATH_NAMES.issuperset(each.names or {"@"}) for each in expressions
    ):
        return None
    return _made(specification, steps, outputs[0], limits)


def _made(specification: MappingSpec, steps: CompiledParts, output: Output, limits: Limits) -> Quick:
    decode = orjson.loads if specification.payload == "json" else steps.decode
    where, transform, key_from = map(_search, (steps.where, steps.transform, steps.keys[0]))
    constant, stream, limit_of, dumps = output.partition_key, str(output.destination), limits.get, orjson.dumps
    constant_bytes = SPREAD_KEY_BYTES if constant is None else len(constant.encode())

    def make(payload: bytes, captures: dict[str, str]) -> tuple[str | None, bytes] | None:
        try:
            record = decode(payload)
            scope = {"payload": record, "captures": captures}
            if where is not None:
                passed = where(scope)
                if passed is not True and not truthy(passed):
                    return FILTERED_FAST
            data, key, key_bytes = payload, constant, constant_bytes
            if transform is not None:
                record = transform(scope)
                data = dumps(record)
            if key_from is not None:
                scope[RECORD] = record
                key, key_bytes = checked_key(key_from(scope))
            if record is None or len(data) + key_bytes > limit_of(stream, MAX_RECORD_BYTES):
                return None
        except Exception:  # noqa: BLE001  `apply` meets it again, and says what it means
            return None
        return key, data

    return make


def _search(expression: Expression | None) -> Callable[[Any], Any] | None:
    return None if expression is None else expression.search
