"""A real Prometheus; and promtool, which evaluates alert rules with artificial series."""

import json
import math
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

from tests.harness.network import free_port, wait_for_port
from tests.integration.arrivals import eventually

ROOT = Path(__file__).parents[2]
SCRAPE_SECS = 1


def program(name: str) -> str:
    """Return the path of an installed program, or of the program that `make prometheus` has unpacked in build/."""
    found = shutil.which(name) or shutil.which(name, path=ROOT / "build" / "prometheus" / "usr" / "bin")
    assert found, f"{name} is missing: make prometheus"
    return found


class Prometheus:
    """Prometheus process with these alert rules. It scrapes `target_port` on 127.0.0.1 each second."""

    def __init__(self, folder: Path, target_port: int, rules: Path) -> None:
        self.port = free_port()
        self._folder = folder
        configuration = {
            "global": {"scrape_interval": f"{SCRAPE_SECS}s", "evaluation_interval": f"{SCRAPE_SECS}s"},
            "rule_files": [str(rules)],
            "scrape_configs": [
                {"job_name": "mqtt-kinesis", "static_configs": [{"targets": [f"127.0.0.1:{target_port}"]}]}
            ],
        }
        folder.mkdir()
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))

    def __enter__(self):
        options = {
            "config.file": self._folder / "prometheus.yml",
            "storage.tsdb.path": self._folder / "data",
            "web.listen-address": f"127.0.0.1:{self.port}",
            "log.level": "warn",
        }
        command = [program("prometheus"), *(f"--{name}={value}" for name, value in options.items())]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for_port(self.port, timeout_secs=30, still_alive=lambda: self._process.poll() is None)
        eventually(self._ready, f"Prometheus is ready; see {self._folder / 'log'}")
        return self

    def _ready(self) -> bool:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=10).status == 200
        except urllib.error.HTTPError:
            return False

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def ask(self, path: str, **parameters):
        """Return the `data` of a response. https://prometheus.io/docs/prometheus/latest/querying/api/"""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            told = json.load(answer)
        assert told["status"] == "success", told
        return told["data"]

    def values(self, query: str) -> list[float]:
        """Return the current values of a query without NaN. Raise AssertionError for an invalid query."""
        result = self.ask("query", query=query)["result"]
        values = [float(each["value"][1]) for each in result]
        return [value for value in values if not math.isnan(value)]


def play(folder: Path, rules: Path, cases: list[dict]) -> str:
    """Run `promtool test rules`. Return the failures that it prints; "" if all tests pass.

    https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
    """
    file = folder / "cases.yaml"
    document = {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": cases}
    file.write_text(yaml.safe_dump(document))
    done = subprocess.run(
        [program("promtool"), "test", "rules", file], capture_output=True, text=True, timeout=60, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr
