"""The bridge as users run it: a separate process `python -m bridge run --config bridge.yaml`.

    folder = write_configuration(tmp_path, mqtt={...}, kinesis={...}, mappings={"press": {...}})
    with BridgeProcess(folder) as bridge:  # running, and subscribed
        bridge.kill()
        bridge.start()

All runs of one `BridgeProcess` append to the same `stderr.log`. `log()` returns its JSON lines.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
CREDENTIALS = {"type": "token", "access_key_id": "test", "secret_access_key": "test"}
UNREACHABLE = {"mqtt": {"url": "mqtt://127.0.0.1:1"}, "kinesis": {"endpoint_url": "http://127.0.0.1:1"}}
"""Addresses for `write_configuration` on which no process listens."""
TICKS_PER_SEC = os.sysconf("SC_CLK_TCK")


def write_configuration(
    folder: Path, *, mqtt: dict, kinesis: dict, mappings: dict[str, dict | str], spool: dict | None = None, **more
) -> Path:
    """Write `folder/bridge.yaml` and `folder/mappings/NAME.yaml`. Return the folder. A mapping may be text or a dict.

    Defaults: client ID `bridge`, region us-east-1, a token, the spool in `folder/data`, no page, and a JSON log.
    """
    (folder / "mappings").mkdir(parents=True, exist_ok=True)
    for name, mapping in mappings.items():
        write_mapping(folder, name, mapping)
    document = {
        "mqtt": {"client_id": "bridge", **mqtt},
        "kinesis": {"region": "us-east-1", "authentication": CREDENTIALS, **kinesis},
        # Some tests use file systems that are smaller than the default of min_free_bytes.
        "spool": {"path": "data/", "min_free_bytes": 0, **(spool or {})},
        "mappings": "mappings/",
        "http": None,
        "log": {"format": "json", "level": "info"},
        **more,
    }
    (folder / "bridge.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return folder


def write_mapping(folder: Path, name: str, mapping: dict | str) -> None:
    """Replace the file atomically, so that a running bridge never reads an incomplete file."""
    text = mapping if isinstance(mapping, str) else yaml.safe_dump(mapping, sort_keys=False)
    temporary = folder / "mappings" / f".{name}.new"
    temporary.write_text(text)
    temporary.rename(folder / "mappings" / f"{name}.yaml")


class BridgeProcess:
    """A bridge process.

    folder        folder with `bridge.yaml`
    environment   variables to add to the environment of the test
    wrapper       command before that of the bridge, such as `("strace", "-f")`. Signals, CPU time and memory are then
                  those of the wrapper, unless it replaces itself by the bridge (exec)
    entry         module to run, with arguments before `run`; a test may change it between two runs
    """

    def __init__(
        self,
        folder: Path,
        *,
        environment: dict[str, str] | None = None,
        wrapper=(),
        entry=("bridge",),
        await_subscribed: bool = True,
    ) -> None:
        self.folder = folder
        self.stderr_file = folder / "stderr.log"
        self.stdout_file = folder / "stdout.log"
        self.exit_code: int | None = None
        self._environment = os.environ | {"PYTHONUNBUFFERED": "1"} | (environment or {})
        self.entry: tuple[str, ...] = tuple(entry)
        self._wrapper = tuple(wrapper)
        self._await_subscribed = await_subscribed
        self._process: subprocess.Popen | None = None
        self._log_start = 0

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._process and self._process.poll() is None:
            self.kill()

    def start(self, *, await_subscribed: bool | None = None) -> None:
        """Start the bridge and, by default, wait until it has subscribed. `exit_code` becomes None."""
        assert not self.running, "the bridge is running already"
        self.exit_code = None
        self._log_start = self.stderr_file.stat().st_size if self.stderr_file.exists() else 0
        with self.stdout_file.open("ab") as out, self.stderr_file.open("ab") as err:
            self._process = subprocess.Popen(
                self._command(), cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        if self._await_subscribed if await_subscribed is None else await_subscribed:
            self.wait_for("subscribed")

    def _command(self):
        config = str(self.folder / "bridge.yaml")
        return [*self._wrapper, sys.executable, "-m", *self.entry, "run", "--config", config]

    def wait_for(self, event: str, *, timeout_secs: float = 30) -> dict:
        """Wait for the first log line with this event since the last start, and return it."""
        deadline = time.monotonic() + timeout_secs
        while True:
            running = self.running
            for line in self.log(since_start=True):
                if line.get("event") == event:
                    return line
            assert running, f"the bridge ended with {self.wait()} before {event!r}:\n{self.stderr()}"
            assert time.monotonic() < deadline, f"no {event!r} within {timeout_secs} s:\n{self.stderr()}"
            time.sleep(0.03)

    def stop(self, *, timeout_secs: float = 30) -> int:
        """Send SIGTERM, wait for the end, and return the exit code."""
        self.send_signal(signal.SIGTERM)
        return self.wait(timeout_secs=timeout_secs)

    def kill(self) -> int:
        self.send_signal(signal.SIGKILL)
        return self.wait()

    def restart(self) -> int:
        """Stop by SIGTERM and start again. Return the exit code of the run that ended."""
        code = self.stop()
        self.start()
        return code

    def send_signal(self, number: int) -> None:
        self._started().send_signal(number)

    def wait(self, *, timeout_secs: float = 30) -> int:
        """Wait until the process ends; raise AssertionError if it does not."""
        try:
            self.exit_code = self._started().wait(timeout_secs)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the bridge still runs after {timeout_secs} s:\n{self.stderr()}") from None
        return self.exit_code

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._started().pid

    def stderr(self) -> str:
        return self.stderr_file.read_text()

    def stdout(self) -> str:
        return self.stdout_file.read_text()

    def log(self, *, since_start: bool = False) -> list[dict]:
        """Return the complete lines of the log.

        A line that is not JSON, such as a line of a traceback, is {"event": None, "text": line}.
        """
        with self.stderr_file.open("rb") as file:
            file.seek(self._log_start if since_start else 0)
            return [_parsed(line) for line in file if line.endswith(b"\n")]

    @property
    def cpu_secs(self) -> float:
        """CPU time (user and system) of all threads so far, precise to 10 ms: proc(5), /proc/pid/stat."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SEC

    @property
    def rss_bytes(self) -> int:
        return self._status("VmRSS")

    @property
    def max_rss_bytes(self) -> int:
        return self._status("VmHWM")

    def _status(self, name):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"the bridge has no {name}: it has ended")

    def _started(self):
        assert self._process, "the bridge was never started"
        return self._process


def _parsed(line):
    try:
        parsed = json.loads(line)
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"event": None, "text": line.decode(errors="replace").rstrip()}
