"""The compiled parts of a mapping, in the order in which a message passes through them.

The pipelines for live and replayed messages, the fast path and the explanation are all built from these parts, so the
meaning of a mapping exists once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from bridge.mapping.pipeline.decoding import decompression, transcoding
from bridge.mapping.pipeline.envelope import NAMES, envelopes
from bridge.mapping.pipeline.output_emitter import Emit, emitter
from bridge.mapping.pipeline.scope import RECORD, VARS, BuildScope, definer, scope_builder
from bridge.model import Output
from bridge.payloads.text import plain_utf8

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bridge.mapping.expressions.expression import Expression
    from bridge.mapping.pipeline.decoding import PayloadCodec
    from bridge.mapping.pipeline.output_emitter import Limits
    from bridge.mapping.pipeline.scope import Scope
    from bridge.mapping.schema.mapping_spec import MappingSpec
    from bridge.model import Message
    from bridge.yaml_files import Path

Expressions: TypeAlias = "Mapping[Path, Expression]"
"""The compiled expressions of a mapping by their paths in its file, such as ("outputs", 0, "partition_key_from")."""

EARLY: Final[Path] = ("where", "early")
"""Path of the part of `where` that does not read the payload. There is no such key in the file."""
LATE: Final = frozenset({"payload", VARS})
"""Names of the scope that have no value before decoding."""


@dataclass(frozen=True, slots=True)
class StatefulExpressions:
    """The expressions of `changes` and `sample`; None for an expression that is not given."""

    changes_key: Expression | None = None
    changes_value: Expression | None = None
    sample_key: Expression | None = None
    sample_value: Expression | None = None


@dataclass(frozen=True, slots=True)
class CompiledParts:
    """The compiled parts. `keys` are the outputs' `partition_key_from`, `emits` add them to the records.

    `decode` is the decoder of `codec`, or a placeholder if no expression reads the payload. `define` adds the values of
    `vars` to the scope, before `where`; it is None if no expression reads them. `early` is the part of `where` that
    does not read the payload; it is evaluated before decompression and decoding. It is None if there is no such part.
    If `decided` is true, `early` is the complete `where`.
    """

    skip_retained: bool
    decompress: Callable[[Message], Message] | None
    transcode: Callable[[Message], Message] | None
    codec: PayloadCodec
    decode: Callable[[bytes], Any]
    scope: BuildScope
    define: Callable[[Scope], None] | None
    where: Expression | None
    early: Expression | None
    decided: bool
    remembering: StatefulExpressions
    transform: Expression | None
    each: bool
    keys: tuple[Expression | None, ...]
    emits: tuple[Emit, ...]
    outputs: tuple[Output, ...]

    @property
    def late_where(self) -> Expression | None:
        """`where`; None if it is completely evaluated before decoding."""
        return None if self.decided else self.where

    @property
    def every(self) -> tuple[int, ...]:
        """Numbers of all outputs."""
        return tuple(output.number for output in self.outputs)


def compile_parts(
    name: str,
    specification: MappingSpec,
    expressions: Expressions,
    codec: PayloadCodec,
    limits: Limits,
    version: str,
) -> CompiledParts:
    """Return the parts of a mapping. `compile_mapping` describes the arguments."""
    find = expressions.get
    where, transform = find(("where",)), find(("transform",))
    keys = tuple(find(("outputs", number, "partition_key_from")) for number in range(len(specification.outputs)))
    remembering = StatefulExpressions(
        *(find((section, option)) for section in ("changes", "sample") for option in ("key", "value"))
    )
    outputs = tuple(Output(number, **dict(each)) for number, each in enumerate(specification.outputs))
    emits = tuple(
        _emitter(specification, output, key, limits, envelopes(name, version) if output.envelope else None)
        for output, key in zip(outputs, keys, strict=True)
    )
    names = _scope_names(specification, expressions.values())
    # Sparkplug births must always be decoded, because later messages depend on them.
    early = None if specification.payload == "sparkplug_b" else find(EARLY)
    return CompiledParts(
        specification.retained == "skip",
        decompression(specification),
        transcoding(specification),
        codec,
        codec.decode if _reads_payload(specification, names) else _ignore_payload,
        scope_builder(name, names),
        definer(_definitions(specification, expressions)) if names is None or VARS in names else None,
        where,
        early,
        early is not None and where is not None and not LATE.intersection(where.names or LATE),
        remembering,
        transform,
        specification.each,
        keys,
        emits,
        outputs,
    )


def _emitter(
    specification: MappingSpec,
    output: Output,
    key: Expression | None,
    limits: Limits,
    envelope: Callable[[Scope, bytes], bytes] | None,
) -> Emit:
    """Return the emitter of one output."""
    emit = emitter(output, key, limits, envelope)
    if specification.transform is not None or not (envelope or output.packing == "lines"):
        return emit
    # The record is the payload itself and becomes part of an envelope or line, so it must be valid JSON in UTF-8.
    return lambda scope, record, data: emit(scope, record, plain_utf8(data))


def _definitions(specification: MappingSpec, expressions: Expressions) -> dict[str, Expression]:
    """Return the expressions of `vars` by name, in their order."""
    return {name: expressions[VARS, name] for name in specification.definitions}


def _scope_names(specification: MappingSpec, expressions: Iterable[Expression]) -> frozenset[str] | None:
    """Return the names that the scope needs; None if an expression may use any name.

    All other names are not computed.
    """
    names: frozenset[str] = frozenset()
    for expression in expressions:
        if expression.names is None:
            return None
        names |= expression.names
    # An envelope contains the topic and the time, which no expression need name.
    if any(output.envelope for output in specification.outputs):
        names |= NAMES
    # Without a transform, `record` is the payload.
    if specification.transform is None and RECORD in names:
        names |= {"payload"}
    return names


def _reads_payload(specification: MappingSpec, names: frozenset[str] | None) -> bool:
    """Return False if no expression reads the decoded payload and the decoder cannot reject a payload.

    `payload: bytes` accepts every payload, so an unused list of integers need not be created.
    """
    if specification.payload != "bytes" or names is None or "payload" in names:
        return True
    # `changes` without `value` compares the payload, although no expression names it.
    return specification.changes is not None and specification.changes.value is None


def _ignore_payload(_payload: bytes) -> None:
    """Return a placeholder for the decoded payload, because no expression uses it."""
