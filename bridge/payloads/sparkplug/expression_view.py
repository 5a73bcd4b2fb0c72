"""The object that expressions of a mapping with `payload: sparkplug_b` see.

    type             NBIRTH, DBIRTH, NDATA, DDATA, NDEATH, DDEATH, NCMD or DCMD
    group, node, device    from the topic; device is null in a message of the node itself
    timestamp, seq   the payload's: milliseconds since 1970, and 0-255; null if not sent
    bd_seq           of NBIRTH and NDEATH: the session that begins or ends
    online           true if the node, or the device, is online after this message
    metrics          readings by the name of the metric; the last one, if a metric has several
    readings         every reading, in the order sent
    stale            of a death: [{name, type, group, node, device}] of the metrics that are out of date now; when a
                     node dies, those of its devices too
    unknown_aliases  readings with an `alias` instead of a name, which no birth has declared
    problems         codes, an empty list if there are none: see session.py
    uuid, body       if sent; the body as a list of integers 0-255

A reading is {name, value, type, timestamp, quality, is_null, historical, group, node, device}. It also has `properties`
by key, `metadata` and `transient`, if they were sent. JMESPath cannot look up the parent of a list item, so each
reading has its source.

A STATE message becomes {type, host, online, timestamp}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from bridge.errors import DecodeError
from bridge.payloads.sparkplug.datatypes import datatype_name, reading

if TYPE_CHECKING:
    from bridge.payloads.sparkplug.birth_certificates import MetricTable
    from bridge.payloads.sparkplug.protobuf import Fields
    from bridge.payloads.sparkplug.topic import Topic

View: TypeAlias = dict[str, Any]

BD_SEQ = "bdSeq"
"""Name of the metric with the session's number."""


def view_of(topic: Topic, payload: Fields, table: MetricTable) -> View:
    """Return the view of a payload, read with the declared metrics. Raise DecodeError for malformed values."""
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
    sent_at, by_alias = view["timestamp"], table.by_alias
    source = {"group": topic.group, "node": topic.node, "device": topic.device}
    for fields in payload.get("metrics", ()):
        name, datatype = fields.get("name"), fields.get("datatype")
        if name is None:
            known = by_alias.get(fields.get("alias", -1))
            if known is None:
                _unknown_alias(view, reading(fields, None, datatype or 0, sent_at) | source, fields.get("alias"))
                continue
            name, declared = known
            datatype = datatype or declared
        elif datatype is None:
            datatype = _declared_type(view, table, name)
        one = reading(fields, name, datatype, sent_at)
        one.update(source)
        readings.append(one)
        metrics[name] = one
    if "uuid" in payload:
        view["uuid"] = payload["uuid"]
    if "body" in payload:
        view["body"] = list(payload["body"])
    return view


def _unknown_alias(view: View, nameless: dict[str, Any], alias: int | None) -> None:
    """Add a reading whose alias no birth has declared, and the problem `unknown_alias`."""
    del nameless["name"]
    view["unknown_aliases"].append({"alias": alias, **nameless})
    note(view, "unknown_alias")


def _declared_type(view: View, table: MetricTable, name: str) -> int:
    """Return the declared datatype of a metric; 0, and the problem `unknown_type`, if there is none.

    Some nodes send the name even if they declared an alias.
    """
    datatype = table.by_name.get(name)
    if datatype is None:
        note(view, "unknown_type")
        return 0
    return datatype


def note(view: View, problem: str) -> None:
    """Add a problem, unless it is there already."""
    if problem not in view["problems"]:
        view["problems"].append(problem)


def bd_seq_of(view: View) -> int | None:
    """Return the number of the session that begins or ends; None if it is missing or not an integer."""
    metric = view["metrics"].get(BD_SEQ)
    return metric["value"] if metric is not None and type(metric["value"]) is int else None


def stale(topic: Topic, device: str | None, table: MetricTable) -> list[dict[str, Any]]:
    """Return the metrics that are out of date when a node or device is dead: all that its birth declared."""
    source = {"group": topic.group, "node": topic.node, "device": device}
    return [
        {"name": name, "type": datatype_name(datatype), **source}
        for name, datatype in table.by_name.items()
        if name != BD_SEQ
    ]


def host_state(topic: Topic, payload: bytes) -> View:
    """Return the view of a host's STATE, such as {"online": true, "timestamp": 1}. Raise DecodeError."""
    try:
        state = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"not the STATE of a Sparkplug host: {error}") from None
    if not isinstance(state, dict) or not isinstance(state.get("online"), bool):
        raise DecodeError("not the STATE of a Sparkplug host: 'online' is not true or false")
    return {"type": topic.type, "host": topic.node, "online": state["online"], "timestamp": state.get("timestamp")}
