import json
import shutil

import pytest

from bridge.mapping.loading import live_schema_files, schema_files
from bridge.mapping.loading.mapping_loader import load_folder
from bridge.mapping.loading.schema_files import load_schema_files
from tests.mapping.builders import applied, message
from tests.mapping.loading.live_folder import started

MAPPING = (
    "topic: t\npayload: avro\navro: {schema: plant/reading.avsc}\ntransform: payload\noutputs: [{data_stream: s}]\n"
)
TESTED = MAPPING + "tests: [{name: x, topic: t, payload: {t: 1}, expect: [{data_stream: s, data: {t: 1}}]}]\n"


def schema(name="t"):
    return json.dumps({"type": "record", "name": "R", "fields": [{"name": name, "type": "long"}]})


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "mappings"
    (folder / "schemas" / "plant").mkdir(parents=True)
    (folder / "m.yaml").write_text(MAPPING)
    write(folder, schema())
    return folder


def write(folder, text):
    new = folder / "schemas" / "plant" / ".new"
    new.write_text(text)
    new.replace(folder / "schemas" / "plant" / "reading.avsc")


def made(live):
    return [draft.data.decode() for each in live.routes.mappings for draft in applied(each, message(b"\x02")).drafts]


def test_changed_schema_is_what_messages_are_read_by(live, folder):
    assert made(live) == ['{"t":1}']
    write(folder, schema("temperature"))
    live.reload()
    assert made(live) == ['{"temperature":1}']
    assert live.problems == ()


def test_schema_that_did_not_change_recompiles_nothing(live, folder):
    before = live.routes
    live.reload(every=True)
    write(folder, schema())
    live.reload()
    assert live.routes is before


def test_changed_schema_recompiles_only_the_mappings_that_use_one(live, folder):
    (folder / "other.yaml").write_text("topic: o\noutputs: [{data_stream: s}]\n")
    live.reload()
    other = next(each for each in live.routes.mappings if each.name == "other")
    write(folder, schema("x"))
    live.reload()
    assert other in live.routes.mappings


def test_broken_schema_keeps_the_previous_version_and_says_so(live, folder):
    write(folder, "{")
    live.reload()
    assert made(live) == ['{"t":1}']
    assert "m.yaml:3:8: avro.schema: schemas/plant/reading.avsc: line 1, column 2: not JSON" in str(live.problems[0])
    assert live.failing == ("m",)
    write(folder, schema("fixed"))
    live.reload()
    assert (made(live), live.problems) == (['{"fixed":1}'], ())


def test_broken_schema_keeps_the_previous_version_over_a_restart(live, folder, tmp_path):
    write(folder, "{")
    live.reload()
    again = started(folder, tmp_path)
    assert made(again) == ['{"t":1}']
    assert again.problems


def test_removed_schema_keeps_the_previous_version(live, folder, tmp_path):
    shutil.rmtree(folder / "schemas")
    live.reload()
    assert "no file 'plant/reading.avsc' in schemas/" in str(live.problems[0])
    assert made(live) == made(started(folder, tmp_path)) == ['{"t":1}']


def test_mapping_whose_tests_fail_with_a_schema_keeps_the_previous_one(live, folder):
    (folder / "m.yaml").write_text(TESTED)
    live.reload()
    assert live.problems == ()
    write(folder, schema("temperature"))
    live.reload()
    assert "has no field 't'" in str(live.problems[0])
    assert made(live) == ['{"t":1}']


def test_watch_sees_a_changed_schema(live, folder):
    before = live._scan()
    write(folder, schema("x"))
    assert live._scan() != before


def test_schema_that_cannot_be_stored_is_still_used(live, folder, monkeypatch, caplog):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(live_schema_files, "replace_file", full)
    write(folder, schema("x"))
    live.reload()
    assert made(live) == ['{"x":1}']
    assert "cannot store the schema files" in caplog.text


def test_schema_that_is_not_used_any_more_is_removed_from_the_store(live, folder, tmp_path):
    (folder / "m.yaml").write_text("topic: t\noutputs: [{data_stream: s}]\n")
    shutil.rmtree(folder / "schemas")
    live.reload()
    assert not (tmp_path / "kept" / "schemas" / "plant" / "reading.avsc").exists()


def test_unreadable_schema_is_a_problem_of_its_own(folder, monkeypatch):
    monkeypatch.setattr(schema_files, "MAX_SCHEMA_BYTES", 10)
    problems = load_folder(folder, {}, shown_as="m").problems
    assert [problem.file for problem in problems] == ["m/m.yaml", "m/schemas/plant/reading.avsc"]


def test_hidden_and_other_files_are_no_schemas(folder):
    for name in ("..data/x.avsc", ".x.avsc", "readme.md", "~x.avsc", "a/b/c.proto"):
        (folder / "schemas" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "schemas" / name).write_text("")
    assert sorted(load_schema_files(folder, shown_as="m").files) == ["a/b/c.proto", "plant/reading.avsc"]


def test_number_of_schemas_is_limited(folder, monkeypatch):
    monkeypatch.setattr(schema_files, "MAX_FILES", 2)
    for name in "abc":
        (folder / "schemas" / f"{name}.avsc").write_text(schema())
    assert len(load_schema_files(folder, shown_as="m").files) == 2
