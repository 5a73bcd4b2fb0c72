"""Backlog of a running and of a stopped bridge."""

from bridge.spool.directory import bytes_on_disk
from bridge.tools.doctor.backlog import backlog_of_bridge, backlog_on_disk
from tests.spool.builders import opened


def test_backlog_of_a_bridge_is_counted_in_bytes_as_sent():
    status = {"endpoints": [], "ledger": [{"spooled": 2}, {"spooled": 3}], "backlog_bytes": 300}
    backlog = backlog_of_bridge({"status": status})
    assert (backlog.records, backlog.size_bytes, backlog.source) == (5, 400, "the running bridge")


def test_backlog_on_disk_ignores_folders_without_a_readable_spool(tmp_path):
    opened(tmp_path / "good").close()
    (tmp_path / "bad").mkdir()
    for file in (tmp_path / "good").iterdir():
        if file.suffix == ".db":
            (tmp_path / "bad" / file.name).write_bytes(b"not a database")
    backlog = backlog_on_disk([tmp_path / "none", tmp_path / "bad", tmp_path / "good"])
    # Reading the database creates files beside it, so the size is known only now.
    size = round(bytes_on_disk(tmp_path / "good") * 4 / 3)
    assert (backlog.records, backlog.size_bytes) == (0, size)
    assert size > 0


def test_backlog_without_folders_is_empty():
    assert backlog_on_disk([]).records == backlog_on_disk([]).size_bytes == 0
