"""Rebirth requests to edge nodes: NCMD with 'Node Control/Rebirth' = true. The node responds with NBIRTH and DBIRTHs.

Section 5.4.3 of the Sparkplug 3.0 specification; QoS 0 and not retained, as all commands.
"""

from __future__ import annotations

from bridge.model import OutgoingMessage
from bridge.payloads.sparkplug.encoding import encode

REBIRTH_METRIC = "Node Control/Rebirth"
EVERY_SECS = 60
"""Default time between two requests to one edge node."""
MAX_NODES = 10_000
"""Max edge nodes whose last request is stored.

At the limit, no other node gets a request until a stored one expires.
"""


class RebirthRequests:
    """Limit of one request per edge node in `every_secs`, because a birth is many times larger than a reading.

    The times are stored in memory only: after a restart, an immediate request is right.
    """

    def __init__(self, *, allowed: bool = True, every_secs: int = EVERY_SECS, max_nodes: int = MAX_NODES) -> None:
        """Allow one request per node in `every_secs`, for at most `max_nodes`; with `allowed` false, none."""
        self._allowed = allowed
        self._every_ms = every_secs * 1000
        self._max_nodes = max_nodes
        self._asked_at: dict[str, int] = {}

    def ask(self, edge_node: str, topic: str, now_ms: int) -> tuple[OutgoingMessage, ...]:
        """Return the command to send, or an empty tuple. `now_ms` is milliseconds since 1970.

        A clock that was set back before the last request permits the next one at once.
        """
        if not self._allowed or self._recent(edge_node, now_ms):
            return ()
        if len(self._asked_at) >= self._max_nodes:
            # Make room: a request that has expired no longer limits its node.
            self._asked_at = {node: at for node, at in self._asked_at.items() if self._recent(node, now_ms)}
            if len(self._asked_at) >= self._max_nodes:
                return ()
        self._asked_at[edge_node] = now_ms
        return (OutgoingMessage(topic, rebirth_payload(now_ms)),)

    def _recent(self, edge_node: str, now_ms: int) -> bool:
        """Return whether the node has had a request in the last `every_secs`."""
        asked_at = self._asked_at.get(edge_node)
        return asked_at is not None and 0 <= now_ms - asked_at < self._every_ms


def rebirth_payload(now_ms: int) -> bytes:
    """Return a payload with the timestamp and the metric of a rebirth request."""
    metric = {"name": REBIRTH_METRIC, "timestamp": now_ms, "type": "Boolean", "value": True}
    return encode({"timestamp": now_ms, "metrics": [metric]})
