from dataclasses import asdict
from types import SimpleNamespace

import orjson

from bridge.delivery.shard_status import ShardStatus, StreamShards
from bridge.errors import BridgeNotRunning
from bridge.supervisor import worker_shards

SHARD = ShardStatus("a", "0", "9", 0.5, 0.25, 10.0, 0.0, None, 3, deferred=False)
STREAM = StreamShards("telemetry", "by_key", complete=True, shards=(SHARD,))


def worker(name, *, active=True):
    return SimpleNamespace(active=active, folder=name, slot=SimpleNamespace(name=name))


def test_shards_name_their_workers_and_omit_silent_workers(monkeypatch):
    def respond(folder, command, timeout_secs):
        assert command == "shards"
        if folder == "silent":
            raise BridgeNotRunning("no response")
        return orjson.loads(orjson.dumps({"streams": [STREAM]}))

    monkeypatch.setattr(worker_shards, "request", respond)
    workers = [worker("worker 1"), worker("silent"), worker("ended", active=False), worker("worker 2")]
    found = list(worker_shards.worker_shards(workers))
    assert [each.worker for each in found] == ["worker 1", "worker 2"]
    assert asdict(found[0]) == asdict(STREAM) | {"worker": "worker 1"}
