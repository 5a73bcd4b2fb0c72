"""The compiled parts of a mapping: its decoder, its expressions, and the scope that they need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.mapping.expressions.expression import Expression, compile_expression
from bridge.mapping.pipeline.decoding import decoder
from bridge.mapping.pipeline.envelope import NAMES
from bridge.mapping.pipeline.scope import RECORD, BuildScope, scope_builder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.mapping.expressions.expression import Tables
    from bridge.mapping.schema.mapping_spec import MappingSpec


@dataclass(frozen=True, slots=True)
class StatefulExpressions:
    """The expressions of `changes` and `sample`; None for an expression that is not given."""

    changes_key: Expression | None = None
    changes_value: Expression | None = None
    sample_key: Expression | None = None
    sample_value: Expression | None = None


@dataclass(frozen=True, slots=True)
class CompiledParts:
    """The compiled parts, in the order of their use; `keys` are the outputs' `partition_key_from`."""

    decode: Callable[[bytes], Any]
    scope: BuildScope
    where: Expression | None
    remembering: StatefulExpressions
    transform: Expression | None
    keys: tuple[Expression | None, ...]


def compile_steps(name: str, specification: MappingSpec, tables: Tables) -> CompiledParts:
    """Compile the decoder and the expressions of a mapping. Raise ExpressionError."""

    def compiled(text: str | None) -> Expression | None:
        return None if text is None else compile_expression(text, tables)

    where, transform = compiled(specification.where), compiled(specification.transform)
    keys = tuple(compiled(output.partition_key_from) for output in specification.outputs)
    changes, sample = specification.changes, specification.sample
    remembering = StatefulExpressions(
        *((compiled(changes.key), compiled(changes.value)) if changes else (None, None)),
        *((compiled(sample.key), compiled(sample.value)) if sample else (None, None)),
    )
    parts = (remembering.changes_key, remembering.changes_value, remembering.sample_key, remembering.sample_value)
    # Names that no expression uses are not computed for each message; None: an expression may use any name.
    names = _names(each for each in (where, transform, *keys, *parts) if each is not None)
    if names is not None and any(output.envelope for output in specification.outputs):
        names |= NAMES
    # Without a transform, `record` is the payload.
    if transform is None and names is not None and RECORD in names:
        names |= {"payload"}
    # `changes` without `value` compares the payload, although no expression names it.
    all_of_it = changes is not None and changes.value is None
    # `payload: bytes` accepts every payload, so an unused list of integers need not be made.
    unseen = specification.payload == "bytes" and names is not None and "payload" not in names and not all_of_it
    decode = _not_looked_at if unseen else decoder(specification)
    return CompiledParts(decode, scope_builder(name, names), where, remembering, transform, keys)


def _names(expressions: Iterable[Expression]) -> frozenset[str] | None:
    """Return the names that the expressions use; None if one of them may use any name."""
    names: frozenset[str] = frozenset()
    for expression in expressions:
        if expression.names is None:
            return None
        names |= expression.names
    return names


def _not_looked_at(_payload: bytes) -> None:
    """Replace the decoder of `bytes`, which rejects nothing, where no expression uses its list of integers."""
