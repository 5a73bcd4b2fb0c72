"""Births and states of the edge nodes, stored as rows in the state of a mapping.

    node GROUP/NODE            [bd_seq, online, {DEVICE: online}]
    metrics GROUP/NODE[/DEVICE]    [[name, alias, datatype, template], ...] of its birth (metric_table.py)
    seq GROUP/NODE             [seq, timestamp] of the last message in order

A message is in order if it is neither late nor a duplicate (sequence_numbers.py).

Rows are JSON. Only the row `seq` changes with every message. Parsed rows are cached. A parsed row is valid as long as
the store returns the same bytes object for the row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import orjson

from bridge.payloads.sparkplug.metric_table import NOTHING_DECLARED, MetricTable, table_of_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.model import StateStore
    from bridge.payloads.sparkplug.metric_table import Row

T = TypeVar("T")

_Parsed: TypeAlias = "dict[str, tuple[bytes, T]]"
# Maximum number of parsed rows of each kind in the cache. A table of a hundred metrics takes 30 KB.
_MAX_PARSED = 2_000
NODE, METRICS, SEQ = "node ", "metrics ", "seq "


class NodeState(NamedTuple):
    """State of an edge node. `devices` has each device of the node, with True if the device is online.

    `bd_seq` is the number of the session. A birth and the death that ends its session have the same number.
    """

    bd_seq: int | None
    online: bool
    devices: dict[str, bool]


Last: TypeAlias = tuple[int, int]
"""Sequence number and timestamp (in milliseconds since 1970) of the last message in order of a node."""

UNKNOWN = NodeState(None, online=False, devices={})
"""State of an edge node before any birth or death."""


class BirthCertificates:
    """Access to the rows. The caller passes the state store to each method. This object contains only caches."""

    def __init__(self) -> None:
        """Start with empty caches."""
        self._nodes: _Parsed[NodeState] = {}
        self._tables: _Parsed[MetricTable] = {}
        self._lasts: _Parsed[Last] = {}

    def node(self, memory: StateStore, edge_node: str) -> NodeState:
        """Return the state of an edge node, or `UNKNOWN` before its first birth or death."""
        return _read(self._nodes, memory, NODE + edge_node, _node) or UNKNOWN

    def table(self, memory: StateStore, source: str) -> MetricTable:
        """Return the metrics of a node or device, or an empty table before its birth."""
        return _read(self._tables, memory, METRICS + source, table_of_rows) or NOTHING_DECLARED

    def last(self, memory: StateStore, edge_node: str) -> Last | None:
        """Return the last message in order of a node, or None before the node's birth."""
        return _read(self._lasts, memory, SEQ + edge_node, _last)

    def put_node(self, memory: StateStore, edge_node: str, node: NodeState) -> None:
        """Store the state of an edge node."""
        memory.put(NODE + edge_node, orjson.dumps([*node]))

    def put_table(self, memory: StateStore, source: str, rows: Iterable[Row]) -> None:
        """Store the metrics that a birth declared (see `metric_table.rows_of`)."""
        memory.put(METRICS + source, orjson.dumps([*rows]))

    def put_last(self, memory: StateStore, edge_node: str, seq: int, timestamp: int) -> None:
        """Store the last message in order of a node."""
        key, last = SEQ + edge_node, (seq, timestamp)
        row = orjson.dumps(last)
        memory.put(key, row)
        # This row changes with every message. Because it is cached here, the next message does not parse it. The store
        # may have copied `row`, so `get` returns the bytes object that the cache needs.
        if (stored := memory.get(key)) is not None:
            _cache(self._lasts, key, (stored, last))

    def forget_table(self, memory: StateStore, source: str) -> None:
        """Delete the metrics of a device. After a new birth of its node, the device must send a new birth too."""
        memory.forget(METRICS + source)
        self._tables.pop(METRICS + source, None)


def _read(parsed: _Parsed[T], memory: StateStore, key: str, parse: Callable[[Any], T]) -> T | None:
    """Return the parsed row, or None if there is none."""
    row = memory.get(key)
    if row is None:
        return None
    known = parsed.get(key)
    # The bytes are compared by identity, which is fast. A changed row is always another object.
    if known is not None and known[0] is row:
        return known[1]
    value = parse(orjson.loads(row))
    _cache(parsed, key, (row, value))
    return value


def _cache(parsed: _Parsed[T], key: str, row: tuple[bytes, T]) -> None:
    """Add a parsed row to a cache. A full cache is cleared first, because rows can be parsed again."""
    if len(parsed) >= _MAX_PARSED and key not in parsed:
        parsed.clear()
    parsed[key] = row


def _node(row: list[Any]) -> NodeState:
    return NodeState(*row)


def _last(row: list[int]) -> Last:
    return row[0], row[1]
