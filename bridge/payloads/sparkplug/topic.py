"""Topics of Sparkplug B. See section 4 of the Sparkplug 3.0 specification.

spBv1.0/GROUP/NBIRTH|NDATA|NDEATH|NCMD/NODE             messages of an edge node
spBv1.0/GROUP/DBIRTH|DDATA|DDEATH|DCMD/NODE/DEVICE      messages of a device that an edge node connects
spBv1.0/STATE/HOST                                      messages of a host application
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


class SparkplugTopic(NamedTuple):
    """A parsed topic: the message type, and the sender.

    `edge_node` is GROUP/NODE and identifies an edge node. `source` is the sender: GROUP/NODE for a node, or
    GROUP/NODE/DEVICE for a device. `commands` is the topic for commands to the node. In a STATE topic, `node` is the
    host.
    """

    type: str
    group: str
    node: str
    device: str | None
    edge_node: str
    source: str
    commands: str


def parse_topic(text: str) -> SparkplugTopic:
    """Return the parsed topic. Raise DecodeError if it is not a topic of Sparkplug B."""
    levels = text.split("/")
    if levels[0] == NAMESPACE and len(levels) == _HOST_LEVELS and levels[1] == STATE:
        return _topic(STATE, "", levels[2], None)
    if levels[0] != NAMESPACE or len(levels) < _NODE_LEVELS or len(levels) != _LEVELS.get(levels[2]):
        raise DecodeError(f"not a topic of Sparkplug B: '{text}'")
    return _topic(levels[2], levels[1], levels[3], levels[4] if len(levels) == _DEVICE_LEVELS else None)


def _topic(kind: str, group: str, node: str, device: str | None) -> SparkplugTopic:
    edge_node = f"{group}/{node}"
    source = edge_node if device is None else f"{edge_node}/{device}"
    return SparkplugTopic(kind, group, node, device, edge_node, source, f"{NAMESPACE}/{group}/NCMD/{node}")
