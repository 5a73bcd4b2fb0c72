"""Record of the broker's session in the spool, also if the disk accepts no write."""

import pytest

from bridge.errors import SpoolWriteError
from bridge.mqtt.stored_session import StoredSession
from bridge.runtime.session_record import STORED_SESSION, SessionRecord
from bridge.spool.read_only import GIVEN_UP, session_given_up
from tests.spool.builders import opened

SESSION = StoredSession("mqtt://broker", {"plant/ä/#": (2, 1), "a": (0, 0)})


@pytest.fixture
def spool(tmp_path):
    spool = opened(tmp_path)
    yield spool
    spool.close()


def failing(spool, monkeypatch):
    """Let every write of a value fail. Return the keys that were written."""
    keys = []

    def fail(key, _value):
        keys.append(key)
        raise SpoolWriteError("no space left")

    monkeypatch.setattr(spool, "set_meta", fail)
    return keys


def test_session_record_is_loaded_by_the_next_process(tmp_path, spool):
    assert SessionRecord(spool).load() == StoredSession()
    assert SessionRecord(spool).save(SESSION)
    spool.close()
    assert SessionRecord(opened(tmp_path)).load() == SESSION


@pytest.mark.parametrize("text", ["", "{", "[]", '{"broker": "b"}', '{"broker": "b", "filters": {"a": [1]}}', "\udcff"])
def test_session_record_that_is_unreadable_is_empty(spool, monkeypatch, text):
    monkeypatch.setitem(spool._meta, STORED_SESSION, text)
    assert SessionRecord(spool).load() == StoredSession()


def test_session_record_that_cannot_be_written_is_reported(spool, monkeypatch, caplog):
    SessionRecord(spool).save(SESSION)
    failing(spool, monkeypatch)
    assert not SessionRecord(spool).save(StoredSession())
    assert "cannot be written: no space left" in caplog.text
    assert SessionRecord(spool).load() == SESSION


def test_session_record_given_up_is_read_by_the_supervisor(tmp_path, spool):
    record = SessionRecord(spool)
    record.store_given_up("")
    assert not session_given_up(tmp_path)
    record.store_given_up("yes")
    assert session_given_up(tmp_path)
    record.store_given_up("")
    assert not session_given_up(tmp_path)


def test_session_record_writes_given_up_only_if_it_changes(spool, monkeypatch):
    SessionRecord(spool).store_given_up("yes")
    keys = failing(spool, monkeypatch)
    SessionRecord(spool).store_given_up("yes")
    assert keys == []
    SessionRecord(spool).store_given_up("")
    assert keys == [GIVEN_UP]
