"""Opening of the spool. If the database is damaged, it is moved to quarantine, and its readable records are copied."""

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

    A damaged database is moved to quarantine. Its readable records are copied to a new database. If `live_first` is
    true, queues without strict order send new records before the backlog. Raises SpoolInUse or SpoolWriteError.
    """
    folder = SpoolDirectory(settings.path)
    try:
        # An earlier run that found damage has written a marker file. It could not move the database, which was open.
        if why := folder.damage:
            folder.quarantine(why)
        try:
            spool = Spool(settings, folder, live_first=live_first)
        except SpoolCorrupt as error:
            folder.quarantine(str(error))
            spool = Spool(settings, folder, live_first=live_first)
        _recover(spool)
    # Catch BaseException, so that the lock is released even after a KeyboardInterrupt. Otherwise, this process could
    # not open the folder again.
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
            _discard_pending(spool)
        # Salvage reads damaged bytes, which may cause any exception. Catch it, because the bridge must start: messages
        # are waiting in the broker.
        except Exception:
            log.exception("salvage failed; this is a bug. The damaged spool is in %s", aside)
            _discard_pending(spool)


def _discard_pending(spool: Spool) -> None:
    """Discard the records that a failed salvage has appended, and their numbers.

    Otherwise, the next commit would write these records, and the next salvage would copy them again.
    """
    for queue in spool.queues.values():
        if pending := queue.take_pending():
            queue.next = pending[0].number
