"""Job `check`: the problems of a text with their positions, and the results of its tests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BridgeError, Problem
from bridge.web.jobs.checking import check, problem_values

HEAD = "topic: t\noutputs: [{data_stream: s}]\n"
CASE = "tests:\n  - {name: one, topic: t, payload: 1, expect: [{data_stream: s, data: %s}]}\n"


@pytest.fixture
def checked(tmp_path):
    """checked(text): the result for the text of a file press.yaml."""

    def run(text, *, file="press.yaml", shared=False):
        return check({"folder": str(tmp_path), "file": file, "text": text, "shared": shared})

    return run


def test_check_of_a_valid_mapping_has_no_problem(checked):
    assert checked(HEAD) == {"problems": [], "tests": []}


@pytest.mark.parametrize(("expected", "passed"), [("1", True), ("2", False)])
def test_check_runs_the_tests_of_the_mapping(checked, expected, passed):
    [result] = checked(HEAD + CASE % expected)["tests"]
    assert (result["name"], result["passed"], bool(result["difference"])) == ("one", passed, not passed)


def test_check_of_a_wrong_key_marks_the_word(checked):
    [problem, *_] = checked(f"{HEAD}whrere: x\n")["problems"]
    assert (problem["line"], problem["column"], problem["end_line"], problem["end_column"]) == (3, 1, 3, 7)


@pytest.mark.parametrize("text", ["", "\n", "[]", "topic: [\n", "\t", "a: &a [*a]", "\x00"])
def test_check_of_a_text_that_is_no_mapping_is_a_problem(checked, text):
    assert checked(text)["problems"]


def test_check_of_a_name_that_no_mapping_can_have_is_a_problem(checked):
    [problem] = checked(HEAD, file="my mapping.yaml")["problems"]
    assert "cannot name a mapping" in problem["message"]
    assert problem["line"] == 0


def test_check_reports_damaged_tables_beside_the_mapping(checked, tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/assets.yaml").write_text("[")
    problems = checked(f"{HEAD}transform: \"lookup('assets', 'k')\"\n")["problems"]
    assert any("tables/assets.yaml" in each["message"] and each["line"] == 0 for each in problems)


def test_check_of_a_test_without_memory_is_an_error(checked, monkeypatch):
    text = {"name": "one", "passed": False, "difference": "dead letter internal: MemoryError"}
    monkeypatch.setattr("bridge.web.jobs.checking.case_values", lambda _: [text])
    with pytest.raises(BridgeError, match="MiB of memory"):
        checked(HEAD)


@given(st.text(max_size=60), st.integers(0, 8), st.integers(0, 30))
def test_problem_values_of_any_position_are_a_range_of_one_line(text, line, column):
    [value] = problem_values([Problem("f", line, column, "p", "m")], text)
    assert (value["line"], value["end_line"], value["column"]) == (line, line, column)
    assert value["end_column"] > column if line else value["end_column"] == 0


@pytest.mark.parametrize(("column", "end"), [(1, 4), (4, 5), (5, 16), (16, 17), (100, 101)])
def test_problem_values_end_with_the_word_that_begins_there(column, end):
    [value] = problem_values([Problem("f", 2, column, "", "m")], "x\nabc=payload.t-1 z\n")
    assert value["end_column"] == end
