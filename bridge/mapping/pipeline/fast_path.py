"""The fast path: one function of payload and captures for a mapping of the usual form, without a Message object.

It supports stateless mappings with one output, whose expressions use only `payload` and `captures`. Its steps are those
of `Mapping.apply`. It passes a message with an error to `apply`, which creates the rejection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import orjson

from bridge.mapping.pipeline.evaluate import early_filter, where_filter
from bridge.mapping.pipeline.scope import RECORD
from bridge.model import NewRecord
from bridge.payloads import DECODERS

if TYPE_CHECKING:
    from bridge.mapping.pipeline.compiled_parts import CompiledParts
    from bridge.mapping.pipeline.scope import Scope

FastPath: TypeAlias = Callable[[bytes, dict[str, str]], NewRecord | None]
"""Function from (payload, captures) to the record of the only output; None: call `apply` instead."""

FILTERED_FAST = NewRecord(-1, None, b"")
"""Result for a message that `where` filtered. Callers compare it by identity."""

FAST_PATH_NAMES = frozenset({"payload", "captures", RECORD})
"""Names that the expressions of a supported mapping may use."""


def compile_fast_path(parts: CompiledParts) -> FastPath | None:
    """Return the fast path of a stateless mapping; None if the mapping is not supported."""
    if len(parts.outputs) > 1 or parts.outputs[0].envelope or parts.each:
        return None
    if parts.skip_retained or parts.decompress or parts.transcode or parts.codec.choose:
        return None
    expressions = [each for each in (parts.where, parts.transform, *parts.keys) if each is not None]
    # An expression whose names are unknown has {"@"}, which is not in FAST_PATH_NAMES, so it is not supported.
    if not all(FAST_PATH_NAMES.issuperset(each.names or {"@"}) for each in expressions):
        return None
    # If orjson cannot read a payload, `apply` is called. Its decoder accepts more payloads, and reports the error.
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
            # A null result is an error, which `apply` reports with its reason.
            return None if record is None else emit(scope, record, dumps(record))
        except Exception:  # noqa: BLE001  `apply` raises it again, and makes it a rejection
            return None

    may_pass = early_filter(parts)
    return make if may_pass is None else _filtered_early(make, may_pass)


def _filtered_early(make: FastPath, may_pass: Callable[[Scope], bool]) -> FastPath:
    """Return the fast path, preceded by the part of `where` that reads only captures."""

    def make_unless_filtered(payload: bytes, captures: dict[str, str]) -> NewRecord | None:
        try:
            if not may_pass({"captures": captures}):
                return FILTERED_FAST
        except Exception:  # noqa: BLE001  `apply` raises it again, and makes it a rejection
            return None
        return make(payload, captures)

    return make_unless_filtered
