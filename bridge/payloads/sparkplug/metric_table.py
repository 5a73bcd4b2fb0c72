"""Tables of the metrics that a birth declares, with names, aliases and datatypes.

After the birth, an edge node may omit declared names and datatypes, so the bridge needs this table to read a value. An
edge node may also omit names and datatypes of the members of a template, at any depth. A member is declared by the
instance of the template in the birth, by the definition of the template in the NBIRTH, or by both.

A table is stored as JSON rows. A row is [name, alias, datatype]. The row of a template has a fourth item: [reference,
rows of the members, {parameter: datatype}].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bridge.payloads.sparkplug.wire_format import Fields

Row: TypeAlias = "list[Any]"

# Ignition adds this prefix to the name of a definition. Instances omit the prefix: an instance of `Motor` has the
# definition `_types_/Motor`.
_TYPES_FOLDER = "_types_/"


AliasKey: TypeAlias = int | str
# Aliases from this value on become text (see `alias_key`).
_MAX_INTEGER_KEY = 1 << 24


def alias_key(alias: int) -> AliasKey:
    """Return the key for an alias in a dict. A large alias becomes text.

    Large integers can be crafted to collide in a dict, so that reading a birth would take seconds. Small integers and
    text cannot be crafted in this way.
    """
    return alias if alias < _MAX_INTEGER_KEY else str(alias)


class DeclaredMetric(NamedTuple):
    """A declared metric, or a declared member of a template. `members` is None if it is not a template."""

    name: str
    alias: int | None
    datatype: int
    members: MetricTable | None = None


class MetricTable(NamedTuple):
    """Declared metrics of a node or device, or declared members of a template.

    The keys of `by_alias` are created by `alias_key`. For a template, `parameters` has the datatype of each parameter,
    and `reference` is the name of the template's definition.
    """

    by_alias: dict[AliasKey, DeclaredMetric]
    by_name: dict[str, DeclaredMetric]
    parameters: dict[str, int] = {}  # noqa: RUF012  never changed
    reference: str | None = None


NOTHING_DECLARED = MetricTable({}, {})
"""Metrics of a node or device before its birth."""


def declarations(fields: Fields, tables: Sequence[MetricTable]) -> list[DeclaredMetric]:
    """Return the declarations of a metric or member, in the order of the tables.

    An empty name counts as omitted if there is an alias, because some encoders write an omitted text as empty text.
    """
    name, alias = fields.get("name"), fields.get("alias")
    if not name and alias is not None:
        key = alias_key(alias)
        return [table.by_alias[key] for table in tables if key in table.by_alias]
    return [table.by_name[name] for table in tables if name in table.by_name]


def member_tables(template: Fields, declared: Sequence[DeclaredMetric], definitions: MetricTable) -> list[MetricTable]:
    """Return the tables of a template's members: first the tables of its declared instances, then its definitions."""
    tables = [each.members for each in declared if each.members is not None]
    # A dict removes duplicate references like a set, but keeps their order.
    references = dict.fromkeys([template.get("template_ref"), *(each.reference for each in tables)])
    for reference in references:
        if reference:
            known = definitions.by_name.get(reference) or definitions.by_name.get(_TYPES_FOLDER + reference)
            if known is not None and known.members is not None:
                tables.append(known.members)
    return tables


def rows_of(metrics: Iterable[Fields]) -> Iterator[Row]:
    """Yield a row for each metric of a birth. A metric without a name declares nothing, and has no row."""
    for metric in metrics:
        if "name" in metric:
            row = [metric["name"], metric.get("alias"), metric.get("datatype", 0)]
            yield [*row, _template_row(metric["template"])] if "template" in metric else row


def _template_row(template: Fields) -> list[Any]:
    parameters = {each["name"]: each.get("type", 0) for each in template.get("parameters", ()) if "name" in each}
    return [template.get("template_ref"), [*rows_of(template.get("metrics", ()))], parameters]


def table_of_rows(rows: Iterable[Row]) -> MetricTable:
    """Return the table with these rows, indexed by alias and by name."""
    declared = [DeclaredMetric(row[0], row[1], row[2], _members(row[3]) if row[3:] else None) for row in rows]
    return MetricTable(
        {alias_key(each.alias): each for each in declared if each.alias is not None},
        {each.name: each for each in declared},
    )


def _members(template: list[Any]) -> MetricTable:
    reference, rows, parameters = template
    return table_of_rows(rows)._replace(parameters=parameters, reference=reference)
