"""Which bridges a configuration makes: those at work, and those that drain what runs with other numbers have left.

    number 0     spool.path             mqtt.client_id      the bridge of `run` without --workers
    number 2     spool.path/worker-2    mqtt.client_id-2    the second of `run --workers N`, in the shared group

A spool that is not among those at work is left over while records wait in it, or until the broker's session of its
client id was given up: the broker keeps messages for a member of a shared group that never comes back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError, SpoolInUse, SpoolWriteError
from bridge.spool.lock import refuse_if_in_use
from bridge.spool.read_only import has_records, session_given_up

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.config import Settings

MAX_WORKERS: Final = 64
SUPERVISOR_FOLDER: Final = "supervisor"
"""In spool.path: the supervisor's lock, and where commands ask it."""
LEAST_SPOOL_BYTES: Final = 16 * 1024**2
_LEAST_LETTERS_BYTES: Final = 1024**2
_FOLDER: Final = re.compile(r"worker-([1-9][0-9]{0,3})")
_NOT_IN_A_GROUP: Final = re.compile(r"[/+#]")


@dataclass(frozen=True, slots=True)
class WorkerSlot:
    """One bridge. `draining`: it sends what is in its spool, and gives its session up."""

    number: int
    draining: bool = False

    @property
    def name(self) -> str:
        """For people: in logs, on the page, as a label."""
        return f"worker {self.number}" if self.number else "bridge"


def members(settings: Settings, workers: int) -> list[WorkerSlot]:
    """Those at work first; 0 workers: the one bridge of `run`."""
    at_work = range(1, workers + 1) if workers else range(1)
    left = [number for number in spools(settings.spool.path) if number not in at_work]
    draining = [number for number in left if leftover_reason(folder_of(settings.spool.path, number))]
    return [*map(WorkerSlot, at_work), *(WorkerSlot(number, draining=True) for number in draining)]


def spools(path: Path) -> dict[int, Path]:
    """The folders that hold a spool, by the number of their bridge."""
    numbers = [0] + [int(found[1]) for each in path.glob("worker-*") if (found := _FOLDER.fullmatch(each.name))]
    folders = {number: folder_of(path, number) for number in sorted(numbers)}
    return {number: folder for number, folder in folders.items() if (folder / "spool.db").is_file()}


def folder_of(path: Path, number: int) -> Path:
    """Where this bridge's spool is."""
    return path / f"worker-{number}" if number else path


def control_folder(path: Path) -> Path:
    """Where the running bridge is asked: at its supervisor, if it has one."""
    try:
        refuse_if_in_use(path / SUPERVISOR_FOLDER)
    except SpoolInUse:
        return path / SUPERVISOR_FOLDER
    except SpoolWriteError:
        return path  # not ours to look into: what is said of the spool's own folder tells why
    return path


def leftover_reason(folder: Path) -> str:
    """What keeps a spool from being forgotten, in words; "" if nothing does."""
    try:
        waits, given_up = has_records(folder), session_given_up(folder)
    except BridgeError as error:
        return str(error)
    told = ["records wait to be sent"] if waits else []
    told += [] if given_up else ["the broker may keep messages for its session"]
    return ", and ".join(told)


def settings_of(settings: Settings, member: WorkerSlot, at_work: int, running: int) -> Settings:
    """The configuration of one bridge: of `at_work` that share the spool's room, and `running` that share the link."""
    mqtt, spool, kinesis = settings.mqtt, settings.spool, settings.kinesis
    if member.number:
        group = mqtt.share or _NOT_IN_A_GROUP.sub("-", mqtt.client_id)
        mqtt = mqtt.model_copy(update={"client_id": f"{mqtt.client_id}-{member.number}", "share": group})
    spool = spool.model_copy(update={"path": folder_of(spool.path, member.number)})
    if not member.draining:
        room = {
            "max_bytes": max(LEAST_SPOOL_BYTES, spool.max_bytes // at_work),
            "max_dead_letter_bytes": max(_LEAST_LETTERS_BYTES, spool.max_dead_letter_bytes // at_work),
        }
        spool = spool.model_copy(update=room)
    kinesis = kinesis.model_copy(update={"max_bytes_per_sec": bandwidth_share(settings, running)})
    return settings.model_copy(update={"mqtt": mqtt, "spool": spool, "kinesis": kinesis, "http": None})


def bandwidth_share(settings: Settings, running: int) -> int | None:
    """Of kinesis.max_bytes_per_sec, for each of so many."""
    most = settings.kinesis.max_bytes_per_sec
    return None if most is None else max(1, most // max(1, running))
