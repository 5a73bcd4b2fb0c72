"""One mapping, compiled: its topic pattern, its outputs, and what it makes of a message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.mapping.expressions.expression import EMPTY
from bridge.mapping.pipeline.compiled_parts import CompiledParts, compile_steps
from bridge.mapping.pipeline.decoding import decompression
from bridge.mapping.pipeline.envelope import content, envelopes
from bridge.mapping.pipeline.evaluate import Apply, catch_errors, evaluate
from bridge.mapping.pipeline.fast_path import Quick, compile_fast_path
from bridge.mapping.pipeline.output_emitter import emitter
from bridge.mapping.pipeline.record_builder import converter
from bridge.mapping.stateful.stages import StatefulStages, live_pipeline, replay_pipeline, stateful
from bridge.mapping.topics.pattern import TopicPattern
from bridge.model import MappingResult, Message, NewRecord, Output, Rejection, ReplayCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.mapping.expressions.expression import Tables
    from bridge.mapping.pipeline.output_emitter import Limits
    from bridge.mapping.schema.mapping_spec import MappingSpec


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping in force."""

    name: str
    specification: MappingSpec = field(repr=False)
    pattern: TopicPattern
    outputs: tuple[Output, ...]
    steps: CompiledParts = field(repr=False)
    apply: Apply = field(repr=False)
    apply_replay: Apply = field(repr=False)
    """`apply` for a message that is replayed: it finds what the mapping remembers, and leaves no trace in it."""
    fast_path: Quick | None = field(default=None, repr=False)
    """`apply` for the usual message; None for an unusual mapping."""
    stateful: StatefulStages | None = field(default=None, repr=False)
    """What the mapping remembers; None if it remembers nothing, as most."""

    def content(self, draft: NewRecord) -> bytes:
        """A record's data without its envelope."""
        return content(draft.data) if self.outputs[draft.output].envelope else draft.data

    def replay(self, message: Message, streams: Sequence[str], item: int | None) -> MappingResult:
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
        mapped = self.apply_replay(message, captures, message.topic.split("/"), item)
        rejections = tuple(
            each._replace(outputs=tuple(number for number in each.outputs if number in wanted))
            for each in mapped.rejections
            if wanted.intersection(each.outputs)
        )
        return MappingResult([draft for draft in mapped.drafts if draft.output in wanted], rejections)

    def made(self, mapped: MappingResult) -> list[NewRecord]:
        """What goes on now: records of earlier messages that this one let go, then its own."""
        released = mapped.effects.released if mapped.effects is not None else ()
        if not released:
            return mapped.drafts
        numbers = {str(output.destination): output.number for output in self.outputs}
        return [*(NewRecord(numbers[each.destination], each.key, each.data) for each in released), *mapped.drafts]

    def _outputs_to(self, stream: str) -> set[int]:
        """The outputs to a destination of that name, or else to its data stream, if another way by now."""
        exact = {output.number for output in self.outputs if str(output.destination) == stream}
        data_stream = stream.partition(" ")[0]
        return exact or {output.number for output in self.outputs if output.data_stream == data_stream}

    def _changed(self, code: ReplayCode, detail: str) -> MappingResult:
        return MappingResult([], (Rejection(tuple(output.number for output in self.outputs), None, code, detail),))


def compile_mapping(
    name: str, specification: MappingSpec, limits: Limits, tables: Tables = EMPTY, version: str = ""
) -> Mapping:
    """Give the mapping of a file without problems; raises TopicError or ExpressionError for any other.

    `limits` may change while the mapping is in use: it tells the most bytes of a record by destination, and one that
    is not in it takes MAX_RECORD_BYTES. `tables` are what `lookup` looks into, as they are now; `version`
    is the file's.
    """
    outputs = tuple(Output(number, **dict(each)) for number, each in enumerate(specification.outputs))
    steps = compile_steps(name, specification, tables)
    emitters = tuple(
        emitter(output, key, limits, envelopes(name, version) if output.envelope else None)
        for output, key in zip(outputs, steps.keys, strict=True)
    )
    convert = converter(emitters, steps.transform, each=specification.each)
    stages = stateful(specification, steps, outputs)
    every = tuple(output.number for output in outputs)
    if stages is None:
        flows = [evaluate(steps, convert)] * 2
    else:
        flows = [live_pipeline(steps, convert, stages, every), replay_pipeline(specification, steps, convert, stages)]
    skip_retained, decompress = specification.retained == "skip", decompression(specification)
    apply, again = (catch_errors(inner, every, decompress, skip_retained=skip_retained) for inner in flows)
    pattern = TopicPattern.parse(specification.topic)
    fast_path = None if stages is not None else compile_fast_path(specification, steps, outputs, limits)
    return Mapping(name, specification, pattern, outputs, steps, apply, again, fast_path, stages)
