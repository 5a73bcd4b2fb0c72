"""The places in the spool of the mappings in force: numbers for the books, queues for records, memories."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bridge.mapping.stateful.sampler import leave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.ingest.topic_coverage import MessageCounter
    from bridge.mapping.mapping import Mapping
    from bridge.model import BatchingOptions, ReleasedRecord
    from bridge.spool.queue.stream_queue import StreamQueue
    from bridge.spool.store import Spool


class Binding(NamedTuple):
    """A mapping's place in the spool: its number, and for each output the queue; and its count of messages."""

    mapping: int
    queues: tuple[StreamQueue, ...]
    tally: MessageCounter


def bind_mappings(
    spool: Spool, mappings: Iterable[Mapping], tally: Callable[[str], MessageCounter]
) -> dict[str, Binding]:
    """Places by the mappings' names. Each mapping that remembers gets its memory. Raises SpoolWriteError."""
    mappings = tuple(mappings)
    spool.number_mappings([mapping.name for mapping in mappings])
    targets = {
        mapping.name: Binding(
            spool.mapping_number(mapping.name),
            tuple(spool.queue(str(output.destination)) for output in mapping.outputs),
            tally(mapping.name),
        )
        for mapping in mappings
    }
    _tune(spool, mappings)
    for mapping in mappings:
        if mapping.stateful is not None:
            mapping.stateful.attach(spool.state(mapping.name))
    return targets


def _tune(spool: Spool, mappings: Iterable[Mapping]) -> None:
    """Of outputs that share a queue, each gets what it asks for or better."""
    tunings: dict[str, BatchingOptions] = {}
    for output in (output for mapping in mappings for output in mapping.outputs):
        name = str(output.destination)
        tunings[name] = output.tuning.with_(tunings.get(name, output.tuning))
    for name, tuning in tunings.items():
        spool.queues[name].tuning = tuning


def collect_due_samples(spool: Spool, mappings: Iterable[Mapping], now_ms: int) -> list[tuple[int, ReleasedRecord]]:
    """Records that no longer wait for anything, with their mappings' numbers.

    Of a mapping that is gone, or that samples no more, all it held; and what a mapping that is gone remembered is
    forgotten.
    """
    released = []
    remembering = {mapping.name: mapping.stateful for mapping in mappings if mapping.stateful is not None}
    for name, state in spool.states.items():
        stages = remembering.get(name)
        if stages is not None and stages.sampling is not None:
            ended = stages.due(now_ms)
        elif len(state):
            ended = leave(state)
            if stages is None:
                state.clear()
        else:
            continue
        released += [(spool.mapping_number(name), record) for record in ended]
    return released
