"""What the tests ask of `run --workers N`, beside what a BridgeProcess gives."""

import os
import signal

from tests.integration.arrivals import eventually
from tests.rig.bridge_process import BridgeProcess


class Workers(BridgeProcess):
    """The supervisor as a process. It is ready when each worker has subscribed."""

    def __init__(self, folder, count, **options):
        super().__init__(folder, await_subscribed=False, **options)
        self.count = count

    def _command(self):
        return [*super()._command(), "--workers", str(self.count)]

    def start(self, **options):
        super().start(**options)
        self.wait_subscribed(self.count or 1)

    def wait_subscribed(self, count, timeout_secs=30):
        """Until so many workers have subscribed since the start."""
        eventually(
            lambda: sum(line.get("event") == "subscribed" for line in self.log(since_start=True)) >= count,
            f"{count} workers subscribe; see {self.stderr_file}",
            timeout_secs=timeout_secs,
        )

    def pid_of(self, number):
        """The newest process of this worker."""
        words = f"worker {number} started"
        return [line["pid"] for line in self.log(since_start=True) if line.get("event") == words][-1]

    def kill_worker(self, number, by=signal.SIGKILL):
        os.kill(self.pid_of(number), by)

    def worker_folder(self, number):
        return self.folder / "data" / f"worker-{number}"


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
