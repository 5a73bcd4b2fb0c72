"""Stages of mappings with state: Sparkplug B, `changes` and `sample`.

A live message passes through these stages. `sample` calls the last two:

    decode (reads and stores Sparkplug births) -> where -> changes -> sample ( transform -> partition keys )

A rejected message does not change the state of `changes` and `sample`, so that it can be replayed. A replay bypasses
`changes` and `sample`, because the person who replays a message expects that the message is sent. A replay reads the
stored Sparkplug births, but does not change them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.errors import Rejected
from bridge.mapping.pipeline.message_pipeline import FILTERED, where_filter
from bridge.mapping.pipeline.record_builder import MAX_DETAIL_CHARS, converter
from bridge.mapping.stateful.change_filter import ChangeFilter, Deadband, Deadbands, remember
from bridge.mapping.stateful.overlay_state import OverlayState
from bridge.mapping.stateful.sampler import Sampler
from bridge.model import MappingResult, Rejection, SideEffects
from bridge.payloads.sparkplug.session import OWN_COMMAND, SparkplugSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.mapping.file_models.mapping_spec import MappingSpec
    from bridge.mapping.pipeline.compiled_parts import CompiledParts
    from bridge.mapping.pipeline.message_pipeline import Apply
    from bridge.mapping.pipeline.record_builder import Convert
    from bridge.mapping.pipeline.scope import Scope
    from bridge.model import Message, OutgoingMessage, ReleasedRecord, StateStore

    Watch = Callable[[str, Any], None]
    Read = Callable[[Message, StateStore], tuple[Any, tuple[OutgoingMessage, ...]]]


class StatefulStages:
    """State of one mapping, and the stages that use it. Until `attach` is called, the state is only in memory."""

    def __init__(self, read: Read, changes: ChangeFilter | None, sampling: Sampler | None) -> None:
        """Create the stages. `read` decodes messages. `changes` and `sampling` are None without these options."""
        self.read = read
        self.changes = changes
        self.sampling = sampling
        self.memory: StateStore = OverlayState()

    def attach(self, memory: StateStore) -> None:
        """Use this state store from now on."""
        self.memory = memory
        if self.sampling is not None:
            self.sampling.attach(memory)

    def clock_set(self, step_ms: int) -> None:
        """Record that the machine's clock was set forward by `step_ms`, or set back if `step_ms` is negative."""
        if self.changes is not None:
            self.changes.clock_set(step_ms)

    def release_ended(self, now_ms: int) -> tuple[ReleasedRecord, ...]:
        """Return the held records of spans that have ended. The ingest loop calls this method about once a second."""
        return self.sampling.release_ended(now_ms, self.memory) if self.sampling is not None else ()


def stateful(specification: MappingSpec, parts: CompiledParts) -> StatefulStages | None:
    """Return the stages of a mapping with state. Return None for a mapping without state, which is the usual case."""
    sparkplug = specification.payload == "sparkplug_b"
    if not (sparkplug or specification.changes or specification.sample):
        return None
    return StatefulStages(
        reader(specification, parts, rebirths=True),
        _changes(specification, parts),
        _sampling(specification, parts),
    )


def reader(specification: MappingSpec, parts: CompiledParts, *, rebirths: bool) -> Read:
    """Return the function that decodes a message. For Sparkplug, the function reads and changes the state.

    The function returns the payload, and commands to publish. With `rebirths`, the commands request Sparkplug birth
    messages that the bridge has missed. Without `rebirths`, there are no commands.
    """
    if specification.payload != "sparkplug_b":
        if parts.codec.choose is not None:
            pattern, codec = specification.pattern, parts.codec
            return lambda message, _memory: (codec.of(pattern.match(message.topic) or {}).decode(message.payload), ())
        return lambda message, _memory: (parts.decode(message.payload), ())
    options = specification.sparkplug
    rebirth = rebirths and (options is None or options.rebirth)
    session = (
        SparkplugSession(rebirth=rebirth)
        if options is None
        else SparkplugSession(rebirth=rebirth, rebirth_every_secs=options.rebirth_every_secs)
    )
    return session.decode


def _changes(specification: MappingSpec, parts: CompiledParts) -> ChangeFilter | None:
    """Return the stage of `changes`, or None for a mapping without this option."""
    options = specification.changes
    if options is None:
        return None
    expressions = parts.stateful_expressions
    deadbands = _deadbands(options.deadband)
    return ChangeFilter(expressions.changes_key, expressions.changes_value, deadbands, options.at_least_every_secs)


