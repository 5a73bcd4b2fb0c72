"""One mapping, compiled: what it makes of a message. This is the bridge's hot path.

A file becomes one closure in which everything that can be decided beforehand is decided. Applying it never raises:
what goes wrong with a message is a value, a Rejection, for all outputs or for the one output and item it concerns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from bridge.errors import Rejected, TransformError
from bridge.mapping.decoding import decoder, decompression
from bridge.mapping.envelope import NAMES, content, envelopes
from bridge.mapping.expressions import EMPTY, Expression, compile_expression, truthy
from bridge.mapping.outputs import emitter
from bridge.mapping.records import MAX_DETAIL_CHARS, Convert, converter
from bridge.mapping.scope import RECORD, BuildScope, Scope, scope_builder
from bridge.mapping.topics import TopicPattern
from bridge.model import Draft, Mapped, Message, Output, Rejection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bridge.mapping.outputs import Limits
    from bridge.mapping.specification import Specification
    from bridge.mapping.tables import Tables

FILTERED = Mapped([], ())
"""Nothing was made of the message, and rightly so. Shared: never to be changed."""


class Apply(Protocol):
    """What a mapping makes of one message that its topic pattern matches. Never raises."""

    def __call__(
        self, message: Message, captures: dict[str, str], levels: list[str], item: int | None = None, /
    ) -> Mapped:
        """`item`: only this item of `each`; None for all."""
        ...


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping in force."""

    name: str
    specification: Specification = field(repr=False)
    pattern: TopicPattern
    outputs: tuple[Output, ...]
    steps: Steps = field(repr=False)
    apply: Apply = field(repr=False)

    def content(self, draft: Draft) -> bytes:
        """A record's data without its envelope."""
        return content(draft.data) if self.outputs[draft.output].envelope else draft.data

    def apply_again(self, message: Message, streams: Sequence[str], item: int | None) -> Mapped:
        """Map a dead letter's message again, for the outputs to `streams` only and, of `each`, for `item` only.

        Never raises. What the mapping does not do any more is a rejection (no_output, no_match, no_item), so that a
        dead letter is never lost. Of two outputs to one stream both are mapped again: a dead letter knows its streams.
        """
        chosen = [self._outputs_to(stream) for stream in streams]
        if not all(chosen):
            return self._changed(
                "no_output", f"the mapping has no output to {', '.join(sorted(set(streams)))} any more"
            )
        wanted = frozenset[int]().union(*chosen)
        captures = self.pattern.match(message.topic)
        if captures is None:
            return self._changed("no_match", f"'{message.topic}' does not match '{self.pattern.text}' any more")
        if item is not None and not self.specification.each:
            return self._changed("no_item", f"the mapping makes one record of a message now: there is no item {item}")
        mapped = self.apply(message, captures, message.topic.split("/"), item)
        rejections = tuple(
            each._replace(outputs=tuple(number for number in each.outputs if number in wanted))
            for each in mapped.rejections
            if wanted.intersection(each.outputs)
        )
        return Mapped([draft for draft in mapped.drafts if draft.output in wanted], rejections)

    def _outputs_to(self, stream: str) -> set[int]:
        """The outputs to a destination of that name, or else to its data stream, if another way by now."""
        exact = {output.number for output in self.outputs if str(output.destination) == stream}
        data_stream = stream.partition(" ")[0]
        return exact or {output.number for output in self.outputs if output.data_stream == data_stream}

    def _changed(self, code: str, detail: str) -> Mapped:
        return Mapped([], (Rejection(tuple(output.number for output in self.outputs), None, code, detail),))


@dataclass(frozen=True, slots=True)
class Steps:
    """The compiled parts of a mapping, in the order they are used; `keys` are the outputs' `partition_key_from`."""

    decode: Callable[[bytes], Any]
    scope: BuildScope
    where: Expression | None
    transform: Expression | None
    keys: tuple[Expression | None, ...]


