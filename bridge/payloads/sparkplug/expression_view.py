"""The object that expressions of a mapping with `payload: sparkplug_b` see.

    type             NBIRTH, DBIRTH, NDATA, DDATA, NDEATH, DDEATH, NCMD or DCMD
    group, node, device    from the topic; device is null in a message of the node itself
    timestamp        of the payload, in milliseconds since 1970; null if not sent
    seq              sequence number of the payload, from 0 to 255; null if not sent
    bd_seq           only in NBIRTH and NDEATH: the number of the session that begins or ends
    online           true if the node, or the device, is online after this message
    metrics          the last reading of each metric, by the metric's name
    readings         all readings, in the order in which they were sent
    stale            in a death: [{name, type, group, node, device}] of the metrics that are out of date now; the death
                     of a node includes the metrics of its devices
    unknown_aliases  readings that have an `alias` instead of a name, because no birth has declared the alias
    problems         codes of problems, or an empty list (session.py lists the codes)
    uuid, body       only if sent; the body is a list of integers from 0 to 255

readings.py describes a reading. Here, each reading also contains its source (`group`, `node` and `device`), because
JMESPath cannot access the parent of a list item.

A STATE message becomes {type, host, online, timestamp}.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from bridge.errors import DecodeError
from bridge.payloads.sparkplug.datatypes import DATATYPES, datatype_name
from bridge.payloads.sparkplug.metric_table import DeclaredMetric, MetricTable
from bridge.payloads.sparkplug.readings import ReadingContext, read_metric

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.payloads.sparkplug.topic import SparkplugTopic
    from bridge.payloads.sparkplug.wire_format import Fields

View: TypeAlias = dict[str, Any]

BD_SEQ = "bdSeq"
"""Name of the metric with the number of the session."""
# Every NDEATH contains the metric bdSeq (section 6.4.21 of the specification). With this fixed declaration, the bridge
# can read the metric without a birth.
_OF_DEATHS = MetricTable({}, {BD_SEQ: DeclaredMetric(BD_SEQ, None, DATATYPES.index("Int64"))})


def view_of(topic: SparkplugTopic, payload: Fields, table: MetricTable, definitions: Callable[[], MetricTable]) -> View:
    """Return the view of a payload. `table` has the declared metrics. Raise DecodeError for malformed values.

    `definitions` returns the metrics of the node's birth. Templates in the payload need them.
    """
    metrics: dict[str, Any] = {}
    readings: list[dict[str, Any]] = []
    view: View = {
        "type": topic.type,
        "group": topic.group,
        "node": topic.node,
        "device": topic.device,
        "timestamp": payload.get("timestamp"),
        "seq": payload.get("seq"),
        "online": True,
        "metrics": metrics,
        "readings": readings,
        "stale": [],
        "unknown_aliases": [],
        "problems": [],
    }
    context = ReadingContext(view["timestamp"], definitions, partial(note, view))
    tables = (table, _OF_DEATHS) if topic.type == "NDEATH" else (table,)
    source = {"group": topic.group, "node": topic.node, "device": topic.device}
    for fields in payload.get("metrics", ()):
        one = read_metric(fields, tables, context)
        one.update(source)
        if "name" in one:
            readings.append(one)
            metrics[one["name"]] = one
        else:
            view["unknown_aliases"].append(one)
    if payload.get("replaced_text"):
        note(view, "not_utf8")
    if "uuid" in payload:
        view["uuid"] = payload["uuid"]
    if "body" in payload:
        view["body"] = list(payload["body"])
    return view


def note(view: View, problem: str) -> None:
    """Add a problem to the view, if the view does not have it yet."""
    if problem not in view["problems"]:
        view["problems"].append(problem)


def bd_seq_of(view: View) -> int | None:
    """Return the number of the session that begins or ends, or None if it is missing or not an integer."""
    metric = view["metrics"].get(BD_SEQ)
    return metric["value"] if metric is not None and type(metric["value"]) is int else None


def stale(topic: SparkplugTopic, device: str | None, table: MetricTable) -> list[dict[str, Any]]:
    """Return the metrics that are out of date after the death of a node or device: all metrics of its birth."""
    source = {"group": topic.group, "node": topic.node, "device": device}
    return [
        {"name": name, "type": datatype_name(declared.datatype), **source}
        for name, declared in table.by_name.items()
        if name != BD_SEQ
    ]


def host_state(topic: SparkplugTopic, payload: bytes) -> View:
    """Return the view of a host's STATE, such as {"online": true, "timestamp": 1}. Raise DecodeError."""
    try:
        state = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"not the STATE of a Sparkplug host: {error}") from None
    if not isinstance(state, dict) or not isinstance(state.get("online"), bool):
        raise DecodeError("not the STATE of a Sparkplug host: 'online' is not true or false")
    return {"type": topic.type, "host": topic.node, "online": state["online"], "timestamp": state.get("timestamp")}
