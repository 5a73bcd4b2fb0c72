"""Opening of the spool: lock the folder, set a damaged database aside, and salvage its records."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bridge.errors import SpoolCorrupt, SpoolFull, SpoolWriteError
from bridge.spool.directory import SpoolDirectory
from bridge.spool.recovery.salvage import salvage
from bridge.spool.store import Spool

if TYPE_CHECKING:
    from bridge.spool.settings import SpoolSettings

log = logging.getLogger(__name__)


def open_spool(settings: SpoolSettings, *, live_first: bool = False) -> Spool:
    """Lock the folder, open the spool in it, and salvage damaged spools.

    A damaged database is moved aside, and a new one receives every record of the old one that can still be read.
    `live_first`: send new records before the backlog, except in queues with strict order. Raises SpoolInUse or
    SpoolWriteError.
    """
    folder = SpoolDirectory(settings.path)
    try:
        # A run that finds damage cannot move its open database, so it only writes a marker for the next start.
        if why := folder.damage:
            folder.quarantine(why)
        try:
            spool = Spool(settings, folder, live_first=live_first)
        except SpoolCorrupt as error:
            folder.quarantine(str(error))
            spool = Spool(settings, folder, live_first=live_first)
        _recover(spool)
    # BaseException includes KeyboardInterrupt, after which the lock must be released too. Otherwise, this process could
    # not open the folder again.
    except BaseException:
        folder.close()
        raise
    return spool


def _recover(spool: Spool) -> None:
    """Copy the readable records of damaged spools into the new one.

    A salvage that fails is retried at the next start.
    """
    for aside in spool.folder.unsalvaged():
        try:
            salvage(spool, aside)
            spool.folder.salvaged(aside)
        except (SpoolWriteError, SpoolFull) as error:
            log.error("not salvaged yet: %s", error)
        # Salvage reads damaged bytes, so any exception is possible. The bridge must start anyway, because messages are
        # waiting in the broker.
        except Exception:
            log.exception("salvage failed; this is a bug. The damaged spool is in %s", aside)
            for queue in spool.queues.values():
                # Discard the records that the failed salvage appended: the next commit would otherwise write them.
                queue.take_pending()
