"""Interface of the bridge for the page, the metrics and the health checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bridge.delivery.shard_status import StreamShards
    from bridge.ingest.replay import Action, DeadLetterJob
    from bridge.mapping.loading.live_mappings import LiveMappings
    from bridge.monitoring.configuration import Configuration
    from bridge.monitoring.recording.curves import Curves
    from bridge.monitoring.recording.event_log import EventLogs
    from bridge.monitoring.snapshot import Snapshot

BurstCallback = "Callable[[list[Publish]], None]"
"""Type of a callback that receives each burst, a group of messages that were mapped together.

The ingest thread calls it, so it must be fast.
"""


class RunningBridge(Protocol):
    """A running bridge: one process, or a supervisor with its workers. Any thread may call any method."""

    mappings: LiveMappings
    configuration: Configuration | None
    """Options, and the file that contains them, or None if the bridge was created without a file, as in tests."""
    data_folder: Path
    """Folder `spool.path`, in which the bridge stores its files. With several workers, it is their common folder."""
    curves: Curves
    """Curves of the last day; empty if the page is turned off."""

    def dead_letters_folder(self, worker: int | None) -> Path:
        """Return the folder with the dead letters of a worker, given by its number.

        If `worker` is None, return the folder of the bridge itself. With several workers, return the folder of the
        first worker that has a spool. Raise BridgeError if there is no worker with this number.
        """

    def snapshot(self) -> Snapshot:
        """Return the current status of the bridge."""

    def event_log(self) -> EventLogs:
        """Return the folders of the event logs of the bridge and of its workers, and events not yet in a file."""

    def stalled(self) -> list[str]:
        """Return the reasons why the bridge makes no progress, or an empty list if it makes progress."""

    def run_job(self, action: Action, numbers: Sequence[int], worker: int | None = None) -> DeadLetterJob:
        """Replay or delete dead letters, and wait until this is done.

        `worker` is the number of the worker that has the dead letters, None for a bridge without workers. Raise
        BridgeError if the job fails or takes too long.
        """

    def shards(self) -> list[StreamShards]:
        """Return the known shards of each stream. With several workers, each worker has its own entry for a stream."""

    def set_tap(self, tap: Callable[[list[Any]], None] | None) -> None:
        """Set the callback that receives each burst (see BurstCallback). None removes the callback."""
