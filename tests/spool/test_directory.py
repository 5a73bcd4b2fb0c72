import stat

import pytest

from bridge.errors import SpoolInUse, SpoolWriteError
from bridge.spool.directory import SpoolDirectory


def test_directory_has_one_owner_at_a_time(tmp_path):
    folder = SpoolDirectory(tmp_path / "data")
    with pytest.raises(SpoolInUse, match=r"set another spool\.path"):
        SpoolDirectory(tmp_path / "data")
    folder.close()
    SpoolDirectory(tmp_path / "data").close()


def test_closing_twice_closes_no_file_of_a_client_else(tmp_path):
    folder = SpoolDirectory(tmp_path / "data")
    folder.close()
    with (tmp_path / "other").open("wb") as other:
        folder.close()
        other.write(b"still open")
    assert (tmp_path / "other").read_bytes() == b"still open"


def test_spool_folder_is_for_its_owner_only(tmp_path):
    folder = SpoolDirectory(tmp_path / "a" / "data")
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.database.stat().st_mode) == 0o600
    folder.close()


@pytest.mark.parametrize("name", ["spool.lock", "spool.db", "spool.db-wal"])
def test_link_in_the_folder_is_refused_and_its_target_stays(tmp_path, name):
    target = tmp_path / "target"
    target.write_text("of the bridge's user")
    target.chmod(0o640)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).symlink_to(target)
    with pytest.raises(SpoolWriteError, match=r"spool\.path: cannot use"):
        SpoolDirectory(tmp_path / "data")
    assert target.read_text() == "of the bridge's user"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.parametrize(("mode", "warned"), [(0o777, True), (0o1777, True), (0o775, False), (0o700, False)])
def test_folder_that_every_user_can_write_to_is_reported(tmp_path, caplog, mode, warned):
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(mode)
    SpoolDirectory(tmp_path / "data").close()
    assert ("every user of this machine can write" in caplog.text) == warned


def test_file_in_its_place_is_unwritable(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(SpoolWriteError, match=r"spool\.path: cannot use"):
        SpoolDirectory(tmp_path / "data")


def test_damage_is_remembered_until_the_database_is_set_aside(tmp_path):
    folder = SpoolDirectory(tmp_path)
    assert folder.damage == ""
    folder.mark_damaged("malformed")
    folder.close()
    folder = SpoolDirectory(tmp_path)
    assert folder.damage == "malformed"
    folder.quarantine(folder.damage)
    assert folder.damage == ""
    folder.close()


def test_marker_file_without_content_still_marks_the_spool(tmp_path):
    folder = SpoolDirectory(tmp_path)
    folder.mark_damaged("")
    assert folder.damage
    folder.close()


def test_quarantine_moves_all_files_of_the_database_and_no_others(tmp_path):
    folder = SpoolDirectory(tmp_path)
    for name in ("spool.db-wal", "spool.db-shm", "notes.txt"):
        (tmp_path / name).write_text(name)
    aside = folder.quarantine("malformed")
    assert sorted(file.name for file in aside.iterdir()) == [
        "salvage.unfinished",
        "spool.db",
        "spool.db-shm",
        "spool.db-wal",
    ]
    assert stat.S_IMODE(aside.stat().st_mode) == 0o700
    assert (tmp_path / "notes.txt").exists()
    assert folder.quarantine_count() == 1
    assert folder.quarantine("again") != aside
    assert folder.quarantine_count() == 2
    folder.close()


def test_files_that_other_users_could_read_become_private(tmp_path):
    names = ("spool.db", "spool.db-wal", "spool.db-shm", "spool.lock")
    for name in names:
        (tmp_path / name).touch(mode=0o644)
    folder = SpoolDirectory(tmp_path)
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names} == {0o600}
    folder.close()


def test_removed_lock_file_does_not_let_a_second_owner_in(tmp_path):
    folder = SpoolDirectory(tmp_path)
    (tmp_path / "spool.lock").unlink()
    with pytest.raises(SpoolInUse):
        SpoolDirectory(tmp_path)
    folder.close()
    SpoolDirectory(tmp_path).close()
