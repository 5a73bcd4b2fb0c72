"""Sample of the broker's messages. It shows the retained messages of each mapping, and the rate into the spool."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from bridge.model import Message
from bridge.mqtt.properties import readable
from bridge.tools.doctor.traffic_rate import RECORD_BYTES, SpoolRate

if TYPE_CHECKING:
    from bridge.mapping.router import Router, RouteTarget
    from bridge.mqtt.packet_stream import Publish

MAPPED: Final = 5_000
"""Maximum number of messages to which the mappings are applied. Further messages are assumed to be similar."""


class TrafficSample:
    """Counter of the retained messages of each mapping, and of the spool bytes that the other messages produce."""

    def __init__(self, routes: Router) -> None:
        self.retained: Counter[str] = Counter()
        self.skipped = 0
        """Number of retained messages that every matching mapping ignores."""
        self._routes = routes
        self._live = self._mapped = self._made_bytes = 0
        self._began = 0.0

    def begin(self) -> None:
        """Start the measurement of the rate, which counts only messages that are not retained."""
        self._live = self._mapped = self._made_bytes = 0
        self._began = time.monotonic()

    @property
    def live(self) -> int:
        """Number of messages since `begin` that were not retained."""
        return self._live

    def add(self, message: Publish) -> None:
        """Count a message."""
        match = self._routes.match(message[1])
        if message[0] & 1:
            self._retained(match.targets)
            return
        self._live += 1
        if self._mapped < MAPPED:
            self._mapped += 1
            self._made_bytes += sum(_made_bytes(message, match.topic, match.levels, target) for target in match.targets)

    def _retained(self, targets: tuple[RouteTarget, ...]) -> None:
        mappings = [each.mapping.name for each in targets if each.mapping.specification.retained == "take"]
        self.retained.update(mappings)
        self.skipped += not mappings

    def rate(self) -> SpoolRate | None:
        """Return the rate into the spool, or None if no message produced a record."""
        secs = time.monotonic() - self._began
        if not self._made_bytes or not self._began:
            return None
        a_second = self._live / secs * self._made_bytes / self._mapped
        return SpoolRate(a_second, f"as measured at the broker in {secs:.0f} s")


def _made_bytes(message: Publish, topic: str, levels: list[str], target: RouteTarget) -> int:
    """Return the spool bytes that one mapping produces for one message."""
    first, _, _, properties, payload, size = message
    mapping = target.mapping
    if mapping.stateful is not None or size != len(payload):
        # The mapping cannot be applied, because its state is in the running bridge, or because the payload is
        # incomplete. So assume that each output produces one record of the message's size.
        return len(mapping.outputs) * (size + RECORD_BYTES)
    message_in = Message(topic, payload, first >> 1 & 3, False, time.time_ns() // 1_000_000, readable(properties))
    mapped = mapping.apply(message_in, target.captures, levels)
    made = sum(len(draft.data) + RECORD_BYTES for draft in mapped.drafts)
    return made + sum(size + RECORD_BYTES for _ in mapped.rejections)
