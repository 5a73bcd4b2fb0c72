from pathlib import Path
from typing import NamedTuple

import pytest

from bridge.errors import Problem
from bridge.mapping.loading.reload_report import ReloadReport, reload_report

A, B = Path("m/a.yaml"), Path("m/b.yaml")
OLD, NEW = object(), object()
FIRST, SECOND = Problem("m/a.yaml", 1, 2, "topic", "wrong"), Problem("m/a.yaml", 3, 4, "", "worse")


class State(NamedTuple):
    mapping: object
    problems: tuple = ()


def test_report_without_changes_is_false():
    states = {A: State(OLD), B: State(None, (FIRST,))}
    assert not reload_report(states, dict(states))


@pytest.mark.parametrize("change", [{"loaded": ("a",)}, {"removed": ("a",)}, {"failed": (("a", "wrong"),)}])
def test_report_with_one_kind_of_change_is_true(change):
    assert ReloadReport(**change)


def test_report_names_new_changed_and_removed_files():
    report = reload_report({A: State(OLD), B: State(OLD)}, {A: State(NEW), Path("m/c.yml"): State(NEW)})
    assert report == ReloadReport(loaded=("a", "c"), removed=("b",))
    assert report.summary == "mappings: a, c loaded; b removed"


def test_report_of_a_failed_file_has_its_first_problem():
    report = reload_report({A: State(OLD)}, {A: State(OLD, (FIRST, SECOND))})
    assert report == ReloadReport(failed=(("a", str(FIRST)),))
    assert (report.summary, report.detail) == ("mappings: a not loaded", str(FIRST))


def test_report_of_an_older_version_does_not_count_it_as_loaded():
    assert reload_report({A: State(OLD)}, {A: State(NEW, (FIRST,))}).loaded == ()


def test_report_repeats_a_failure_only_if_its_problems_change():
    before = {A: State(OLD, (FIRST,))}
    assert not reload_report(before, {A: State(OLD, (FIRST,))})
    assert reload_report(before, {A: State(OLD, (SECOND,))}).failed == (("a", str(SECOND)),)


def test_report_of_a_fixed_file_counts_it_as_loaded():
    assert reload_report({A: State(OLD, (FIRST,))}, {A: State(NEW)}).loaded == ("a",)


def test_report_shows_at_most_ten_names_and_counts_the_others():
    names = tuple(f"m{number}" for number in range(1_012))
    assert ReloadReport(loaded=names).summary.endswith("m8, m9 and 1,002 more loaded")
    assert ReloadReport(loaded=names[:10]).summary.endswith("m8, m9 loaded")
    assert ReloadReport(failed=tuple((name, name) for name in names)).detail.splitlines() == list(names[:10])
