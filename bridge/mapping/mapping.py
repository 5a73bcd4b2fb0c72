"""One compiled mapping: its topic pattern, its outputs, and the function that maps a message to records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.mapping.pipeline.compiled_parts import CompiledParts, compile_parts
from bridge.mapping.pipeline.envelope import content
from bridge.mapping.pipeline.fast_path import FastPath, compile_fast_path
from bridge.mapping.pipeline.message_pipeline import Apply, catch_errors, stateless_pipeline
from bridge.mapping.stateful.stages import StatefulStages, live_pipeline, replay_pipeline, stateful
from bridge.model import MappingResult, Message, NewRecord, Output, Rejection, ReplayCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.mapping.file_models.mapping_spec import MappingSpec
    from bridge.mapping.pipeline.compiled_parts import Expressions
    from bridge.mapping.pipeline.decoding import PayloadCodec
    from bridge.mapping.pipeline.output_emitter import Limits
    from bridge.mapping.stateful.stages import Watch
    from bridge.mapping.topics.pattern import TopicPattern


@dataclass(frozen=True, slots=True)
class Mapping:
    """A compiled mapping.

    `apply` maps a message whose topic matches `pattern`. `parts` are the compiled parts from which `apply` is built.
    """

    name: str
    specification: MappingSpec = field(repr=False)
    pattern: TopicPattern
    outputs: tuple[Output, ...]
    parts: CompiledParts = field(repr=False)
    apply: Apply = field(repr=False)
    apply_replay: Apply = field(repr=False)
    """Variant of `apply` for replayed messages. It reads the state of the mapping, but does not change the state."""
    fast_path: FastPath | None = field(default=None, repr=False)
    """Faster variant of `apply`. None if `compile_fast_path` does not support this mapping."""
    stateful: StatefulStages | None = field(default=None, repr=False)
    """State of the mapping, and the stages that use it. None for a mapping without state, which is the usual case."""

    def content(self, draft: NewRecord) -> bytes:
        """Return a record's data without the envelope that `envelope: true` adds."""
        return content(draft.data) if self.outputs[draft.output].envelope else draft.data

    def replay(self, message: Message, streams: Sequence[str], item: int | None) -> MappingResult:
        """Map the message of a dead letter again. Return only the records for `streams`.

        If the mapping has `each: true`, return only the records of the list item with the number `item`.

        The mapping may have changed since the message became a dead letter. In the following cases, return a rejection
        with one of these codes, so that the dead letter stays in the queue:

        - `no_output`: the mapping has no output to one of the streams any more
        - `no_match`: the pattern no longer matches the topic
        - `no_item`: the mapping no longer has `each: true`

        If two outputs have the same stream, return the records of both outputs, because a dead letter stores only the
        names of streams. Never raise.
        """
        chosen = [self._outputs_to(stream) for stream in streams]
        # If one output is missing, reject the complete replay. Otherwise, the dead letter would be deleted although one
        # stream never received its record.
        if not all(chosen):
            return self._changed(
                "no_output", f"the mapping has no output to {', '.join(sorted(set(streams)))} any more"
            )
        wanted = frozenset[int]().union(*chosen)
        captures = self.pattern.match(message.topic)
        if captures is None:
            excluded = self.pattern.exception(message.topic.split("/"))
            what = f"`except: {excluded}` excludes" if excluded is not None else f"'{self.pattern.text}' does not match"
            return self._changed("no_match", f"{what} '{message.topic}' now")
        if item is not None and not self.specification.each:
            return self._changed("no_item", f"the mapping now makes one record per message, so there is no item {item}")
        mapped = self.apply_replay(message, captures, message.topic.split("/"), item)
        # This dead letter concerns only the outputs in `wanted`. So remove all other outputs from the rejections.
        rejections = tuple(
            each._replace(outputs=tuple(number for number in each.outputs if number in wanted))
            for each in mapped.rejections
            if wanted.intersection(each.outputs)
        )
        return MappingResult([draft for draft in mapped.drafts if draft.output in wanted], rejections)

    def all_records(self, mapped: MappingResult) -> list[NewRecord]:
        """Return the records to store in the spool: the released records of earlier messages, then the new records.

        `sample` holds records back until a span of time has ended, and releases them with a later message.
        """
        released = mapped.effects.released if mapped.effects is not None else ()
        if not released:
            return mapped.drafts
        # A released record names its destination instead of an output's number, because a reload may renumber outputs.
        numbers = {str(output.destination): output.number for output in self.outputs}
        return [*(NewRecord(numbers[each.destination], each.key, each.data) for each in released), *mapped.drafts]

    def _outputs_to(self, stream: str) -> set[int]:
        """Return the numbers of the outputs to a destination.

        `stream` is the destination as text: the data stream, then other settings, such as the region. If no output has
        exactly these settings, return all outputs with the same data stream, because a reload may have changed the
        other settings.
        """
        exact = {output.number for output in self.outputs if str(output.destination) == stream}
        data_stream = stream.partition(" ")[0]
        return exact or {output.number for output in self.outputs if output.data_stream == data_stream}

    def _changed(self, code: ReplayCode, detail: str) -> MappingResult:
        """Return the result of a replay that the mapping no longer supports: one rejection for all outputs."""
        return MappingResult([], (Rejection(tuple(output.number for output in self.outputs), None, code, detail),))


def compile_mapping(
    name: str,
    specification: MappingSpec,
    expressions: Expressions,
    codec: PayloadCodec,
    limits: Limits,
    version: str = "",
) -> Mapping:
    """Compile a mapping from the result of `read_specification`.

    - `limits`: maximum number of bytes of a record, by destination. For a missing destination, MAX_RECORD_BYTES is the
      limit. The mapping reads the limits for each record, so the caller may change them at any time.
    - `version`: the version of the mapping file, which envelopes contain.
    """
    parts = compile_parts(name, specification, expressions, codec, limits, version)
    stages = stateful(specification, parts)
    pattern = specification.pattern
    apply = compile_pipeline(parts, stages)
    # Without state, a replayed message is mapped like a live message.
    replay = apply if stages is None else catch_errors(replay_pipeline(specification, parts, stages), parts)
    # The fast path cannot read the state of a mapping, so it supports only mappings without state.
    fast_path = compile_fast_path(parts) if stages is None else None
    return Mapping(name, specification, pattern, parts.outputs, parts, apply, replay, fast_path, stages)


def compile_pipeline(parts: CompiledParts, stages: StatefulStages | None, watch: Watch | None = None) -> Apply:
    """Return the pipeline for live messages.

    `stages` is None for a mapping without state. `watch` is called for each stage (see `live_pipeline`).
    """
    inner = stateless_pipeline(parts) if stages is None else live_pipeline(parts, stages, watch)
    return catch_errors(inner, parts)
