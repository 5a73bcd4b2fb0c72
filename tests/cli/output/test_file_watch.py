"""Option `--watch`: each change of a file runs the command again, also a change during the command."""

import os

import pytest

from bridge.cli.output import file_watch
from bridge.cli.output.file_watch import repeat_on_change


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(file_watch, "POLL_SECS", 0.0)


def runs(paths, *changes):
    """Run the command once for each change, which is made during the command, and then end it with Ctrl-C."""
    remaining = list(changes)

    def command():
        if not remaining:
            raise KeyboardInterrupt
        remaining.pop(0)()

    with pytest.raises(KeyboardInterrupt):
        repeat_on_change(lambda: paths, command)
    return len(changes) - len(remaining)


def test_watch_repeats_for_each_kind_of_change(tmp_path):
    folder, file = tmp_path / "mappings", tmp_path / "mappings" / "deep" / "a.yaml"

    changes = [
        lambda: file.parent.mkdir(parents=True),
        lambda: file.write_text("1"),
        lambda: file.write_text("11"),
        file.unlink,
        file.parent.rmdir,
        lambda: (tmp_path / "bridge.yaml").write_text("x"),
    ]
    assert runs([folder, tmp_path / "bridge.yaml"], *changes) == len(changes)


def test_watch_of_a_file_repeats_when_an_editor_replaces_it(tmp_path):
    file = tmp_path / "bridge.yaml"
    file.write_text("1")

    def replace():
        # The new file has the same size and time.
        times = file.stat()
        new = file.with_name("new")
        new.write_text("2")
        os.utime(new, ns=(times.st_atime_ns, times.st_mtime_ns))
        new.rename(file)

    assert runs([file], replace) == 1


def test_watch_ignores_a_folder_that_is_deleted_while_it_is_listed(tmp_path, monkeypatch):
    (tmp_path / "deleted").mkdir()
    (tmp_path / "kept").mkdir()
    list_folder = os.scandir

    def scandir(path="."):
        if str(path).endswith("deleted"):
            raise FileNotFoundError(path)
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert runs([tmp_path], lambda: (tmp_path / "kept" / "a.yaml").write_text("x")) == 1


def test_watch_waits_while_nothing_changes(tmp_path, monkeypatch):
    file = tmp_path / "a.yaml"
    waits = []

    class Pause:
        def wait(self, _secs):
            waits.append(1)
            if len(waits) == 3:
                file.write_text("x")

    monkeypatch.setattr(file_watch.threading, "Event", Pause)
    assert runs([tmp_path], lambda: None) == 1
    assert len(waits) == 3
