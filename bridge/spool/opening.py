"""Opening of the spool: lock the folder, move a damaged database to quarantine, and salvage its records."""

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

    A damaged database is moved to quarantine. A new database receives every record that can still be read from the
    damaged one. `live_first`: send new records before the backlog, except in queues with strict order. Raises
    SpoolInUse or SpoolWriteError.
    """
    folder = SpoolDirectory(settings.path)
    try:
        # An earlier run may have found damage. It could not move its open database, so it has written a marker file for
        # this start.
        if why := folder.damage:
            folder.quarantine(why)
        try:
            spool = Spool(settings, folder, live_first=live_first)
        except SpoolCorrupt as error:
            folder.quarantine(str(error))
            spool = Spool(settings, folder, live_first=live_first)
        _recover(spool)
    # Catch BaseException, because the lock must be released after a KeyboardInterrupt too. Otherwise, this process
    # could not open the folder again.
    except BaseException:
        folder.close()
        raise
    return spool


def _recover(spool: Spool) -> None:
    """Copy the readable records of damaged spools into the new spool.

    A salvage that fails is retried at the next start.
    """
    for aside in spool.folder.unsalvaged():
        try:
            salvage(spool, aside)
            spool.folder.salvaged(aside)
        except (SpoolWriteError, SpoolFull) as error:
            log.error("a damaged spool could not be salvaged, retrying at the next start: %s", error)
        # Catch every exception, because salvage reads damaged bytes. The bridge must start, because messages are
        # waiting in the broker.
        except Exception:
            log.exception("salvage failed; this is a bug. The damaged spool is in %s", aside)
            for queue in spool.queues.values():
                # Discard the records that the failed salvage appended. Otherwise, the next commit would write them.
                queue.take_pending()
