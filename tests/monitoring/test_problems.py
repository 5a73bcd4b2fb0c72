"""Active problems: their order, their JSON, and the problems of several workers as those of one bridge."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.monitoring.problems import STAGES, merge_problems, problem_from_json, sort_problems, state_of
from tests.web.bridges import problem

PROBLEMS = st.builds(
    problem,
    st.sampled_from(["stream-stalled", "hot-key", "spool-full"]),
    severity=st.sampled_from(["warning", "error"]),
    stage=st.sampled_from(STAGES),
    stream=st.sampled_from(["", "a", "b"]),
    since=st.floats(0, 1e9),
    buffered_records=st.integers(0, 10**9),
    buffer_hours=st.none() | st.floats(0, 1e6),
    worker=st.sampled_from(["", "worker 1"]),
)


@pytest.mark.parametrize(
    ("severities", "state"),
    [([], "ok"), (["warning"], "degraded"), (["warning", "error"], "failing"), (["error"], "failing")],
)
def test_state_of_problems_is_the_worst(severities, state):
    assert state_of(problem(severity=each) for each in severities) == state


@given(st.lists(PROBLEMS, max_size=8))
def test_sort_problems_has_errors_first_and_then_the_data_path(problems):
    ordered = sort_problems(problems)
    ranks = [(each.severity == "warning", STAGES.index(each.stage)) for each in ordered]
    assert ranks == sorted(ranks)
    assert sorted(map(repr, ordered)) == sorted(map(repr, problems))


@given(PROBLEMS)
def test_problem_from_json_has_the_same_key(found):
    again = problem_from_json(found.to_json())
    assert (again.key, again.what_is_safe) == (found.key, found.what_is_safe)


@pytest.mark.parametrize("value", [{}, {"code": "x"}, {**problem().to_json(), "colour": 1}])
def test_problem_from_json_of_other_fields_raises_an_error(value):
    with pytest.raises(TypeError):
        problem_from_json(value)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"buffered_records": 1}, "1 record buffered on disk; none lost"),
        ({"buffered_records": 2_000, "dropped_records": 7}, "2,000 records buffered on disk; 7 dropped"),
        ({"safe": "all of it"}, "all of it"),
        ({"stage": "running"}, ""),
    ],
)
def test_safe_text_counts_records_only_while_delivering(changes, text):
    assert problem(**changes).what_is_safe == text


def test_merge_problems_of_all_workers_names_none():
    lost = problem("not-connected", severity="warning", stream="")
    [merged] = merge_problems([("worker 1", [lost]), ("worker 2", [replace(lost, severity="error")])])
    assert (merged.worker, merged.severity, merged.cause) == ("", "error", lost.cause)


def test_merge_problems_names_each_worker_before_its_own_cause():
    lost = problem("not-connected", stream="")
    named = [("worker 1", [lost]), ("worker 2", [replace(lost, cause="timed out")]), ("worker 3", [])]
    [merged] = merge_problems(named)
    assert merged.worker == "worker 1, worker 2"
    assert merged.cause == f"worker 1: {lost.cause}; worker 2: timed out"


def test_merge_problems_of_the_only_worker_names_it():
    assert [each.worker for each in merge_problems([("worker 1", [problem()])])] == ["worker 1"]
    assert merge_problems([]) == ()


def test_merge_problems_keeps_streams_apart():
    both = [("worker 1", [problem(stream="a"), problem(stream="b")]), ("worker 2", [problem(stream="b")])]
    assert [(each.stream, each.worker) for each in merge_problems(both)] == [("a", "worker 1"), ("b", "")]


@pytest.mark.parametrize(("hours", "shortest"), [([None, None], None), ([None, 3.0], 3.0), ([0.0, 3.0], 0.0)])
def test_merge_problems_has_the_shortest_buffer_time(hours, shortest):
    named = [(f"worker {number}", [problem(buffer_hours=each)]) for number, each in enumerate(hours)]
    [merged] = merge_problems(named)
    assert merged.buffer_hours == shortest
