"""Changes of mapping files, and a crash at each of their steps."""

import logging
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from bridge.web.editing import mapping_editor
from bridge.web.editing.mapping_editor import Author, MappingEditor
from bridge.web.editing.mapping_folder import version_of
from bridge.web.requests import RequestError

ANNA = Author("Anna", "because")
OLD, NEW = b"topic: old\n", b"topic: new\n"
SEEN = version_of(OLD)
STEPS = ("open", "fsync", "rename", "replace", "unlink", "mkdir", "chmod")
"""System calls of which the process is killed before one, each in turn."""


@pytest.fixture
def mappings(tmp_path):
    folder = tmp_path / "mappings"
    folder.mkdir()
    (folder / "press.yaml").write_bytes(OLD)
    (folder / "other.yaml").write_bytes(b"topic: other\n")
    return folder


@pytest.fixture
def editor(mappings, tmp_path):
    return MappingEditor(mappings, tmp_path / "data")


def names_in(folder):
    return sorted(each.name for each in folder.iterdir())


def actions(editor, name="press"):
    return [each.action for each in editor.history(name)[0]]


def refused(change, status, code=None):
    with pytest.raises(RequestError) as caught:
        change()
    assert (caught.value.status, caught.value.more.get("code")) == (status, code)
    return caught.value


def test_change_is_logged_without_the_text(editor, caplog):
    caplog.set_level(logging.INFO)
    version = editor.save("press", NEW, SEEN, ANNA)
    [record] = [each for each in caplog.records if each.message == "mapping changed on the page"]
    told = {name: vars(record)[name] for name in ("mapping", "action", "by", "note")}
    assert told == {"mapping": "press", "action": "save", "by": "Anna", "note": "because"}
    assert (record.version_before, record.version_after) == (SEEN, version)
    assert "topic:" not in str(vars(record))


def test_edit_on_disk_between_two_saves_is_in_the_history(editor, mappings):
    version = editor.save("press", NEW, SEEN, ANNA)
    (mappings / "press.yaml").write_bytes(b"topic: vim\n")
    conflict = refused(lambda: editor.save("press", OLD, version, ANNA), 409, "conflict")
    assert conflict.more["text"] == "topic: vim\n"
    assert (mappings / "press.yaml").read_bytes() == b"topic: vim\n"
    assert actions(editor) == ["changed on disk", "save", "changed on disk"]
    editor.save("press", OLD, version_of(b"topic: vim\n"), ANNA)
    number = editor.history("press")[0][1].number
    assert editor.version("press", number)[1] == b"topic: vim\n"


def test_opening_a_file_that_was_never_edited_here_stores_nothing(editor, tmp_path):
    assert editor.open("press").text == OLD
    assert actions(editor) == []
    assert not (tmp_path / "data").exists()


def test_mapping_is_renamed_disabled_enabled_and_deleted(editor, mappings):
    editor.rename("press", "hall", SEEN, ANNA)
    editor.enable("hall", SEEN, ANNA, enabled=False)
    assert (mappings / "hall.yaml.disabled").read_bytes() == OLD
    assert not editor.open("hall").names.enabled
    version = editor.save("hall", NEW, SEEN, ANNA)
    editor.enable("hall", version, ANNA, enabled=True)
    editor.delete("hall", version, ANNA)
    assert names_in(mappings) == ["other.yaml"]
    assert actions(editor, "hall") == ["delete", "enable", "save", "disable", "rename", "changed on disk"]
    assert list(editor.deleted()) == ["hall"]
    editor.save("hall", OLD, "", ANNA, "rollback")
    assert editor.deleted() == {}


def test_save_of_the_same_text_is_no_change(editor):
    assert editor.save("press", OLD, SEEN, ANNA) == SEEN
    assert editor.enable("press", SEEN, ANNA, enabled=True) == SEEN
    assert actions(editor) == ["changed on disk"]


def test_last_enabled_mapping_is_neither_disabled_nor_deleted(editor):
    editor.delete("press", SEEN, ANNA)
    seen = editor.open("other").version
    refused(lambda: editor.delete("other", seen, ANNA), 409, "last")
    refused(lambda: editor.enable("other", seen, ANNA, enabled=False), 409, "last")


def test_names_that_exist_are_refused_whatever_their_case(editor, mappings):
    (mappings / "off.yaml.disabled").write_bytes(OLD)
    for name in ("Other", "OFF"):
        refused(lambda name=name: editor.save(name, NEW, "", ANNA), 409, "exists")
        refused(lambda name=name: editor.rename("press", name, SEEN, ANNA), 409, "exists")
    editor.rename("press", "Press", SEEN, ANNA)
    assert names_in(mappings) == ["Press.yaml", "off.yaml.disabled", "other.yaml"]


@pytest.mark.parametrize("name", ["../press", "/etc/passwd", ".press", "..", "a.yaml", ""])
def test_names_that_lead_elsewhere_are_refused(editor, name):
    refused(lambda: editor.save(name, NEW, "", ANNA), 403, "not-editable")
    refused(lambda: editor.rename("press", name, SEEN, ANNA), 400)
    refused(lambda: editor.delete(name, "", ANNA), 404)


