"""Completions for the editor: only what the loader accepts, in the folder of the mappings."""

import pytest

from bridge.mapping.file_models.mapping_spec import MappingSpec
from bridge.web.editing import completions as module
from bridge.web.editing.completions import completions


def keys(mappings, path):
    return {each["name"]: each for each in completions(mappings)["keys"][path]}


def test_completions_of_a_missing_folder_have_no_tables(tmp_path):
    found = completions(tmp_path / "missing")
    assert (found["tables"], found["schemas"]) == ([], [])
    assert found["functions"]


def test_completions_have_every_key_of_a_mapping_file(tmp_path):
    names = {field.alias or name for name, field in MappingSpec.model_fields.items()}
    assert names <= keys(tmp_path, "").keys()


@pytest.mark.parametrize(
    ("path", "name", "values"),
    [
        ("outputs[]", "packing", ["none", "kpl", "lines"]),
        ("", "each", ["true", "false"]),
        ("tests[]", "qos", ["0", "1", "2"]),
    ],
)
def test_completions_have_the_values_of_a_key(tmp_path, path, name, values):
    assert keys(tmp_path, path)[name]["values"] == values


def test_completions_list_each_table_and_schema_once(tmp_path):
    for folder, names in {
        "tables": ["b.csv", "a.yaml", "b.yaml", ".hidden.csv"],
        "schemas": ["s.avsc", "#s.avsc"],
    }.items():
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).write_text("")
    found = completions(tmp_path)
    assert (found["tables"], found["schemas"]) == (["a", "b"], ["s.avsc"])


def test_completions_follow_a_change_of_the_folder(tmp_path):
    assert completions(tmp_path)["tables"] == []
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/new.csv").write_text("")
    assert completions(tmp_path)["tables"] == ["new"]


def test_keys_of_an_object_that_contains_itself_are_bounded():
    schema = {"$defs": {"Node": {"properties": {"child": {"$ref": "#/$defs/Node"}}}}}
    node = {"$ref": "#/$defs/Node"}
    paths = [path for path, _ in module._keys(schema, node, "", 0)]
    assert paths == [".".join(["child"] * depth) for depth in range(module._MAX_DEPTH + 1)]
