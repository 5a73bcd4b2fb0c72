"""The topics of Sparkplug B, section 4 of the 3.0 specification.

spBv1.0/GROUP/NBIRTH|NDATA|NDEATH|NCMD/NODE             of an edge node
spBv1.0/GROUP/DBIRTH|DDATA|DDEATH|DCMD/NODE/DEVICE      of a device behind it
spBv1.0/STATE/HOST                                      of a host application
"""

from __future__ import annotations

from typing import NamedTuple

from bridge.errors import DecodeError

NAMESPACE = "spBv1.0"
STATE = "STATE"
_HOST_LEVELS, _NODE_LEVELS, _DEVICE_LEVELS = 3, 4, 5
_LEVELS = {
    **dict.fromkeys(("NBIRTH", "NDATA", "NDEATH", "NCMD"), _NODE_LEVELS),
    **dict.fromkeys(("DBIRTH", "DDATA", "DDEATH", "DCMD"), _DEVICE_LEVELS),
}


class Topic(NamedTuple):
    """Who says what. For STATE the host is the `node`, and the `group` is empty."""

    type: str
    group: str
    node: str
    device: str | None

    @property
    def edge_node(self) -> str:
        """Edge nodes are told apart by this: GROUP/NODE."""
        return f"{self.group}/{self.node}"

    @property
    def source(self) -> str:
        """The node or the device: GROUP/NODE or GROUP/NODE/DEVICE."""
        return f"{self.group}/{self.node}" if self.device is None else f"{self.group}/{self.node}/{self.device}"

    @property
    def rebirth(self) -> str:
        """Where the edge node takes commands."""
        return f"{NAMESPACE}/{self.group}/NCMD/{self.node}"


def parse_topic(text: str) -> Topic:
    """Raises DecodeError for a topic that is not of Sparkplug B."""
    levels = text.split("/")
    if levels[0] == NAMESPACE and len(levels) == _HOST_LEVELS and levels[1] == STATE:
        return Topic(STATE, "", levels[2], None)
    if levels[0] != NAMESPACE or len(levels) < _NODE_LEVELS or len(levels) != _LEVELS.get(levels[2]):
        raise DecodeError(f"not a topic of Sparkplug B: '{text}'")
    return Topic(levels[2], levels[1], levels[3], levels[4] if len(levels) == _DEVICE_LEVELS else None)
