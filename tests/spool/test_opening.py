"""Opening of spools: what an open spool contains after damage was found, and after a salvage has failed."""

import pytest

from bridge.errors import SpoolFull, SpoolWriteError
from bridge.spool import opening
from bridge.spool.directory import SpoolDirectory
from bridge.spool.recovery.salvage import salvage
from bridge.spool.store import Spool
from tests.spool.builders import assert_ledger_balanced, data_of, opened, put, take_all


def damaged(path, *data, **options):
    """Create a spool with these records that the next start moves to quarantine."""
    spool = opened(path)
    put(spool, *data, **options)
    spool.folder.mark_damaged("found while reading")
    spool.close()


def failing(error):
    def fail(*_args):
        raise error

    return fail


def unsalvaged(path):
    return sorted(file.parent for file in path.glob("damaged-*/salvage.unfinished"))


def failing_once(error):
    """Return a `commit` that raises the error instead of writing the first salvaged records."""
    failures, commit = [error], Spool.commit

    def commit_or_fail(spool, transaction):
        if failures and transaction.salvaged_records:
            raise failures.pop()
        commit(spool, transaction)

    return commit_or_fail


@pytest.mark.parametrize("error", [SpoolFull("full"), SpoolWriteError("no space"), RuntimeError("a bug")])
def test_opening_after_a_failed_salvage_stores_no_record_twice(tmp_path, monkeypatch, error):
    damaged(tmp_path, b"old 1", b"old 2")
    with monkeypatch.context() as patched:
        patched.setattr(Spool, "commit", failing_once(error))
        spool = opened(tmp_path)
    put(spool, b"new")
    assert [(record.number, record.data) for record in take_all(spool)] == [(1, b"new")]
    spool.close()
    spool = opened(tmp_path)
    assert sorted(data_of(take_all(spool))) == [b"new", b"old 1", b"old 2"]
    assert spool.folder.unsalvaged() == []
    assert_ledger_balanced(spool)


def test_opening_after_a_failed_salvage_salvages_the_other_spools(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(opening, "salvage", failing(SpoolFull("full")))
        for data in (b"first", b"second"):
            damaged(tmp_path, data)
        opened(tmp_path).close()
    first, second = unsalvaged(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(opening, "salvage", lambda spool, aside: 1 / 0 if aside == first else salvage(spool, aside))
        spool = opened(tmp_path)
        assert data_of(take_all(spool)) == [b"second"]
        spool.close()
    assert unsalvaged(tmp_path) == [first]
    assert second.is_dir()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SpoolWriteError])
@pytest.mark.parametrize("step", ["quarantine", "unsalvaged"])
def test_opening_that_fails_releases_the_folder(tmp_path, monkeypatch, error, step):
    damaged(tmp_path, b"old")
    with monkeypatch.context() as patched:
        patched.setattr(SpoolDirectory, step, failing(error))
        with pytest.raises(error):
            opened(tmp_path)
    assert data_of(take_all(opened(tmp_path))) == [b"old"]


def test_opening_with_live_first_sends_new_records_first(tmp_path):
    spool = opened(tmp_path)
    put(spool, b"old")
    spool.close()
    spool = opened(tmp_path, live_first=True)
    put(spool, b"new")
    assert data_of(take_all(spool)) == [b"new", b"old"]
