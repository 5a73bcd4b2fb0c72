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
"""Type of a callback. The ingest thread calls it with each mapped burst, so it must be fast."""


class RunningBridge(Protocol):
    """The service. Every method may be called on any thread."""

    mappings: LiveMappings
    configuration: Configuration | None
    """Options and their file; None if the bridge was created without a file."""
    data_folder: Path
    """Folder in which the bridge stores its files: spool.path, even with several workers."""
    curves: Curves
    """Curves of the last day; empty without a page."""

    def dead_letters_folder(self, worker: int | None) -> Path:
        """Return the folder with the dead letters of a worker. Raises BridgeError if there is no such worker."""

    def snapshot(self) -> Snapshot:
        """Return the status of the bridge now."""

    def event_log(self) -> EventLogs:
        """Return the locations of the events of the bridge and of its workers."""

    def stalled(self) -> list[str]:
        """Return the reasons why the bridge makes no progress; an empty list while it does."""

    def run_job(self, action: Action, numbers: Sequence[int], worker: int | None = None) -> DeadLetterJob:
        """Replay or delete dead letters, and wait for the end.

        `worker` names the worker, if there are several. Raises BridgeError.
        """

    def shards(self) -> list[StreamShards]:
        """Return the known shards of each stream.

        With several workers, the list has the shards known to each worker.
        """

    def set_tap(self, tap: Callable[[list[Any]], None] | None) -> None:
        """Set the callback for each burst; None removes it."""
