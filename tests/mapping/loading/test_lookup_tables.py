import pytest

from bridge.errors import ConfigError
from bridge.mapping.loading import lookup_tables as module
from bridge.mapping.loading.lookup_tables import load_table, load_tables
from bridge.mapping.loading.mapping_loader import load_folder
from tests.mapping.builders import applied, message

MAPPING = "topic: t/{machine}\ntransform: lookup('assets', captures.machine)\noutputs: [{data_stream: s}]\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tables").mkdir()
    return tmp_path


def write(folder, name, text):
    file = folder / "tables" / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def table(folder, name, text):
    file = write(folder, name, text)
    return load_table(file, [file], shown_as=f"tables/{name}")


def problems(folder, name, text):
    with pytest.raises(ConfigError) as caught:
        table(folder, name, text)
    return [str(problem) for problem in caught.value.problems]


def test_yaml_gives_any_value_by_key(folder):
    text = "press07: {name: Press 7, scale: 0.1}\n7: [1, null]\non: yes\n"
    assert table(folder, "a.yaml", text) == {"press07": {"name": "Press 7", "scale": 0.1}, "7": [1, None], "on": "yes"}


def test_csv_of_two_columns_gives_the_other_columns_value(folder):
    assert table(folder, "a.csv", "signal,unit\nt,degC\nscale,0.10\nnone,\n007,1\n") == {
        "t": "degC",
        "scale": 0.1,
        "none": None,
        "007": 1,
    }


def test_csv_of_more_columns_gives_an_object(folder):
    assert table(folder, "a.csv", '\ufeffmachine,name,scale\r\npress07,"Press, 7",10\r\n') == {
        "press07": {"name": "Press, 7", "scale": 10}
    }


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.yaml", "a: 1\na: 2\n", ["tables/a.yaml:2:1: duplicate key 'a': first at line 1, column 1"]),
        ("a.yaml", "- a\n", ["tables/a.yaml:1:1: expected keys and values, such as `press07: {name: Press 7}`"]),
        ("a.yaml", "a: {b: [.nan]}\n", ["tables/a.yaml:1:9: a.b[0]: JSON has no such number; leave it out, or write"]),
        ("a.yaml", "", ["tables/a.yaml: the file is empty"]),
        ("a.csv", "k,v\na,1\nb,2\na,3\n", ["tables/a.csv:4:1: duplicate key 'a': first at line 2"]),
        ("a.csv", "k,v\na\n,2\n", ["tables/a.csv:2:1: 1 field, and the header has 2", "3:1: the key is empty"]),
        ("a.csv", "k;v\na;1\n", ["tables/a.csv:1:1: expected a column of keys and at least one column of values; col"]),
        ("a.csv", "k,v,v\n", ["tables/a.csv:1:1: the header has 'v' twice"]),
        ("a.csv", "", ["tables/a.csv:1:1: there is no header"]),
        ("a.csv", 'k,v\n"a,1\n', ["tables/a.csv:2:1: unterminated quote"]),
        ("a.csv", b"k,v\na,1\nb,\xff\n", ["tables/a.csv:3:1: not UTF-8: invalid start byte, at byte 10"]),
    ],
)
def test_lookup_table_error_is_reported_with_its_position(folder, name, text, expected):
    found = problems(folder, name, text)
    assert len(found) == len(expected)
    assert all(part in text for part, text in zip(expected, found, strict=True)), found


def test_problems_of_a_file_are_limited_to_the_first(folder):
    assert len(problems(folder, "a.csv", "k,v\n" + "a\n" * 1000)) == 50


def test_table_is_bounded_in_bytes_and_in_values(folder, monkeypatch):
    monkeypatch.setattr(module, "MAX_CSV_BYTES", 20)
    assert "larger than 20 bytes" in problems(folder, "a.csv", "k,v\n" + "a,1\n" * 5)[0]
    write(folder, "a.csv", "k,v\n" + "a,1\nb,2\nc,3\nd,4\n")
    monkeypatch.setattr(module, "MAX_VALUES", 8)
    assert load_tables(folder, shown_as="m").tables == {"a": {"a": 1, "b": 2, "c": 3, "d": 4}}
    monkeypatch.setattr(module, "MAX_VALUES", 7)
    assert "a.csv:5:1: more than 7 values" in str(load_tables(folder, shown_as="m").problems[0])


