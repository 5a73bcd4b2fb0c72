import os
import threading

import pytest

from bridge.errors import BridgeError
from bridge.supervisor.channel import SupervisorChannel, WorkerChannel


@pytest.fixture
def ends():
    channel = SupervisorChannel()
    worker = WorkerChannel(os.dup(channel.theirs.fileno()))
    channel.theirs.close()
    with worker._socket:
        yield channel, worker
    channel.close()


def answering(worker, value):
    def respond():
        done = False
        while not done:
            for request in worker.requests():
                worker.respond(request, {**value, "asked": request["command"]})
                done = True

    thread = threading.Thread(target=respond)
    thread.start()
    return thread


def test_answer_comes_back_however_large_it_is(ends):
    channel, worker = ends
    thread = answering(worker, {"text": "x" * 1_000_000})
    told = channel.request("status", 10)
    thread.join()
    assert (told["asked"], len(told["text"])) == ("status", 1_000_000)


def test_late_response_is_not_taken_for_the_next_one(ends):
    channel, worker = ends
    with pytest.raises(BridgeError, match=r"no response within 0\.05 s"):
        channel.request("status", 0.05)
    [late] = list(worker.requests())
    worker.respond(late, {"asked": "late"})
    thread = answering(worker, {})
    assert channel.request("messages", 10)["asked"] == "messages"
    thread.join()


def test_notification_needs_no_answer(ends):
    channel, worker = ends
    channel.notify("stop", secs=3)
    [request] = list(worker.requests())
    assert (request["command"], request["secs"]) == ("stop", 3)


def test_worker_sees_that_its_supervisor_has_ended(ends):
    channel, worker = ends
    assert list(worker.requests()) == []
    assert not worker.disconnected
    channel.close()
    assert list(worker.requests()) == []
    assert worker.disconnected
