"""Checks of the spool's disk: how long an fsync takes, and how long the free space lasts if Kinesis is unreachable."""

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

from bridge.durations import approximate, estimate, size_text
from bridge.spool.directory import bytes_on_disk
from bridge.tools.doctor.finding import failed, ok, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.tools.doctor.finding import Finding
    from bridge.tools.doctor.traffic_rate import SpoolRate

# Number of fsyncs to measure. 40 are enough for a stable median, and take 0.8 s on a memory card (20 ms per fsync).
SYNCS: Final = 40
# Bytes to write before each fsync. The database writes about as many bytes to its log for a hundred small records.
_BYTES: Final = 16_384
# If an fsync takes longer, the finding is a warning. Fewer than 20 commits a second are possible then. If the broker
# also has a small in-flight window, few messages arrive between two commits, and the throughput is low.
_SLOW_SECS: Final = 0.05
# If the disk allows more messages per second, the disk is not the bottleneck: one process maps and sends about 38,000
# messages per second (docs/explanation/performance.md).
_OTHER_LIMITS: Final = 30_000
_KILOBYTE: Final = 1_000
# If the spool can buffer an outage of fewer hours, the finding is a warning: an outage in the evening may be noticed
# only in the morning.
_ENOUGH_HOURS: Final = 8.0
_ADVICE: Final = "set spool.path to a folder on a real disk to which the bridge's user may write"
_ADVICE_BY_NUMBER: Final = {
    errno.ENOSPC: "the disk is full: free space, or set spool.path to another disk",
    errno.EDQUOT: "this user's disk quota is used up: raise it, or set spool.path to another disk",
    errno.EROFS: "the disk is mounted read-only, perhaps after an error: see the system's log, and remount it",
    errno.EACCES: "give the bridge's user write access to the folder (spool.path), and run doctor as that user",
    errno.EPERM: "give the bridge's user write access to the folder (spool.path), and run doctor as that user",
}
# Types of file systems in memory and on the network, as in /proc/self/mounts.
_MEMORY: Final = ("tmpfs", "ramfs")
_NETWORK: Final = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs", "fuse.glusterfs")


class FsyncTimes(NamedTuple):
    """Duration of an fsync, in seconds."""

    median: float
    worst: float


