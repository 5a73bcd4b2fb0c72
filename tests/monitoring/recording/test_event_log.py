"""Event log: its files are limited in size, private, and readable even if they are damaged."""

import errno
import os

import pytest

from bridge.monitoring.recording import event_log
from bridge.monitoring.recording.event import Event, parse_event
from bridge.monitoring.recording.event_log import (
    EVENT_FILE,
    MAX_FILE_BYTES,
    MAX_WAITING,
    OLD_EVENT_FILE,
    EventLog,
    EventReader,
)

AT = 1_800_000_000.0


def event(number=0, kind="connected", **more):
    return Event(AT + number, kind, f"event {number}", **more)


def read(folder):
    return EventReader().events(folder)


def test_event_is_read_as_it_was_written(tmp_path):
    log = EventLog(tmp_path)
    events = [event(1), event(2, "recovered", lasted_secs=241.5, code="not-connected", stage="receiving", worker="w")]
    for each in events:
        log.add(each)
    log.flush()
    assert read(tmp_path) == events
    assert (tmp_path / EVENT_FILE).stat().st_mode & 0o777 == 0o600


def test_incomplete_and_damaged_lines_are_skipped(tmp_path):
    log = EventLog(tmp_path)
    log.add(event(1))
    log.flush()
    with (tmp_path / EVENT_FILE).open("ab") as file:
        file.write(
            b'\0\0\xff\n[1]\n{"at": "x", "kind": "problem", "text": "t"}\n{"at": 1, "kind": "unknown", "text": ""}\n'
        )
        file.write(b'{"at": 1800000002.0, "kind": "conn')
    log.add(event(3))
    log.flush()
    assert [each.text for each in read(tmp_path)] == ["event 1", "event 3"]


def test_files_are_bounded_and_the_newest_events_stay(tmp_path):
    log = EventLog(tmp_path)
    for number in range(12_000):
        log.add(event(number, detail="x" * 100))
        if number % 10 == 9:
            log.flush()
    sizes = [(tmp_path / name).stat().st_size for name in (EVENT_FILE, OLD_EVENT_FILE)]
    assert max(sizes) <= MAX_FILE_BYTES
    events = read(tmp_path)
    assert events[-1].text == "event 11999"
    assert len(events) > 2_000
    assert sorted(path.name for path in tmp_path.iterdir()) == [EVENT_FILE, OLD_EVENT_FILE]


def test_text_of_an_event_is_bounded():
    again = parse_event(Event(AT, "reload", "t" * 9_000, "d" * 9_000).line())
    assert (len(again.text), len(again.detail)) == (502, 502)


def test_full_disk_is_logged_once_and_its_events_are_written_later(tmp_path, monkeypatch, caplog):
    log = EventLog(tmp_path)
    log.add(event(1))
    log.flush()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(event_log.os, "write", full)
        for number in range(2, 5):
            log.add(event(number))
            log.flush()
    assert (len(caplog.records), len(log.waiting())) == (1, 3)
    log.flush()
    assert [each.text for each in read(tmp_path)] == [f"event {number}" for number in range(1, 5)]


def test_event_written_in_part_to_a_full_disk_is_written_once(tmp_path, monkeypatch):
    log, write = EventLog(tmp_path), os.write
    log.add(event(1))
    with monkeypatch.context() as patched:
        patched.setattr(event_log.os, "write", lambda file, octets: write(file, octets[:9]))
        log.flush()
    log.flush()
    assert [each.text for each in read(tmp_path)] == ["event 1"]
    assert (tmp_path / EVENT_FILE).read_bytes().count(b"event 1") == 1


def test_events_in_memory_are_bounded_while_the_disk_accepts_none(tmp_path):
    log = EventLog(tmp_path / "missing")
    for number in range(MAX_WAITING + 100):
        log.add(event(number))
        log.flush()
    assert [each.text for each in log.waiting()][:: MAX_WAITING - 1] == ["event 100", f"event {MAX_WAITING + 99}"]


def test_link_instead_of_the_log_is_not_followed(tmp_path):
    target = tmp_path / "other"
    target.write_bytes(b"unchanged")
    (tmp_path / EVENT_FILE).symlink_to(target)
    log = EventLog(tmp_path)
    log.add(event(1))
    log.flush()
    assert target.read_bytes() == b"unchanged"


def test_reader_parses_a_file_only_when_it_has_changed(tmp_path, monkeypatch):
    log, reader = EventLog(tmp_path), EventReader()
    log.add(event(1))
    log.flush()
    assert len(reader.events(tmp_path)) == 1
    monkeypatch.setattr(event_log, "read_bytes", lambda *_: pytest.fail("read again"))
    assert len(reader.events(tmp_path)) == 1
