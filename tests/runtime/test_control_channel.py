import json
import os
import stat
import threading
import time

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
    monkeypatch.setattr(os, "fchown", lambda _file, user, group: given.append((user, group)))
    assert request(answering) == {"status": 1}
    owner = answering.stat()
    assert given == [(owner.st_uid, owner.st_gid)]


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


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """A folder, the name that the next request has there, and a file of root's. The bridge's user plants links."""
    monkeypatch.setattr(time, "monotonic_ns", lambda: 7)
    folder = tmp_path / "data"
    folder.mkdir()
    secret = tmp_path / "secret"
    secret.write_text('{"secret": "hunter2"}')
    secret.chmod(0o600)
    return folder, folder / f"status-{os.getpid()}-7", secret


@pytest.mark.parametrize("suffix", [".request.writing", ".request"])
def test_request_does_not_follow_a_link_that_the_bridges_user_planted(planted, suffix):
    folder, name, secret = planted
    before = secret.stat()
    name.with_name(name.name + suffix).symlink_to(secret)
    with pytest.raises(BridgeError):
        request(folder, patience_secs=0.0)
    assert secret.read_text() == '{"secret": "hunter2"}'
    assert (secret.stat().st_uid, secret.stat().st_mode) == (before.st_uid, before.st_mode)


def test_response_that_is_a_link_is_not_read(planted):
    folder, name, secret = planted
    name.with_name(f"{name.name}.response").symlink_to(secret)
    with pytest.raises(BridgeError) as error:
        request(folder)
    assert "hunter2" not in str(error.value)


def test_response_that_is_a_fifo_does_not_block_the_command(planted):
    folder, name, _ = planted
    os.mkfifo(name.with_name(f"{name.name}.response"))
    with pytest.raises(BridgeError, match="not a file of the bridge's user"):
        request(folder)
