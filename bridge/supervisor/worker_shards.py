"""List of the shards of each stream that the workers know."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from bridge.delivery.shard_status import ShardStatus, StreamShards
from bridge.errors import BridgeError
from bridge.runtime.control_channel import request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.supervisor.worker_process import WorkerProcess

RESPONSE_SECS: Final = 2.0
"""Maximum time to wait for one worker.

If the worker does not respond, the page shows only the shards that other workers know.
"""


def worker_shards(workers: Iterable[WorkerProcess]) -> Iterator[StreamShards]:
    """Yield the shards that each running worker knows, by stream. Omit workers that do not respond."""
    for worker in workers:
        if not worker.active:
            continue
        with suppress(BridgeError):
            for each in request(worker.folder, "shards", RESPONSE_SECS)["streams"]:
                shards = tuple(ShardStatus(**shard) for shard in each["shards"])
                yield StreamShards(each["stream"], each["distribution"], each["complete"], shards, worker.slot.name)
