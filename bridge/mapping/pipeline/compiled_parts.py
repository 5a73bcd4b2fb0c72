"""The compiled parts of a mapping, in the order in which a message passes through them.

The pipelines for live and replayed messages, the fast path and the explanation are all built from these parts. So an
option of the mapping has the same effect in all of them.
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
    from bridge.mapping.file_models.mapping_spec import MappingSpec
    from bridge.mapping.pipeline.decoding import PayloadCodec
    from bridge.mapping.pipeline.output_emitter import Limits
    from bridge.mapping.pipeline.scope import Scope
    from bridge.model import Message
    from bridge.yaml_files import Path

Expressions: TypeAlias = "Mapping[Path, Expression]"
"""Compiled expressions of a mapping by path in its file, such as ("outputs", 0, "partition_key_from")."""

EARLY_WHERE: Final[Path] = ("where", "early")
"""Key in `Expressions` for the part of `where` that does not read the payload. No mapping file has this path."""
LATE_NAMES: Final = frozenset({"payload", VARS})
"""Names of the scope that get their values only after the payload is decoded."""


@dataclass(frozen=True, slots=True)
class StatefulExpressions:
    """Expressions of `changes` and `sample`. An option that the mapping file does not have is None."""

    changes_key: Expression | None = None
    changes_value: Expression | None = None
    sample_key: Expression | None = None
    sample_value: Expression | None = None


@dataclass(frozen=True, slots=True)
class CompiledParts:
    """Compiled parts of one mapping. A part that the mapping does not need is None.

    - `skip_retained`: True for `retained: skip`
    - `decompress`, `transcode`: functions that decompress the payload, and convert it to UTF-8
    - `codec`: the payload codec
    - `decode`: the decoder of `codec`, or a placeholder if no expression reads the payload
    - `scope`: the function that builds the scope for expressions
    - `define`: the function that adds the values of `vars` to the scope, before `where`
    - `where`: the complete condition
    - `early_where`: the part of `where` that does not read the payload; it is evaluated first, so that a filtered
      message is neither decompressed nor decoded
    - `early_where_is_complete`: True if `early_where` is the complete `where`
    - `stateful_expressions`: the expressions of `changes` and `sample`
    - `transform`: the expression that returns the record
    - `each`: True if `transform` returns a list of records
    - `keys`: `partition_key_from` of each output
    - `emits`: for each output, the function that adds the partition key to a record
    - `outputs`: the outputs, in the order of the file
    """

    skip_retained: bool
    decompress: Callable[[Message], Message] | None
    transcode: Callable[[Message], Message] | None
    codec: PayloadCodec
    decode: Callable[[bytes], Any]
    scope: BuildScope
    define: Callable[[Scope], None] | None
    where: Expression | None
    early_where: Expression | None
    early_where_is_complete: bool
    stateful_expressions: StatefulExpressions
    transform: Expression | None
    each: bool
    keys: tuple[Expression | None, ...]
    emits: tuple[Emit, ...]
    outputs: tuple[Output, ...]

    @property
    def late_where(self) -> Expression | None:
        """Condition to evaluate after decoding, or None if `early_where` is the complete condition."""
        return None if self.early_where_is_complete else self.where

    @property
    def all_outputs(self) -> tuple[int, ...]:
        """Numbers of all outputs, for a rejection that concerns all outputs."""
        return tuple(output.number for output in self.outputs)


def compile_parts(
    name: str,
    specification: MappingSpec,
    expressions: Expressions,
    codec: PayloadCodec,
    limits: Limits,
    version: str,
) -> CompiledParts:
    """Return the parts of a mapping. The arguments have the same meaning as in `compile_mapping`."""
    find = expressions.get
    where, transform = find(("where",)), find(("transform",))
    keys = tuple(find(("outputs", number, "partition_key_from")) for number in range(len(specification.outputs)))
    stateful_expressions = StatefulExpressions(
        *(find((section, option)) for section in ("changes", "sample") for option in ("key", "value"))
    )
    outputs = tuple(Output(number, **dict(each)) for number, each in enumerate(specification.outputs))
    emits = tuple(
        _emitter(specification, output, key, limits, envelopes(name, version) if output.envelope else None)
        for output, key in zip(outputs, keys, strict=True)
    )
    names = _scope_names(specification, expressions.values())
    # Every Sparkplug birth message must be decoded, even if `where` filters it, because later messages depend on it.
    early_where = None if specification.payload == "sparkplug_b" else find(EARLY_WHERE)
    return CompiledParts(
        specification.retained == "skip",
        decompression(specification),
        transcoding(specification),
        codec,
        codec.decode if _reads_payload(specification, names) else _ignore_payload,
        scope_builder(name, names),
        definer(_definitions(specification, expressions)) if names is None or VARS in names else None,
        where,
        early_where,
        early_where is not None and where is not None and not LATE_NAMES.intersection(where.names or LATE_NAMES),
        stateful_expressions,
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
    """Return the function that creates the records of one output."""
    emit = emitter(output, key, limits, envelope)
    if specification.transform is not None or not (envelope or output.packing == "lines"):
        return emit
    # Without a transform, the record is the payload. The payload may be JSON in UTF-16 or with a byte order mark. An
    # envelope or a packed line with such a record would be invalid, so convert the record to plain UTF-8.
    return lambda scope, record, data: emit(scope, record, plain_utf8(data))


def _definitions(specification: MappingSpec, expressions: Expressions) -> dict[str, Expression]:
    """Return the expressions of `vars` by name, in the order of the file."""
    return {name: expressions[VARS, name] for name in specification.definitions}


def _scope_names(specification: MappingSpec, expressions: Iterable[Expression]) -> frozenset[str] | None:
    """Return the names that the scope must have, or None if an expression may use any name, as `keys(@)` does."""
    names: frozenset[str] = frozenset()
    for expression in expressions:
        if expression.names is None:
            return None
        names |= expression.names
    # An envelope contains the topic and the receive time, even if no expression uses them.
    if any(output.envelope for output in specification.outputs):
        names |= NAMES
    # Without a transform, the name `record` refers to the payload.
    if specification.transform is None and RECORD in names:
        names |= {"payload"}
    return names


def _reads_payload(specification: MappingSpec, names: frozenset[str] | None) -> bool:
    """Return whether payloads must be decoded.

    Decoding also rejects invalid payloads, so all formats except `bytes` are always decoded. With `payload: bytes`,
    every payload is valid. Then the payload is decoded only if an expression reads it, because creating a list of
    integers takes time.
    """
    if specification.payload != "bytes" or names is None or "payload" in names:
        return True
    # `changes` without `value` compares the payload, although no expression reads the payload.
    return specification.changes is not None and specification.changes.value is None


def _ignore_payload(_payload: bytes) -> None:
    """Return None instead of the decoded payload, because no expression reads the payload."""
