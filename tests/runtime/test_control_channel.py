import json
import os
import stat
import threading

import pytest

from bridge.errors import BridgeError
from bridge.runtime.control_channel import request, serve_requests


def refuse(_asked):
    raise BridgeError("the disk is full")


ANSWERS = {
    "status": lambda _asked: b'{"status": 1}',
    "replay": lambda asked: json.dumps({"replayed": asked["numbers"]}).encode(),
    "delete": refuse,
}


@pytest.fixture
def answering(tmp_path):
    stopping = threading.Event()
    thread = threading.Thread(target=serve_requests, args=(tmp_path, ANSWERS, stopping))
    thread.start()
    yield tmp_path
    stopping.set()
    thread.join()


def test_request_is_answered_and_nothing_is_left(answering):
    assert request(answering) == {"status": 1}
    assert list(answering.iterdir()) == []


def test_request_takes_what_it_needs_with_it(answering):
    assert request(answering, "replay", numbers=[7, 8]) == {"replayed": [7, 8]}


def test_what_the_bridge_cannot_do_is_reported_in_its_words(answering):
    with pytest.raises(BridgeError, match="the disk is full"):
        request(answering, "delete", numbers=[7])


def test_request_of_another_version_is_reported_from_silence(answering):
    with pytest.raises(BridgeError, match="another version"):
        request(answering, "dance")


def test_what_root_requests_can_be_read_by_the_bridges_user(answering, monkeypatch):
    given = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda file, user, group: given.append((file.suffix, user, group)))
    assert request(answering) == {"status": 1}
    owner = answering.stat()
    assert given == [(".writing", owner.st_uid, owner.st_gid)]


def test_questions_and_answers_are_their_owners_alone(tmp_path):
    seen = {}

    def look(_asked):
        seen.update({file.suffix: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()})
        return b"{}"

    stopping = threading.Event()
    thread = threading.Thread(target=serve_requests, args=(tmp_path, {"status": look}, stopping))
    thread.start()
    request(tmp_path)
    stopping.set()
    thread.join()
    assert seen == {".request": 0o600, ".new": 0o600}


def test_request_that_was_left_behind_is_not_carried_out(tmp_path):
    done, stopping = [], threading.Event()
    (tmp_path / "delete-1-1.request").write_text('{"command": "delete"}')
    os.utime(tmp_path / "delete-1-1.request", (1, 1))
    thread = threading.Thread(target=serve_requests, args=(tmp_path, {"delete": done.append}, stopping))
    thread.start()
    while list(tmp_path.iterdir()):
        stopping.wait(0.01)
    stopping.set()
    thread.join()
    assert done == []


def test_bridge_that_does_not_answer_is_reported(tmp_path, monkeypatch):
    with pytest.raises(BridgeError, match="the bridge is not running"):
        request(tmp_path, patience_secs=0.0)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(BridgeError, match="has not run here"):
        request(tmp_path / "none")