def _deadbands(option: float | str | dict[str, float | str]) -> Deadbands:
    """Return the deadbands of the option `deadband`."""
    return {name: _deadband(each) for name, each in option.items()} if isinstance(option, dict) else _deadband(option)


def _deadband(option: float | str) -> Deadband:
    """Return the deadband for a number, or for a percentage such as "1%"."""
    return Deadband(float(option[:-1]) / 100, relative=True) if isinstance(option, str) else Deadband(option)


def _sampling(specification: MappingSpec, parts: CompiledParts) -> Sampler | None:
    """Return the stage of `sample`, or None for a mapping without this option."""
    options, expressions = specification.sample, parts.stateful_expressions
    if options is None:
        return None
    return Sampler(expressions.sample_key, options.every_secs, options.keep, expressions.sample_value, parts.outputs)


def live_pipeline(parts: CompiledParts, stages: StatefulStages, watch: Watch | None = None) -> Apply:
    """Return the pipeline for live messages. The pipeline raises errors, which `catch_errors` converts to rejections.

    `watch` is called when a message reaches one of these stages, with two arguments:

    - for `changes`: "changes" and the row to store, or "changes" and None if the message is filtered
    - for `sample`: "sample" and None
    """
    run_stages, all_outputs = _stages(parts, stages, watch), parts.all_outputs

    def apply(
        message: Message, captures: dict[str, str], levels: list[str], item: int | None = None, /
    ) -> MappingResult:
        payload, commands = stages.read(message, stages.memory)
        # If the topic pattern matches rebirth requests, the broker also sends the bridge's own requests to the bridge.
        if payload is OWN_COMMAND:
            return FILTERED
        scope = parts.scope(message, payload, captures, levels)
        # Usually, there are no commands. Then `catch_errors` handles errors.
        if not commands:
            return run_stages(message, scope, item)
        # The commands must be published even if the message is rejected. So handle the error here, and return a result
        # with the rejection and the commands.
        try:
            mapped = run_stages(message, scope, item)
        except Rejected as error:
            mapped = MappingResult([], (Rejection(all_outputs, item, error.code, error.detail[:MAX_DETAIL_CHARS]),))
        effects = mapped.effects or SideEffects(int(not mapped.drafts and not mapped.rejections))
        return mapped._replace(effects=effects._replace(commands=commands))

    return apply


def _stages(parts: CompiledParts, stages: StatefulStages, watch: Watch | None) -> Convert:
    """Return the function for the stages after decoding: `where`, `changes`, `sample` and the conversion to records."""
    passes, convert = where_filter(parts.late_where), converter(parts)
    changes, sampling = stages.changes, stages.sampling

    def run_stages(message: Message, scope: Scope, item: int | None) -> MappingResult:
        memory = stages.memory
        if passes is not None and not passes(scope):
            return FILTERED
        row = changes.changed_row(scope, message, memory) if changes is not None else None
        if watch is not None and changes is not None:
            watch("changes", row)
        if changes is not None and row is None:
            return FILTERED
        if watch is not None and sampling is not None:
            watch("sample", None)
        if sampling is None:
            mapped = convert(message, scope, item)
        else:
            mapped = sampling.apply(scope, message, memory, lambda: convert(message, scope, item))
        # Store the row only now, because the value of a rejected message was not sent.
        if row is not None and not mapped.rejections:
            remember(memory, row)
        return mapped

    return run_stages


def replay_pipeline(specification: MappingSpec, parts: CompiledParts, stages: StatefulStages) -> Apply:
    """Return the pipeline for replayed messages, without `changes` and `sample`."""
    passes, convert = where_filter(parts.late_where), converter(parts)
    read = reader(specification, parts, rebirths=False)

    def apply(
        message: Message, captures: dict[str, str], levels: list[str], item: int | None = None, /
    ) -> MappingResult:
        # A replayed birth message must not replace a newer birth message. So write the changes to an overlay, and drop
        # the overlay.
        payload, _ = read(message, OverlayState(stages.memory))
        scope = parts.scope(message, payload, captures, levels)
        if stages.sampling is not None:
            stages.sampling.show_alone(scope, message)
        if passes is not None and not passes(scope):
            return FILTERED
        return convert(message, scope, item)

    return apply
