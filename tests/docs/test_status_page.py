import re
from typing import get_args

import pytest

from bridge.cli.output.problem_lines import problem_lines
from bridge.monitoring.health import HealthStatus
from bridge.monitoring.problem_history import LOG_AFTER_SECS
from bridge.monitoring.problems import ActiveProblem, State, state_of
from tests.docs.status_tables import FIELDS, REFERENCE, STATES
from tests.web.bridges import problem, snapshot

TEXT = REFERENCE.read_text(encoding="utf-8")


def test_states_of_the_reference_are_all_states():
    assert tuple(STATES) == get_args(State)


def test_fields_of_the_reference_are_those_of_the_json():
    assert list(FIELDS) == list(problem().to_json()) == list(ActiveProblem.__dataclass_fields__)


@pytest.mark.parametrize("severity", [None, "warning", "error"])
def test_exit_code_and_readiness_of_the_reference_follow_the_state(severity):
    problems = [problem(severity=severity)] if severity else []
    _, exit_code, ready, _ = STATES[state_of(problems)]
    errors = tuple(each.summary for each in problems if each.severity == "error")
    assert ready == ("200" if HealthStatus(errors).ok else "503")
    assert exit_code == ("1" if problems else "0")


def test_example_output_has_the_form_of_the_code():
    block = re.search(r"```console\n\$ mqtt-kinesis status\n(.*?)```", TEXT, re.DOTALL)[1].splitlines()
    labels = [re.match(r" {10}(\w[\w ]*): ", line)[1] for line in block if line.startswith(" " * 10)]
    status = snapshot(problems=(problem(attempts=12, buffer_hours=31.0),)).summary_json()
    first, *more = problem_lines(status)
    assert labels == [re.match(r" {10}(\w[\w ]*): ", line)[1] for line in more]
    assert block[0].startswith(first[:10])
    assert LOG_AFTER_SECS == 5.0, "the text says five seconds"
