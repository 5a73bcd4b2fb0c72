"""Records that arrived in Kinesis, and the final ledger. Tests check these records, not the reports of the bridge."""

import time
from collections import Counter

import orjson

from tests.harness.bridge_process import BridgeProcess
from tests.harness.ledger import COUNTS, LedgerState, read_ledger
from tests.harness.telemetry import TOPIC_FILTER

TELEMETRY = {
    "topic": TOPIC_FILTER,
    "transform": "{count: payload.count, machine: payload.machine}",
    "outputs": [{"data_stream": "telemetry", "partition_key_from": "payload.machine"}],
}


def eventually(condition, what: str, *, timeout_secs: float = 30, every_secs: float = 0.05):
    """Wait until the condition returns a true value, and return it. Raise AssertionError with `what` if it does not."""
    deadline = time.monotonic() + timeout_secs
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_secs} s: {what() if callable(what) else what}"
        time.sleep(every_secs)
    return value


class Arrivals:
    """Messages that arrived on one stream of the stand-in: how often each message arrived, by its number.

    `number` returns the number of a message from the data of a record. By default, it is `count` in the JSON.
    """

    def __init__(self, kinesis, stream: str = "telemetry", *, number=lambda data: orjson.loads(data)["count"]) -> None:
        self.counts: Counter = Counter()
        self._stream = kinesis.streams[stream]
        self._read = [0] * len(self._stream.shards)
        self._number = number

    def read(self) -> Counter:
        for place, shard in enumerate(self._stream.shards):
            new = shard.stored[self._read[place] :]
            self._read[place] += len(new)
            self.counts.update(self._number(record.data) for record in new)
        return self.counts

    @property
    def duplicates(self) -> int:
        return self.counts.total() - len(self.counts)

    def wait_for_all(self, numbers, *, timeout_secs: float = 60) -> None:
        """Wait until each of the numbers has arrived at least once. No other number may arrive."""
        wanted = set(numbers)
        deadline = time.monotonic() + timeout_secs
        while len(self.read()) < len(wanted):
            assert time.monotonic() < deadline, self._missing(wanted, timeout_secs)
            time.sleep(0.05)
        assert set(self.counts) == wanted

    def wait_for(self, count: int, *, timeout_secs: float = 30) -> None:
        """Wait until `count` different records have arrived."""
        eventually(
            lambda: len(self.read()) >= count, f"{count} on {self._stream.name}; {len(self.counts)} are there",
            timeout_secs=timeout_secs,
        )  # fmt: skip

    def _missing(self, wanted, timeout_secs):
        missing = sorted(wanted - self.counts.keys())
        return f"after {timeout_secs} s {len(missing)} of {len(wanted)} are missing: {missing[:10]}"


def stop_and_balance(bridge: BridgeProcess) -> LedgerState:
    """Stop the bridge, check its ledger with balanced_ledger(), and return the ledger."""
    assert bridge.stop() == 0, bridge.stderr()[-3000:]
    return balanced_ledger(bridge)


def balanced_ledger(bridge: BridgeProcess) -> LedgerState:
    """Check and return the ledger of a stopped bridge: it balances, and equals the last log line of the bridge."""
    said = bridge.wait_for("stopped")
    ledger = read_ledger(bridge.folder / "data")
    ledger.check()
    assert said["balanced"] is True
    assert {count: said[count] for count in COUNTS} == {count: ledger.total(count) for count in COUNTS}
    return ledger