def existing(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists."""
    # The spool creates its folder when the bridge starts for the first time, so the folder may not exist yet.
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def filesystem_of(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Return the file system type of a folder, such as "ext4", or "" if it is unknown (on systems without /proc)."""
    at, found = folder.resolve(), (-1, "")
    with suppress(OSError, ValueError):
        for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
            _, point, kind, *_ = line.split(" ")
            # The mount table contains \040 for a space. Several mount points may contain the folder. The longest of
            # them applies.
            if at.is_relative_to(mount_point := point.replace("\\040", " ")):
                found = max(found, (len(mount_point), kind), key=lambda each: each[0])
    return found[1]


def measure_syncs(folder: Path) -> FsyncTimes:
    """Write and fsync a temporary file several times. Return how long the fsyncs took. Raise OSError if one fails."""
    durations: list[float] = []
    with tempfile.TemporaryFile(dir=existing(folder)) as file:
        for _ in range(SYNCS):
            # Write random data, because some file systems store no blocks for zeros, or compress the data.
            file.write(os.urandom(_BYTES))
            file.flush()
            began = time.monotonic()
            os.fsync(file.fileno())
            durations.append(time.monotonic() - began)
    return FsyncTimes(statistics.median(durations), max(durations))


def examine_sync(folder: Path, measure: Callable[[], FsyncTimes]) -> Iterator[Finding]:
    """Yield a finding on the fsync time in the spool's folder, or in its nearest parent that exists."""
    folder = existing(folder)
    try:
        syncs = measure()
    except OSError as error:
        advice = _ADVICE_BY_NUMBER.get(error.errno or 0, _ADVICE)
        yield failed("disk.sync", "disk", f"{folder}: {error.strerror}", advice)
        return
    # Use the median. A single slow fsync costs no throughput: the messages that arrive during the fsync are in the next
    # burst.
    bursts = 1 / max(syncs.median, 1e-6)
    facts: dict[str, Any] = {
        "median_ms": round(syncs.median * 1000, 3),
        "worst_ms": round(syncs.worst * 1000, 3),
        "filesystem": filesystem_of(folder),
    }
    durations = f"fsync takes {syncs.median * 1000:.1f} ms (worst {syncs.worst * 1000:.0f} ms)"
    message = f"{folder}: {durations}, about {approximate(bursts)} commits/s ({_messages(bursts)})"
    kind = facts["filesystem"]
    if kind in _MEMORY:
        advice = "a power failure loses acknowledged messages there: set spool.path to a folder on a real disk"
        yield warning("disk.sync", "disk", f"{folder} is in memory ({kind}), not on a disk: {durations}", advice, facts)
    elif kind in _NETWORK:
        advice = "SQLite's write-ahead log needs a local disk: set spool.path to a local disk"
        yield warning("disk.sync", "disk", f"{folder} is a network drive ({kind}): {durations}", advice, facts)
    elif syncs.median > _SLOW_SECS:
        advice = "every commit needs one fsync; an SSD is faster than a memory card or a network drive"
        yield warning("disk.sync", "disk", message, advice, facts)
    else:
        yield ok("disk.sync", "disk", message, facts)


def _messages(bursts: float) -> str:
    """Return a text with the messages per second that are possible with `bursts` bursts per second."""
    # A burst contains at most about 2,000 messages.
    rate = bursts * 2_000
    more = rate >= _OTHER_LIMITS
    return "more than 30,000 messages/s: not a bottleneck" if more else f"up to {approximate(rate)} messages/s"


def examine_room(
    folder: Path, max_bytes: int, min_free_bytes: int, rate: Callable[[], SpoolRate | None]
) -> Iterator[Finding]:
    """Yield a finding on the free space for buffered records, and on how long this space lasts without Kinesis.

    `rate` returns the rate at which records are written to the spool, or None if it is unknown.
    """
    try:
        free = shutil.disk_usage(existing(folder)).free
    except OSError as error:
        yield failed("spool.room", "spool", f"{existing(folder)}: {error.strerror}", _ADVICE)
        return
    used = _used(folder)
    # Two limits apply: spool.max_bytes and spool.min_free_bytes. The finding names the limit that is reached first.
    room = min(max_bytes - used, free - min_free_bytes)
    facts = {"room_bytes": max(0, room), "free_bytes": free, "used_bytes": used}
    bound = "spool.max_bytes" if room == max_bytes - used else "the disk"
    if room <= 0:
        yield _no_room(bound, used, free, min_free_bytes, facts)
        return
    yield _lasting(f"{size_text(room)} free for records (limit: {bound})", room, rate(), facts)


def _used(folder: Path) -> int:
    """Return the number of bytes in the files of the spool, and of the workers' spools."""
    used = 0
    # With `--workers`, each worker has a separate spool in a subfolder.
    for each in (folder, *folder.glob("worker-*")):
        with suppress(OSError):
            used += bytes_on_disk(each)
    return used


def _no_room(bound: str, used: int, free: int, min_free_bytes: int, facts: dict[str, int]) -> Finding:
    if bound == "the disk":
        message = f"full: {size_text(free)} free on the disk, spool.min_free_bytes is {size_text(min_free_bytes)}"
        advice = "free disk space, set spool.path to another disk, or lower spool.min_free_bytes"
    else:
        message = f"full: {size_text(used)} used, which is spool.max_bytes"
        advice = "find out why nothing is delivered, or raise spool.max_bytes"
    return failed("spool.room", "spool", message, advice, facts)


def _lasting(message: str, room: int, rate: SpoolRate | None, facts: dict[str, int]) -> Finding:
    if rate is None:
        return ok("spool.room", "spool", f"{message}; buffer time unknown (no traffic)", facts)
    hours = room / rate.bytes_per_sec / 3600
    speed = f"{approximate(rate.bytes_per_sec)} bytes/s"
    if rate.bytes_per_sec >= _KILOBYTE:
        speed = f"{approximate(rate.bytes_per_sec / _KILOBYTE)} kB/s"
    message = f"{message}, enough for {estimate(hours * 3600)} without Kinesis at {speed} ({rate.source})"
    facts_with_hours = {
        **facts,
        "hours": round(hours, 2),
        "bytes_per_sec": round(rate.bytes_per_sec),
        "rate_source": rate.source,
    }
    if hours < _ENOUGH_HOURS:
        return warning(
            "spool.room",
            "spool",
            message,
            "raise spool.max_bytes, or set spool.path to a larger disk",
            facts_with_hours,
        )
    return ok("spool.room", "spool", message, facts_with_hours)
