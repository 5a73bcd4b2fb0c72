"""A session of the doctor's own at the broker: what comes is counted, and acknowledged only when that is asked.

Nothing of it is kept: not by the broker, which forgets the session at its end, and not here, but numbers.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final, Self

from bridge.mqtt.packet_stream import PUBACK, PUBCOMP, PUBREC, PUBREL
from bridge.mqtt.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.mqtt.packet_stream import Publish
    from bridge.mqtt.session_settings import SessionSettings
    from bridge.mqtt.subscriber import SessionState

CONNECT_SECS = 8.0
_POLL_SECS: Final = 0.02
_ANSWERS: Final = {1: PUBACK, 2: PUBREC}


class ProbeSession:
    """One session. `on_message` gets each message; its first byte's lowest bit says that it was retained."""

    def __init__(
        self,
        settings: SessionSettings,
        filters: Mapping[str, int],
        on_message: Callable[[Publish], None] = lambda _message: None,
    ) -> None:
        self.subscriber = Subscriber(settings)
        self.subscriber.set_filters(filters)
        self.unacknowledged: deque[bytes] = deque()
        self.acknowledging = False
        self.needing = 0
        """Messages so far that want an acknowledgement."""
        self.messages = self.bytes = self.retained = self.retained_bytes = 0
        self.retained_at = 0.0
        """When the latest retained message came, by the monotonic clock."""
        self._on_message = on_message
        self._only = len(settings.addresses) == 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.subscriber.close()

    def open(self, secs: float) -> bool:
        """Wait until the broker has answered every subscription; False if it has not within `secs`."""
        subscriptions = self.subscriber.subscriptions

        def answered() -> bool:
            told = subscriptions.confirmed.keys() | subscriptions.refused.keys()
            return self.state.connected and subscriptions.wanted.keys() <= told

        self.listen(secs, lambda: answered() or self._turned_away)
        return answered()

    @property
    def _turned_away(self) -> bool:
        """By the only broker there is; to ask again would give the same answer, and may lock the user out."""
        return self._only and "refused the session" in self.state.problem

    @property
    def state(self) -> SessionState:
        """How the session stands."""
        return self.subscriber.state()

    def listen(self, secs: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Take what comes, for `secs` or until something holds, and whether it does."""
        deadline, over = time.monotonic() + secs, False
        while not until():
            if over:
                return False
            # One more look when the time is over: on a busy machine it may have passed without any.
            over = time.monotonic() >= deadline
            self._take(self.subscriber.poll(0.0 if over else _POLL_SECS))
        return True

    def acknowledge(self, number: int) -> None:
        """The oldest `number` messages, in one write."""
        self._answer([self.unacknowledged.popleft() for _ in range(min(number, len(self.unacknowledged)))])

    def acknowledge_all(self) -> None:
        """What is here, and from now on all that comes."""
        self.acknowledging = True
        self.acknowledge(len(self.unacknowledged))

    def _answer(self, packets: list[bytes]) -> None:
        if packets:
            self.subscriber.acknowledge(self.subscriber.connections, b"".join(packets))

    def _take(self, burst: list[Publish]) -> None:
        now = time.monotonic()
        for message in burst:
            if message[0] == PUBREL:
                self._answer([PUBCOMP + message[2]])
            else:
                self._count(message, now)
        if self.acknowledging:
            self.acknowledge(len(self.unacknowledged))

    def _count(self, message: Publish, now: float) -> None:
        first, _, packet_id, _, _, size = message
        if answer := _ANSWERS.get(first >> 1 & 3):
            self.unacknowledged.append(answer + packet_id)
            self.needing += 1
        self.messages += 1
        self.bytes += size
        if first & 1:
            self.retained += 1
            self.retained_bytes += size
            self.retained_at = now
        self._on_message(message)
