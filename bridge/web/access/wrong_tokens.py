"""Defence against clients that guess tokens. Clients are distinguished by their addresses.

The response to a wrong token is delayed, and only a few responses may be delayed at the same time. An address that
sends wrong tokens is logged once a minute. A token has at least 16 characters, so it cannot be guessed at this rate.
Several users may have the same address, such as that of a proxy. So an address is refused only while responses to its
wrong tokens are delayed.
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
"""Maximum number of responses to one address that are delayed at the same time."""
MAX_DELAYED_IN_ALL: Final = 32
"""Maximum number of responses to all addresses that are delayed at the same time. Each occupies a connection."""
# The limit bounds the memory, because an attacker may have many addresses.
MAX_ADDRESSES: Final = 1_000
LOG_SECS: Final = 60.0


class WrongTokens:
    """Counters of wrong tokens by address. Not thread-safe: use it only in the server's event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._delayed: dict[str, int] = {}
        # For each address: the time of its last log line, and the number of its wrong tokens since then.
        self._logged: dict[str, tuple[float, int]] = {}

    def refuses(self, address: str) -> bool:
        """Return whether to refuse a token from this address without comparing it.

        An address is refused while several responses to its wrong tokens are delayed.
        """
        in_all = sum(self._delayed.values())
        mine = self._delayed.get(address, 0)
        # Never refuse an address without delayed responses. Otherwise, an attacker with many addresses could lock out
        # all users.
        return mine >= MAX_DELAYED or (mine > 0 and in_all >= MAX_DELAYED_IN_ALL)

    async def delay(self, address: str, secs: float) -> None:
        """Log a wrong token, and wait until the response may be sent."""
        self._log(address)
        # Too many responses are delayed already, and each occupies a connection. So send this response at once. Even
        # without the delay, a token of 16 characters cannot be guessed.
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
        # An address moves to the end whenever it sends a wrong token. So the first address has sent no wrong token for
        # the longest time, and can be forgotten.
        self._logged[address] = (at, count)
        if len(self._logged) > MAX_ADDRESSES:
            del self._logged[next(iter(self._logged))]
