"""Readings: the objects that an expression sees for metrics and for members of templates.

A reading is {name, value, type, timestamp, quality, is_null, historical}. It also has `properties`, `metadata` and
`transient`, if they were sent. The value of a template is

    {reference, version, is_definition, metrics: {name: reading}, parameters: {name: value}}

If a message omits the name or datatype of a metric or member, the reading has the name or datatype from the birth
(metric_table.py). A template has `unknown_aliases` if it contains members whose alias no birth has declared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.payloads.sparkplug.datatypes import DATATYPES, UNKNOWN_TYPE, properties_of, value_of
from bridge.payloads.sparkplug.metric_table import alias_key, declarations, member_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.payloads.sparkplug.metric_table import DeclaredMetric, MetricTable
    from bridge.payloads.sparkplug.wire_format import Fields

GOOD = 192
"""Quality of a metric that has no property 'Quality'. Other values are 0 for bad, and 500 for stale."""

_TYPE_NAMES = dict(enumerate(DATATYPES))


class ReadingContext(NamedTuple):
    """Data that `read_metric` needs in addition to the fields of the message.

    `sent_at` is the payload's timestamp, for metrics without a timestamp. `definitions` returns the metrics of the
    node's birth, including the definitions of templates. It is called only for a template. `note` adds the code of
    a problem to the `problems` that expressions see.
    """

    sent_at: int | None
    definitions: Callable[[], MetricTable]
    note: Callable[[str], None]


def read_metric(fields: Fields, tables: Sequence[MetricTable], context: ReadingContext) -> dict[str, Any]:
    """Return the reading of a metric. Raise DecodeError.

    If the message omits the metric's name or datatype, the first table that declares the metric is used. If no table
    declares the alias, the reading has an `alias` instead of a `name`.
    """
    name, datatype = fields.get("name"), fields.get("datatype")
    # Usually the first table declares the metric. This case is handled without a function call.
    if not name and (alias := fields.get("alias")) is not None:
        known = tables[0].by_alias.get(alias_key(alias)) if tables else None
    else:
        known = tables[0].by_name.get(name) if tables and name and not datatype else None
    if known is not None:
        name, _, declared_type, _ = known
        datatype = datatype or declared_type
    if not name or not datatype:
        name, datatype = _resolved(fields, tables, context)
    if datatype is None:
        datatype = 0
    value = None
    if "is_null" not in fields or not fields["is_null"]:
        value = _template_value(fields, tables, context) if "template" in fields else value_of(fields, datatype)
    reading = {
        "name": name,
        "value": value,
        "type": _TYPE_NAMES.get(datatype, UNKNOWN_TYPE),
        "timestamp": fields.get("timestamp", context.sent_at),
        "quality": GOOD,
        "is_null": value is None,
        "historical": fields.get("is_historical", False),
    }
    if name is None:
        del reading["name"]
        # The alias replaces the name as the first key, because records have the keys in this order.
        reading = {"alias": fields.get("alias"), **reading}
    if "properties" in fields:
        reading["properties"] = properties = properties_of(fields["properties"])
        reading["quality"] = properties.get("Quality", GOOD)
    if "metadata" in fields:
        reading["metadata"] = fields["metadata"]
    if "is_transient" in fields:
        reading["transient"] = fields["is_transient"]
    return reading


def _resolved(fields: Fields, tables: Sequence[MetricTable], context: ReadingContext) -> tuple[str | None, int | None]:
    """Return the name and the datatype of a metric. If one of them is unknown, it is None, and a problem is noted."""
    declared = declarations(fields, tables)
    name = fields.get("name")
    if not name and "alias" in fields:
        name = declared[0].name if declared else None
    datatype = fields.get("datatype") or next((each.datatype for each in declared if each.datatype), None)
    if name is None:
        context.note("unknown_alias")
    elif datatype is None and "datatype" not in fields:
        # If a birth has declared the metric without a datatype, the next birth would lack the datatype too. So the
        # problem `untyped` requests no rebirth.
        context.note("untyped" if declared else "unknown_type")
    return name, datatype


def _template_value(fields: Fields, tables: Sequence[MetricTable], context: ReadingContext) -> dict[str, Any]:
    """Return the value of a metric that is a template. Members without a timestamp get the metric's timestamp."""
    inner = context._replace(sent_at=fields.get("timestamp", context.sent_at))
    return _template(fields["template"], declarations(fields, tables), inner)


def _template(fields: Fields, declared: Sequence[DeclaredMetric], context: ReadingContext) -> dict[str, Any]:
    """Return a template with its members and parameters by name."""
    tables = member_tables(fields, declared, context.definitions())
    members: dict[str, Any] = {}
    nameless: list[dict[str, Any]] = []
    for each in fields.get("metrics", ()):
        member = read_metric(each, tables, context)
        if "name" in member:
            members[member["name"]] = member
        else:
            nameless.append(member)
    template = {
        "reference": fields.get("template_ref"),
        "version": fields.get("version"),
        "is_definition": fields.get("is_definition", False),
        "metrics": members,
        "parameters": {str(each.get("name")): _parameter(each, tables) for each in fields.get("parameters", ())},
    }
    return {**template, "unknown_aliases": nameless} if nameless else template


def _parameter(fields: Fields, tables: Sequence[MetricTable]) -> Any:
    """Return the value of a parameter. If the datatype is omitted, use the first table that declares the datatype."""
    name = fields.get("name")
    declared = (table.parameters.get(name, 0) for table in tables) if name is not None else ()
    return value_of(fields, fields.get("type") or next(filter(None, declared), 0))
