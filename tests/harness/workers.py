"""Processes of `run --workers N`, for tests."""

import json
import os
import signal
import subprocess
import sys

from tests.harness.bridge_process import ROOT, BridgeProcess
from tests.harness.cli_runner import called
from tests.harness.ledger import COUNTS, LedgerState, read_ledger, summed
from tests.integration.arrivals import eventually


class Workers(BridgeProcess):
    """The supervisor as a process. `start` waits until each worker has subscribed."""

    def __init__(self, folder, count, **options):
        super().__init__(folder, await_subscribed=False, **options)
        self.count = count

    def _command(self):
        return [*super()._command(), "--workers", str(self.count)]

    def start(self, **options):
        super().start(**options)
        self.wait_subscribed(self.count or 1)

    def wait_subscribed(self, count, timeout_secs=90):
        """Wait until this number of workers has subscribed since the start."""
        eventually(
            lambda: sum(line.get("event") == "subscribed" for line in self.log(since_start=True)) >= count,
            f"{count} workers subscribe; see {self.stderr_file}",
            timeout_secs=timeout_secs,
        )

    def pid_of(self, number):
        """Return the process ID of this worker's newest process."""
        words = f"worker {number} started"
        return [line["pid"] for line in self.log(since_start=True) if line.get("event") == words][-1]

    def kill_worker(self, number, by=signal.SIGKILL):
        os.kill(self.pid_of(number), by)

    def worker_folder(self, number):
        """Return the folder of a worker's spool. Number 0 stands for a bridge without workers."""
        return self.folder / "data" / f"worker-{number}" if number else self.folder / "data"

    def command(self, *arguments):
        """Run a command with this configuration. Only `run` is started as a separate process."""
        if arguments[0] != "run":
            return called(self.folder, *arguments)
        line = [sys.executable, "-m", "bridge", *arguments, "--config", str(self.folder / "bridge.yaml")]
        return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    def status(self):
        return json.loads(self.command("status", "--json").stdout)["status"]

    def wait_drained(self, count):
        words = "has drained its spool"
        eventually(
            lambda: sum(words in (line["event"] or "") for line in self.log(since_start=True)) == count, "drained"
        )

    def ledger(self) -> dict[int, LedgerState]:
        """Check the ledger of each spool. Return the ledgers by worker number; 0 is the bridge without workers."""
        numbers = [number for number in range(10) if (self.worker_folder(number) / "spool.db").exists()]
        ledger = {number: read_ledger(self.worker_folder(number)) for number in numbers}
        for each in ledger.values():
            each.check()
        return ledger

    def stop_and_balance(self) -> LedgerState:
        """Stop all processes, and check the ledgers. Return their sum.

        The sum of the ledgers must be equal to the counts in the last log line of the supervisor.
        """
        assert self.stop() == 0, self.stderr()[-3000:]
        told = summed(self.ledger().values())
        [said] = [line for line in self.log(since_start=True) if line["event"] == "stopped" and "worker" not in line]
        assert said["balanced"] is True
        assert {count: said[count] for count in COUNTS} == {count: told.total(count) for count in COUNTS}
        return told

    def check_ledgers(self, count):
        """Check that all workers together delivered at least `count` records, and that no record is buffered.

        Return the ledgers by worker number.
        """
        ledger = self.ledger()
        told = summed(ledger.values())
        assert told.total("spooled") == 0, told
        assert told.total("delivered") >= count, told
        return ledger


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
