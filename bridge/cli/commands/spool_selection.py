"""Selection of the spools for a command: one, or those of all workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import UsageError
from bridge.spool.lock import refuse_without_permission
from bridge.supervisor.workers import folder_of, spools

if TYPE_CHECKING:
    from pathlib import Path


def select_spools(path: Path, worker: int | None) -> dict[int, Path]:
    """Return spool folders by worker number; the configured path if none exists, so that the error names it.

    Raise BridgeError if `worker` has no spool, NoPermission if this user may not read them.
    """
    refuse_without_permission(path)
    found = spools(path) or {0: path}
    if worker is None:
        return found
    if worker not in found:
        known = ", ".join(map(str, found))
        raise UsageError(f"--worker {worker}: no spool in {folder_of(path, worker)}; expected one of {known}")
    return {worker: found[worker]}


def single_spool(path: Path, worker: int | None) -> Path:
    """Return the spool that the number of a dead letter refers to. Raise BridgeError if there are several spools."""
    found = select_spools(path, worker)
    if len(found) > 1:
        known = ", ".join(map(str, found))
        raise UsageError(f"each worker numbers its dead letters separately: select one with --worker, one of {known}")
    return next(iter(found.values()))
