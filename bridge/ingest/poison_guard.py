"""Protection against a message that ends the process each time it is mapped: a poison message.

The broker delivers a message again until it is acknowledged. So a message that exhausts the memory, or whose mapping
never returns, would stop the bridge at every start. Cases:

1. A process ends while it maps a burst (`InProgressFile`): the next one is careful for a while. It notes each message before
   it maps it.
2. A process ends while it maps a noted message. Messages above LARGE_BYTES are always noted, because they are the usual
   cause. The guard counts these ends by the fingerprint of the message.
3. A message with which MAX_DEATHS processes have ended is not mapped again: it becomes a dead letter `poison`.

A process may also be killed for another reason. MAX_DEATHS is 2, so that a message is not suspected by accident.
"""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import SpoolWriteError
from bridge.ingest.in_progress_file import FINGERPRINT_BYTES, NO_FINGERPRINT, InProgressFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.spool.store import Spool

log = logging.getLogger(__name__)

LARGE_BYTES: Final = 65_536
"""Payload size above which a message is always noted before it is mapped."""
MAX_DEATHS: Final = 2
CAREFUL_SECS: Final = 60.0
"""Seconds for which the first process after a death is careful.

After each further death in a row, the time is five times as long.
"""
_CAREFUL_FACTOR: Final = 5
# At most 60 s times 5^4, which is ten hours.
_MAX_CAREFUL_STEPS: Final = 4
_MAX_SUSPECTS: Final = 100
# Key in the spool's `meta`. Its value is {"deaths": number in a row, "suspects": {fingerprint: deaths}}.
_META: Final = "poison"


class PoisonGuard:
    """Fingerprints of messages that ended processes, and the mark of the current one. Ingest thread only."""

    def __init__(self, spool: Spool, clock: Callable[[], float] = time.monotonic) -> None:
        """Read the mark of the last process. If the disk has no room for a mark, the bridge runs without protection."""
        self._clock = clock
        self._mark: InProgressFile | None = None
        stored = spool.get_meta(_META)
        state: dict[str, Any] = json.loads(stored) if stored else {}
        self._deaths: int = state.get("deaths", 0)
        self._suspects: dict[str, int] = state.get("suspects", {})
        with suppress(OSError):
            self._mark = InProgressFile(spool.folder.path)
        if self._mark is not None and self._mark.ended_in_burst:
            self._note_death(self._mark.last_fingerprint)
            # This is stored at once, because the process may end again before the first commit.
            self._store(spool)
        factor = _CAREFUL_FACTOR ** min(self._deaths - 1, _MAX_CAREFUL_STEPS) if self._deaths else 0
        self._careful_until = clock() + CAREFUL_SECS * factor

    def _note_death(self, fingerprint: bytes) -> None:
        self._deaths += 1
        if fingerprint == NO_FINGERPRINT:
            log.error("the last process ended while it mapped a burst: noting each message for a while")
            return
        name = fingerprint.hex()
        self._suspects[name] = self._suspects.get(name, 0) + 1
        log.error("the last process ended while it mapped one message (fingerprint %s)", name)
        # The oldest suspects are removed first. The list needs only the messages that the broker is sending again.
        while len(self._suspects) > _MAX_SUSPECTS:
            del self._suspects[next(iter(self._suspects))]

    def _store(self, spool: Spool) -> None:
        try:
            spool.set_meta(_META, json.dumps({"deaths": self._deaths, "suspects": self._suspects}))
        except SpoolWriteError as error:
            log.warning("the suspicion of poison messages cannot be stored: %s", error)

    @property
    def careful(self) -> bool:
        """True if every message must be noted before it is mapped."""
        if not self._deaths:
            return False
        if self._clock() < self._careful_until:
            return True
        self._deaths = 0
        return False

    @property
    def noted_bytes(self) -> int:
        """Payload size above which a message is passed to `begin_message`."""
        return -1 if self.careful or self._suspects else LARGE_BYTES

    def begin_burst(self) -> None:
        """Note that a burst is being mapped."""
        if self._mark is not None:
            self._mark.begin()

    def end_burst(self) -> None:
        """Note that the burst is mapped."""
        if self._mark is not None:
            self._mark.end()

    def begin_message(self, topic: bytes, payload: bytes) -> bool:
        """Note a message before it is mapped. Return False if it must not be mapped, because it is poison."""
        if self._mark is None:
            return True
        # The topic is part of the fingerprint, because one payload may be harmless for another topic's mapping. A key
        # has at most 64 bytes.
        digest = blake2b(payload, digest_size=FINGERPRINT_BYTES, key=topic[:64])
        fingerprint = digest.digest()
        self._mark.begin_message(fingerprint)
        return not self._suspects or self._suspects.get(fingerprint.hex(), 0) < MAX_DEATHS
