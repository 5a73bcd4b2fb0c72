"""Events of a bridge and all of its workers as one list."""

from dataclasses import replace

from bridge.monitoring.recording.event import Event
from bridge.monitoring.recording.event_list import EventList
from bridge.monitoring.recording.event_log import EventLog, EventLogs

AT = 1_800_000_000.0


def event(number=0, kind="connected", **more):
    return Event(AT + number, kind, f"event {number}", **more)


def logs(tmp_path, **of_workers):
    folders = {"": tmp_path}
    for name, events in of_workers.items():
        folder = folders[name.replace("_", " ")] = tmp_path / name
        folder.mkdir()
        log = EventLog(folder)
        for each in events:
            log.add(each)
        log.flush()
    return EventLogs(folders, [event(5, "started")])


def test_list_has_the_events_of_all_workers_newest_first(tmp_path):
    found = EventList().newest(logs(tmp_path, worker_1=[event(1), event(9)], worker_2=[event(3)]), "", 100)
    assert [(each["text"], each.get("worker")) for each in found] == [
        ("event 9", "worker 1"),
        ("event 5", None),
        ("event 3", "worker 2"),
        ("event 1", "worker 1"),
    ]


def test_reload_of_the_same_files_by_each_worker_is_one_event(tmp_path):
    events = {f"worker_{number}": [Event(AT + number, "reload", "mappings: press loaded")] for number in (1, 2)}
    [_, reload] = EventList().newest(logs(tmp_path, **events), "", 100)
    assert (reload["text"], reload["worker"]) == ("mappings: press loaded", "worker 1, worker 2")


def test_event_of_supervisor_and_workers_has_no_name(tmp_path):
    of_workers = {f"worker_{number}": [replace(event(number, "started"), text="event 5")] for number in (1, 2)}
    [started] = EventList().newest(logs(tmp_path, **of_workers), "started", 100)
    assert (started["text"], started.get("worker")) == ("event 5", None)


def test_problem_of_several_workers_is_ongoing_until_it_ends_for_each(tmp_path):
    begun = replace(event(1, "problem", code="a"), text="the same")
    end = event(9, "recovered", code="a")
    for ended, ongoing in ((0, True), (1, True), (2, False)):
        folder = tmp_path / str(ended)
        folder.mkdir()
        workers = {f"worker_{number}": [begun, *([end] if number <= ended else [])] for number in (1, 2)}
        found = EventList().newest(logs(folder, **workers), "problem", 100)
        assert [(each["worker"], each["ongoing"]) for each in found] == [("worker 1, worker 2", ongoing)]


def test_list_is_limited_to_some_kinds_and_a_number(tmp_path):
    kinds = ["connected", "reload", "recovered", "connected"]
    several = logs(tmp_path, worker_1=[event(number, kind) for number, kind in enumerate(kinds)])
    found = EventList().newest(several, "connected", 100)
    assert [each["text"] for each in found] == ["event 3", "event 0"]
    assert [each["text"] for each in EventList().newest(several, "", 2)] == ["event 5", "event 3"]


def test_problem_without_an_end_is_ongoing(tmp_path):
    begun = [event(1, "problem", code="a"), event(2, "problem", code="b"), event(3, "recovered", code="a")]
    found = EventList().newest(logs(tmp_path, worker_1=begun), "", 100)
    assert [each["text"] for each in found if each["ongoing"]] == ["event 2"]
