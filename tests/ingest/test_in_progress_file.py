"""The file that survives the end of a process: what the next process reads from it."""

import errno
import os
from pathlib import Path

import pytest

from bridge.ingest.in_progress_file import FINGERPRINT_BYTES, IN_PROGRESS_FILE, NO_FINGERPRINT, InProgressFile

FINGERPRINT = bytes(range(1, FINGERPRINT_BYTES + 1))


def read(folder):
    """Return what the next process reads."""
    file = InProgressFile(folder)
    file.close()
    return file.ended_in_burst, file.last_fingerprint


def test_in_progress_file_of_a_new_folder_is_idle(tmp_path):
    assert read(tmp_path) == (False, NO_FINGERPRINT)
    assert (tmp_path / IN_PROGRESS_FILE).read_bytes()[: 1 + FINGERPRINT_BYTES] == bytes(1 + FINGERPRINT_BYTES)


def test_in_progress_file_reports_a_death_once(tmp_path):
    file = InProgressFile(tmp_path)
    file.begin()
    file.begin_message(b"x" * FINGERPRINT_BYTES)
    file.begin_message(FINGERPRINT)  # the process is killed here, so the file is not closed
    assert read(tmp_path) == (True, FINGERPRINT)
    assert read(tmp_path) == (False, NO_FINGERPRINT)


def test_in_progress_file_forgets_the_message_of_a_finished_burst(tmp_path):
    file = InProgressFile(tmp_path)
    file.begin()
    file.begin_message(FINGERPRINT)
    file.end()
    assert read(tmp_path) == (False, NO_FINGERPRINT)
    file.begin()
    assert read(tmp_path) == (True, NO_FINGERPRINT)
    file.close()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\1", (True, NO_FINGERPRINT)),
        (b"\1" + FINGERPRINT, (True, FINGERPRINT)),
        (b"\1" + FINGERPRINT + b"rest" * 1000, (True, FINGERPRINT)),
        (b"\2" + FINGERPRINT, (False, NO_FINGERPRINT)),
        (b"\0" + FINGERPRINT, (False, NO_FINGERPRINT)),
    ],
)
def test_in_progress_file_of_any_size_is_read(tmp_path, content, found):
    (tmp_path / IN_PROGRESS_FILE).write_bytes(content)
    assert read(tmp_path) == found
    assert (tmp_path / IN_PROGRESS_FILE).read_bytes()[: 1 + FINGERPRINT_BYTES] == bytes(1 + FINGERPRINT_BYTES)


def test_in_progress_file_on_a_full_disk_raises_an_error(tmp_path, monkeypatch):
    """A write to mapped memory cannot fail: if no block is allocated for it, it ends the process with SIGBUS."""

    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        InProgressFile(tmp_path)


def test_in_progress_file_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "other").write_bytes(b"unchanged")
    (tmp_path / IN_PROGRESS_FILE).symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic links"):
        InProgressFile(tmp_path)
    assert (tmp_path / "other").read_bytes() == b"unchanged"


def test_in_progress_file_needs_no_descriptor(tmp_path):
    before = set(Path("/proc/self/fd").iterdir())
    file = InProgressFile(tmp_path)
    file.begin()
    file.close()
    assert set(Path("/proc/self/fd").iterdir()) == before
    assert (tmp_path / IN_PROGRESS_FILE).stat().st_mode & 0o777 == 0o600
