"""Output and exit codes of the commands. One command runs in a shell, the others in this process."""

import subprocess
import sys

import pytest
import yaml

from tests.harness.bridge_process import ROOT, UNREACHABLE, write_configuration
from tests.harness.cli_runner import called
from tests.harness.publisher import Publisher
from tests.harness.telemetry import telemetry
from tests.integration.arrivals import TELEMETRY


def configured(folder, mappings=None, **more):
    write_configuration(folder, mappings={"press": TELEMETRY} if mappings is None else mappings, **(UNREACHABLE | more))
    return str(folder / "bridge.yaml")


def test_check_is_0_when_everything_is_ok(tmp_path):
    assert called(tmp_path, "check", "--config", configured(tmp_path)).returncode == 0


@pytest.mark.parametrize("verb", [["check"], ["run"]])
def test_broken_configuration_is_2_and_every_problem_has_its_place(tmp_path, verb):
    file = configured(tmp_path, mqtt={"url": "mqtt://127.0.0.1:1", "keepalive": 3}, kinesis={"regon": "us-east-1"})
    done = called(tmp_path, *verb, "--config", file)
    assert done.returncode == 2
    assert "mqtt.keepalive: unknown key; did you mean 'keepalive_secs'?" in done.stderr
    assert "kinesis.regon: unknown key; did you mean 'region'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_mapping_that_does_not_load_is_2_for_check(tmp_path):
    done = called(tmp_path, "check", "--config", configured(tmp_path, {"press": TELEMETRY, "bad": {"topic": "a"}}))
    assert (done.returncode, "outputs" in done.stderr) == (2, True)


def test_run_without_any_mapping_is_2(tmp_path):
    assert called(tmp_path, "run", "--config", configured(tmp_path, {"bad": {"topic": "a"}})).returncode == 2


def test_file_that_is_missing_is_2_for_the_process_too(tmp_path):
    command = [sys.executable, "-m", "bridge", "run", "--config", str(tmp_path / "none.yaml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "none.yaml" in done.stderr


def test_try_is_0_with_a_record_and_1_without(tmp_path):
    file = configured(tmp_path)
    (topic, payload), *_ = telemetry(1)
    assert called(tmp_path, "try", "--config", file, "--topic", topic, "--payload", payload.decode()).returncode == 0
    assert called(tmp_path, "try", "--config", file, "--topic", "elsewhere", "--payload", "1").returncode == 1


def test_dry_run_prints_records_and_dead_letters_and_changes_nothing(tmp_path, mosquitto):
    file = configured(tmp_path, mqtt={"url": f"mqtt://127.0.0.1:{mosquitto.port}"})
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge", "run", "--dry-run", "--config", file],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert any("subscribed" in line for line in process.stderr)
        with Publisher(mosquitto.port) as publisher:
            publisher.publish([*telemetry(3), ("factory/pdx/line3/broken/telemetry", b"not JSON")], 1)
        lines = [process.stdout.readline() for _ in range(3)]
        assert all("telemetry" in line for line in lines)
        printed = next(line for line in process.stderr if line.startswith("dead letter of mapping"))
        assert "factory/pdx/line3/broken/telemetry: decode: not JSON" in printed
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()
    assert not (tmp_path / "data").exists()
    assert yaml.safe_load((tmp_path / "bridge.yaml").read_text())["spool"]["path"] == "data/"
