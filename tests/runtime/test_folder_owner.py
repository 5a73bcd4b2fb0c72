"""Commands of root in the folder of the bridge's user."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from bridge.files import replace_file
from bridge.runtime.folder_owner import rights_of_owner
from tests.harness.prerequisites import require

OTHER_USER = 65_534


@pytest.fixture
def folder():
    """A folder of another user, which that user can reach."""
    require(fulfilled=os.geteuid() == 0, reason="needs root: only root can act as another user")
    path = Path(tempfile.mkdtemp())
    (path / "data").mkdir()
    path.chmod(0o755)
    yield path / "data"
    shutil.rmtree(path)


def test_root_creates_no_file_through_a_link_in_the_folder(folder):
    secret = folder.parent / "of root"
    secret.mkdir(mode=0o700)
    (folder / "in-force").symlink_to(secret)
    os.chown(folder, OTHER_USER, OTHER_USER)
    with rights_of_owner(folder):
        replace_file(folder / "own.json", b"1")
        with pytest.raises(PermissionError):
            replace_file(folder / "in-force" / "mappings.json", b"1")
    assert list(secret.iterdir()) == []
    assert ((folder / "own.json").stat().st_uid, (folder / "own.json").stat().st_mode & 0o777) == (OTHER_USER, 0o600)


def test_rights_are_those_of_root_again_after_an_error(folder):
    os.chown(folder, OTHER_USER, OTHER_USER)
    before = os.geteuid(), os.getegid(), os.getgroups()
    within = []

    def fail():
        with rights_of_owner(folder):
            within.extend((os.geteuid(), os.getegid()))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert within == [OTHER_USER, OTHER_USER]
    assert (os.geteuid(), os.getegid(), os.getgroups()) == before


def test_rights_in_an_own_folder_do_not_change(tmp_path):
    before = os.geteuid(), os.getegid(), os.getgroups()
    with rights_of_owner(tmp_path):
        assert (os.geteuid(), os.getegid(), os.getgroups()) == before
