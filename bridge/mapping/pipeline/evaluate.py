"""The closure that maps one message.

This is the bridge's hot path, so everything that does not depend on the message is decided when the mapping is
compiled. `Mapping.apply` never raises. An error in a message becomes a value, a Rejection: for all outputs, or for the
one output and item concerned.
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
"""Payload of the scope before decoding. Only expressions that do not read the payload are evaluated then."""

FILTERED = MappingResult([], ())
"""Result of a filtered message. All filtered messages share it: it must not be changed."""


class Apply(Protocol):
    """Contract of the function that maps one message whose topic matches. The ingest thread calls it.

    `Mapping.apply` never raises; the inner function that `evaluate` returns does (see `catch_errors`).
    """

    def __call__(
        self, message: Message, captures: dict[str, str], levels: list[str], item: int | None = None, /
    ) -> MappingResult:
        """Return the records and rejections of one message. `item` selects one item of `each`; None selects all."""
        ...


def evaluate(parts: CompiledParts) -> Apply:
    """Return the function that decodes, filters by `where` and converts. It raises Rejected, or the error of a bug."""
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
    """Return the predicate "the scope passes `where`"; None without `where`. The predicate raises TransformError."""
    if where is None:
        return None
    search = where.search

    def passes(scope: Scope) -> bool:
        try:
            value: Any = search(scope)
        except TransformError as error:
            raise TransformError(f"where: {error.detail}") from None
        # Nearly all conditions are comparisons, whose value is a boolean. The identity test spares them a call.
        return value is True or truthy(value)

    return passes


def early_filter(parts: CompiledParts) -> Callable[[Scope], bool] | None:
    """Return the predicate "`where` may still be true" for a scope without payload; None if `where` needs the payload.

    It raises TransformError only if the complete `where` is evaluated before decoding. Otherwise, the rest of `where`
    may prevent the error, as in `payload.v == 2 && lookup('t', captures.m) > 0`. In this case the message passes, and
    the complete `where` is evaluated later.
    """
    passes = where_filter(parts.early)
    if passes is None or parts.decided:
        return passes

    def may_pass(scope: Scope) -> bool:
        try:
            return passes(scope)
        except TransformError:
            return True

    return may_pass


def catch_errors(inner: Apply, parts: CompiledParts) -> Apply:
    """Return a function that never raises: every error becomes a rejection for all outputs.

    Before it calls `inner`, the function skips retained messages, filters by the part of `where` that does not need the
    payload, decompresses the payload, and converts text to UTF-8.
    """
    passes, build = early_filter(parts), parts.scope
    skip_retained, decompress, transcode, every = parts.skip_retained, parts.decompress, parts.transcode, parts.every

    def apply(
        message: Message, captures: dict[str, str], levels: list[str], item: int | None = None, /
    ) -> MappingResult:
        # The cheapest checks come first, because they spare a filtered message its decompression and decoding.
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
            return MappingResult([], (Rejection(every, item, error.code, error.detail[:MAX_DETAIL_CHARS]),))
        except Exception as error:  # noqa: BLE001 - one message must never stop the others, whatever is wrong with it
            detail = f"{type(error).__name__}: {error}"[:MAX_DETAIL_CHARS]
            return MappingResult([], (Rejection(every, item, "internal", detail),))

    return apply
