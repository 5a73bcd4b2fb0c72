"""The pipeline: the function that maps one message to records.

The pipeline runs for every message, so it must be fast. When a mapping is compiled, this module builds a function with
only the steps that the mapping needs. `Mapping.apply` never raises. An error becomes a `Rejection`, which names the
outputs and the item that the error affects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from bridge.errors import Rejected, TransformError
from bridge.mapping.expressions.expression import truthy
from bridge.mapping.pipeline.record_builder import MAX_DETAIL_CHARS, converter
from bridge.model import MappingResult, Message, Rejection

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.mapping.expressions.expression import Expression
    from bridge.mapping.pipeline.compiled_parts import CompiledParts
    from bridge.mapping.pipeline.scope import Scope

NOT_DECODED: Final = object()
"""Value of `payload` in the scope before decoding. Expressions that read the payload are evaluated after decoding."""

FILTERED = MappingResult([], ())
"""Result for a filtered message. All filtered messages share this object, so it must not be changed."""


class Apply(Protocol):
    """Contract of a function that maps one message. The caller has checked that the topic matches.

    The ingest thread calls the function for every message. `Mapping.apply` never raises. The functions that
    `stateless_pipeline` and `live_pipeline` return can raise errors. `catch_errors` converts these errors to
    rejections.
    """

    def __call__(
        self, message: Message, captures: dict[str, str], levels: list[str], item: int | None = None, /
    ) -> MappingResult:
        """Return the records and rejections for one message.

        - `captures`: the values of the topic's captures, by name
        - `levels`: the levels of the topic
        - `item`: for a replay of a mapping with `each`, the number of the only item to map, or None for all items
        """
        ...


def stateless_pipeline(parts: CompiledParts) -> Apply:
    """Return the pipeline of a mapping without state. It decodes payloads, evaluates `where`, and creates records.

    The pipeline raises Rejected if the message is rejected. Any other exception is a bug.
    """
    decode, build, passes, convert = parts.decode, parts.scope, where_filter(parts.late_where), converter(parts)
    choose, define = parts.codec.choose, parts.define

    def apply(
        message: Message, captures: dict[str, str], levels: list[str], item: int | None = None, /
    ) -> MappingResult:
        payload = decode(message.payload) if choose is None else choose(captures).decode(message.payload)
        scope = build(message, payload, captures, levels)
        if define is not None:
            define(scope)
        if passes is not None and not passes(scope):
            return FILTERED
        return convert(message, scope, item)

    return apply


def where_filter(where: Expression | None) -> Callable[[Scope], bool] | None:
    """Return a function that evaluates `where` on a scope, or None for a mapping without `where`.

    The function returns True if the message passes, and False if it is filtered. It raises TransformError.
    """
    if where is None:
        return None
    search = where.search

    def passes(scope: Scope) -> bool:
        try:
            value: Any = search(scope)
        except TransformError as error:
            raise TransformError(f"where: {error.detail}") from None
        # Nearly all conditions are comparisons, whose result is True or False. The test for True saves a call of
        # `truthy`.
        return value is True or truthy(value)

    return passes


def early_filter(parts: CompiledParts) -> Callable[[Scope], bool] | None:
    """Return a function that evaluates the early part of `where`: the part that does not read the payload.

    The function returns False if the early part is false. Then the complete `where` is false for every payload. Return
    None if `where` has no early part.

    If the early part is the complete `where`, the function raises TransformError. Otherwise, the function returns True
    after an error, and the complete `where` is evaluated later. In `payload.v == 2 && lookup('t', captures.m) > 0`, the
    early part is the comparison with `lookup`. An error of `lookup` must reject only messages in which `payload.v` is
    2.
    """
    passes = where_filter(parts.early_where)
    if passes is None or parts.early_where_is_complete:
        return passes

    def may_pass(scope: Scope) -> bool:
        try:
            return passes(scope)
        except TransformError:
            return True

    return may_pass


def catch_errors(inner: Apply, parts: CompiledParts) -> Apply:
    """Return a function that calls `inner` and converts errors to rejections for all outputs.

    The function never raises. It does these steps before the call of `inner`:

    1. It skips a retained message, if the mapping has `retained: skip`.
    2. It evaluates the part of `where` that does not read the payload.
    3. It decompresses the payload.
    4. It converts text to UTF-8.
    """
    passes, build = early_filter(parts), parts.scope
    skip_retained, decompress, transcode = parts.skip_retained, parts.decompress, parts.transcode
    all_outputs = parts.all_outputs

    def apply(
        message: Message, captures: dict[str, str], levels: list[str], item: int | None = None, /
    ) -> MappingResult:
        # The cheap checks come first, so that a filtered message is not decompressed and decoded.
        if skip_retained and message.retain:
            return FILTERED
        try:
            if passes is not None and not passes(build(message, NOT_DECODED, captures, levels)):
                return FILTERED
            if decompress is not None:
                message = decompress(message)
            if transcode is not None:
                message = transcode(message)
            return inner(message, captures, levels, item)
        except Rejected as error:
            return MappingResult([], (Rejection(all_outputs, item, error.code, error.detail[:MAX_DETAIL_CHARS]),))
        except Exception as error:  # noqa: BLE001 - an error in one message must never stop other messages
            detail = f"{type(error).__name__}: {error}"[:MAX_DETAIL_CHARS]
            return MappingResult([], (Rejection(all_outputs, item, "internal", detail),))

    return apply
