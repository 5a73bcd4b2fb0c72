import pytest

from bridge.files import LEADS_OUTSIDE
from bridge.mapping.loading import schema_files as module
from bridge.mapping.loading.schema_files import load_schema_files, schema_files


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mappings" / "schemas").mkdir(parents=True)
    return tmp_path / "mappings"


def write(folder, name, content=b"{}"):
    file = folder / "schemas" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def load(folder, **options):
    found = load_schema_files(folder, shown_as="m", **options)
    assert all((each.line, each.column, each.path) == (0, 0, "") for each in found.problems)
    return found.files, [(each.file, each.message) for each in found.problems]


def test_schema_files_without_a_folder_are_empty(tmp_path):
    assert load(tmp_path) == ({}, [])


def test_schema_files_have_their_paths_within_the_folder_as_keys(folder):
    write(folder, "b.avsc", b"B")
    write(folder, "plant/deep/a.proto", b"A")
    assert load(folder) == ({"b.avsc": b"B", "plant/deep/a.proto": b"A"}, [])


def test_schema_files_ignore_hidden_files_and_other_suffixes(folder):
    for name in (".a.avsc", "..data/b.avsc", "#c.avsc", "~d.avsc", "e.avsc~", "f.txt", "AVSC"):
        write(folder, name)
    write(folder, "g.avsc")
    assert list(schema_files(folder)) == ["g.avsc"]


def test_schema_link_to_itself_is_a_problem_and_hides_no_other_file(folder):
    write(folder, "a.avsc", b"A")
    (folder / "schemas" / "loop.avsc").symlink_to("loop.avsc")
    (folder / "schemas" / "loop").symlink_to("loop")
    files, problems = load(folder)
    assert files == {"a.avsc": b"A"}
    assert [file for file, _ in problems] == ["m/schemas/loop.avsc"]


def test_schema_link_that_dangles_is_a_problem(folder):
    (folder / "schemas" / "old.avsc").symlink_to("removed.avsc")
    assert [file for file, _ in load(folder)[1]] == ["m/schemas/old.avsc"]


def test_schema_link_to_the_parent_folder_ends_after_eight_levels(folder):
    write(folder, "a.avsc")
    (folder / "schemas" / "again").symlink_to(".")
    assert len(schema_files(folder)) == 9


def test_schema_link_out_of_the_folder_is_followed_unless_confined(folder, tmp_path):
    (tmp_path / "secret").write_bytes(b"S")
    (folder / "schemas" / "a.avsc").symlink_to(tmp_path / "secret")
    assert load(folder) == ({"a.avsc": b"S"}, [])
    assert load(folder, confined=True) == ({}, [("m/schemas/a.avsc", LEADS_OUTSIDE)])


@pytest.mark.parametrize(("size", "loaded"), [(10, True), (11, False)])
def test_schema_file_over_the_size_limit_is_a_problem(folder, monkeypatch, size, loaded):
    monkeypatch.setattr(module, "MAX_SCHEMA_BYTES", 10)
    write(folder, "a.avsc", b"x" * size)
    files, problems = load(folder)
    assert (bool(files), bool(problems)) == (loaded, not loaded)


def test_schema_files_over_their_number_are_ignored_in_order(folder, monkeypatch):
    monkeypatch.setattr(module, "MAX_FILES", 2)
    for name in ("c.avsc", "a.avsc", "b.avsc"):
        write(folder, name)
    assert list(schema_files(folder)) == ["a.avsc", "b.avsc"]
