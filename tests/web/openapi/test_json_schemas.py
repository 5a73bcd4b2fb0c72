"""JSON Schemas of the API's values, compared with values of the types that they describe."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pytest
from jsonschema import Draft202012Validator

from bridge.web.openapi.json_schemas import DATA, INTEGER, TEXT, array, dictionary, fields_of, nullable, obj, object_of


class Point(NamedTuple):
    x: int
    y: float | None


@dataclass
class Shape:
    name: str
    kind: Literal["line", "area"]
    points: tuple[Point, ...]
    ends: tuple[int, int]
    labels: dict[str, list[bool]]
    anything: Any


SHAPE = {
    "name": "a",
    "kind": "line",
    "points": [{"x": 1, "y": None}],
    "ends": [1, 2],
    "labels": {"k": [True]},
    "anything": {},
}


def accepts(schema, value):
    return Draft202012Validator(schema).is_valid(value)


def test_object_of_a_dataclass_accepts_its_values():
    assert accepts(object_of(Shape), SHAPE)


@pytest.mark.parametrize(
    "change",
    [{"name": 1}, {"kind": "x"}, {"points": [{"x": 1}]}, {"points": [{"x": 1, "y": 2, "z": 3}]}, {"ends": [1]},
     {"ends": [1, 2, 3]}, {"ends": ["1", 2]}, {"labels": {"k": [1]}}, {"labels": []}, {"more": 1}],
)  # fmt: skip
def test_object_of_a_dataclass_refuses_any_other_value(change):
    assert not accepts(object_of(Shape), SHAPE | change)


@pytest.mark.parametrize("name", SHAPE)
def test_object_of_a_dataclass_requires_each_field(name):
    assert not accepts(object_of(Shape), {key: value for key, value in SHAPE.items() if key != name})


def test_fields_of_a_type_that_is_imported_only_for_type_checking():
    class Later(NamedTuple):
        point: "Hidden"  # noqa: F821 - the test names the type

    assert fields_of(Later, {"Hidden": int}) == {"point": INTEGER}


@pytest.mark.parametrize(
    ("schema", "value", "accepted"),
    [
        (array(INTEGER, 2), [1, 2], True),
        (array(INTEGER, 2), [1, 2, 3], False),
        (array(INTEGER), [1] * 99, True),
        (nullable(TEXT), None, True),
        (nullable(TEXT), 1, False),
        (dictionary(INTEGER), {"any": 1}, True),
        (dictionary(INTEGER), {"any": "1"}, False),
        (obj({"b": TEXT}, a=TEXT), {"a": "x"}, True),
        (obj({"b": TEXT}, a=TEXT), {"b": "x"}, False),
        (DATA, {"text": "x", "cut": False}, True),
        (DATA, {"text": "x", "base64": "eA==", "cut": False}, False),
    ],
)
def test_schema_of_a_value_accepts_only_such_values(schema, value, accepted):
    assert accepts(schema, value) == accepted
