"""List of a configuration's workers: active ones, and draining ones for spools of earlier runs.

    number 0     spool.path             mqtt.client_id      the bridge of `run` without --workers
    number 2     spool.path/worker-2    mqtt.client_id-2    the second of `run --workers N`, in the shared group

After a run with another number of workers, a spool may have no active worker. Such a spool must be drained if it
contains records, or if the broker still has the session of its client id. The broker stores messages for a client of a
shared group even if that client never connects again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError, SpoolInUse, SpoolWriteError
from bridge.spool.lock import refuse_if_in_use, refuse_without_permission
from bridge.spool.read_only import has_records, session_given_up

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.config import Settings

MAX_WORKERS: Final = 64
"""Maximum number of workers."""
SUPERVISOR_FOLDER: Final = "supervisor"
"""Folder in spool.path with the supervisor's lock and control channel."""
# A small `max_bytes`, divided by many workers, could otherwise be less than one burst of large messages.
LEAST_SPOOL_BYTES: Final = 16 * 1024**2
"""Minimum size limit of a worker's spool."""
# Minimum size limit of a worker's dead letters.
_MIN_DEAD_LETTER_BYTES: Final = 1024**2
_FOLDER: Final = re.compile(r"worker-([1-9][0-9]{0,3})")
# Characters that MQTT forbids in the name of a shared group.
_NOT_IN_A_GROUP: Final = re.compile(r"[/+#]")


@dataclass(frozen=True, slots=True)
class WorkerSlot:
    """One worker. If `draining`, it sends the records in its spool and then ends its session at the broker."""

    number: int
    draining: bool = False

    @property
    def name(self) -> str:
        """Name for people: in logs, on the page, as a label."""
        return f"worker {self.number}" if self.number else "bridge"


def worker_slots(settings: Settings, workers: int) -> list[WorkerSlot]:
    """Return the workers, active ones first. With `workers` 0, the only active one is the bridge of `run`."""
    active = range(1, workers + 1) if workers else range(1)
    left = [number for number in spool_folders(settings.spool.path) if number not in active]
    draining = [number for number in left if leftover_reason(folder_of(settings.spool.path, number))]
    return [*map(WorkerSlot, active), *(WorkerSlot(number, draining=True) for number in draining)]


def spool_folders(path: Path) -> dict[int, Path]:
    """Return the folders that contain a spool, by worker number."""
    numbers = [0] + [int(found[1]) for each in path.glob("worker-*") if (found := _FOLDER.fullmatch(each.name))]
    folders = {number: folder_of(path, number) for number in sorted(numbers)}
    return {number: folder for number, folder in folders.items() if (folder / "spool.db").is_file()}


def folder_of(path: Path, number: int) -> Path:
    """Return the spool folder of worker `number`; `path` itself for number 0."""
    return path / f"worker-{number}" if number else path


def control_folder(path: Path) -> Path:
    """Return the folder of the running bridge's control channel: its supervisor's folder, if it has a supervisor.

    Raise NoPermission if this user may not read the spool.
    """
    refuse_without_permission(path)
    try:
        refuse_if_in_use(path / SUPERVISOR_FOLDER)
    except SpoolInUse:
        return path / SUPERVISOR_FOLDER
    except SpoolWriteError:
        # The supervisor's folder cannot be read. A request in the spool's own folder then reports the reason.
        return path
    return path


def leftover_reason(folder: Path) -> str:
    """Return as text the reason why a spool must be drained; "" if there is none."""
    try:
        buffered, given_up = has_records(folder), session_given_up(folder)
    # A spool that cannot be read is drained, so that its process reports the reason.
    except BridgeError as error:
        return str(error)
    reasons = ["records are buffered"] if buffered else []
    reasons += [] if given_up else ["the broker may queue messages for its session"]
    return ", and ".join(reasons)


def settings_of(settings: Settings, slot: WorkerSlot, active: int, running: int) -> Settings:
    """Return the configuration of one worker.

    `active` workers share the size limits of the spool, `running` workers share the bandwidth.
    """
    mqtt, spool, kinesis = settings.mqtt, settings.spool, settings.kinesis
    if slot.number:
        # The client ID is unique at the broker, so a group of this name contains no other bridge.
        group = mqtt.share or _NOT_IN_A_GROUP.sub("-", mqtt.client_id)
        mqtt = mqtt.model_copy(update={"client_id": f"{mqtt.client_id}-{slot.number}", "share": group})
    spool = spool.model_copy(update={"path": folder_of(spool.path, slot.number)})
    # Only active workers share the spool's size limits. A draining worker keeps the configured ones.
    if not slot.draining:
        room = {
            "max_bytes": max(LEAST_SPOOL_BYTES, spool.max_bytes // active),
            "max_dead_letter_bytes": max(_MIN_DEAD_LETTER_BYTES, spool.max_dead_letter_bytes // active),
        }
        spool = spool.model_copy(update=room)
    kinesis = kinesis.model_copy(update={"max_bytes_per_sec": bandwidth_share(settings, running)})
    return settings.model_copy(update={"mqtt": mqtt, "spool": spool, "kinesis": kinesis, "http": None})


def bandwidth_share(settings: Settings, running: int) -> int | None:
    """Return the share of kinesis.max_bytes_per_sec for each of `running` workers; None without a limit."""
    most = settings.kinesis.max_bytes_per_sec
    return None if most is None else max(1, most // max(1, running))
