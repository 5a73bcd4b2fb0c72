"""Handlers of the commands that the running bridge receives through the control channel."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from bridge.errors import BridgeError
from bridge.spool.mapping_state import ClearingRequest

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from bridge.delivery.shard_status import StreamShards
    from bridge.ingest.replay import Action, DeadLetterJob
    from bridge.monitoring.snapshot import Snapshot
    from bridge.spool.mapping_state import MappingStates

    Handler = Callable[[dict[str, Any]], bytes]

JOB_SECS: Final = 60.0
"""Maximum time to wait until a dead-letter job has finished, or until the state of a mapping has been cleared."""


_STOP_CHECK_SECS: Final = 0.1
"""Interval at which a waiting command checks whether the bridge stops."""

JOBS: Final = frozenset({"clear_state", "replay", "delete"})
"""Commands to which the thread `jobs` responds. All other requests are for the thread `answers`."""


class CommandTarget(Protocol):
    """The part of the bridge that commands use. The control channel's thread calls the methods. `run_job` may block."""

    def snapshot(self) -> Snapshot:
        """Return the current state of the bridge."""
        ...

    def shards(self) -> list[StreamShards]:
        """Return the known shards of each stream."""
        ...

    def run_job(self, action: Action, numbers: Sequence[int]) -> DeadLetterJob:
        """Replay or delete dead letters, and wait until the result is on disk. Raises BridgeError."""
        ...


def status_handlers(bridge: CommandTarget) -> dict[str, Handler]:
    """Return the handlers of the commands that get a response at once, by the name of the command.

    A handler gets the request and returns the response as JSON.
    """
    return {
        "status": lambda _request: orjson.dumps(bridge.snapshot().status_json()),
        "shards": lambda _request: orjson.dumps({"streams": bridge.shards()}),
    }


def job_handlers(bridge: CommandTarget, states: MappingStates, stopping: threading.Event) -> dict[str, Handler]:
    """Return the handlers of the commands JOBS. Each of them waits until its result is on disk."""

    def run_job(request: dict[str, Any]) -> bytes:
        return orjson.dumps(bridge.run_job(request["command"], [int(number) for number in request["numbers"]]).value())

    def clear_state(request: dict[str, Any]) -> bytes:
        # Only the ingest thread may change states. So this thread requests the change, and waits until it is committed.
        clearing = ClearingRequest(str(request["mapping"]))
        states.requested.append(clearing)
        wait_until_done(clearing.done, stopping)
        return orjson.dumps({"keys": clearing.keys})

    return {"clear_state": clear_state, "replay": run_job, "delete": run_job}


def wait_until_done(
    done: threading.Event, stopping: threading.Event, clock: Callable[[], float] = time.monotonic
) -> None:
    """Wait until `done` is set. Raise BridgeError if the bridge stops before, or after JOB_SECS."""
    deadline = clock() + JOB_SECS
    while not done.wait(_STOP_CHECK_SECS):
        if stopping.is_set():
            raise BridgeError("interrupted: the bridge stops")
        if clock() > deadline:
            raise BridgeError(
                f"the command has not ended within {JOB_SECS:.0f} s; check the result with 'mqtt-kinesis status'"
            )
