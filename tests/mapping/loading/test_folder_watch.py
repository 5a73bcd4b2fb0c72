import time

from bridge.mapping.loading.folder_watch import signatures


def test_file_written_again_looks_different(tmp_path):
    file = tmp_path / "a"
    file.write_text("one")
    before = signatures([file])
    assert signatures([file]) == before
    new = tmp_path / "b"
    new.write_text("two")
    new.replace(file)
    assert signatures([file]) != before


def test_file_whose_permissions_changed_looks_different(tmp_path):
    file = tmp_path / "a"
    file.write_text("one")
    file.chmod(0o200)
    before = signatures([file])
    time.sleep(0.02)  # longer than a tick of the clock that file systems use
    file.chmod(0o600)
    assert signatures([file]) != before


def test_link_looks_like_what_it_leads_to(tmp_path):
    target, link = tmp_path / "a", tmp_path / "b"
    target.write_text("one")
    link.symlink_to(target)
    assert signatures([link])[link] == signatures([target])[target]


def test_file_that_is_removed_is_left_out(tmp_path):
    assert signatures([tmp_path / "gone"]) == {}
