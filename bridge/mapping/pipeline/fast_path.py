"""The fast path: a faster function than `Mapping.apply`, for mappings that use only the payload and captures.

The function needs no `Message` object, which takes time to create. The fast path supports mappings without state, with
one output, and without decompression, `each` and envelopes. Its results are the same as the results of `Mapping.apply`.
For a message with an error, the function returns None. The caller then calls `apply`, which creates the rejection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import orjson

from bridge.mapping.pipeline.message_pipeline import early_filter, where_filter
from bridge.mapping.pipeline.scope import RECORD
from bridge.model import NewRecord
from bridge.payloads import DECODERS

if TYPE_CHECKING:
    from bridge.mapping.pipeline.compiled_parts import CompiledParts
    from bridge.mapping.pipeline.scope import Scope

FastPath: TypeAlias = Callable[[bytes, dict[str, str]], NewRecord | None]
"""Function from (payload, captures) to the record of the only output. If it returns None, call `Mapping.apply`."""

FILTERED_FAST = NewRecord(-1, None, b"")
"""Result for a message that `where` filters. Callers compare results with this object by identity."""

FAST_PATH_NAMES = frozenset({"payload", "captures", RECORD})
"""Names of the scope that the expressions of a supported mapping may use."""


def compile_fast_path(parts: CompiledParts) -> FastPath | None:
    """Return the fast path of a mapping without state, or None if the mapping is not supported."""
    if len(parts.outputs) > 1 or parts.outputs[0].envelope or parts.each:
        return None
    if parts.skip_retained or parts.decompress or parts.transcode or parts.codec.choose:
        return None
    expressions = [each for each in (parts.where, parts.transform, *parts.keys) if each is not None]
    # If an expression may use any name, its `names` are None. The fast path does not support such an expression.
    if not all(each.names is not None and each.names <= FAST_PATH_NAMES for each in expressions):
        return None
    # Call orjson directly, which saves a function call. The JSON decoder of the bridge accepts more payloads, such as
    # UTF-16. If orjson fails, the caller calls `apply`, which uses the decoder of the bridge.
    decode = orjson.loads if parts.decode == DECODERS["json"].decode else parts.decode
    passes, [emit], dumps = where_filter(parts.late_where), parts.emits, orjson.dumps
    search = parts.transform.search if parts.transform is not None else None

    def make(payload: bytes, captures: dict[str, str]) -> NewRecord | None:
        try:
            record = decode(payload)
            scope = {"payload": record, "captures": captures}
            if passes is not None and not passes(scope):
                return FILTERED_FAST
            if search is None:
                return emit(scope, record, payload)
            record = search(scope)
            # A null record is an error. `apply` creates the rejection.
            return None if record is None else emit(scope, record, dumps(record))
        except Exception:  # noqa: BLE001  the same error occurs in `apply`, which creates the rejection
            return None

    may_pass = early_filter(parts)
    return make if may_pass is None else _filtered_early(make, may_pass)


def _filtered_early(make: FastPath, may_pass: Callable[[Scope], bool]) -> FastPath:
    """Return the fast path with an additional first step: the part of `where` that reads only captures."""

    def make_unless_filtered(payload: bytes, captures: dict[str, str]) -> NewRecord | None:
        try:
            if not may_pass({"captures": captures}):
                return FILTERED_FAST
        except Exception:  # noqa: BLE001  the same error occurs in `apply`, which creates the rejection
            return None
        return make(payload, captures)

    return make_unless_filtered
