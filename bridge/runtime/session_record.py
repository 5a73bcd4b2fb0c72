"""Record of the broker's session in the spool: its subscriptions and messages, and whether it was given up.

A draining bridge gives up its session: it removes all subscriptions, so that the broker stores no more messages.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from bridge.errors import SpoolWriteError
from bridge.mqtt.stored_session import StoredSession
from bridge.spool.read_only import GIVEN_UP

if TYPE_CHECKING:
    from bridge.spool.store import Spool

log = logging.getLogger(__name__)

STORED_SESSION: Final = "stored_session"
"""Key in the spool's `meta`. Its value describes the known contents of the broker's session."""


class SessionRecord:
    """Record of the broker's session in one spool.

    While ingest is running, only the ingest thread writes the record, between two bursts.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def load(self) -> StoredSession:
        """Return what is known about the contents of the session."""
        return StoredSession.parse(self._spool.get_meta(STORED_SESSION))

    def save(self, session: StoredSession) -> bool:
        """Store the contents of the session. Return True if this succeeded. Otherwise, log the error."""
        try:
            self._spool.set_meta(STORED_SESSION, session.dump())
        except SpoolWriteError as error:
            log.warning("the record of the broker's session cannot be written: %s", error)
            return False
        return True

    def store_given_up(self, given_up: str) -> None:
        """Store "yes" if the session was given up, otherwise "".

        The supervisor reads this value in the spools of earlier runs.
        """
        # If writing fails, a later run drains the empty session a second time, which does no harm. A value that is
        # already stored is not written again, because each write needs an fsync.
        with suppress(SpoolWriteError):
            if self._spool.get_meta(GIVEN_UP) != given_up:
                self._spool.set_meta(GIVEN_UP, given_up)
