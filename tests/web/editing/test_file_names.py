import pytest

from bridge.web.editing.file_names import MappingFileName, name_problem, new_file_name, parse_file_name


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("press.yaml", ("press", "press.yaml", True)),
        ("press.yml", ("press", "press.yml", True)),
        ("press.yaml.disabled", ("press", "press.yaml.disabled", False)),
        ("a.b.yml.disabled", ("a.b", "a.b.yml.disabled", False)),
        ("press.disabled", None),
        ("press.yaml.bak", None),
        (".press.yaml", None),
        (".press.yaml.new", None),
        ("~press.yaml.disabled", None),
        ("tables", None),
        ("\udcff.yaml", None),
    ],
)
def test_file_name_is_parsed_as_the_loader_does(file, expected):
    assert parse_file_name(file) == (expected and MappingFileName(*expected))


def test_file_name_changes_with_the_state_and_the_name():
    names = new_file_name("press")
    assert names.toggled == ("press", "press.yaml.disabled", False)
    assert names.toggled.toggled == names
    assert names.toggled.renamed("a.yml").file == "a.yml.yaml.disabled"


@pytest.mark.parametrize("name", ["press", "A-1_b.c", "x" * 128])
def test_name_of_a_mapping_is_accepted(name):
    assert name_problem(name) == ""


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".press", "a/b", "a\\b", "a\0b", "x" * 129, "é", "a b", "a.yaml", "a.YML", "a.disabled", 7]
)
def test_name_of_no_mapping_is_refused(name):
    assert name_problem(name)
