"""Handlers of the commands that the running bridge receives through the control channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from bridge.errors import BridgeError
from bridge.spool.mapping_state import ClearingRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.delivery.shard_status import StreamShards
    from bridge.ingest.replay import Action, DeadLetterJob
    from bridge.monitoring.snapshot import Snapshot
    from bridge.spool.mapping_state import MappingStates

    Handler = Callable[[dict[str, Any]], bytes]

JOB_SECS: Final = 60.0
"""Maximum time to wait until a dead-letter job has finished, or until the state of a mapping has been cleared."""


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


def command_handlers(bridge: CommandTarget, states: MappingStates) -> dict[str, Handler]:
    """Return the handlers by the name of the command. A handler gets the request and returns the response as JSON."""

    def run_job(request: dict[str, Any]) -> bytes:
        return orjson.dumps(bridge.run_job(request["command"], [int(number) for number in request["numbers"]]).value())

    def clear_state(request: dict[str, Any]) -> bytes:
        # Only the ingest thread may change states. So this thread requests the change, and waits until it is committed.
        clearing = ClearingRequest(str(request["mapping"]))
        states.requested.append(clearing)
        if not clearing.done.wait(JOB_SECS):
            raise not_ended()
        return orjson.dumps({"keys": clearing.keys})

    return {
        "status": lambda _request: orjson.dumps(bridge.snapshot().status_json()),
        "shards": lambda _request: orjson.dumps({"streams": bridge.shards()}),
        "clear_state": clear_state,
        "replay": run_job,
        "delete": run_job,
    }


def not_ended() -> BridgeError:
    """Return the error for a command that takes too long. The command may still be executed later."""
    return BridgeError(
        f"the command has not ended within {JOB_SECS:.0f} s; check the result with 'mqtt-kinesis status'"
    )
