import shutil
import threading
import time

import pytest

from tests.mapping.builders import applied, message
from tests.mapping.loading.live_folder import started

MAPPING = "topic: t\ntransform: lookup('units', 'temperature', 'none')\noutputs: [{data_stream: s}]\n"
TESTED = MAPPING + "tests: [{name: x, topic: t, payload: 1, expect: [{data_stream: s, data: degC}]}]\n"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "mappings"
    (folder / "tables").mkdir(parents=True)
    (folder / "m.yaml").write_text(MAPPING)
    unit(folder, "degC")
    return folder


def write(folder, name, text):
    new = folder / "tables" / f".{name}.new"
    new.write_text(text)
    new.replace(folder / "tables" / name)


def unit(folder, name):
    write(folder, "units.csv", f"signal,unit\ntemperature,{name}\n")


def made(live):
    return [draft.data.decode() for each in live.routes.mappings for draft in applied(each, message(1)).drafts]


def test_changed_table_is_what_messages_see(live, folder):
    assert made(live) == ['"degC"']
    unit(folder, "degF")
    live.reload()
    assert made(live) == ['"degF"']
    assert live.problems == ()


def test_table_that_did_not_change_recompiles_nothing(live, folder):
    before = live.routes
    live.reload()
    assert live.routes is before


def test_new_table_fixes_the_mapping_that_waits_for_it(live, folder):
    (folder / "n.yaml").write_text(MAPPING.replace("units", "assets"))
    live.reload()
    assert "there is no table 'assets'" in str(live.problems[0])
    write(folder, "assets.yaml", "temperature: T1\n")
    live.reload()
    assert live.problems == ()
    assert made(live) == ['"degC"', '"T1"']


def test_broken_table_leaves_its_last_good_version_active(live, folder, caplog):
    unit(folder, "a,b")
    live.reload()
    live.reload(every=True)
    assert made(live) == ['"degC"']
    assert [str(problem) for problem in live.problems] == [
        "mappings/tables/units.csv:2:1: 3 fields, and the header has 2"
    ]
    assert sum("units.csv" in record.getMessage() for record in caplog.records) == 1


def test_broken_table_has_its_last_good_version_over_a_restart(live, folder, tmp_path):
    unit(folder, "a,b")
    again = started(folder, tmp_path)
    assert made(again) == ['"degC"']
    assert len(again.problems) == 1
    unit(folder, "K")
    again.reload()
    assert (made(again), again.problems) == (['"K"'], ())


def test_removed_table_keeps_its_mapping_active_over_a_restart(live, folder, tmp_path):
    shutil.rmtree(folder / "tables")
    live.reload()
    for mappings in (live, started(folder, tmp_path)):
        assert made(mappings) == ['"degC"']
        assert "there is no table 'units'" in str(mappings.problems[0])


def test_removed_table_that_nothing_needs_is_not_remembered(live, folder, tmp_path):
    (folder / "m.yaml").write_text(MAPPING.replace("lookup('units', 'temperature', 'none')", "'x'"))
    (folder / "tables" / "units.csv").unlink()
    live.reload()
    assert not list((tmp_path / "kept" / "tables").iterdir())


def test_table_that_fails_a_mappings_tests_stays_unused(live, folder, tmp_path):
    (folder / "m.yaml").write_text(TESTED)
    live.reload()
    unit(folder, "degF")
    live.reload()
    for mappings in (live, started(folder, tmp_path)):
        assert made(mappings) == ['"degC"']
        assert "the test 'x' failed" in str(mappings.problems[0])


def test_mapping_that_is_broken_follows_its_tables_all_the_same(live, folder, tmp_path):
    (folder / "m.yaml").write_text(MAPPING + "nonsense: 1\n")
    live.reload()
    unit(folder, "degF")
    live.reload()
    assert made(live) == ['"degF"']
    assert "nonsense" in str(live.problems[0])
    assert made(started(folder, tmp_path)) == ['"degF"']


def test_table_loads_when_one_of_two_files_of_its_name_is_removed(live, folder):
    write(folder, "units.yaml", "temperature: K\n")
    live.reload()
    assert made(live) == ['"degC"']
    assert len(live.problems) == 2
    (folder / "tables" / "units.csv").unlink()
    live.reload()
    assert (made(live), live.problems) == (['"K"'], ())


def test_tables_that_cannot_be_remembered_are_active_all_the_same(folder, tmp_path, caplog):
    (tmp_path / "kept").write_text("no folder")
    assert made(started(folder, tmp_path)) == ['"degC"']
    assert "cannot store the lookup tables" in caplog.text


def test_new_lookup_table_takes_effect_within_two_seconds(live, folder):
    stopping = threading.Event()
    thread = threading.Thread(target=live.watch, args=(stopping,))
    thread.start()
    try:
        time.sleep(0.1)
        unit(folder, "degF")
        deadline = time.monotonic() + 2
        while made(live) != ['"degF"']:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        stopping.set()
        thread.join(5)


def test_watching_does_not_reload_what_stays_as_it_is(live, folder):
    unit(folder, "a,b")
    live.reload()
    reloads, stopping = live.reloads, threading.Event()
    calls = []
    live.reload = lambda **_: calls.append(1)
    thread = threading.Thread(target=live.watch, args=(stopping,))
    thread.start()
    time.sleep(1.2)
    stopping.set()
    thread.join(5)
    assert (live.reloads, calls) == (reloads, [])
