"""Error message and exit code of a failed command, with and without --json."""

import json
import os

import pytest

from bridge.spool.lock import refuse_without_permission
from tests.harness.bridge_process import UNREACHABLE, write_configuration
from tests.harness.cli_runner import called
from tests.integration.arrivals import TELEMETRY


@pytest.fixture
def config(tmp_path):
    write_configuration(tmp_path, mappings={"press": TELEMETRY}, **UNREACHABLE)
    return str(tmp_path / "bridge.yaml")


def as_json(done):
    document = json.loads(done.stdout)
    assert document["schema_version"] == 1
    return document["error"]


@pytest.mark.parametrize("name", ["status", "coverage"])
def test_command_without_a_running_bridge_ends_with_3(tmp_path, config, name):
    done = called(tmp_path, name, "--json", "--config", config)
    assert done.returncode == 3
    error = as_json(done)
    assert error["code"] == "not_running"
    assert "the bridge has not run here" in error["message"]
    assert error["message"] in done.stderr


def test_command_with_a_broken_configuration_ends_with_2(tmp_path):
    done = called(tmp_path, "status", "--json", "--config", "none.yaml")
    assert done.returncode == 2
    assert as_json(done) == {"code": "configuration", "message": "none.yaml: no such file"}


def test_command_without_a_spool_ends_with_1(tmp_path, config):
    done = called(tmp_path, "spool", "status", "--json", "--config", config)
    assert (done.returncode, as_json(done)["code"]) == (1, "failed")


def test_failure_without_json_prints_no_object(tmp_path, config):
    assert called(tmp_path, "status", "--config", config).stdout == ""


COMMANDS = [
    ["run"],
    ["status", "--json"],
    ["coverage", "--json"],
    ["spool", "status", "--json"],
    ["spool", "verify"],
    ["spool", "export", "records.jsonl"],
    ["dead-letters", "list", "--json"],
    ["dead-letters", "show", "1"],
    ["dead-letters", "replay", "--all"],
    ["dead-letters", "delete", "--all", "--yes"],
    ["dead-letters", "export", "letters.jsonl"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("denied", ["the folder", "the database"])
def test_command_without_permission_ends_with_4(tmp_path, config, monkeypatch, command, denied):
    """Tests run as root, who may read every file. So this test simulates the errors that another user would get."""
    spool = tmp_path / "data"
    spool.mkdir()
    (spool / "spool.db").touch()

    listed = type(spool).iterdir

    def iterdir(path):
        if path == spool and denied == "the folder":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(type(spool), "iterdir", iterdir)
    monkeypatch.setattr(os, "access", lambda path, _mode: denied == "the folder" or path != spool / "spool.db")
    done = called(tmp_path, *command, "--config", config)
    assert done.returncode == 4
    assert f"no permission to read {spool}" in done.stderr
    assert f"run the command as the user {spool.owner()}" in done.stderr
    if "--json" in command:
        assert as_json(done)["code"] == "no_permission"


def test_permission_of_a_folder_that_does_not_exist_is_not_denied(tmp_path):
    refuse_without_permission(tmp_path / "none")


def test_permission_error_of_a_file_is_one_line_and_ends_with_4(tmp_path, config, monkeypatch):
    def denied(*_args, **_options):
        raise PermissionError(13, "Permission denied", "/etc/bridge/token")

    monkeypatch.setattr("bridge.cli.commands.check.check_all", denied)
    done = called(tmp_path, "check", "--config", config)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == "mqtt-kinesis: no permission for /etc/bridge/token; run the command as the bridge's user\n"


@pytest.mark.parametrize("command", ["list", "replay", "delete"])
def test_unknown_dead_letter_code_is_a_usage_error(tmp_path, config, command):
    done = called(tmp_path, "dead-letters", command, "--code", "nope", "--config", config)
    assert done.returncode == 2
    assert "no such code: nope; expected one of decode, internal," in done.stderr
