import os
import threading
import time

import pytest

from bridge.mapping.loading.live_mappings import MAX_DELAY_SECS, SCAN_SECS, LiveMappings

GOOD = "topic: {topic}\noutputs: [{{data_stream: {stream}}}]\n"


def write(folder, name, *, topic="a/b", stream="s", text=None):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text if text is not None else GOOD.format(topic=topic, stream=stream))


def names(live):
    return [mapping.name for mapping in live.routes.mappings]


def streams(live):
    return [mapping.outputs[0].data_stream for mapping in live.routes.mappings]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "mappings"


@pytest.fixture
def live(folder, tmp_path):
    write(folder, "press.yaml")
    mappings = LiveMappings(folder, tmp_path / "kept")
    mappings.changes = []
    mappings.on_change = mappings.changes.append
    mappings.reload()
    return mappings


def wait_until(done, secs=5.0):
    deadline = time.monotonic() + secs
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def watched(live):
    stop = threading.Event()
    thread = threading.Thread(target=live.watch, args=(stop,))
    thread.start()
    time.sleep(0.05)
    yield live
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_unchanged_mapping_is_not_loaded_again(live):
    before = live.routes.mappings[0]
    live.reload()
    assert live.routes.mappings[0] is before
    assert len(live.changes) == 1


def test_broken_file_keeps_its_last_good_version_and_others_load(live, folder):
    write(folder, "press.yaml", text="topic: [")
    write(folder, "other.yaml", topic="c/d", stream="t")
    live.reload()
    assert names(live) == ["other", "press"]
    assert [problem.file for problem in live.problems] == ["mappings/press.yaml"]


def test_file_whose_own_test_fails_does_not_go_live(live, folder):
    failing = GOOD.format(topic="a/b", stream="new") + (
        "tests: [{name: t, topic: a/b, payload: 1, expect: filtered}]\n"
    )
    write(folder, "press.yaml", text=failing)
    live.reload()
    assert streams(live) == ["s"]
    assert "the test 't' failed" in str(live.problems[0])


def test_fixing_the_file_clears_the_problem(live, folder):
    write(folder, "press.yaml", text="topic: [")
    live.reload()
    write(folder, "press.yaml", stream="mended")
    live.reload()
    assert live.problems == ()
    assert streams(live) == ["mended"]


def test_log_reports_once_what_is_wrong(live, folder, caplog):
    write(folder, "press.yaml", text="topic: [")
    live.reload()
    live.reload(every=True)
    live.reload(every=True)
    assert sum("press.yaml" in record.getMessage() for record in caplog.records) == 1


def test_new_file_is_logged_when_it_is_loaded_while_the_bridge_runs(live, folder, caplog):
    caplog.set_level("INFO", "bridge.mapping")
    write(folder, "oven.yaml", topic="a/oven")
    write(folder, "broken.yaml", text="topic: [")
    live.reload()
    assert [(each.message, each.file) for each in caplog.records if each.levelname == "INFO"] == [
        ("mapping added", "oven.yaml")
    ]


def test_broken_file_has_its_last_good_version_after_a_restart(live, folder, tmp_path):
    write(folder, "press.yaml", text="topic: [")
    again = LiveMappings(folder, tmp_path / "kept")
    again.reload()
    assert streams(again) == ["s"]
    assert len(again.problems) == 1


def test_mapping_that_never_loaded_is_not_active(live, folder):
    write(folder, "new.yaml", text="topic: a/#/b\noutputs: []\n")
    live.reload()
    assert names(live) == ["press"]
    assert {problem.file for problem in live.problems} == {"mappings/new.yaml"}


def test_removed_file_is_out_of_force_and_not_remembered(live, folder, tmp_path):
    write(folder, "other.yaml", topic="c/d")
    live.reload()
    (folder / "press.yaml").unlink()
    live.reload()
    assert names(live) == ["other"]
    write(folder, "press.yaml", text="topic: [")
    again = LiveMappings(folder, tmp_path / "kept")
    again.reload()
    assert names(again) == ["other"]


def test_mapping_removed_while_no_bridge_ran_is_forgotten(live, folder, tmp_path):
    (folder / "press.yaml").rename(folder / "stamp.yaml")
    LiveMappings(folder, tmp_path / "kept").reload()
    write(folder, "press.yaml", text="topic: [")
    again = LiveMappings(folder, tmp_path / "kept")
    again.reload()
    assert names(again) == ["stamp"]


def test_rename_takes_effect_under_the_new_name(live, folder):
    write(folder, "other.yaml", topic="c/d")
    (folder / "press.yaml").rename(folder / "stamp.yaml")
    live.reload()
    assert names(live) == ["other", "stamp"]


def test_empty_or_removed_folder_changes_nothing_but_is_a_problem(live, folder):
    (folder / "press.yaml").unlink()
    live.reload()
    assert names(live) == ["press"]
    folder.rmdir()
    live.reload()
    assert names(live) == ["press"]
    assert "no mapping file" in str(live.problems[0])


def test_files_of_one_name_are_refused_and_the_active_stays(live, folder):
    write(folder, "press.yml", stream="twin")
    live.reload(every=True)
    assert streams(live) == ["s"]
    assert all("press" in str(problem) for problem in live.problems)
    assert len(live.problems) == 2


def test_hidden_and_backup_files_are_nothing(live, folder):
    for name in (".press.yaml.swp", ".hidden.yaml", "press.yaml~", "#press.yaml#", "notes.txt"):
        write(folder, name, text="topic: [")
    live.reload(every=True)
    assert live.problems == ()


