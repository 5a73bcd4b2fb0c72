"""Stages of stateful mappings: Sparkplug B, `changes` and `sample`.

decode (births) -> where -> changes -> sample ( transform -> partition keys )

A rejected message does not change the state of `changes` and `sample`, so that it can be replayed. A replay reads the
state, but does not change it. It bypasses `changes` and `sample`, because the person who replays a message expects it
to arrive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.errors import Rejected
from bridge.mapping.pipeline.evaluate import FILTERED, where_filter
from bridge.mapping.pipeline.record_builder import MAX_DETAIL_CHARS, converter
from bridge.mapping.stateful.change_filter import ChangeFilter, Deadband, Deadbands, remember
from bridge.mapping.stateful.overlay_state import OverlayState
from bridge.mapping.stateful.sampler import Sampler
from bridge.model import MappingResult, Rejection, SideEffects
from bridge.payloads.sparkplug.session import OWN_COMMAND, SparkplugSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.mapping.pipeline.compiled_parts import CompiledParts
    from bridge.mapping.pipeline.evaluate import Apply
    from bridge.mapping.pipeline.record_builder import Convert
    from bridge.mapping.pipeline.scope import Scope
    from bridge.mapping.schema.mapping_spec import MappingSpec
    from bridge.model import Message, OutgoingMessage, ReleasedRecord, StateStore

    Watch = Callable[[str, Any], None]
    Read = Callable[[Message, StateStore], tuple[Any, tuple[OutgoingMessage, ...]]]


class StatefulStages:
    """State of one mapping, and the stages that need it. Without an attached store, the state is only in memory."""

    def __init__(self, read: Read, changes: ChangeFilter | None, sampling: Sampler | None) -> None:
        """Start with state in memory. `read` decodes messages. `changes` and `sampling` are None if not used."""
        self.read = read
        self.changes = changes
        self.sampling = sampling
        self.memory: StateStore = OverlayState()

    def attach(self, memory: StateStore) -> None:
        """Use this store from now on."""
        self.memory = memory
        if self.sampling is not None:
            self.sampling.attach(memory)

    def clock_set(self, step_ms: int) -> None:
        """Note that the machine's clock was set forward, or back if `step_ms` is negative."""
        if self.changes is not None:
            self.changes.clock_set(step_ms)

    def due(self, now_ms: int) -> tuple[ReleasedRecord, ...]:
        """Return the records whose span has ended. The caller does this about once a second."""
        return self.sampling.due(now_ms, self.memory) if self.sampling is not None else ()


def stateful(specification: MappingSpec, steps: CompiledParts) -> StatefulStages | None:
    """Return the stages of a stateful mapping; None for a stateless mapping, the usual case."""
    sparkplug = specification.payload == "sparkplug_b"
    if not (sparkplug or specification.changes or specification.sample):
        return None
    return StatefulStages(
        reader(specification, steps, asks=True),
        _changes(specification, steps),
        _sampling(specification, steps),
    )


def reader(specification: MappingSpec, steps: CompiledParts, *, asks: bool) -> Read:
    """Return the decoder of a mapping, which may use earlier messages. Without `asks`, it requests no rebirths."""
    if specification.payload != "sparkplug_b":
        if steps.codec.choose is not None:
            pattern, codec = specification.pattern, steps.codec
            return lambda message, _memory: (codec.of(pattern.match(message.topic) or {}).decode(message.payload), ())
        return lambda message, _memory: (steps.decode(message.payload), ())
    options = specification.sparkplug
    rebirth = asks and (options is None or options.rebirth)
    session = (
        SparkplugSession(rebirth=rebirth)
        if options is None
        else SparkplugSession(rebirth=rebirth, rebirth_every_secs=options.rebirth_every_secs)
    )
    return session.decode


def _changes(specification: MappingSpec, steps: CompiledParts) -> ChangeFilter | None:
    """Return the filter of `changes`, or None."""
    options = specification.changes
    if options is None:
        return None
    remembering = steps.remembering
    deadbands = _deadbands(options.deadband)
    return ChangeFilter(remembering.changes_key, remembering.changes_value, deadbands, options.at_least_every_secs)


def _deadbands(option: float | str | dict[str, float | str]) -> Deadbands:
    """Return the deadbands of the option `deadband`."""
    return {name: _deadband(each) for name, each in option.items()} if isinstance(option, dict) else _deadband(option)


def _deadband(option: float | str) -> Deadband:
    """Return the deadband for a number, or for a percentage such as "1%"."""
    return Deadband(float(option[:-1]) / 100, relative=True) if isinstance(option, str) else Deadband(option)


def _sampling(specification: MappingSpec, steps: CompiledParts) -> Sampler | None:
    """Return the stage of `sample`, or None."""
    options, remembering = specification.sample, steps.remembering
    if options is None:
        return None
    return Sampler(remembering.sample_key, options.every_secs, options.keep, remembering.sample_value, steps.outputs)


def live_pipeline(steps: CompiledParts, stages: StatefulStages, watch: Watch | None = None) -> Apply:
    """Return the pipeline for live messages. It raises Rejected, or any other error: see `catch_errors`.

    `watch` is called with ("changes", the row to store or None) and with ("sample", None).
    """
    run_stages, every = _stages(steps, stages, watch), steps.every

    def apply(
        message: Message, captures: dict[str, str], levels: list[str], item: int | None = None, /
    ) -> MappingResult:
        payload, commands = stages.read(message, stages.memory)
        if payload is OWN_COMMAND:
            return FILTERED
        scope = steps.scope(message, payload, captures, levels)
        # In the usual case, `catch_errors` handles the errors.
        if not commands:
            return run_stages(message, scope, item)
        try:
            mapped = run_stages(message, scope, item)
        except Rejected as error:  # the edge node must receive its command even if the message is filtered
            mapped = MappingResult([], (Rejection(every, item, error.code, error.detail[:MAX_DETAIL_CHARS]),))
        effects = mapped.effects or SideEffects(int(not mapped.drafts and not mapped.rejections))
        return mapped._replace(effects=effects._replace(commands=commands))

    return apply


def _stages(steps: CompiledParts, stages: StatefulStages, watch: Watch | None) -> Convert:
    """Return the steps after decoding: `where`, `changes`, `sample` and the conversion."""
    passes, convert = where_filter(steps.late_where), converter(steps)
    changes, sampling = stages.changes, stages.sampling

    def run_stages(message: Message, scope: Scope, item: int | None) -> MappingResult:
        memory = stages.memory
        if passes is not None and not passes(scope):
            return FILTERED
        row = changes.look(scope, message, memory) if changes is not None else None
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
        # The row is stored only now, because a rejected message must not count as the value last sent.
        if row is not None and not mapped.rejections:
            remember(memory, row)
        return mapped

    return run_stages


def replay_pipeline(specification: MappingSpec, steps: CompiledParts, stages: StatefulStages) -> Apply:
    """Return the pipeline for replayed messages."""
    passes, convert = where_filter(steps.late_where), converter(steps)
    read = reader(specification, steps, asks=False)

    def apply(
        message: Message, captures: dict[str, str], levels: list[str], item: int | None = None, /
    ) -> MappingResult:
        # The overlay hides the changes of a replay: a replayed birth must not replace a newer one.
        payload, _ = read(message, OverlayState(stages.memory))
        scope = steps.scope(message, payload, captures, levels)
        if stages.sampling is not None:
            stages.sampling.show_alone(scope, message)
        if passes is not None and not passes(scope):
            return FILTERED
        return convert(message, scope, item)

    return apply
