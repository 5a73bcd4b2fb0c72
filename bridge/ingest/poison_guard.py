"""Protection against poison messages: messages that end the process each time they are mapped.

For example, the mapping of a message exhausts the memory or never returns. Because the broker redelivers the message
until it is acknowledged, the message would end the process after every start. The protection has three parts:

1. To note a message means to store its fingerprint in a file (`InProgressFile`) before it is mapped. Messages larger
   than LARGE_BYTES are always noted, because they are the usual cause. If a process ends while it maps a burst, the
   next process is careful for some time (CAREFUL_SECS): it notes all messages.
2. If a process ends while it maps a noted message, the next process counts this for the fingerprint of the message.
3. If this count is MAX_DEATHS, the message is not mapped again. It becomes a dead letter with the code `poison`.

MAX_DEATHS is 2, because the first process may have been killed for another reason.
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
"""Time for which a process is careful after the last process ended while it mapped a burst.

If several consecutive processes have ended in this way, the time is five times as long after each further process.
"""
_CAREFUL_FACTOR: Final = 5
# The factor is applied at most four times: 60 s * 5^4 are ten hours.
_MAX_CAREFUL_STEPS: Final = 4
_MAX_SUSPECTS: Final = 100
# Key in the spool's `meta`. Its value is the JSON object {"deaths": number, "suspects": {fingerprint: number}}.
# `deaths` is the number of consecutive processes that ended while they mapped a burst. `suspects` contains, for a
# fingerprint, the number of processes that ended while they mapped this message.
_META: Final = "poison"


class PoisonGuard:
    """Guard against poison messages. It stores the fingerprints of suspected messages. Ingest thread only."""

    def __init__(self, spool: Spool, clock: Callable[[], float] = time.monotonic) -> None:
        """Read the file of the last process. If the file cannot be opened, the bridge runs without this protection."""
        self._clock = clock
        self._in_progress: InProgressFile | None = None
        stored = spool.get_meta(_META)
        state: dict[str, Any] = json.loads(stored) if stored else {}
        self._deaths: int = state.get("deaths", 0)
        self._suspects: dict[str, int] = state.get("suspects", {})
        with suppress(OSError):
            self._in_progress = InProgressFile(spool.folder.path)
        if self._in_progress is not None and self._in_progress.ended_in_burst:
            self._note_death(self._in_progress.last_fingerprint)
            # Store the counts at once, because this process may end before its first commit.
            self._store(spool)
        factor = _CAREFUL_FACTOR ** min(self._deaths - 1, _MAX_CAREFUL_STEPS) if self._deaths else 0
        self._careful_until = clock() + CAREFUL_SECS * factor

    def _note_death(self, fingerprint: bytes) -> None:
        self._deaths += 1
        if fingerprint == NO_FINGERPRINT:
            log.error("the last process ended while it mapped messages: the bridge now looks for a poison message")
            return
        name = fingerprint.hex()
        self._suspects[name] = self._suspects.get(name, 0) + 1
        log.error("the last process ended while it mapped one message (fingerprint %s)", name)
        # Remove the oldest suspects, because the broker probably redelivers only the newest of these messages.
        while len(self._suspects) > _MAX_SUSPECTS:
            del self._suspects[next(iter(self._suspects))]

    def _store(self, spool: Spool) -> None:
        try:
            spool.set_meta(_META, json.dumps({"deaths": self._deaths, "suspects": self._suspects}))
        except SpoolWriteError as error:
            log.warning("the fingerprints of suspected poison messages cannot be stored: %s", error)

    @property
    def careful(self) -> bool:
        """True while every message must be noted before it is mapped (see CAREFUL_SECS)."""
        if not self._deaths:
            return False
        if self._clock() < self._careful_until:
            return True
        self._deaths = 0
        return False

    @property
    def noted_bytes(self) -> int:
        """Payload size above which the caller must pass a message to `begin_message`."""
        return -1 if self.careful or self._suspects else LARGE_BYTES

    def begin_burst(self) -> None:
        """Store that a burst is being mapped."""
        if self._in_progress is not None:
            self._in_progress.begin()

    def end_burst(self) -> None:
        """Store that no burst is being mapped."""
        if self._in_progress is not None:
            self._in_progress.end()

    def begin_message(self, topic: bytes, payload: bytes) -> bool:
        """Note a message before it is mapped. Return False if the message must not be mapped, because it is poison."""
        if self._in_progress is None:
            return True
        # Include the topic in the fingerprint, because the same payload may be harmless on another topic. BLAKE2b
        # accepts a key of at most 64 bytes.
        digest = blake2b(payload, digest_size=FINGERPRINT_BYTES, key=topic[:64])
        fingerprint = digest.digest()
        self._in_progress.begin_message(fingerprint)
        return not self._suspects or self._suspects.get(fingerprint.hex(), 0) < MAX_DEATHS
