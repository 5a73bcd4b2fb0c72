"""Commands that reach the running bridge through the control channel."""

from types import SimpleNamespace

import orjson

from bridge.runtime.command_handlers import command_handlers


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
    answer = command_handlers(Bridge(), States(None))["replay"]({"command": "replay", "numbers": ["7", 8]})
    assert orjson.loads(answer) == {"action": "replay", "numbers": [7, 8]}


def test_clear_state_returns_the_number_of_removed_keys():
    answer = command_handlers(Bridge(), States(3))["clear_state"]({"command": "clear_state", "mapping": "press"})
    assert orjson.loads(answer) == {"keys": 3}


def test_shards_of_a_bridge_without_streams_are_an_empty_list():
    assert orjson.loads(command_handlers(Bridge(), States(None))["shards"]({})) == {"streams": []}