def test_folder_is_read_for_table_files_only(folder):
    write(folder, "a.csv", "k,v\na,1\n")
    for name in (".a.csv.swp", "a.csv~", "#a.csv#", "readme.md", ".hidden.yaml"):
        write(folder, name, "nonsense")
    (folder / "tables" / "b.csv").mkdir()
    loaded = load_tables(folder, shown_as="m")
    assert (loaded.tables, loaded.problems) == ({"a": {"a": 1}}, [])


def test_folder_without_tables_is_ok(tmp_path):
    assert load_tables(tmp_path, shown_as="m").tables == {}


def test_table_that_does_not_load_does_not_stop_the_others(folder):
    write(folder, "a.csv", "k,v\na,1\n")
    write(folder, "b.csv", "k\n")
    write(folder, "c d.csv", "k,v\n")
    loaded = load_tables(folder, shown_as="m")
    assert list(loaded.tables) == ["a"]
    assert [problem.file for problem in loaded.problems] == ["m/tables/b.csv", "m/tables/c d.csv"]


def test_files_of_one_name_are_a_problem_of_both(folder):
    write(folder, "a.csv", "k,v\na,1\n")
    write(folder, "a.yaml", "a: 1\n")
    loaded = load_tables(folder, shown_as="m")
    assert loaded.tables == {}
    assert ["rename all but one" in problem.message for problem in loaded.problems] == [True, True]


def test_mapping_looks_into_the_tables_beside_it(folder):
    write(folder, "assets.csv", "machine,name,line\np1,Press 1,3\n")
    (folder / "m.yaml").write_text(MAPPING)
    loaded = load_folder(folder, {})
    assert loaded.problems == []
    assert applied(loaded.mappings["m"], message(topic="t/p1", payload=1)).drafts[0].data == (
        b'{"name":"Press 1","line":3}'
    )
    assert list(loaded.resources.tables) == ["assets"]


def test_mapping_that_names_an_unknown_table_does_not_load(folder):
    write(folder, "asset.csv", "machine,name\np1,Press 1\n")
    (folder / "m.yaml").write_text(MAPPING)
    (problem,) = load_folder(folder, {}, shown_as="m").problems
    assert str(problem).startswith("m/m.yaml:2:12: transform: ")
    assert "there is no table 'assets'; did you mean 'asset'?" in problem.message


def test_problems_of_tables_and_mappings_are_reported_together(folder):
    write(folder, "broken.csv", "k\n")
    (folder / "m.yaml").write_text("topic: [")
    files = [problem.file for problem in load_folder(folder, {}, shown_as="m").problems]
    assert files == ["m/m.yaml", "m/tables/broken.csv"]


def test_mappings_own_tests_look_into_the_tables(folder):
    write(folder, "assets.csv", "machine,name\np1,Press 1\n")
    tests = "tests: [{name: x, topic: t/p1, payload: 1, expect: [{data_stream: s, data: Press 1}]}]\n"
    (folder / "m.yaml").write_text(MAPPING + tests)
    assert load_folder(folder, {}).problems == []
    write(folder, "assets.csv", "machine,name\np1,Press one\n")
    assert "the test 'x' failed" in load_folder(folder, {}).problems[0].message


def test_table_link_that_cannot_be_followed_is_a_problem(folder):
    write(folder, "a.csv", "k,v\n1,2\n")
    # The name is longer than a file system permits. Without permission for the folder, the error would be similar.
    (folder / "tables" / "b.csv").symlink_to("x" * 300)
    loaded = load_tables(folder, shown_as="m")
    assert loaded.tables == {"a": {"1": 2}}
    assert [each.file for each in loaded.problems] == ["m/tables/b.csv"]
