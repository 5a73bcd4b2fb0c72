import json
import os
import stat
import threading
import time

import pytest

from bridge.errors import BridgeError, BridgeNotRunning
from bridge.runtime import control_channel
from bridge.runtime.control_channel import request, serve_requests
from bridge.spool.lock import FolderLock, boot_id
from bridge.spool.wall_clock import boot_ms


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


def test_request_gets_a_response_and_its_files_are_removed(answering):
    assert request(answering) == {"status": 1}
    assert list(answering.iterdir()) == []


def test_request_takes_what_it_needs_with_it(answering):
    assert request(answering, "replay", numbers=[7, 8]) == {"replayed": [7, 8]}


def test_error_of_the_bridge_is_reported_in_its_words(answering):
    with pytest.raises(BridgeError, match="the disk is full"):
        request(answering, "delete", numbers=[7])


def test_request_of_another_version_is_reported_from_silence(answering):
    with pytest.raises(BridgeError, match="another version"):
        request(answering, "dance")


def test_request_of_root_can_be_read_by_the_bridges_user(answering, monkeypatch):
    given = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _file, user, group: given.append((user, group)))
    assert request(answering) == {"status": 1}
    owner = answering.stat()
    assert given == [(owner.st_uid, owner.st_gid)]


def test_request_is_its_owners_alone(tmp_path):
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
    assert seen == {".request": 0o600}


def respond(folder, handler):
    """Let a bridge handle the command `delete` until the folder contains no request. Return the response, or None."""
    stopping = threading.Event()
    thread = threading.Thread(target=serve_requests, args=(folder, {"delete": handler}, stopping))
    thread.start()
    while list(folder.glob("*.request")):
        stopping.wait(0.01)
    stopping.set()
    thread.join()
    responses = [json.loads(each.read_bytes()) for each in folder.glob("*.response")]
    return responses[0] if responses else None


WAIT_MS = 60_000


def left_behind(folder, *, age_ms=0, boot=None):
    """Write a request like a command that sent it that many milliseconds ago."""
    request_file = folder / "delete-1-1.request"
    sent = [boot_id().decode() if boot is None else boot, boot_ms() - age_ms, WAIT_MS]
    request_file.write_text(json.dumps({"command": "delete", "sent": sent}))
    return request_file


def test_response_is_its_owners_alone(tmp_path):
    left_behind(tmp_path)
    assert respond(tmp_path, lambda _asked: b"{}") == {}
    assert stat.S_IMODE((tmp_path / "delete-1-1.response").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "sent", [{"age_ms": WAIT_MS + 1_000}, {"age_ms": -3_600_000}, {"boot": "an earlier one"}], ids=str
)
def test_old_request_is_not_executed(tmp_path, sent):
    done = []
    left_behind(tmp_path, **sent)
    assert respond(tmp_path, done.append) is None
    assert done == []


@pytest.mark.parametrize("step_secs", [86_400 * 30, -86_400 * 30], ids=["forward", "back"])
def test_request_while_the_clock_is_set_is_carried_out(tmp_path, step_secs):
    written = time.time() - step_secs
    os.utime(left_behind(tmp_path), (written, written))
    assert respond(tmp_path, lambda asked: json.dumps(asked).encode()) == {"command": "delete"}


@pytest.mark.parametrize("text", ["", "[]", "7", '{"command": "delete"}', '{"sent": 1}', '{"sent": []}', "[" * 9999])
def test_request_that_is_none_is_refused(tmp_path, text):
    done = []
    (tmp_path / "delete-1-1.request").write_text(text)
    assert "does not know this request" in respond(tmp_path, done.append)["error"]
    assert done == []


def test_request_of_another_user_is_ignored(tmp_path, monkeypatch, caplog):
    done, mine = [], os.geteuid()
    left_behind(tmp_path)
    if mine:
        monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    else:
        os.chown(tmp_path / "delete-1-1.request", 12345, -1)
    assert respond(tmp_path, done.append) is None
    assert done == []
    assert "request of another user" in caplog.text


def test_request_that_is_a_fifo_does_not_block_the_bridge(tmp_path):
    os.mkfifo(tmp_path / "delete-1-1.request")
    assert respond(tmp_path, dict)["error"] == "the request is not a regular file"


def test_request_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(control_channel, "MAX_REQUEST_BYTES", 10)
    left_behind(tmp_path)
    assert "larger than 10 bytes" in respond(tmp_path, dict)["error"]


def test_bridge_that_does_not_answer_is_reported(tmp_path, monkeypatch):
    with pytest.raises(BridgeError, match="the bridge is not running"):
        request(tmp_path, timeout_secs=0.0)
    assert list(tmp_path.iterdir()) == []


def test_bridge_that_is_busy_is_not_reported_as_ended(tmp_path):
    owner = FolderLock(tmp_path)
    with pytest.raises(BridgeNotRunning, match=rf"process {os.getpid()}\) has not responded within 0.1 s"):
        request(tmp_path, timeout_secs=0.1)
    owner.close()
    with pytest.raises(BridgeNotRunning, match="the bridge is not running"):
        request(tmp_path, timeout_secs=0.1)


def test_status_gets_a_response_while_a_replay_takes_long(tmp_path):
    started, stopping = threading.Event(), threading.Event()

    def replay(_request):
        started.set()
        stopping.wait()
        return b"{}"

    def serve(handlers, wants):
        return threading.Thread(target=serve_requests, args=(tmp_path, handlers, stopping), kwargs={"wants": wants})

    threads = [serve(ANSWERS, lambda name: name != "replay"), serve({"replay": replay}, lambda name: name == "replay")]
    waiting = threading.Thread(target=lambda: request(tmp_path, "replay", timeout_secs=60, numbers=[1]))
    for thread in (*threads, waiting):
        thread.start()
    assert started.wait(30)
    assert request(tmp_path, timeout_secs=30) == {"status": 1}
    stopping.set()
    for thread in (*threads, waiting):
        thread.join()


def test_folder_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(BridgeError, match="has not run here"):
        request(tmp_path / "none")


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """Return a folder, the name of the next request in it, and a file of root.

    The tests create links with this name.
    """
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
        request(folder, timeout_secs=0.0)
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
