"""Rebirth requests to edge nodes: NCMD with 'Node Control/Rebirth' = true. The node responds with NBIRTH and DBIRTHs.

See section 5.4.3 of the Sparkplug 3.0 specification. Requests have QoS 0 and are not retained, like all commands.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from bridge.model import OutgoingMessage
from bridge.payloads.sparkplug.encoding import encode

REBIRTH_METRIC = "Node Control/Rebirth"
EVERY_SECS = 60
"""Default time between two requests to one edge node."""
_SECOND_MS = 1000
MAX_NODES = 10_000
"""Max edge nodes whose last request is stored, and max nodes that wait for a request.

At the limit, no other node gets a request until a stored one expires.
"""
PER_SECOND = 10
"""Max requests in a second, to all edge nodes together.

A birth can be 100 KB and more. After a restart with 300 unknown nodes, 300 requests at once would bring all their
births in the same second, over the same link. Ten a second reach 300 nodes in half a minute.
"""


class _LastRequest(NamedTuple):
    """The last request to an edge node: its time in milliseconds since 1970, and its bytes."""

    at_ms: int
    payload: bytes


class RebirthRequests:
    """Rate limits of rebirth requests, because a birth is many times larger than a reading.

    An edge node gets at most one request in `every_secs`. In total, at most PER_SECOND nodes get a request in a second;
    the others wait. The times are only in memory, so after a restart the bridge may request a birth at once.
    """

    def __init__(self, *, allowed: bool = True, every_secs: int = EVERY_SECS, max_nodes: int = MAX_NODES) -> None:
        """Allow one request per node in `every_secs`, for at most `max_nodes`; with `allowed` false, none."""
        self._allowed = allowed
        self._every_ms = every_secs * 1000
        self._max_nodes = max_nodes
        self._last_requests: dict[str, _LastRequest] = {}
        # Topics of commands by edge node, for the nodes that wait for a request.
        self._waiting: dict[str, str] = {}
        self._sent_at: deque[int] = deque(maxlen=PER_SECOND)

    def request(self, edge_node: str, topic: str, now_ms: int) -> None:
        """Queue a request to an edge node, unless the node has had a recent request.

        `now_ms` is milliseconds since 1970. If the clock was set back to before the last request, the next request is
        permitted at once.
        """
        if self._allowed and len(self._waiting) < self._max_nodes and not self._recent(edge_node, now_ms):
            self._waiting[edge_node] = topic

    def born(self, edge_node: str) -> None:
        """Remove the queued request of an edge node that has sent its birth."""
        self._waiting.pop(edge_node, None)

    def due(self, now_ms: int) -> tuple[OutgoingMessage, ...]:
        """Return the commands to send now, oldest first. The caller does this for each message of any edge node."""
        if not self._waiting:
            return ()
        commands = []
        # A copy of the items, because the loop deletes from the dict.
        for edge_node, topic in list(self._waiting.items()):
            if not self._has_room(now_ms):
                break
            del self._waiting[edge_node]
            asked = self._last_requests[edge_node] = _LastRequest(now_ms, rebirth_payload(now_ms))
            self._sent_at.append(now_ms)
            commands.append(OutgoingMessage(topic, asked.payload))
        return tuple(commands)

    def sent(self, edge_node: str, payload: bytes) -> bool:
        """Return whether this command is the bridge's own last request to the node, which the broker sends back."""
        asked = self._last_requests.get(edge_node)
        # Requests differ in their timestamp, so one of another client has other bytes.
        return asked is not None and asked.payload == payload

    def _has_room(self, now_ms: int) -> bool:
        """Return whether one more request may be sent now."""
        # The deque has the last PER_SECOND times, so its first item is the oldest of them. A negative difference means
        # that the clock was set back.
        if len(self._sent_at) == PER_SECOND and 0 <= now_ms - self._sent_at[0] < _SECOND_MS:
            return False
        if len(self._last_requests) < self._max_nodes:
            return True
        # Remove expired requests, which no longer limit their nodes, to make room.
        self._last_requests = {node: asked for node, asked in self._last_requests.items() if self._recent(node, now_ms)}
        return len(self._last_requests) < self._max_nodes

    def _recent(self, edge_node: str, now_ms: int) -> bool:
        """Return whether the node has had a request in the last `every_secs`."""
        asked = self._last_requests.get(edge_node)
        return asked is not None and 0 <= now_ms - asked.at_ms < self._every_ms


def rebirth_payload(now_ms: int) -> bytes:
    """Return a payload with the timestamp and the metric of a rebirth request."""
    metric = {"name": REBIRTH_METRIC, "timestamp": now_ms, "type": "Boolean", "value": True}
    return encode({"timestamp": now_ms, "metrics": [metric]})
