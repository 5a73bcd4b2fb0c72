"""Damaged files that SQLite would consider a new database and overwrite."""

import pytest

from bridge.errors import SpoolCorrupt
from tests.spool.builders import data_of, opened, put, take_all


def killed(folder):
    """A spool after SIGKILL: its records are only in the log."""
    spool = opened(folder / "data")
    put(spool, b"1", b"2")
    left = {name: (folder / "data" / name).read_bytes() for name in ("spool.db", "spool.db-wal")}
    spool.close()
    (folder / "killed").mkdir()
    for name, data in left.items():
        (folder / "killed" / name).write_bytes(data)
    return folder / "killed"


def set_aside(path):
    return {file.name: file.read_bytes() for file in path.glob("damaged-*/spool.db*")}


def test_spool_as_a_kill_leaves_it_is_none_of_these(tmp_path):
    spool = opened(killed(tmp_path))
    assert data_of(take_all(spool)) == [b"1", b"2"]
    spool.close()


def test_database_of_zeros_is_set_aside_with_its_log(tmp_path):
    path = killed(tmp_path)
    log = (path / "spool.db-wal").read_bytes()
    zeros = bytes((path / "spool.db").stat().st_size)
    (path / "spool.db").write_bytes(zeros)
    spool = opened(path)
    put(spool, b"3")
    assert data_of(take_all(spool)) == [b"1", b"2", b"3"], "what the log holds is salvaged"
    spool.close()
    assert set_aside(path) == {"spool.db": zeros, "spool.db-wal": log}


@pytest.mark.parametrize("place", [18, 19])
def test_database_with_a_later_sqlite_version_is_quarantined_and_salvaged(tmp_path, place):
    path = killed(tmp_path)
    content = bytearray((path / "spool.db").read_bytes())
    content[place] = 3
    (path / "spool.db").write_bytes(content)
    spool = opened(path)
    put(spool, b"3")
    assert data_of(take_all(spool))[-1] == b"3"
    assert spool.folder.quarantine_count() == 1
    spool.close()


def test_database_cut_to_nothing_does_not_cost_the_log_beside_it(tmp_path):
    path = killed(tmp_path)
    log = (path / "spool.db-wal").read_bytes()
    (path / "spool.db").write_bytes(b"")
    opened(path).close()
    assert set_aside(path) == {"spool.db": b"", "spool.db-wal": log}


def test_reason_is_reported(tmp_path, caplog):
    path = killed(tmp_path)
    (path / "spool.db").write_bytes(b"no database")
    opened(path).close()
    assert SpoolCorrupt.__name__ not in caplog.text
    assert "does not begin like an SQLite database" in caplog.text
