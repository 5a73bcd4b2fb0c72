"""Rebirth requests. Such a request makes an edge node send its NBIRTH, and the DBIRTH of each device, again.

A request is an NCMD message in which the metric 'Node Control/Rebirth' is true. Like all commands, it has QoS 0 and is
not retained. See section 5.4.3 of the Sparkplug 3.0 specification.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from bridge.model import OutgoingMessage
from bridge.payloads.sparkplug.encoder import encode

REBIRTH_METRIC = "Node Control/Rebirth"
EVERY_SECS = 60
"""Default for the minimum time between two requests to one edge node."""
_SECOND_MS = 1000
MAX_NODES = 10_000
"""Maximum number of edge nodes whose last request is stored, and of nodes that wait for a request.

When the limit is reached, other nodes get no request until a stored request expires.
"""
PER_SECOND = 10
"""Maximum number of requests per second to all edge nodes together.

A birth can have 100 KB and more. After a restart, the bridge may need the births of 300 nodes. Without this limit, all
births would arrive in the same second, over the same link. With this limit, they arrive over half a minute.
"""


class _LastRequest(NamedTuple):
    """The last request to an edge node: its time in milliseconds since 1970, and its bytes."""

    at_ms: int
    payload: bytes


class RebirthRequests:
    """Queue of rebirth requests, with two rate limits, because a birth is many times larger than other messages.

    An edge node gets at most one request in `every_secs` seconds. In total, at most PER_SECOND requests are sent per
    second, and the other nodes wait. The times of requests are only in memory, so after a restart the bridge may send a
    request at once.
    """

    def __init__(self, *, allowed: bool = True, every_secs: int = EVERY_SECS, max_nodes: int = MAX_NODES) -> None:
        """Limit each node to one request in `every_secs` seconds. If `allowed` is false, no requests are sent."""
        self._allowed = allowed
        self._every_ms = every_secs * 1000
        self._max_nodes = max_nodes
        self._last_requests: dict[str, _LastRequest] = {}
        # Topics of commands by edge node, for the nodes that wait for a request.
        self._waiting: dict[str, str] = {}
        self._sent_at: deque[int] = deque(maxlen=PER_SECOND)

    def request(self, edge_node: str, topic: str, now_ms: int) -> None:
        """Queue a request to an edge node. Do nothing if the node had a request in the last `every_secs` seconds.

        `now_ms` is milliseconds since 1970. If the clock was set back to a time before the last request, the next
        request is permitted at once.
        """
        if self._allowed and len(self._waiting) < self._max_nodes and not self._recent(edge_node, now_ms):
            self._waiting[edge_node] = topic

    def born(self, edge_node: str) -> None:
        """Remove the queued request of an edge node that has sent its birth."""
        self._waiting.pop(edge_node, None)

    def due(self, now_ms: int) -> tuple[OutgoingMessage, ...]:
        """Return the commands to send now, oldest first. This is called for each message of any edge node."""
        if not self._waiting:
            return ()
        commands = []
        # The loop uses a copy of the items, because it deletes from the dict.
        for edge_node, topic in list(self._waiting.items()):
            if not self._has_room(now_ms):
                break
            del self._waiting[edge_node]
            asked = self._last_requests[edge_node] = _LastRequest(now_ms, rebirth_payload(now_ms))
            self._sent_at.append(now_ms)
            commands.append(OutgoingMessage(topic, asked.payload))
        return tuple(commands)

    def sent(self, edge_node: str, payload: bytes) -> bool:
        """Return whether `payload` is the bridge's own last request to the node, which the broker has sent back."""
        asked = self._last_requests.get(edge_node)
        # Each request has its timestamp, so a request of another client has different bytes.
        return asked is not None and asked.payload == payload

    def _has_room(self, now_ms: int) -> bool:
        """Return whether one more request may be sent now."""
        # The deque has the times of the last PER_SECOND requests, the oldest first. A negative difference means that
        # the clock was set back.
        if len(self._sent_at) == PER_SECOND and 0 <= now_ms - self._sent_at[0] < _SECOND_MS:
            return False
        if len(self._last_requests) < self._max_nodes:
            return True
        # To make room, remove the requests that no longer limit their nodes.
        self._last_requests = {node: asked for node, asked in self._last_requests.items() if self._recent(node, now_ms)}
        return len(self._last_requests) < self._max_nodes

    def _recent(self, edge_node: str, now_ms: int) -> bool:
        """Return whether the node had a request in the last `every_secs` seconds."""
        asked = self._last_requests.get(edge_node)
        return asked is not None and 0 <= now_ms - asked.at_ms < self._every_ms


def rebirth_payload(now_ms: int) -> bytes:
    """Return a payload with the timestamp and the metric of a rebirth request."""
    metric = {"name": REBIRTH_METRIC, "timestamp": now_ms, "type": "Boolean", "value": True}
    return encode({"timestamp": now_ms, "metrics": [metric]})
