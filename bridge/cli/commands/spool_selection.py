"""Which spools a command looks into: one, or those of all workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.supervisor.workers import folder_of, spools

if TYPE_CHECKING:
    from pathlib import Path


def select_spools(path: Path, worker: int | None) -> dict[int, Path]:
    """By the number of their bridge; where none has run, the one that is told to be missing. Raises BridgeError."""
    found = spools(path) or {0: path}
    if worker is None:
        return found
    if worker not in found:
        known = ", ".join(map(str, found))
        raise BridgeError(f"--worker {worker}: there is no spool in {folder_of(path, worker)}; expected one of {known}")
    return {worker: found[worker]}


def single_spool(path: Path, worker: int | None) -> Path:
    """The one that a number of a dead letter belongs to. Raises BridgeError where there are several."""
    found = select_spools(path, worker)
    if len(found) > 1:
        known = ", ".join(map(str, found))
        raise BridgeError(f"each worker counts its dead letters by itself: say which by --worker, one of {known}")
    return next(iter(found.values()))
