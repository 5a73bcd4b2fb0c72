import pytest

from bridge.mapping.loading.resources import load_resources, uses_lookup, uses_schemas


def test_resources_without_folders_are_empty(tmp_path):
    loaded = load_resources(tmp_path, shown_as="m")
    assert (dict(loaded.resources.tables), dict(loaded.resources.schemas), loaded.problems) == ({}, {}, [])


def test_resources_with_faulty_files_have_the_others_and_all_problems(tmp_path):
    for folder, broken, valid, content in (
        ("tables", "b.yaml", "a.yaml", "k: 1"),
        ("schemas", "b.avsc", "a.avsc", "S"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / broken).symlink_to("missing" if folder == "schemas" else tmp_path / "broken")
        (tmp_path / folder / valid).write_text(content)
    (tmp_path / "broken").write_text("[")
    loaded = load_resources(tmp_path, shown_as="m")
    assert loaded.resources.tables == {"a": {"k": 1}}
    assert loaded.resources.schemas == {"a.avsc": b"S"}
    assert [each.file for each in loaded.problems] == ["m/tables/b.yaml", "m/schemas/b.avsc"]


def test_resources_that_are_confined_follow_no_link_outside(tmp_path):
    (tmp_path / "secret").write_text("k: 1")
    for folder, name in (("tables", "a.yaml"), ("schemas", "a.avsc")):
        (tmp_path / "m" / folder).mkdir(parents=True)
        (tmp_path / "m" / folder / name).symlink_to(tmp_path / "secret")
    assert load_resources(tmp_path / "m", shown_as="m").resources.tables == {"a": {"k": 1}}
    loaded = load_resources(tmp_path / "m", shown_as="m", confined=True)
    assert (dict(loaded.resources.tables), dict(loaded.resources.schemas)) == ({}, {})
    assert [each.file for each in loaded.problems] == ["m/tables/a.yaml", "m/schemas/a.avsc"]


@pytest.mark.parametrize(
    ("text", "lookup", "schemas"),
    [
        (None, True, True),
        (b"", False, False),
        (b"where: lookup('a', topic)", True, False),
        (b"avro: {schema: a.avsc}", False, True),
    ],
)
def test_uses_of_resources_are_found_in_the_text(text, lookup, schemas):
    assert (uses_lookup(text), uses_schemas(text)) == (lookup, schemas)
