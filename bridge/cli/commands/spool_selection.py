"""Selection of the spools that a command uses: the spool of one worker, or the spools of all workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import UsageError
from bridge.spool.lock import refuse_without_permission
from bridge.supervisor.workers import folder_of, spool_folders

if TYPE_CHECKING:
    from pathlib import Path


def select_spools(path: Path, worker: int | None) -> dict[int, Path]:
    """Return a dict from worker numbers to spool folders. If `worker` is not None, it contains only this worker.

    Raise UsageError if `worker` has no spool. Raise NoPermission if this user may not read the spools.
    """
    refuse_without_permission(path)
    # If there is no spool, return the configured path, so that the error message of the command contains the path.
    found = spool_folders(path) or {0: path}
    if worker is None:
        return found
    if worker not in found:
        known = ", ".join(map(str, found))
        raise UsageError(f"--worker {worker}: no spool in {folder_of(path, worker)}; expected one of {known}")
    return {worker: found[worker]}


def single_spool(path: Path, worker: int | None) -> Path:
    """Return the folder of the only spool, or of the spool of `worker`.

    Raise UsageError if there are several spools and `worker` is None, because the number of a dead letter is unique
    only within one spool.
    """
    found = select_spools(path, worker)
    if len(found) > 1:
        known = ", ".join(map(str, found))
        raise UsageError(f"each worker numbers its dead letters separately: select one with --worker, one of {known}")
    return next(iter(found.values()))