def test_files_that_cannot_be_edited_are_refused(editor, mappings):
    (mappings / "latin.yaml").write_bytes(b"topic: gr\xfc\xdf\n")
    (mappings / "two.yaml").write_bytes(OLD)
    (mappings / "two.yml").write_bytes(OLD)
    (mappings / "linked.yaml").symlink_to("press.yaml")
    for name, why in (("latin", "UTF-8"), ("two", "several files"), ("linked", "link")):
        found = editor.open(name)
        assert why in found.read_only_reason
        error = refused(lambda name=name, seen=found.version: editor.save(name, NEW, seen, ANNA), 403, "not-editable")
        assert why in str(error)


def test_files_beyond_the_limit_are_not_created(editor, monkeypatch):
    monkeypatch.setattr(mapping_editor, "MAX_FILES", 2)
    refused(lambda: editor.save("third", NEW, "", ANNA), 409, "too-many")
    editor.save("press", NEW, SEEN, ANNA)


def test_full_disk_of_the_history_refuses_the_change(editor, mappings, tmp_path):
    (tmp_path / "data").write_bytes(b"not a folder")
    error = refused(lambda: editor.save("press", NEW, SEEN, ANNA), 409, "not-written")
    assert "nothing was changed" in str(error)
    assert (mappings / "press.yaml").read_bytes() == OLD


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_full_disk_of_the_mappings_refuses_the_change(editor, mappings, monkeypatch, call):
    editor.save("press", NEW, SEEN, ANNA)
    seen, real = version_of(NEW), getattr(os, call)

    def full(*args, **kwargs):
        # A descriptor, or the name of the new file: those of the history are not concerned.
        if str(mappings) in os.path.realpath(f"/proc/self/fd/{args[0]}") or "press" in str(args[0]):
            raise OSError(28, "No space left on device")
        return real(*args, **kwargs)

    monkeypatch.setattr(os, call, full)
    refused(lambda: editor.save("press", OLD, seen, ANNA), 409, "not-written")
    monkeypatch.undo()
    assert (mappings / "press.yaml").read_bytes() == NEW
    assert names_in(mappings) == ["other.yaml", "press.yaml"]
    assert actions(editor) == ["save", "changed on disk"]


def test_edits_at_once_are_one_save_and_conflicts(editor, mappings):
    texts = [f"topic: t{number}\n".encode() for number in range(8)]

    def save(text):
        try:
            return editor.save("press", text, SEEN, ANNA)
        except RequestError as error:
            return error.more["code"]

    with ThreadPoolExecutor(len(texts)) as pool:
        results = list(pool.map(save, texts))
    [saved] = [text for text, result in zip(texts, results, strict=True) if result == version_of(text)]
    assert results.count("conflict") == len(texts) - 1
    assert (mappings / "press.yaml").read_bytes() == saved
    assert actions(editor) == ["save", "changed on disk"]


def killed_before(step, change):
    """Make a change in a child process that is killed before its n-th system call of STEPS; return True if it was."""
    child = os.fork()
    if child == 0:
        left = [step]

        def counted(call):
            def counting(*args, **kwargs):
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*args, **kwargs)

            return counting

        for name in STEPS:
            setattr(os, name, counted(getattr(os, name)))
        try:
            change()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


CHANGES = {
    "save": (lambda editor: editor.save("press", NEW, SEEN, ANNA), "press", {"press.yaml": NEW}),
    "rename": (lambda editor: editor.rename("press", "hall", SEEN, ANNA), "hall", {"hall.yaml": OLD}),
    "disable": (
        lambda editor: editor.enable("press", SEEN, ANNA, enabled=False),
        "press",
        {"press.yaml.disabled": OLD},
    ),
    "delete": (lambda editor: editor.delete("press", SEEN, ANNA), "press", {}),
}


@pytest.mark.parametrize("action", CHANGES)
def test_change_is_made_or_not_made_after_a_kill_at_any_step(mappings, tmp_path, action):
    change, name, after = CHANGES[action]
    step = made = 0
    while True:
        data = tmp_path / f"data-{step}"
        editor = MappingEditor(mappings, data)
        killed = killed_before(step, lambda editor=editor: change(editor))
        files = {each.name: each.read_bytes() for each in mappings.glob("[!.]*") if each.name != "other.yaml"}
        restarted = MappingEditor(mappings, data)
        restarted.open("press")
        if files == {"press.yaml": OLD}:
            assert action not in actions(restarted)
            assert made == 0
        else:
            assert files == after
            made += 1
            assert actions(restarted, name)[0] == action
            newest = restarted.history(name)[0][0]
            assert (newest.by, newest.note) == ("Anna", "because")
            assert restarted.version(name, newest.number - 1)[1] == OLD
        assert not (data / "mapping-history/pending").exists()
        if not killed:
            break
        for each in mappings.iterdir():
            if each.name != "other.yaml":
                each.unlink()
        (mappings / "press.yaml").write_bytes(OLD)
        step += 1
    assert step > 8
    assert made > 1
