"""Command `check`: single files, output formats for machines, and --watch."""

import json
import os
import signal
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

from tests.cli.builders import PRESS, set_up
from tests.harness.bridge_process import ROOT
from tests.harness.cli_runner import called

BROKEN = PRESS.replace("t: payload.t }", "t: payload.x }")


@pytest.fixture
def folder(tmp_path):
    set_up(tmp_path, broken=BROKEN, other="topic: t\noutputs: [{data_stream: s}]")
    return tmp_path


def test_check_of_one_file_reports_its_problems_only(folder):
    good = called(folder, "check", "mappings/press.yaml")
    assert (good.returncode, good.stdout, good.stderr) == (0, "OK  mappings/press.yaml, 1 mapping, 1 test passed\n", "")
    bad = called(folder, "check", "mappings/broken.yaml")
    assert bad.returncode == 2
    assert bad.stderr.startswith("mappings/broken.yaml:7:5: tests[0]: the test 'a press' failed:")


def test_check_of_files_needs_no_configuration(folder):
    (folder / "bridge.yaml").unlink()
    assert called(folder, "check", "mappings/press.yaml", "mappings/other.yaml").returncode == 0
    assert called(folder, "check", "mappings").returncode == 2


@pytest.mark.parametrize("name", ["none.yaml", "mappings/notes.txt"])
def test_check_of_a_file_that_is_no_mapping_fails(folder, name):
    (folder / "mappings" / "notes.txt").write_text("x")
    done = called(folder, "check", name)
    assert (done.returncode, name in done.stderr) == (2, True)


def test_check_of_a_table_checks_the_mappings_that_may_use_it(folder):
    (folder / "mappings" / "tables").mkdir()
    (folder / "mappings" / "tables" / "assets.yaml").write_text("a: [")
    done = called(folder, "check", "mappings/tables/assets.yaml")
    assert done.returncode == 2
    assert "mappings/tables/assets.yaml:" in done.stderr
    assert "mappings/broken.yaml:" in done.stderr


def test_json_has_every_problem_with_its_position(folder):
    done = called(folder, "check", "--format", "json")
    assert done.returncode == 2
    result = json.loads(done.stdout)
    assert (result["schema_version"], result["ok"], result["mappings"], result["tests"]) == (1, False, 2, 1)
    (problem,) = result["problems"]
    assert (problem["file"], problem["line"], problem["column"]) == ("mappings/broken.yaml", 7, 5)
    (note,) = result["notes"]
    assert (note["code"], note["file"], note["line"]) == ("no-tests", "mappings/other.yaml", 0)


def test_github_format_is_one_escaped_annotation_a_line(folder):
    lines = called(folder, "check", "--format", "github").stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("::error file=mappings/broken.yaml,line=7,col=5,title=mqtt-kinesis check::tests[0]: ")
    assert "%0A" in lines[0]
    assert lines[1] == "::notice file=mappings/other.yaml,title=mqtt-kinesis check::the mapping has no tests"


def test_sarif_has_the_position_of_each_result(folder):
    log = json.loads(called(folder, "check", "--format", "sarif").stdout)
    (run,) = log["runs"]
    result, note = run["results"]
    assert (note["level"], note["ruleId"]) == ("note", "no-tests")
    place = result["locations"][0]["physicalLocation"]
    assert (log["version"], result["level"]) == ("2.1.0", "error")
    assert result["ruleId"] == run["tool"]["driver"]["rules"][0]["id"]
    assert place == {
        "artifactLocation": {"uri": "mappings/broken.yaml"},
        "region": {"startLine": 7, "startColumn": 5},
    }


def test_junit_has_a_case_for_each_test_and_problem(folder):
    suite = ET.fromstring(called(folder, "check", "--format", "junit").stdout)
    cases = {(each.get("classname"), each.get("name")): each.find("failure") is not None for each in suite}
    assert cases == {("press", "a press"): False, ("other", "loads"): False, ("broken", "tests[0]"): True}
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")


def test_quiet_check_prints_problems_only(folder):
    done = called(folder, "check", "-q", "mappings/other.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "mappings/broken.yaml:7:5" in called(folder, "check", "-q").stderr


def test_configuration_file_is_named_by_the_environment(folder, monkeypatch):
    (folder / "mappings" / "broken.yaml").unlink()
    (folder / "bridge.yaml").rename(folder / "plant.yaml")
    monkeypatch.setenv("MQTT_KINESIS_CONFIG", "plant.yaml")
    assert called(folder, "check").stdout.startswith("OK  plant.yaml, 2 mappings")


def test_watch_checks_at_each_change_until_ctrl_c(folder):
    command = [sys.executable, "-m", "bridge", "check", "--watch", "mappings/broken.yaml"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, cwd=folder, env=environment, text=True, **streams) as process:
        line = ""
        while "1 error in 1 file" not in line:
            line = process.stdout.readline()
            assert process.poll() is None
        # Like an editor, the test replaces the file atomically. Otherwise, `check` could read an incomplete file.
        (folder / "fixed.yaml").write_text(PRESS)
        (folder / "fixed.yaml").replace(folder / "mappings" / "broken.yaml")
        assert "changed" in process.stdout.readline()
        assert process.stdout.readline() == "OK  mappings/broken.yaml, 1 mapping, 1 test passed\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
