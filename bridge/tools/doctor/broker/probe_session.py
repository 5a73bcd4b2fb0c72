"""Temporary session at the broker. It counts messages, and acknowledges them only on request.

The messages are not stored. The broker deletes the session at its end.
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
    from bridge.mqtt.session_status import SessionStatus
    from bridge.mqtt.settings import MqttSettings

CONNECT_SECS = 8.0
_POLL_SECS: Final = 0.02
_ACKNOWLEDGEMENTS: Final = {1: PUBACK, 2: PUBREC}


class ProbeSession:
    """Temporary session that calls `on_message` with each message.

    In the first byte of a message, the lowest bit is the RETAIN flag.
    """

    def __init__(
        self,
        settings: MqttSettings,
        filters: Mapping[str, int],
        on_message: Callable[[Publish], None] = lambda _message: None,
        *,
        joined: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        """Prepare the session.

        `joined` maps a filter to the narrower filters of the mappings that it replaces, for example `plant/#` to
        `plant/a` and `plant/b`. If the broker refuses the filter, the session subscribes to the narrower filters.
        """
        self.subscriber = Subscriber(settings, on_session=self._on_session)
        self.subscriber.set_filters(filters, joined)
        self.unacknowledged: deque[bytes] = deque()
        self.acknowledging = False
        self.needing = 0
        """Number of messages so far that require an acknowledgement."""
        self.messages = self.bytes = self.retained = self.retained_bytes = 0
        self.retained_at = 0.0
        """Monotonic time of the latest retained message."""
        self._on_message = on_message
        self._only = len(settings.addresses) == 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.subscriber.close()

    def open(self, secs: float) -> bool:
        """Wait until the broker has responded to every subscription.

        Return True if all responses arrived within `secs`, otherwise False.
        """
        subscriptions = self.subscriber.subscriptions

        def all_responded() -> bool:
            responded = subscriptions.confirmed.keys() | subscriptions.refused.keys()
            return self.state.connected and subscriptions.wanted.keys() <= responded

        self.listen(secs, lambda: all_responded() or self._turned_away)
        return all_responded()

    @property
    def _turned_away(self) -> bool:
        """True if the broker has only one address and refused the session there.

        Another attempt would fail too, and might lock the user's account.
        """
        return self._only and "refused the session" in self.state.problem

    @property
    def state(self) -> SessionStatus:
        """State of the session."""
        return self.subscriber.state()

    def listen(self, secs: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Receive messages for `secs` seconds, or until `until()` is true. Return True if `until()` became true."""
        deadline, over = time.monotonic() + secs, False
        while not until():
            if over:
                return False
            # Poll at least once: on a busy machine, the deadline may pass before the first poll.
            over = time.monotonic() >= deadline
            self._process(self.subscriber.poll(0.0 if over else _POLL_SECS))
        return True

    def acknowledge(self, number: int) -> None:
        """Acknowledge the oldest `number` messages, with one write to the socket."""
        self._send([self.unacknowledged.popleft() for _ in range(min(number, len(self.unacknowledged)))])

    def acknowledge_all(self) -> None:
        """Acknowledge all messages so far, and from now on each new message immediately."""
        self.acknowledging = True
        self.acknowledge(len(self.unacknowledged))

    def _on_session(self, present: bool) -> None:
        # In a new session, these packet identifiers belong to other messages, or to none.
        if not present:
            self.unacknowledged.clear()

    def _send(self, packets: list[bytes]) -> None:
        if packets:
            self.subscriber.acknowledge(self.subscriber.connections, b"".join(packets))

    def _process(self, burst: list[Publish]) -> None:
        now = time.monotonic()
        for message in burst:
            if message[0] == PUBREL:
                self._send([PUBCOMP + message[2]])
            else:
                self._count(message, now)
        if self.acknowledging:
            self.acknowledge(len(self.unacknowledged))

    def _count(self, message: Publish, now: float) -> None:
        first, _, packet_id, _, _, size = message
        # The QoS is in bits 2 and 1 of the first byte. QoS 0 has no acknowledgement.
        if packet_type := _ACKNOWLEDGEMENTS.get(first >> 1 & 3):
            self.unacknowledged.append(packet_type + packet_id)
            self.needing += 1
        self.messages += 1
        self.bytes += size
        if first & 1:
            self.retained += 1
            self.retained_bytes += size
            self.retained_at = now
        self._on_message(message)
