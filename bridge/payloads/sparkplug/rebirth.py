"""Asking an edge node to say again who it is: NCMD with 'Node Control/Rebirth' = true, answered by NBIRTH and DBIRTHs.

Section 5.4.3 of the Sparkplug 3.0 specification; QoS 0 and not retained, as all commands.
"""

from __future__ import annotations

from bridge.model import OutgoingMessage
from bridge.payloads.sparkplug.encoding import encode

REBIRTH_METRIC = "Node Control/Rebirth"
EVERY_SECS = 60
MAX_NODES = 10_000
"""Edge nodes whose last request is remembered. Beyond it none is asked until a minute has passed for some."""


class RebirthRequests:
    """Lets each edge node be asked once in `every_secs`, however much is amiss: a birth is many times a reading's size.

    Kept in memory only: after a restart, asking at once is right.
    """

    def __init__(self, *, allowed: bool = True, every_secs: int = EVERY_SECS, max_nodes: int = MAX_NODES) -> None:
        self._allowed = allowed
        self._every_ms = every_secs * 1000
        self._max_nodes = max_nodes
        self._asked_at: dict[str, int] = {}

    def ask(self, edge_node: str, topic: str, now_ms: int) -> tuple[OutgoingMessage, ...]:
        """The command to send, or nothing. `now_ms` is milliseconds since 1970; a clock set back forgets."""
        if not self._allowed or self._recent(edge_node, now_ms):
            return ()
        if len(self._asked_at) >= self._max_nodes:
            self._asked_at = {node: at for node, at in self._asked_at.items() if self._recent(node, now_ms)}
            if len(self._asked_at) >= self._max_nodes:
                return ()
        self._asked_at[edge_node] = now_ms
        return (OutgoingMessage(topic, rebirth_payload(now_ms)),)

    def _recent(self, edge_node: str, now_ms: int) -> bool:
        asked_at = self._asked_at.get(edge_node)
        return asked_at is not None and 0 <= now_ms - asked_at < self._every_ms


def rebirth_payload(now_ms: int) -> bytes:
    """A payload with the timestamp and one metric."""
    metric = {"name": REBIRTH_METRIC, "timestamp": now_ms, "type": "Boolean", "value": True}
    return encode({"timestamp": now_ms, "metrics": [metric]})
