"""Defence against guessing tokens, by client address.

The response to a wrong token is delayed, and few such responses may wait at a time. An address with wrong tokens is
logged once a minute. A token has at least 16 characters, so it cannot be guessed at this rate. Users may share an
address, such as that of a proxy. So an address is refused only while responses to its wrong tokens wait.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

MAX_DELAYED: Final = 4
"""Max number of delayed answers to one address."""
MAX_DELAYED_IN_ALL: Final = 32
"""Max number of delayed answers: each occupies a connection."""
MAX_ADDRESSES: Final = 1_000
LOG_SECS: Final = 60.0


class WrongTokens:
    """Counters of wrong tokens by address. Not thread-safe: use it only in the server's event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._delayed: dict[str, int] = {}
        # Time of the last log line of an address, and its wrong tokens since then.
        self._logged: dict[str, tuple[float, int]] = {}

    def refuses(self, address: str) -> bool:
        """Return whether to refuse a token from this address unread, because responses to earlier ones still wait."""
        in_all = sum(self._delayed.values())
        mine = self._delayed.get(address, 0)
        return mine >= MAX_DELAYED or (mine > 0 and in_all >= MAX_DELAYED_IN_ALL)

    async def delay(self, address: str, secs: float) -> None:
        """Log a wrong token, and wait until the response may be sent."""
        self._log(address)
        # Each delayed response occupies a connection, so with too many of them this one is sent at once. A token of 16
        # characters cannot be guessed at that rate either.
        if sum(self._delayed.values()) >= MAX_DELAYED_IN_ALL:
            return
        self._delayed[address] = self._delayed.get(address, 0) + 1
        try:
            await asyncio.sleep(secs)
        finally:
            self._delayed[address] -= 1
            if not self._delayed[address]:
                del self._delayed[address]

    def _log(self, address: str) -> None:
        now = self._clock()
        at, count = self._logged.pop(address, (float("-inf"), 0))
        count += 1
        if now - at >= LOG_SECS:
            log.warning("page: invalid token from %s (%d since the last such line)", address, count)
            at, count = now, 0
        # The oldest address is the first one, because each is moved to the end when it is used.
        self._logged[address] = (at, count)
        if len(self._logged) > MAX_ADDRESSES:
            del self._logged[next(iter(self._logged))]
