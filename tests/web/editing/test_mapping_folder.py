import os
import stat

import pytest

from bridge.web.editing.mapping_folder import Conflict, MappingFolder, version_of
from bridge.web.requests import RequestError


def names_in(folder):
    return sorted(each.name for each in folder.iterdir())


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "press.yaml").write_bytes(b"old")
    return MappingFolder(tmp_path)


def test_written_file_keeps_mode_and_attributes_and_leaves_nothing_beside(folder, tmp_path):
    file = tmp_path / "press.yaml"
    file.chmod(0o640)
    os.setxattr(file, "user.note", b"mine")
    folder.write("press.yaml", b"new", version_of(b"old"))
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.getxattr(file, "user.note") == b"mine"
    assert names_in(tmp_path) == ["press.yaml"]


def test_new_file_has_the_mode_of_the_umask(folder, tmp_path):
    before = os.umask(0o027)
    try:
        folder.write("new.yaml", b"text", "")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.yaml").stat().st_mode) == 0o640


@pytest.mark.parametrize("expected", [version_of(b"older"), ""])
def test_write_of_another_version_is_a_conflict(folder, tmp_path, expected):
    with pytest.raises(Conflict) as caught:
        folder.write("press.yaml", b"new", expected)
    assert caught.value.text == b"old"
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("press.yaml", b"old")]


def test_file_that_changes_while_the_new_one_is_written_is_a_conflict(folder, tmp_path, monkeypatch):
    sync = os.fsync

    def changed_meanwhile(descriptor):
        (tmp_path / "press.yaml").write_bytes(b"edited in vim")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", changed_meanwhile)
    with pytest.raises(Conflict):
        folder.write("press.yaml", b"new", version_of(b"old"))
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("press.yaml", b"edited in vim")]


def test_temporary_file_of_a_crash_is_replaced(folder, tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"not touched")
    (tmp_path / ".press.yaml.new").symlink_to(tmp_path / "elsewhere")
    folder.write("press.yaml", b"new", version_of(b"old"))
    assert (tmp_path / "elsewhere").read_bytes() == b"not touched"
    assert not (tmp_path / ".press.yaml.new").is_symlink()


def test_rename_and_remove_require_the_version(folder, tmp_path):
    for change in (lambda: folder.rename("press.yaml", "b.yaml", "x"), lambda: folder.remove("press.yaml", "x")):
        with pytest.raises(Conflict):
            change()
    folder.rename("press.yaml", "b.yaml", version_of(b"old"))
    (tmp_path / "c.yaml").write_bytes(b"c")
    with pytest.raises(FileExistsError):
        folder.rename("b.yaml", "c.yaml", version_of(b"old"))
    folder.remove("b.yaml", version_of(b"old"))
    assert names_in(tmp_path) == ["c.yaml"]


def test_summaries_read_only_what_has_changed(folder, tmp_path, monkeypatch):
    (tmp_path / "other.yaml").write_bytes(b"other")
    (tmp_path / "out.yaml").symlink_to("/etc/passwd")
    read, shown = [], folder.shown
    monkeypatch.setattr(folder, "shown", lambda file: read.append(file) or shown(file))
    for text in (b"old", b"old", b"newer"):
        (tmp_path / "press.yaml").write_bytes(text) if text != b"old" else None
        found = {names.file: version for names, version, _ in folder.summaries()}
        assert found == {"other.yaml": version_of(b"other"), "out.yaml": "", "press.yaml": version_of(text)}
    assert [each for each in read if each != "out.yaml"] == ["other.yaml", "press.yaml", "press.yaml"]


def test_link_is_not_written_through_and_not_shown_from_elsewhere(folder, tmp_path):
    inside = tmp_path / "mappings"
    inside.mkdir()
    secret = tmp_path / "secret.yaml"
    secret.write_bytes(b"secret")
    (inside / "out.yaml").symlink_to(secret)
    (inside / "in.yaml").symlink_to("real.yaml")
    (inside / "real.yaml").write_bytes(b"real")
    linked = MappingFolder(inside)
    assert "link" in linked.file_read_only_reason("out.yaml")
    assert "link" in linked.file_read_only_reason("in.yaml")
    assert linked.shown("in.yaml") == b"real"
    with pytest.raises(RequestError, match="outside the folder") as caught:
        linked.shown("out.yaml")
    assert caught.value.status == 403
    for name in ("out.yaml", "in.yaml"):
        with pytest.raises(OSError, match="symbolic links"):
            linked.write(name, b"new", version_of(b"secret"))
    assert secret.read_bytes() == b"secret"


@pytest.mark.parametrize("make", [os.mkfifo, lambda file: file.mkdir()])
def test_special_file_is_refused_at_once(tmp_path, make):
    make(tmp_path / "odd.yaml")
    folder = MappingFolder(tmp_path)
    assert folder.file_read_only_reason("odd.yaml")
    with pytest.raises(RequestError):
        folder.shown("odd.yaml")


def test_folders_that_cannot_be_edited_say_why(folder, tmp_path, monkeypatch):
    assert folder.read_only_reason() == ""
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "may not write" in folder.read_only_reason()
    (tmp_path / "..data").symlink_to("..2026")
    assert "ConfigMap" in folder.read_only_reason()


def test_file_of_another_user_is_fixed(folder, monkeypatch):
    assert folder.file_read_only_reason("press.yaml") == ""
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert "another user" in folder.file_read_only_reason("press.yaml")
