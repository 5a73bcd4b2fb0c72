"""The lock of a folder: who is refused, for which reason, and what the lock file contains."""

import errno
import fcntl
import os
import stat
from pathlib import Path

import pytest

from bridge.errors import NoPermission, SpoolInUse, SpoolWriteError
from bridge.spool import lock as module
from bridge.spool.lock import (
    LOCK_FILE,
    FolderLock,
    is_in_use,
    make_private,
    owner_of,
    refuse_if_in_use,
    refuse_without_permission,
)


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """The pauses between two attempts, which take no time in the tests."""
    found = []
    monkeypatch.setattr(module, "_pause", found.append)
    return found


@pytest.fixture
def lock(tmp_path):
    lock = FolderLock(tmp_path)
    yield lock
    lock.close()


def test_lock_names_the_process_that_owns_the_folder(lock, tmp_path):
    with pytest.raises(SpoolInUse, match=rf"already in use by another bridge \(process {os.getpid()}\)"):
        FolderLock(tmp_path)
    (tmp_path / LOCK_FILE).write_bytes(b"\0\xff")
    with pytest.raises(SpoolInUse, match=r"by another bridge\. Stop it first"):
        FolderLock(tmp_path)


def test_lock_that_a_command_only_tests_is_acquired(tmp_path, monkeypatch):
    FolderLock(tmp_path).close()
    command = os.open(tmp_path / LOCK_FILE, os.O_RDONLY)
    fcntl.flock(command, fcntl.LOCK_SH)
    monkeypatch.setattr(module, "_pause", lambda _secs: os.close(command))
    FolderLock(tmp_path).close()


def test_lock_of_another_bridge_is_retried_and_then_refused(lock, tmp_path, pauses):
    with pytest.raises(SpoolInUse):
        FolderLock(tmp_path)
    assert 0.05 < sum(pauses) < 1


def test_lock_without_support_of_the_file_system_names_the_reason(tmp_path, monkeypatch):
    def unsupported(_file, _operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(SpoolWriteError, match="No locks available"):
        FolderLock(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert not is_in_use(tmp_path)


def test_lock_on_a_file_system_that_cannot_lock_folders_is_acquired(tmp_path, monkeypatch):
    flock = fcntl.flock

    def files_only(file, operation):
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(errno.EBADF, "Bad file descriptor")
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", files_only)
    lock = FolderLock(tmp_path)
    assert is_in_use(tmp_path)
    with pytest.raises(SpoolInUse):
        FolderLock(tmp_path)
    lock.close()
    assert not is_in_use(tmp_path)


def test_lock_knows_whether_a_spool_was_opened_in_this_boot(tmp_path, monkeypatch):
    def reopened():
        lock = FolderLock(tmp_path)
        lock.close()
        return lock.used, lock.same_boot

    lock = FolderLock(tmp_path)
    assert (lock.used, lock.same_boot) == (False, False)
    lock.note_boot()
    lock.close()
    assert reopened() == (True, True)
    monkeypatch.setattr(module, "boot_id", lambda: b"later")
    assert reopened() == (True, False)
    lock = FolderLock(tmp_path)
    lock.note_boot(b"")
    lock.close()
    assert reopened() == (False, False)
    monkeypatch.setattr(module, "boot_id", lambda: b"")  # a kernel without identifiers of its boots
    assert reopened() == (False, False)


@pytest.mark.parametrize("content", [b"", b"\0" * 40, b"x" * 2000, b"\xff\n\xff\n", b"12\n34\n56\n"])
def test_lock_file_with_any_content_is_overwritten(tmp_path, content):
    (tmp_path / LOCK_FILE).write_bytes(content)
    lock = FolderLock(tmp_path)
    assert not lock.same_boot
    lock.note_boot(b"boot")
    lock.close()
    assert (tmp_path / LOCK_FILE).read_bytes() == b"%d\nboot\n" % os.getpid()
    assert owner_of(tmp_path) == os.getpid()


def test_lock_writes_nothing_when_the_disk_is_full_and_still_owns(lock, tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        lock.note_boot()
    assert is_in_use(tmp_path)


def test_folder_is_in_use_even_without_its_lock_file(lock, tmp_path):
    (tmp_path / LOCK_FILE).unlink()
    with pytest.raises(SpoolInUse):
        refuse_if_in_use(tmp_path)
    lock.close()
    refuse_if_in_use(tmp_path)
    refuse_if_in_use(tmp_path / "missing")
    assert list(tmp_path.iterdir()) == []


def test_folder_whose_lock_file_is_a_fifo_is_not_in_use(tmp_path):
    os.mkfifo(tmp_path / LOCK_FILE)
    assert not is_in_use(tmp_path)


def test_make_private_synchronises_every_new_folder(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(module, "sync", synced.append)
    make_private(tmp_path / "a" / "b" / "data")
    assert set(synced) == {tmp_path, tmp_path / "a", tmp_path / "a" / "b"}
    assert stat.S_IMODE((tmp_path / "a" / "b" / "data").stat().st_mode) == 0o700
    make_private(tmp_path / "a" / "b" / "data")
    assert len(synced) == 3


def test_permission_to_read_is_tested_for_every_database(tmp_path, monkeypatch):
    refuse_without_permission(tmp_path / "missing")
    (tmp_path / "spool.db").touch()
    (tmp_path / "notes.txt").touch()
    refuse_without_permission(tmp_path)
    monkeypatch.setattr(os, "access", lambda file, _mode: file.suffix == ".db")
    refuse_without_permission(tmp_path)
    monkeypatch.setattr(os, "access", lambda file, _mode: file.suffix != ".db")
    with pytest.raises(NoPermission, match=r"no permission to read .*spool\.db .* run the command as the user "):
        refuse_without_permission(tmp_path)
