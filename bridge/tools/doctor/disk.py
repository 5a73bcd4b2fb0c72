"""Disk checks of the spool: fsync time, which limits the commits a second, and the outage that it can buffer."""

from __future__ import annotations

import errno
import os
import shutil
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bridge.spool.directory import bytes_on_disk
from bridge.tools.doctor.finding import failed, warning, well

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.tools.doctor.finding import Finding
    from bridge.tools.doctor.traffic_rate import SpoolRate

SYNCS: Final = 40
_BYTES: Final = 16_384
_SLOW_SECS: Final = 0.05
_ENOUGH_HOURS: Final = 8.0
_ADVICE: Final = "give the bridge's user a folder of a real disk that it may write to (spool.path)"
_ADVICE_BY_NUMBER: Final = {
    errno.ENOSPC: "the disk is full: make room on it, or give spool.path another",
    errno.EDQUOT: "this user's quota of the disk is used up: raise it, or give spool.path another disk",
    errno.EROFS: "the disk is mounted read-only, perhaps since it failed: see the system's log, and mount it anew",
    errno.EACCES: "let the bridge's user write to the folder (spool.path), and run doctor as that user",
    errno.EPERM: "let the bridge's user write to the folder (spool.path), and run doctor as that user",
}
_MEMORY: Final = ("tmpfs", "ramfs")
_NETWORK: Final = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs", "fuse.glusterfs")


class FsyncTimes(NamedTuple):
    """Duration of an fsync, in seconds."""

    median: float
    worst: float


def existing(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def filesystem_of(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Return the file system type of a folder, such as "ext4"; "" where it is unknown (not on Linux)."""
    at, found = folder.resolve(), (-1, "")
    with suppress(OSError, ValueError):
        for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
            _, point, kind, *_ = line.split(" ")
            # The mount table escapes spaces. Of all mount points above the folder, the longest is the one that applies.
            if at.is_relative_to(place := point.replace("\\040", " ")):
                found = max(found, (len(place), kind), key=lambda each: each[0])
    return found[1]


def measure_syncs(folder: Path) -> FsyncTimes:
    """Measure real fsyncs, each of as many bytes as a burst writes. Raise OSError."""
    took: list[float] = []
    with tempfile.TemporaryFile(dir=existing(folder)) as file:
        for _ in range(SYNCS):
            file.write(os.urandom(_BYTES))
            file.flush()
            began = time.monotonic()
            os.fsync(file.fileno())
            took.append(time.monotonic() - began)
    return FsyncTimes(statistics.median(took), max(took))


def examine_sync(folder: Path, measure: Callable[[], FsyncTimes]) -> Iterator[Finding]:
    """Yield a finding on the fsync time in the spool's folder, or in its nearest parent that exists."""
    folder = existing(folder)
    try:
        syncs = measure()
    except OSError as error:
        advice = _ADVICE_BY_NUMBER.get(error.errno or 0, _ADVICE)
        yield failed("disk.sync", "disk", f"{folder}: {error.strerror}", advice)
        return
    bursts = 1 / max(syncs.median, 1e-6)
    facts: dict[str, Any] = {
        "median_ms": round(syncs.median * 1000, 3),
        "worst_ms": round(syncs.worst * 1000, 3),
        "filesystem": filesystem_of(folder),
    }
    took = f"an fsync takes {syncs.median * 1000:.1f} ms, at worst {syncs.worst * 1000:.0f} ms"
    said = f"{folder}: {took}: {bursts:,.0f} bursts a second, of up to 2,000 messages each"
    kind = facts["filesystem"]
    if kind in _MEMORY:
        advice = "what is acknowledged there is lost with the power: give spool.path a folder of a real disk"
        yield warning("disk.sync", "disk", f"{folder} is memory ({kind}), and no disk: {took}", advice, facts)
    elif kind in _NETWORK:
        advice = "SQLite's write-ahead log wants a disk of this machine: give spool.path one"
        yield warning("disk.sync", "disk", f"{folder} is a network drive ({kind}): {took}", advice, facts)
    elif syncs.median > _SLOW_SECS:
        advice = "each burst waits for it; an SSD would do better than a card or a network drive"
        yield warning("disk.sync", "disk", said, advice, facts)
    else:
        yield well("disk.sync", "disk", said, facts)


def examine_room(
    folder: Path, max_bytes: int, min_free_bytes: int, rate: Callable[[], SpoolRate | None]
) -> Iterator[Finding]:
    """Yield a finding on the room for buffered records, and the length of outage that it covers at `rate`."""
    try:
        free = shutil.disk_usage(existing(folder)).free
    except OSError as error:
        yield failed("spool.room", "spool", f"{existing(folder)}: {error.strerror}", _ADVICE)
        return
    used = _used(folder)
    # Both limits apply at the same time; the finding names the tighter one.
    room = min(max_bytes - used, free - min_free_bytes)
    facts = {"room_bytes": max(0, room), "free_bytes": free, "used_bytes": used}
    bound = "spool.max_bytes" if room == max_bytes - used else "the disk"
    if room <= 0:
        yield _no_room(bound, used, free, min_free_bytes, facts)
        return
    yield _lasting(f"room for {_gib(room)} more, by {bound}", room, rate(), facts)


def _used(folder: Path) -> int:
    """Return the bytes of the spool's files, those of workers included."""
    used = 0
    for each in (folder, *folder.glob("worker-*")):
        with suppress(OSError):
            used += bytes_on_disk(each)
    return used


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:,.0f} MiB"


def _no_room(bound: str, used: int, free: int, min_free_bytes: int, facts: dict[str, int]) -> Finding:
    if bound == "the disk":
        said = f"no room: {_gib(free)} are free on its disk, and spool.min_free_bytes keeps {_gib(min_free_bytes)} free"
        advice = "make room on the disk, give spool.path another, or lower spool.min_free_bytes"
    else:
        said = f"no room: it holds {_gib(used)}, which is spool.max_bytes"
        advice = "see why nothing is delivered, or raise spool.max_bytes"
    return failed("spool.room", "spool", said, advice, facts)


def _lasting(said: str, room: int, rate: SpoolRate | None, facts: dict[str, int]) -> Finding:
    if rate is None:
        return well(
            "spool.room", "spool", f"{said}; for how long that is cannot be told, as no messages come just now", facts
        )
    hours = room / rate.bytes_per_sec / 3600
    amount = f"{hours:,.0f} hours" if hours >= 2 else f"{hours * 60:,.0f} minutes"  # noqa: PLR2004 - hours
    said = f"{said}: {amount} of an outage at {rate.bytes_per_sec / 1000:,.1f} kB a second, {rate.source}"
    told = {**facts, "hours": round(hours, 2), "bytes_per_sec": round(rate.bytes_per_sec), "rate_source": rate.source}
    if hours < _ENOUGH_HOURS:
        return warning("spool.room", "spool", said, "raise spool.max_bytes, or give spool.path a larger disk", told)
    return well("spool.room", "spool", said, told)
