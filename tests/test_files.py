import os
from pathlib import Path

import pytest

from bridge.errors import Problem
from bridge.files import FileProblem, read_bytes, replace_file, shown_name


def problem(file, limit=100):
    with pytest.raises(FileProblem) as caught:
        read_bytes(file, limit)
    return str(caught.value)


def test_file_up_to_the_limit_is_read_complete(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 100)
    assert read_bytes(tmp_path / "a", 100) == b"x" * 100


def test_larger_file_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 101)
    assert problem(tmp_path / "a") == "larger than 100 bytes, the limit for such a file"


def test_missing_file_is_named_as_such(tmp_path):
    assert problem(tmp_path / "a") == "no such file"


def test_folder_is_no_file(tmp_path):
    assert problem(tmp_path) == "this is a folder; expected a file"


def test_pipe_is_refused_and_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert problem(tmp_path / "pipe") == "not a regular file"


def test_endless_device_is_refused(tmp_path):
    (tmp_path / "link").symlink_to("/dev/zero")
    assert problem(tmp_path / "link") == "not a regular file"


def test_link_to_itself_is_explained(tmp_path):
    (tmp_path / "link").symlink_to("link")
    assert problem(tmp_path / "link") == "cannot be read: Too many levels of symbolic links"


def test_unreadable_file_reports_who_needs_access(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"x")

    def denied(*args):
        raise PermissionError(13, "Permission denied")  # root, who runs tests, may read everything

    monkeypatch.setattr(os, "open", denied)
    assert problem(tmp_path / "a") == "not permitted to read this file; give the bridge's user read access"


def test_name_with_nul_is_a_problem_and_no_crash(tmp_path):
    assert problem(tmp_path / "a\0b").startswith("cannot be read")


def test_file_of_the_kernel_without_a_size_is_read():
    assert read_bytes(Path("/proc/version"), 10_000).startswith(b"Linux")


def test_file_is_replaced_and_nothing_is_left_beside_it(tmp_path):
    file = tmp_path / "kept" / "a"
    replace_file(file, b"one")
    replace_file(file, b"two")
    assert file.read_bytes() == b"two"
    assert list(file.parent.iterdir()) == [file]
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_failed_replacement_leaves_the_file_unchanged(tmp_path):
    replace_file(tmp_path / "a", b"one")
    (tmp_path / ".a.new").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"one"


def test_replaced_file_follows_no_link_and_is_private(tmp_path):
    (tmp_path / "victim").write_bytes(b"as it was")
    (tmp_path / ".a.new").symlink_to(tmp_path / "victim")
    (tmp_path / "a").symlink_to(tmp_path / "victim")
    replace_file(tmp_path / "a", b"new")
    assert (tmp_path / "victim").read_bytes() == b"as it was"
    assert (tmp_path / "a").read_bytes() == b"new"
    assert (tmp_path / "a").lstat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("octets", "shown"),
    [(b"press.yaml", "press.yaml"), ("Öl".encode(), "Öl"), (b"\xff", r"\udcff"), (b"\xc3\xff", r"\udcc3\udcff")],
)
def test_shown_name_of_a_file_can_be_printed(octets, shown):
    assert shown_name(os.fsdecode(octets)) == shown
    problem = Problem(os.fsdecode(octets), 0, 0, "", f"'{os.fsdecode(octets)}' is wrong")
    assert str(problem).encode().decode() == f"{shown}: '{shown}' is wrong"
