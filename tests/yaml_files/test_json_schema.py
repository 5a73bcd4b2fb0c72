from typing import Annotated, Literal

import pytest
from jsonschema import Draft7Validator
from pydantic import BaseModel, Field, SecretStr

from bridge.yaml_files.json_schema import editor_schema
from tests.yaml_files.models import Model


class Options(BaseModel):
    count: int = Field(default=1, ge=5, le=9)
    on: bool | None = None
    name: Annotated[str, Field(min_length=2)] | None = None
    region: Annotated[str, Field(pattern="^r[0-9]$")] = "r1"
    kind: Literal["a", "b"] = "a"
    secret: SecretStr | None = None
    tags: dict[str, Annotated[str, Field(max_length=2)]] = Field(default={})
    sizes: list[int] = Field(default=[], max_length=2)


class Own(BaseModel):
    type: Literal["own"] = "own"


class Other(BaseModel):
    type: Literal["other"] = "other"


class Choice(BaseModel):
    source: Annotated[Own | Other, Field(discriminator="type")] = Own()


PLAIN = Draft7Validator(editor_schema(Options, title="t", references=False))
WITH_REFERENCES = Draft7Validator(editor_schema(Options, title="t", references=True))
LOGINS = Draft7Validator(editor_schema(Model, title="t", references=True))

VALID = [
    {},
    {"count": 5, "on": None, "name": "ab", "region": "r9", "kind": "b", "secret": None, "tags": {"a": "b"}},
    {"on": True, "name": None, "secret": "x", "sizes": [1, 2]},
]
INVALID = [
    {"count": 4}, {"count": "7"}, {"on": "yes"}, {"name": "a"}, {"region": "x"}, {"kind": "c"}, {"tags": {"a": "abc"}},
    {"sizes": [1, 2, 3]}, {"sizes": ["1"]}, {"count": None},
]  # fmt: skip


@pytest.mark.parametrize("validator", [PLAIN, WITH_REFERENCES], ids=["plain", "references"])
def test_schema_accepts_what_the_model_accepts(validator):
    validator.check_schema(validator.schema)
    assert [value for value in VALID if not validator.is_valid(value)] == []
    assert [value for value in INVALID if validator.is_valid(value)] == []


@pytest.mark.parametrize("reference", ["${NAME}", "${file:/run/x}", "a${B}c"])
@pytest.mark.parametrize("name", ["count", "on", "name", "region", "kind", "secret"])
def test_reference_replaces_any_single_value(name, reference):
    assert WITH_REFERENCES.is_valid({name: reference})


def test_reference_replaces_items_of_lists_and_tables():
    assert WITH_REFERENCES.is_valid({"tags": {"a": "${NAME}"}, "sizes": ["${A}"]})


@pytest.mark.parametrize("value", [{"count": "${A}"}, {"on": "${A}"}, {"region": "${A}"}, {"kind": "${A}"}])
def test_reference_without_support_is_an_ordinary_text(value):
    assert not PLAIN.is_valid(value)


def test_schema_of_an_optional_value_is_one_schema_with_two_types():
    assert PLAIN.schema["properties"]["on"] == {"type": ["boolean", "null"]}
    assert PLAIN.schema["properties"]["name"] == {"type": ["string", "null"], "minLength": 2}


def test_schema_has_no_titles_formats_and_empty_defaults():
    properties = PLAIN.schema["properties"]
    assert PLAIN.schema["title"] == "t"
    assert [name for name, each in properties.items() if {"title", "writeOnly", "format"} & each.keys()] == []
    assert {name: each["default"] for name, each in properties.items() if "default" in each} == {
        "count": 1, "region": "r1", "kind": "a",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("login", "valid"),
    [
        ({"type": "token", "key": "k"}, True),
        ({"type": "role"}, True),
        ({"key": "k"}, False),
        ({"type": "token"}, False),
        ({"type": "other"}, False),
        ({"type": "${TYPE}", "key": "k"}, True),
        ({"type": "${TYPE}"}, True),
        (None, True),
    ],
)
def test_schema_of_a_union_requires_its_tag(login, valid):
    assert LOGINS.is_valid({"login": login}) == valid


def test_tag_of_a_union_is_required_even_if_the_model_has_a_default():
    validator = Draft7Validator(editor_schema(Choice, title="t", references=False))
    assert validator.is_valid({"source": {"type": "other"}})
    assert [validator.schema["$defs"][name]["required"] for name in ("Own", "Other")] == [["type"], ["type"]]