def test_version_becomes_active_although_the_disk_cannot_store_it(folder, tmp_path):
    write(folder, "press.yaml")
    (tmp_path / "kept").write_text("a file where a folder should be")
    mappings = LiveMappings(folder, tmp_path / "kept")
    mappings.reload()
    assert names(mappings) == ["press"]


def test_edit_is_live_within_two_seconds(watched, folder):
    write(folder, "press.yaml", stream="edited")
    wait_until(lambda: streams(watched) == ["edited"], 2.0)


def test_editor_that_writes_by_rename_is_followed(watched, folder):
    write(folder, ".new", text=GOOD.format(topic="a/b", stream="renamed"))
    (folder / ".new").replace(folder / "press.yaml")
    wait_until(lambda: streams(watched) == ["renamed"], 2.0)


def test_config_map_swap_is_followed(tmp_path):
    """Kubernetes: files are links through `..data`, which is swapped for another folder in one rename."""
    mount = tmp_path / "mount"
    for number in (1, 2):
        write(mount / f"..{number}", "press.yaml", stream=f"version-{number}")
    (mount / "..data").symlink_to("..1")
    (mount / "press.yaml").symlink_to("..data/press.yaml")
    mappings = LiveMappings(mount, tmp_path / "kept")
    mappings.reload()
    assert streams(mappings) == ["version-1"]
    (mount / "..new").symlink_to("..2")
    (mount / "..new").replace(mount / "..data")
    mappings.reload()
    assert streams(mappings) == ["version-2"]


def test_edit_that_keeps_size_and_time_is_seen_by_its_inode(live, folder):
    before = (folder / "press.yaml").stat()
    write(folder, ".new", stream="t")
    os.utime(folder / ".new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (folder / ".new").replace(folder / "press.yaml")
    live.reload()
    assert streams(live) == ["t"]


def test_file_that_is_rewritten_all_the_time_goes_live_as_well(watched, folder):
    stop = time.monotonic() + MAX_DELAY_SECS + 3 * SCAN_SECS
    number = 0
    while time.monotonic() < stop:
        number += 1
        write(folder, ".new", stream=f"n{number}")
        (folder / ".new").replace(folder / "press.yaml")  # one half written would be a problem, and another test's
        time.sleep(0.05)
    assert streams(watched) != ["s"]


def test_requested_reload_loads_changes_that_a_scan_does_not_show(watched, folder):
    file = folder / "press.yaml"
    before, status = watched.routes.mappings[0], file.stat()
    watched.request_reload()
    file.write_text(file.read_text().replace("a/b", "a/c"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    watched.request_reload()
    wait_until(lambda: watched.routes.mappings[0].pattern.text == "a/c")
    assert watched.routes.mappings[0] is not before


def test_reload_is_to_come_until_its_outcome_is_active(live, folder):
    to_come, loading, during = live.request_reload(), live.reload, []

    def slow_reload(*, every):
        write(folder, "press.yaml", stream="asked")
        during.append(to_come())
        loading(every=every)

    live.reload = slow_reload
    stop = threading.Event()
    thread = threading.Thread(target=live.watch, args=(stop,))
    assert to_come()
    thread.start()
    wait_until(lambda: not to_come())
    assert streams(live) == ["asked"]
    stop.set()
    thread.join(5)
    assert during == [True]


def test_file_that_is_another_and_reports_the_same_is_stored(live, folder):
    before = live.routes
    write(folder, ".new", topic="a/b", stream="s")
    (folder / ".new").replace(folder / "press.yaml")
    live.reload()
    assert live.routes is before
    write(folder, "press.yaml", text="topic: [")
    live.reload()
    write(folder, "press.yaml")
    live.reload()
    assert not live.problems


def test_requested_reload_keeps_a_mapping_whose_file_is_the_same(live, folder):
    write(folder, "oven.yaml", stream="oven")
    live.reload()
    before = live.routes
    write(folder, "oven.yaml", stream="other")
    live.reload(every=True)
    assert live.routes is not before
    assert live.routes.mappings[1] is before.mappings[1]


def test_file_written_again_with_the_text_it_had_is_not_loaded_again(live, folder):
    text, before, reloads = (folder / "press.yaml").read_bytes(), live.routes, live.reloads
    new = folder / ".press.new"
    new.write_bytes(text)
    new.replace(folder / "press.yaml")
    assert live._scan() != live._loaded()
    live.reload()
    assert live._scan() == live._loaded(), "or the next look would load it again"
    assert (live.routes, live.reloads) == (before, reloads)


def test_folder_under_a_files_name_is_no_mapping(live, folder):
    (folder / "oven.yaml").mkdir()
    live.reload()
    assert live.problems == ()
    assert len(live.routes.mappings) == 1


def test_fingerprint_is_that_of_the_texts_active(live, folder, tmp_path):
    first = live.fingerprint
    write(folder, "press.yaml", stream="other")
    live.reload()
    second = live.fingerprint
    assert len({"", first, second}) == 3
    write(folder, "press.yaml", text="topic: [")
    live.reload()
    assert live.fingerprint == second, "the last good version is in force"
    again = LiveMappings(folder, tmp_path / "kept")
    again.reload()
    assert again.fingerprint == second, "over a restart too"
    write(folder, "press.yaml")
    live.reload()
    assert live.fingerprint == first
