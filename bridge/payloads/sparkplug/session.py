"""`payload: sparkplug_b`: reads births, data and deaths with the declarations of earlier births.

expression_view.py describes the result. Its `problems` are a list of these codes. For a code marked with *, the bridge
requests a rebirth: the edge node then sends its births again.

    gap *            messages before this one are missing
    no_birth *       the node or the device has sent no birth, or is dead
    unknown_alias *  no birth has declared an alias: see `unknown_aliases`
    unknown_type *   no birth has declared a metric, and the message has no datatype: the value stays as it was sent
    untyped          the birth declared a metric without a datatype: the value stays as it was sent
    not_utf8         a text is not UTF-8: U+FFFD replaces the invalid bytes
    late             the message is older than the message before it
    duplicate        the message repeats the last message
    invalid_seq      the sequence number is missing or above 255
    old_death        the NDEATH belongs to an earlier session of the node: it changes nothing

A message with problems is still mapped, with all parts that could be read. An MQTT connection preserves the order of
messages, so a missing message is lost. Therefore the bridge reports a gap at once, and does not wait for the message.

Sections 5 and 6 of the Sparkplug 3.0 specification:
https://sparkplug.eclipse.org/specification/version/3.0/documents/sparkplug-specification-3.0.0.pdf
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from bridge.payloads.sparkplug.birth_certificates import BirthCertificates, NodeState
from bridge.payloads.sparkplug.compressed_payload import COMPRESSED, decompressed
from bridge.payloads.sparkplug.expression_view import bd_seq_of, host_state, note, stale, view_of
from bridge.payloads.sparkplug.metric_table import NOTHING_DECLARED, rows_of, table_of_rows
from bridge.payloads.sparkplug.rebirth_requests import EVERY_SECS, RebirthRequests
from bridge.payloads.sparkplug.sequence_numbers import sequence_problem
from bridge.payloads.sparkplug.topic import STATE, SparkplugTopic, parse_topic
from bridge.payloads.sparkplug.wire_format import read_payload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.model import Message, OutgoingMessage, StateStore
    from bridge.payloads.sparkplug.expression_view import View
    from bridge.payloads.sparkplug.metric_table import MetricTable
    from bridge.payloads.sparkplug.wire_format import Fields

_LOST = frozenset(("gap", "no_birth"))
_UNREADABLE = frozenset(("unknown_alias", "unknown_type"))
_ASK_FOR_REBIRTH = {
    "NDATA": _LOST | _UNREADABLE,
    "DDATA": _LOST | _UNREADABLE,
    "DBIRTH": _LOST,  # what cannot be read in one birth cannot be read in the next one either
    "DDEATH": _LOST,
}
_BIRTHS = frozenset(("NBIRTH", "DBIRTH"))
_IN_ORDER = frozenset(("", "gap"))
_NEVER: frozenset[str] = frozenset()
OWN_COMMAND: Final = object()
"""Result for a rebirth request of the bridge itself, which the broker has sent back."""
# Maximum number of parsed topics in the cache. A full cache is cleared.
_MAX_TOPICS = 10_000


class SparkplugSession:
    """State of all edge nodes of one mapping.

    Only the decoding thread uses it. The time at which a message was received serves as the clock.
    """

    def __init__(self, *, rebirth: bool = True, rebirth_every_secs: int = EVERY_SECS) -> None:
        """Send one rebirth request per edge node in `rebirth_every_secs` at most, or none if `rebirth` is false."""
        self._births = BirthCertificates()
        self._rebirths = RebirthRequests(allowed=rebirth, every_secs=rebirth_every_secs)
        self._topics: dict[str, SparkplugTopic] = {}
        self._follow: Mapping[str, Callable[[SparkplugTopic, NodeState, View, StateStore], None]] = {
            "NBIRTH": self._node_birth,
            "DBIRTH": self._device_birth,
            "NDATA": self._data,
            "DDATA": self._data,
            "NDEATH": self._node_death,
            "DDEATH": self._device_death,
        }

    def decode(self, message: Message, memory: StateStore) -> tuple[Any, tuple[OutgoingMessage, ...]]:
        """Return the object that expressions see (or OWN_COMMAND), and the commands to send.

        Raise DecodeError. In this case, the state is unchanged.
        """
        topic = self._topics.get(message.topic) or self._topic(message.topic)
        if topic.type == STATE:
            return host_state(topic, message.payload), ()
        # A broker sends the bridge's own commands back if the bridge has subscribed to their topic. MQTT 3.1.1 has no
        # option against this.
        if topic.type == "NCMD" and self._rebirths.sent(topic.edge_node, message.payload):
            return OWN_COMMAND, ()
        payload = read_payload(message.payload)
        if payload.get("uuid") == COMPRESSED:
            payload = decompressed(payload)
        node = self._births.node(memory, topic.edge_node)
        definitions = partial(self._definitions, topic, node, payload, memory)
        view = view_of(topic, payload, self._declared(topic, node, memory), definitions)
        follow = self._follow.get(topic.type)
        if follow is None:  # a command, which changes no state
            return view, ()
        follow(topic, node, view, memory)
        # `view_of` raises an error if a birth cannot be read completely. So its metrics are stored only after that.
        if topic.type in _BIRTHS:
            self._births.put_table(memory, topic.source, rows_of(payload.get("metrics", ())))
        if view["problems"] and not _ASK_FOR_REBIRTH.get(topic.type, _NEVER).isdisjoint(view["problems"]):
            self._rebirths.request(topic.edge_node, topic.commands, message.received_at_ms)
        return view, self._rebirths.due(message.received_at_ms)

    def _topic(self, text: str) -> SparkplugTopic:
        """Return the parsed topic, after adding it to the cache. Raise DecodeError."""
        topic = parse_topic(text)
        if len(self._topics) >= _MAX_TOPICS:
            self._topics.clear()
        self._topics[text] = topic
        return topic

    def _declared(self, topic: SparkplugTopic, node: NodeState, memory: StateStore) -> MetricTable:
        """Return the declared metrics that apply to this message.

        The table is empty for a birth, because the birth declares the metrics itself. The table is also empty if the
        node or device is offline.
        """
        online = node.online if topic.device is None else node.devices.get(topic.device, False)
        return self._births.table(memory, topic.source) if online and topic.type not in _BIRTHS else NOTHING_DECLARED

    def _definitions(self, topic: SparkplugTopic, node: NodeState, payload: Fields, memory: StateStore) -> MetricTable:
        """Return the metrics of the node's birth, which include the definitions of templates."""
        if topic.type == "NBIRTH":
            return table_of_rows(rows_of(payload.get("metrics", ())))
        return self._births.table(memory, topic.edge_node) if node.online else NOTHING_DECLARED

    def _node_birth(self, topic: SparkplugTopic, node: NodeState, view: View, memory: StateStore) -> None:
        """Begin a new session. The old metrics of the devices are deleted, because new births of the devices follow."""
        self._rebirths.born(topic.edge_node)
        for device in node.devices:
            self._births.forget_table(memory, f"{topic.edge_node}/{device}")
        view["bd_seq"] = bd_seq_of(view)
        self._births.put_node(memory, topic.edge_node, NodeState(view["bd_seq"], online=True, devices={}))
        # An NBIRTH restarts the sequence numbers. The specification requires 0, but any number is accepted.
        self._births.put_last(memory, topic.edge_node, view["seq"] or 0, view["timestamp"] or 0)

    def _device_birth(self, topic: SparkplugTopic, node: NodeState, view: View, memory: StateStore) -> None:
        """Check the sequence number, and store that the device is online."""
        self._follow_sequence(topic, node, view, memory)
        self._put_device(topic, node, memory, online=True)

    def _data(self, topic: SparkplugTopic, node: NodeState, view: View, memory: StateStore) -> None:
        """Check the sequence number, and whether the node and the device are online."""
        self._follow_sequence(topic, node, view, memory)
        if not node.online or (topic.device is not None and not node.devices.get(topic.device, False)):
            view["online"] = False
            note(view, "no_birth")

    def _device_death(self, topic: SparkplugTopic, node: NodeState, view: View, memory: StateStore) -> None:
        """Check the sequence number, and store that the device is offline. All its metrics are then stale."""
        # The stale metrics are determined while the device still counts as online. Afterwards, `_declared` would return
        # an empty table.
        view["stale"] = stale(topic, topic.device, self._declared(topic, node, memory))
        view["online"] = False
        self._follow_sequence(topic, node, view, memory)
        self._put_device(topic, node, memory, online=False)

    def _node_death(self, topic: SparkplugTopic, node: NodeState, view: View, memory: StateStore) -> None:
        """Store that the node and its devices are offline. Ignore the death of an earlier session.

        The broker publishes this message as the node's will.
        """
        view["bd_seq"] = ended = bd_seq_of(view)
        # A node whose network failed may connect again before the broker publishes the will of its old connection. The
        # session numbers then differ. If a number is missing, the death is accepted, because the next birth corrects a
        # wrong state.
        if node.online and None not in {ended, node.bd_seq} and ended != node.bd_seq:
            note(view, "old_death")
            return
        view["online"] = False
        view["stale"] = [*self._stale(topic, node, memory)]
        dead = dict.fromkeys(node.devices, False)
        self._births.put_node(memory, topic.edge_node, NodeState(node.bd_seq, online=False, devices=dead))

    def _stale(self, topic: SparkplugTopic, node: NodeState, memory: StateStore) -> Iterator[dict[str, Any]]:
        """Yield the stale metrics of the node and of its devices that were online."""
        if node.online:
            yield from stale(topic, None, self._births.table(memory, topic.edge_node))
        for device, online in node.devices.items():
            if online:
                yield from stale(topic, device, self._births.table(memory, f"{topic.edge_node}/{device}"))

    def _put_device(self, topic: SparkplugTopic, node: NodeState, memory: StateStore, *, online: bool) -> None:
        """Store whether a device is online, if that has changed."""
        if topic.device is not None and node.devices.get(topic.device) is not online:
            devices = {**node.devices, topic.device: online}
            self._births.put_node(memory, topic.edge_node, node._replace(devices=devices))

    def _follow_sequence(self, topic: SparkplugTopic, node: NodeState, view: View, memory: StateStore) -> None:
        """Check the sequence number of a message. If it is wrong, add a problem to the view."""
        last = self._births.last(memory, topic.edge_node) if node.online else None
        if last is None:
            note(view, "no_birth")
            return
        seq, timestamp = view["seq"], view["timestamp"] or 0
        problem = sequence_problem(last, seq, timestamp)
        if problem:
            note(view, problem)
        # A late or duplicate message must not set the sequence back.
        if problem in _IN_ORDER:
            self._births.put_last(memory, topic.edge_node, seq or 0, timestamp)
