import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.payloads.sparkplug.metric_table import (
    NOTHING_DECLARED,
    DeclaredMetric,
    alias_key,
    declarations,
    member_tables,
    rows_of,
    table_of_rows,
)

TEMPLATE = {
    "name": "motor",
    "datatype": 19,
    "template": {
        "template_ref": "Motor",
        "metrics": [{"name": "rpm", "alias": 7, "datatype": 9}, {"alias": 8}],
        "parameters": [{"name": "serial", "type": 12}, {"type": 3}, {"name": "untyped"}],
    },
}


def table(*metrics):
    """Return the table after a restart: the rows are stored as JSON."""
    return table_of_rows(json.loads(json.dumps([*rows_of(metrics)])))


@pytest.mark.parametrize(
    ("alias", "key"), [(0, 0), (2**24 - 1, 2**24 - 1), (2**24, "16777216"), (2**64 - 1, f"{2**64 - 1}")]
)
def test_alias_key_is_text_for_a_large_alias(alias, key):
    assert alias_key(alias) == key


@given(st.sets(st.integers(0, 2**64 - 1), max_size=20))
def test_metric_is_found_by_any_alias(aliases):
    made = table(*[{"name": f"m{alias}", "alias": alias, "datatype": 3} for alias in aliases])
    for alias in aliases:
        assert declarations({"alias": alias}, [made]) == [DeclaredMetric(f"m{alias}", alias, 3)]


def test_metric_without_a_name_or_datatype_is_declared_as_such():
    made = table({"alias": 1, "datatype": 3}, {"name": "a"}, {"name": ""})
    assert made.by_alias == {}
    assert made.by_name == {"a": DeclaredMetric("a", None, 0), "": DeclaredMetric("", None, 0)}


def test_metric_that_a_birth_repeats_has_its_last_declaration():
    made = table({"name": "a", "alias": 1, "datatype": 3}, {"name": "a", "alias": 2, "datatype": 4})
    assert made.by_name["a"].datatype == 4
    assert [made.by_alias[alias].datatype for alias in (1, 2)] == [3, 4]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"name": "a"}, ["a", "a"]),
        ({"name": "", "alias": 1}, ["a"]),
        ({"alias": 0}, ["b"]),
        ({"name": "a", "alias": 0}, ["a", "a"]),
        ({"name": ""}, []),
        ({"alias": 9}, []),
        ({}, []),
    ],
)
def test_declarations_are_found_by_name_or_alias_in_order(fields, found):
    first = table({"name": "a", "alias": 1, "datatype": 3}, {"name": "b", "alias": 0})
    tables = [first, NOTHING_DECLARED, table({"name": "a", "datatype": 4})]
    assert [each.name for each in declarations(fields, tables)] == found


def test_template_is_restored_with_its_members_and_parameters():
    members = table(TEMPLATE).by_name["motor"].members
    assert members.by_alias == {7: DeclaredMetric("rpm", 7, 9)}
    assert (members.parameters, members.reference) == ({"serial": 12, "untyped": 0}, "Motor")


def test_template_within_a_template_is_restored():
    outer = {"name": "line", "template": {"metrics": [TEMPLATE]}}
    members = table(outer).by_name["line"].members
    assert members.reference is None
    assert members.by_name["motor"].members.by_name["rpm"].datatype == 9


@pytest.mark.parametrize("prefix", ["", "_types_/"])
def test_members_are_those_of_the_instance_and_then_of_the_definition(prefix):
    definition = {"name": f"{prefix}Motor", "template": {"metrics": [{"name": "rpm", "datatype": 10}]}}
    definitions, declared = table(definition), table(TEMPLATE).by_name["motor"]
    found = member_tables({"template_ref": "Motor"}, [declared], definitions)
    assert [each.by_name["rpm"].datatype for each in found] == [9, 10]
    assert member_tables({}, [declared], definitions) == found
    assert member_tables({"template_ref": "Motor"}, [], definitions) == found[1:]


@pytest.mark.parametrize("reference", [None, "", "Pump", "plain"])
def test_members_of_an_unknown_definition_are_not_declared(reference):
    assert member_tables({"template_ref": reference}, [DeclaredMetric("m", None, 19)], table({"name": "plain"})) == []
