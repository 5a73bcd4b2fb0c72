import json

import pytest
from pydantic import ValidationError

from bridge.yaml_files.locations import locate
from tests.yaml_files.models import Model, Output, Token


def located(data):
    with pytest.raises(ValidationError) as caught:
        Model.model_validate_json(json.dumps(data), strict=True)
    errors = caught.value.errors()
    return [locate(Model, error["loc"], data, missing=error["type"] == "missing") for error in errors]


def test_fields_location_is_its_path_and_its_model():
    [location] = located({"outputs": [{"data_stream": 5}]})
    assert (location.path, location.owner, location.unions) == (("outputs", 0, "data_stream"), Output, ())
    assert location.hint.type is str


def test_tag_of_a_choice_is_not_part_of_the_path():
    [location] = located({"login": {"type": "token"}})
    assert (location.path, location.owner) == (("login", "key"), Token)
    assert location.unions == ((("login",), "token"),)


def test_key_with_the_name_of_the_tag_is():
    [location] = located({"login": {"type": "token", "key": "a", "token": {"key": 5}}})
    assert location.path == ("login", "token")


def test_alternatives_of_a_union_share_the_path():
    assert [location.path for location in located({"url": 5})] == [("url",), ("url",)]
    assert {location.path for location in located({"url": ["a", 5]})} == {("url",), ("url", 1)}


def test_value_of_a_table_has_its_key_in_the_path():
    [location] = located({"pair": {"a": "x"}})
    assert (location.path, location.hint.type) == (("pair", "a"), int)


def test_item_that_only_a_list_has_is_found_through_the_unions():
    paths = [location.path for location in located({"expect": [{"data_stream": "a"}, {"data_stream": 5}]})]
    assert ("expect", 1, "data_stream") in paths
