"""What the births declared and where the edge nodes stand, as kept in the memory of a mapping.

    node GROUP/NODE            {bd_seq, online, devices: {DEVICE: online}}
    metrics GROUP/NODE[/DEVICE]    [[name, alias, datatype], ...] as its birth declared them
    seq GROUP/NODE             [seq, timestamp] of the last message in order

Only the last row changes with every message. Rows are JSON; each is parsed once and then found by its bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.model import StateStore

T = TypeVar("T")

Declared: TypeAlias = tuple[str, int | None, int]
"""A metric of a birth: name, alias, datatype."""

_Parsed: TypeAlias = "dict[str, tuple[bytes, T]]"
NODE, METRICS, SEQ = "node ", "metrics ", "seq "


class NodeState(NamedTuple):
    """An edge node, and which of its devices are online. Never changed, only replaced."""

    bd_seq: int | None
    online: bool
    devices: dict[str, bool]


class MetricTable(NamedTuple):
    """The metrics of a node or device: name and datatype by alias, and datatype by name."""

    by_alias: dict[int, tuple[str, int]]
    by_name: dict[str, int]


Last: TypeAlias = tuple[int, int]
"""The last message in order: its sequence number, and the payload's timestamp in milliseconds since 1970."""

UNKNOWN = NodeState(None, online=False, devices={})
NOTHING_DECLARED = MetricTable({}, {})


class BirthCertificates:
    """Reads and writes the rows. The memory is given with each call: what is kept here is only its parsed form."""

    def __init__(self) -> None:
        self._nodes: _Parsed[NodeState] = {}
        self._tables: _Parsed[MetricTable] = {}
        self._lasts: _Parsed[Last] = {}

    def node(self, memory: StateStore, edge_node: str) -> NodeState:
        """`UNKNOWN` before any birth or death."""
        return _read(self._nodes, memory, NODE + edge_node, _node) or UNKNOWN

    def table(self, memory: StateStore, source: str) -> MetricTable:
        """Of a node or device; empty before its birth."""
        return _read(self._tables, memory, METRICS + source, _table) or NOTHING_DECLARED

    def last(self, memory: StateStore, edge_node: str) -> Last | None:
        """None before the node's birth."""
        return _read(self._lasts, memory, SEQ + edge_node, _last)

    def put_node(self, memory: StateStore, edge_node: str, node: NodeState) -> None:
        """Remember where it stands."""
        memory.put(NODE + edge_node, orjson.dumps([*node]))

    def put_table(self, memory: StateStore, source: str, declared: Iterable[Declared]) -> None:
        """Remember a birth."""
        memory.put(METRICS + source, orjson.dumps([*declared]))

    def put_last(self, memory: StateStore, edge_node: str, seq: int, timestamp: int) -> None:
        """Remember the last message in order."""
        key, last = SEQ + edge_node, (seq, timestamp)
        row = orjson.dumps(last)
        memory.put(key, row)
        self._lasts[key] = (row, last)

    def forget_table(self, memory: StateStore, source: str) -> None:
        """A device that the node's new birth has not spoken of yet."""
        memory.forget(METRICS + source)
        self._tables.pop(METRICS + source, None)


def _read(parsed: _Parsed[T], memory: StateStore, key: str, parse: Callable[[Any], T]) -> T | None:
    row = memory.get(key)
    if row is None:
        return None
    known = parsed.get(key)
    if known is not None and known[0] is row:
        return known[1]
    value = parse(orjson.loads(row))
    parsed[key] = (row, value)
    return value


def _node(row: list[Any]) -> NodeState:
    return NodeState(*row)


def _last(row: list[int]) -> Last:
    return row[0], row[1]


def _table(row: list[Declared]) -> MetricTable:
    return MetricTable(
        {alias: (name, datatype) for name, alias, datatype in row if alias is not None},
        {name: datatype for name, _, datatype in row},
    )
