"""Tables of the metrics that a birth declares, with names, aliases and datatypes, including template members.

After the birth an edge node may omit declared names and datatypes, so a value can be read only with this table. This
holds for metrics and, at any depth, for the members of a template. A member is declared by the instance in the birth,
by the template's definition in the NBIRTH, or by both.

Rows, as they are stored in JSON: [name, alias, datatype], and for a template also [reference, rows of the members,
{parameter: datatype}].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bridge.payloads.sparkplug.protobuf import Fields

Row: TypeAlias = "list[Any]"

# Prefix of definitions from Ignition: an instance of `Motor` refers to the metric `_types_/Motor`.
_TYPES_FOLDER = "_types_/"


AliasKey: TypeAlias = int | str
_MAX_INTEGER_KEY = 1 << 24


def alias_key(alias: int) -> AliasKey:
    """Return an alias as a key of a dict; a large alias becomes text.

    Large integers can be crafted to collide in a dict, so that a birth would take seconds to read. Small integers and
    text cannot be crafted to collide.
    """
    return alias if alias < _MAX_INTEGER_KEY else str(alias)


class DeclaredMetric(NamedTuple):
    """A declared metric or member. `members` is None unless it is a template."""

    name: str
    alias: int | None
    datatype: int
    members: MetricTable | None = None


class MetricTable(NamedTuple):
    """Declared metrics of a node or device, or declared members of a template.

    `by_alias` has the keys of `alias_key`.

    For a template, `parameters` has the datatypes by name, and `reference` is the name of its definition.
    """

    by_alias: dict[AliasKey, DeclaredMetric]
    by_name: dict[str, DeclaredMetric]
    parameters: dict[str, int] = {}  # noqa: RUF012  never changed
    reference: str | None = None


NOTHING_DECLARED = MetricTable({}, {})
"""Metrics of a node or device before its birth."""


def declarations(fields: Fields, tables: Sequence[MetricTable]) -> list[DeclaredMetric]:
    """Return the declarations of a metric or member, nearest first.

    An empty name together with an alias is an omitted name, because some encoders write the default value of a text.
    """
    name, alias = fields.get("name"), fields.get("alias")
    if not name and alias is not None:
        key = alias_key(alias)
        return [table.by_alias[key] for table in tables if key in table.by_alias]
    return [table.by_name[name] for table in tables if name in table.by_name]


def member_tables(template: Fields, declared: Sequence[DeclaredMetric], definitions: MetricTable) -> list[MetricTable]:
    """Return the tables of a template's members, nearest first: from its instances, then from its definition."""
    tables = [each.members for each in declared if each.members is not None]
    # A dict and not a set, because the order matters and a definition must be searched once only.
    references = dict.fromkeys([template.get("template_ref"), *(each.reference for each in tables)])
    for reference in references:
        if reference:
            known = definitions.by_name.get(reference) or definitions.by_name.get(_TYPES_FOLDER + reference)
            if known is not None and known.members is not None:
                tables.append(known.members)
    return tables


def rows_of(metrics: Iterable[Fields]) -> Iterator[Row]:
    """Yield the rows that metrics of a birth declare. A metric without a name declares nothing."""
    for metric in metrics:
        if "name" in metric:
            row = [metric["name"], metric.get("alias"), metric.get("datatype", 0)]
            yield [*row, _template_row(metric["template"])] if "template" in metric else row


def _template_row(template: Fields) -> list[Any]:
    parameters = {each["name"]: each.get("type", 0) for each in template.get("parameters", ()) if "name" in each}
    return [template.get("template_ref"), [*rows_of(template.get("metrics", ()))], parameters]


def table_of_rows(rows: Iterable[Row]) -> MetricTable:
    """Return the rows, indexed by alias and by name."""
    declared = [DeclaredMetric(row[0], row[1], row[2], _members(row[3]) if row[3:] else None) for row in rows]
    return MetricTable(
        {alias_key(each.alias): each for each in declared if each.alias is not None},
        {each.name: each for each in declared},
    )


def _members(template: list[Any]) -> MetricTable:
    reference, rows, parameters = template
    return table_of_rows(rows)._replace(parameters=parameters, reference=reference)
