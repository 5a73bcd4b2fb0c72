"""Commands that reach the running bridge through the control channel."""

import threading
from itertools import count
from types import SimpleNamespace

import orjson
import pytest

from bridge.errors import BridgeError
from bridge.runtime.command_handlers import JOB_SECS, JOBS, job_handlers, status_handlers, wait_until_done


class Bridge:
    """Bridge whose job returns the request that it got."""

    def shards(self):
        return []

    def run_job(self, action, numbers):
        return SimpleNamespace(value=lambda: {"action": action, "numbers": numbers})


class States:
    """States whose ingest thread clears each requested state at once, or never."""

    def __init__(self, keys):
        self.requested = self
        self._keys = keys

    def append(self, request):
        if self._keys is not None:
            request.keys = self._keys
            request.done.set()


def test_replay_passes_its_numbers_as_integers():
    answer = job_handlers(Bridge(), States(None), threading.Event())["replay"](
        {"command": "replay", "numbers": ["7", 8]}
    )
    assert orjson.loads(answer) == {"action": "replay", "numbers": [7, 8]}


def test_clear_state_returns_the_number_of_removed_keys():
    answer = job_handlers(Bridge(), States(3), threading.Event())["clear_state"](
        {"command": "clear_state", "mapping": "press"}
    )
    assert orjson.loads(answer) == {"keys": 3}


def test_shards_of_a_bridge_without_streams_are_an_empty_list():
    assert orjson.loads(status_handlers(Bridge())["shards"]({})) == {"streams": []}


def test_handlers_of_jobs_and_of_the_status_are_disjoint():
    assert set(job_handlers(Bridge(), States(None), threading.Event())) == JOBS
    assert not JOBS & set(status_handlers(Bridge()))


def test_clear_state_ends_when_the_bridge_stops():
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(BridgeError, match="the bridge stops"):
        job_handlers(Bridge(), States(None), stopping)["clear_state"]({"command": "clear_state", "mapping": "press"})


def test_job_that_never_ends_is_an_error_after_its_time():
    clock = count(0, JOB_SECS / 2).__next__
    with pytest.raises(BridgeError, match="has not ended within 60 s"):
        wait_until_done(threading.Event(), threading.Event(), clock)
