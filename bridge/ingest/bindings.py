"""Bindings of the active mappings to the spool: each mapping's number, the queues of its outputs, and its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bridge.mapping.stateful.sampler import release_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.ingest.topic_coverage import MessageCounter
    from bridge.mapping.mapping import Mapping
    from bridge.model import BatchingOptions, ReleasedRecord
    from bridge.spool.queue.stream_queue import StreamQueue
    from bridge.spool.store import Spool


class MappingBinding(NamedTuple):
    """A mapping's number in the spool, the queue of each of its outputs, and its message counter."""

    mapping: int
    queues: tuple[StreamQueue, ...]
    tally: MessageCounter


def bind_mappings(
    spool: Spool, mappings: Iterable[Mapping], tally: Callable[[str], MessageCounter]
) -> dict[str, MappingBinding]:
    """Return the bindings by name of the mapping. Attach the stored state to each stateful mapping.

    `tally` returns the message counter for the name of a mapping. Raises SpoolWriteError.
    """
    mappings = tuple(mappings)
    # Number all new names in one transaction, because each transaction costs an fsync.
    spool.number_mappings([mapping.name for mapping in mappings])
    targets = {
        mapping.name: MappingBinding(
            spool.mapping_number(mapping.name),
            tuple(spool.queue(str(output.destination)) for output in mapping.outputs),
            tally(mapping.name),
        )
        for mapping in mappings
    }
    # Set the options of the queues now, because `spool.queue` has created all queues.
    _tune(spool, mappings)
    for mapping in mappings:
        if mapping.stateful is not None:
            mapping.stateful.attach(spool.state(mapping.name))
    return targets


def _tune(spool: Spool, mappings: Iterable[Mapping]) -> None:
    """Set the batching options of each queue to the shortest linger and the smallest record size of its outputs."""
    tunings: dict[str, BatchingOptions] = {}
    for output in (output for mapping in mappings for output in mapping.outputs):
        name = str(output.destination)
        tunings[name] = output.tuning.with_(tunings.get(name, output.tuning))
    for name, tuning in tunings.items():
        spool.queues[name].tuning = tuning


def clear_state(spool: Spool, name: str) -> tuple[list[tuple[int, ReleasedRecord]], int]:
    """Clear the state of a mapping. Return the records in it as (mapping number, record), and the number of keys."""
    state = spool.states.by_name.get(name)
    if state is None or not len(state):
        return [], 0
    keys, number = len(state), spool.mapping_number(name)
    released = [(number, record) for record in release_all(state)]
    state.clear()
    return released, keys


def collect_due_samples(spool: Spool, mappings: Iterable[Mapping], now_ms: int) -> list[tuple[int, ReleasedRecord]]:
    """Return (mapping number, record) for each record whose sampling interval has ended.

    If a mapping was removed or has no `sample` any more, return all of its records. Also clear the states of removed
    mappings, and the states for which there is a ClearingRequest.
    """
    released = []
    for request in spool.states.take_requests():
        records, request.keys = clear_state(spool, request.mapping)
        released += records
    stateful = {mapping.name: mapping.stateful for mapping in mappings if mapping.stateful is not None}
    for name, state in spool.states.by_name.items():
        stages = stateful.get(name)
        if stages is not None and stages.sampling is not None:
            ended = stages.release_ended(now_ms)
        elif len(state):
            # The mapping was removed or has no `sample` any more, so no later call would release its records.
            ended = release_all(state)
            if stages is None:
                state.clear()
        else:
            continue
        released += [(spool.mapping_number(name), record) for record in ended]
    return released


def note_clock_set(mappings: Iterable[Mapping], step_ms: int) -> None:
    """Inform all stateful mappings that the machine's clock was set forward by `step_ms`, or back if it is negative."""
    for mapping in mappings:
        if mapping.stateful is not None:
            mapping.stateful.clock_set(step_ms)
