"""One run of doctor for the page: its findings, and the reason why there are none."""

import asyncio
import sys

import pytest

from bridge.errors import BridgeError
from bridge.web import doctor_run
from bridge.web.doctor_run import DoctorRun, doctor_command


def ran(*command):
    """Return the state after a run of the command."""

    async def scene():
        run = DoctorRun()
        run.start(command)
        await asyncio.wait([run._task])
        return run.value()

    return asyncio.run(scene())


def test_doctor_run_before_its_first_start_has_no_times():
    nothing = {"started_ms": None, "ended_ms": None, "findings": [], "problem": ""}
    assert DoctorRun().value() == {"running": False, **nothing}


def test_doctor_run_that_cannot_be_started_says_why(tmp_path):
    state = ran(str(tmp_path / "no-such-program"))
    assert state["problem"] == "doctor cannot be started: No such file or directory"
    assert state["ended_ms"] >= state["started_ms"]
    assert not state["running"]


@pytest.mark.parametrize(
    "output",
    ["{", "[]", '{"findings": 5}', '{"findings": [{}]}', '{"findings": ["x"]}', '{"findings": {"a": 1}}'],
)
def test_doctor_run_without_findings_in_its_output_is_a_problem(output):
    state = ran("/bin/echo", output)
    assert (state["problem"], state["findings"]) == ("doctor printed no findings", [])


def test_doctor_run_with_a_full_error_pipe_shows_its_findings(monkeypatch):
    monkeypatch.setattr(doctor_run, "MAX_ERROR_BYTES", 5)
    code = "import sys; sys.stderr.write('x' * 1_000_000); print('{\"findings\": []}')"
    state = ran(sys.executable, "-S", "-c", code)
    assert (state["problem"], state["findings"]) == ("", [])


@pytest.mark.parametrize(("limit", "problem"), [(17, ""), (16, "doctor printed no findings")])
def test_doctor_run_reads_its_output_up_to_the_limit(monkeypatch, limit, problem):
    monkeypatch.setattr(doctor_run, "MAX_OUTPUT_BYTES", limit)
    assert ran("/bin/echo", "-n", '{"findings": [] }')["problem"] == problem


def test_doctor_run_is_refused_while_another_one_runs():
    async def scene():
        run = DoctorRun()
        run.start(["/bin/cat", "/dev/zero"])
        with pytest.raises(BridgeError, match="doctor is running"):
            run.start(["/bin/true"])
        assert run.running
        run._task.cancel()
        await asyncio.wait([run._task])

    asyncio.run(scene())


def test_doctor_command_is_that_of_this_program(tmp_path):
    command = doctor_command(tmp_path / "bridge.yaml")
    assert command[:3] == [sys.executable, "-m", "bridge"]
    assert command[3:] == ["doctor", "--config", str(tmp_path / "bridge.yaml"), "--json"]
