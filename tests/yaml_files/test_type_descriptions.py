from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, RootModel, SecretStr

from bridge.yaml_files.type_descriptions import Describe, FieldType, choices, expected, one_of


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "a whole number"),
        (Annotated[int, Field(ge=1, le=9)], "a whole number from 1 to 9"),
        (Annotated[float, Field(gt=0, lt=1)], "a number above 0 and below 1"),
        (Annotated[float, Field(ge=2)] | None, "a number of at least 2"),
        (Annotated[int, Field(le=2)], "a whole number of at most 2"),
        (bool, "true or false"),
        (str | None, "text"),
        (Path, "text"),
        (Annotated[SecretStr, Field(min_length=1)], "text of at least one character"),
        (Annotated[str, Field(min_length=2, max_length=4)], "text of 2 to 4 characters"),
        (Annotated[list[int], Field(max_length=4)], "a list of at most 4 items"),
        (tuple[int, ...], "a list"),
        (Mapping[str, int], "keys and values"),
        (BaseModel, "keys and values"),
        (RootModel[list[int]], "a list"),
        (str | list[str], "text or a list"),
        (Literal["a", 5, True] | None, "'a', 5 or true"),
        (Annotated[Any, Describe("a colour")], "a colour"),
        (Any, ""),
        (str | Any, ""),
    ],
)
def test_type_is_described_in_words(annotation, text):
    assert expected(FieldType.of(annotation)) == text


def test_fields_limits_count():
    class Model(BaseModel):
        value: int = Field(3, ge=1, le=5)

    assert expected(FieldType.of_field(Model.model_fields["value"])) == "a whole number from 1 to 5"


def test_choices_are_the_fixed_texts():
    assert choices(FieldType.of(Literal["a", 5, "b"])) == ["a", "b"]
    assert choices(FieldType.of(str)) == []


def test_union_with_a_secret_is_secret():
    assert FieldType.of(int | SecretStr).secret
    assert FieldType.of(SecretStr | None).secret
    assert not FieldType.of(str).secret


@pytest.mark.parametrize(
    ("texts", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")]
)
def test_alternatives_are_joined_as_in_speech(texts, text):
    assert one_of(texts) == text
