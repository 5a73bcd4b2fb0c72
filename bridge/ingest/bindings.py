"""Bindings of the active mappings to the spool: ledger ids, one queue per output, and the state stores."""

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
    """A mapping's ledger id in the spool, the queue of each output, and the mapping's message counter."""

    mapping: int
    queues: tuple[StreamQueue, ...]
    tally: MessageCounter


def bind_mappings(
    spool: Spool, mappings: Iterable[Mapping], tally: Callable[[str], MessageCounter]
) -> dict[str, MappingBinding]:
    """Return the bindings by name of the mapping, and attach the state store of each stateful mapping.

    `tally` returns the message counter for a mapping's name. Raises SpoolWriteError.
    """
    mappings = tuple(mappings)
    # One write stores all new names.
    spool.number_mappings([mapping.name for mapping in mappings])
    targets = {
        mapping.name: MappingBinding(
            spool.mapping_number(mapping.name),
            tuple(spool.queue(str(output.destination)) for output in mapping.outputs),
            tally(mapping.name),
        )
        for mapping in mappings
    }
    # Queues exist only after the bindings above, so their options are set here.
    _tune(spool, mappings)
    for mapping in mappings:
        if mapping.stateful is not None:
            mapping.stateful.attach(spool.state(mapping.name))
    return targets


def _tune(spool: Spool, mappings: Iterable[Mapping]) -> None:
    """Set the batching options of each queue: the shortest linger and the smallest record size of its outputs."""
    tunings: dict[str, BatchingOptions] = {}
    for output in (output for mapping in mappings for output in mapping.outputs):
        name = str(output.destination)
        # Outputs that share a queue may have different options. The stricter option of each kind applies to all.
        tunings[name] = output.tuning.with_(tunings.get(name, output.tuning))
    for name, tuning in tunings.items():
        spool.queues[name].tuning = tuning


def clear_state(spool: Spool, name: str) -> tuple[list[tuple[int, ReleasedRecord]], int]:
    """Clear the state of a mapping. Return the records that it contained, with the mapping's number, and its keys."""
    state = spool.states.by_name.get(name)
    if state is None or not len(state):
        return [], 0
    keys, number = len(state), spool.mapping_number(name)
    released = [(number, record) for record in release_all(state)]
    state.clear()
    return released, keys


def collect_due_samples(spool: Spool, mappings: Iterable[Mapping], now_ms: int) -> list[tuple[int, ReleasedRecord]]:
    """Return the records whose sampling period has ended, with their mappings' numbers.

    If a mapping was removed or no longer samples, release all of its records. Delete the states of removed mappings,
    and clear states on request of a command.
    """
    released = []
    for request in spool.states.take_requests():
        records, request.keys = clear_state(spool, request.mapping)
        released += records
    remembering = {mapping.name: mapping.stateful for mapping in mappings if mapping.stateful is not None}
    for name, state in spool.states.by_name.items():
        stages = remembering.get(name)
        if stages is not None and stages.sampling is not None:
            ended = stages.release_ended(now_ms)
        elif len(state):
            # No later call would release these records, and they must not be lost.
            ended = release_all(state)
            if stages is None:
                state.clear()
        else:
            continue
        released += [(spool.mapping_number(name), record) for record in ended]
    return released


def note_clock_set(mappings: Iterable[Mapping], step_ms: int) -> None:
    """Note in the state of all mappings that the machine's clock was set forward, or back if `step_ms` is negative."""
    for mapping in mappings:
        if mapping.stateful is not None:
            mapping.stateful.clock_set(step_ms)
