"""List of workers: active workers of the present run, and draining workers for the spools of earlier runs.

    number 0     spool.path             mqtt.client_id      the bridge of `run` without --workers
    number 2     spool.path/worker-2    mqtt.client_id-2    the second worker of `run --workers N`, in the shared group

An earlier run may have had more workers, or may have run without --workers. Some of its spools then have no active
worker in the present run. Such a spool is drained if it contains records. It is also drained if the broker still has
the session of its client ID, because the broker would store messages for this session forever.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError, SpoolInUse
from bridge.spool.lock import refuse_if_in_use, refuse_without_permission
from bridge.spool.read_only import has_records, session_given_up

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.config import Settings

MAX_WORKERS: Final = 64
"""Maximum number of workers."""
SUPERVISOR_FOLDER: Final = "supervisor"
"""Name of the folder in spool.path that contains the supervisor's lock and control channel."""
# Without a minimum, `max_bytes` divided by many workers could be less than one burst of large messages.
LEAST_SPOOL_BYTES: Final = 16 * 1024**2
"""A worker's `spool.max_bytes` is at least this large."""
# A worker's `spool.max_dead_letter_bytes` is at least this large.
_MIN_DEAD_LETTER_BYTES: Final = 1024**2
_FOLDER: Final = re.compile(r"worker-([1-9][0-9]{0,3})")
# Characters that MQTT forbids in the name of a shared subscription group.
_NOT_IN_A_GROUP: Final = re.compile(r"[/+#]")


@dataclass(frozen=True, slots=True)
class WorkerSlot:
    """One worker. A draining worker only sends the records in its spool, and gives up its broker session."""

    number: int
    draining: bool = False

    @property
    def name(self) -> str:
        """Name of the worker in logs, on the status page, and as a label of metrics."""
        return f"worker {self.number}" if self.number else "bridge"


def worker_slots(settings: Settings, workers: int) -> list[WorkerSlot]:
    """Return the workers, active ones first. If `workers` is 0, the only active worker has number 0."""
    active = range(1, workers + 1) if workers else range(1)
    left = [number for number in spool_folders(settings.spool.path) if number not in active]
    draining = [number for number in left if leftover_reason(folder_of(settings.spool.path, number))]
    return [*map(WorkerSlot, active), *(WorkerSlot(number, draining=True) for number in draining)]


def spool_folders(path: Path) -> dict[int, Path]:
    """Return the folders that contain a spool, by the number of the worker."""
    numbers = [0] + [int(found[1]) for each in path.glob("worker-*") if (found := _FOLDER.fullmatch(each.name))]
    folders = {number: folder_of(path, number) for number in sorted(numbers)}
    return {number: folder for number, folder in folders.items() if (folder / "spool.db").is_file()}


def folder_of(path: Path, number: int) -> Path:
    """Return the spool folder of worker `number`. For number 0, this is `path` itself."""
    return path / f"worker-{number}" if number else path


def control_folder(path: Path) -> Path:
    """Return the folder of the running bridge's control channel.

    If a supervisor is running, this is the supervisor's folder. Otherwise, it is `path`. Raise NoPermission if this
    user may not read the spool.
    """
    refuse_without_permission(path)
    try:
        refuse_if_in_use(path / SUPERVISOR_FOLDER)
    except SpoolInUse:
        return path / SUPERVISOR_FOLDER
    return path


def leftover_reason(folder: Path) -> str:
    """Return the reason why a spool must be drained, as a text. Return "" if there is no reason."""
    try:
        buffered, given_up = has_records(folder), session_given_up(folder)
    # Drain a spool that cannot be read, so that its process reports the error.
    except BridgeError as error:
        return str(error)
    reasons = ["records are buffered"] if buffered else []
    reasons += [] if given_up else ["the broker may queue messages for its session"]
    return ", and ".join(reasons)


def settings_of(settings: Settings, slot: WorkerSlot, active: int, running: int) -> Settings:
    """Return the configuration of one worker.

    `active` is the number of workers that share the size limits of the spool. `running` is the number of workers that
    share the bandwidth.
    """
    mqtt, spool, kinesis = settings.mqtt, settings.spool, settings.kinesis
    if slot.number:
        # By default, the client ID is the name of the group. The ID is unique at the broker, so no other bridge uses
        # this group.
        group = mqtt.share or _NOT_IN_A_GROUP.sub("-", mqtt.client_id)
        mqtt = mqtt.model_copy(update={"client_id": f"{mqtt.client_id}-{slot.number}", "share": group})
    spool = spool.model_copy(update={"path": folder_of(spool.path, slot.number)})
    # A draining worker keeps the configured limits, because its spool may be larger than a share of them.
    if not slot.draining:
        room = {
            "max_bytes": max(LEAST_SPOOL_BYTES, spool.max_bytes // active),
            "max_dead_letter_bytes": max(_MIN_DEAD_LETTER_BYTES, spool.max_dead_letter_bytes // active),
        }
        spool = spool.model_copy(update=room)
    kinesis = kinesis.model_copy(update={"max_bytes_per_sec": bandwidth_share(settings, running)})
    return settings.model_copy(update={"mqtt": mqtt, "spool": spool, "kinesis": kinesis, "http": None})


def bandwidth_share(settings: Settings, running: int) -> int | None:
    """Return each worker's share of kinesis.max_bytes_per_sec if `running` workers share it. None means no limit."""
    total = settings.kinesis.max_bytes_per_sec
    return None if total is None else max(1, total // max(1, running))