def compile_mapping(
    name: str, specification: Specification, limits: Limits, tables: Tables = EMPTY, version: str = ""
) -> Mapping:
    """Give the mapping of a file without problems; raises TopicError or ExpressionError for any other.

    `limits` may change while the mapping is in use: it tells the most bytes of a record by destination, and one that
    is not in it takes MAX_RECORD_BYTES. `tables` are what `lookup` looks into, as they are now; `version`
    is the file's.
    """
    outputs = tuple(Output(number, **dict(each)) for number, each in enumerate(specification.outputs))
    steps = _steps(name, specification, tables)
    emitters = tuple(
        emitter(output, key, limits, envelopes(name, version) if output.envelope else None)
        for output, key in zip(outputs, steps.keys, strict=True)
    )
    convert = converter(emitters, steps.transform, each=specification.each)
    every = tuple(output.number for output in outputs)
    apply = _applier(steps, convert, every, skip_retained=specification.retained == "skip")
    decompress = decompression(specification)
    if decompress is not None:
        apply = _decompressing(decompress, apply, every, skip_retained=specification.retained == "skip")
    return Mapping(name, specification, TopicPattern.parse(specification.topic), outputs, steps, apply)


def _steps(name: str, specification: Specification, tables: Tables) -> Steps:
    where, transform = _optional(specification.where, tables), _optional(specification.transform, tables)
    keys = tuple(_optional(output.partition_key_from, tables) for output in specification.outputs)
    names = _names(each for each in (where, transform, *keys) if each is not None)
    if names is not None and any(output.envelope for output in specification.outputs):
        names |= NAMES
    if transform is None and names is not None and RECORD in names:
        names |= {"payload"}
    unseen = specification.payload == "bytes" and names is not None and "payload" not in names
    decode = _not_looked_at if unseen else decoder(specification)
    return Steps(decode, scope_builder(name, names), where, transform, keys)


def _optional(text: str | None, tables: Tables) -> Expression | None:
    return None if text is None else compile_expression(text, tables)


def _names(expressions: Iterable[Expression]) -> frozenset[str] | None:
    names: frozenset[str] = frozenset()
    for expression in expressions:
        if expression.names is None:
            return None
        names |= expression.names
    return names


def _not_looked_at(_payload: bytes) -> None:
    """Stand in for a decoder that can refuse nothing and whose list of integers no expression would see."""


def _applier(steps: Steps, convert: Convert, every: tuple[int, ...], *, skip_retained: bool) -> Apply:
    decode, build = steps.decode, steps.scope
    where = steps.where.search if steps.where is not None else None

    def apply(message: Message, captures: dict[str, str], levels: list[str], item: int | None = None, /) -> Mapped:
        try:
            if skip_retained and message.retain:
                return FILTERED
            scope = build(message, decode(message.payload), captures, levels)
            if where is not None and not _passes(where, scope):
                return FILTERED
            return convert(message, scope, item)
        except Rejected as error:
            return Mapped([], (Rejection(every, item, error.code, error.detail[:MAX_DETAIL_CHARS]),))
        except Exception as error:  # noqa: BLE001 - one message must never stop the others, whatever is wrong with it
            detail = f"{type(error).__name__}: {error}"[:MAX_DETAIL_CHARS]
            return Mapped([], (Rejection(every, item, "internal", detail),))

    return apply


def _decompressing(
    decompress: Callable[[Message], Message], inner: Apply, every: tuple[int, ...], *, skip_retained: bool
) -> Apply:
    def apply(message: Message, captures: dict[str, str], levels: list[str], item: int | None = None, /) -> Mapped:
        if skip_retained and message.retain:
            return FILTERED
        try:
            message = decompress(message)
        except Rejected as error:
            return Mapped([], (Rejection(every, item, error.code, error.detail[:MAX_DETAIL_CHARS]),))
        except Exception as error:  # noqa: BLE001 - one message must never stop the others, whatever is wrong with it
            detail = f"{type(error).__name__}: {error}"[:MAX_DETAIL_CHARS]
            return Mapped([], (Rejection(every, item, "internal", detail),))
        return inner(message, captures, levels, item)

    return apply


def _passes(where: Callable[[Scope], Any], scope: Scope) -> bool:
    try:
        value = where(scope)
    except TransformError as error:
        raise TransformError(f"where: {error.detail}") from None
    return value is True or truthy(value)
