import json
import re
import signal
import subprocess
import sys

import pytest

from bridge import __version__
from bridge.cli.commands import run
from bridge.supervisor.workers import MAX_WORKERS
from tests.harness.bridge_process import ROOT, UNREACHABLE, write_configuration
from tests.harness.cli_runner import called
from tests.integration.arrivals import TELEMETRY


def started(folder, *options):
    """Return the log lines of a bridge up to its start, and stop the bridge."""
    write_configuration(folder, mappings={"press": TELEMETRY}, **UNREACHABLE)
    command = [sys.executable, "-m", "bridge", "run", "-c", str(folder / "bridge.yaml"), *options]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        lines = []
        while not lines or not re.search("starting|cannot connect", lines[-1]):
            lines.append(process.stderr.readline())
            assert process.poll() is None, lines
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(30) == 0
    return lines


def test_run_logs_its_start_in_one_line(tmp_path):
    line = json.loads(started(tmp_path)[-1])
    assert (line["event"], line["version"], line["config"]) == ("starting", __version__, f"{tmp_path}/bridge.yaml")
    assert (line["mappings"], line["streams"], line["backlog_records"]) == (1, 1, 0)


@pytest.mark.parametrize("option", ["-q", "--log-level=warning"])
def test_quiet_run_logs_no_info(tmp_path, option):
    levels = {json.loads(line)["level"] for line in started(tmp_path, option)}
    assert levels <= {"warning", "error"}


def test_run_with_two_log_levels_is_a_usage_error(tmp_path):
    done = called(tmp_path, "run", "-v", "-q")
    assert (done.returncode, "give one of --log-level, --verbose and --quiet" in done.stderr) == (2, True)


def test_unknown_log_level_is_a_usage_error(tmp_path):
    assert called(tmp_path, "run", "--log-level", "loud").returncode == 2


@pytest.mark.parametrize(("workers", "code"), [(0, 0), (MAX_WORKERS, 0), (MAX_WORKERS + 1, 2), (-1, 2)])
def test_number_of_workers_is_limited(tmp_path, monkeypatch, workers, code):
    started_with = []
    monkeypatch.setattr(run, "run_bridge", lambda _config, **options: started_with.append(options["workers"]) or 0)
    assert called(tmp_path, "run", "--workers", workers).returncode == code
    assert started_with == ([] if code else [workers])


def test_quiet_before_the_command_applies_to_run(tmp_path):
    assert called(tmp_path, "-q", "run", "-v").returncode == 2
    done = called(tmp_path, "-v", "-q", "check")
    assert (done.returncode, "use --verbose or --quiet, not both" in done.stderr) == (2, True)


def test_quiet_before_check_prints_problems_only(tmp_path):
    write_configuration(tmp_path, mappings={"press": TELEMETRY}, **UNREACHABLE)
    assert called(tmp_path, "check").stdout
    done = called(tmp_path, "-q", "check")
    assert (done.returncode, done.stdout) == (0, "")
