"""Each row of docs/reference/limits.md has tests that hold its limit: tests/docs/limit_tests.yaml names them."""

import ast
from functools import cache

import yaml

from tests.docs.operation_tables import limits_table
from tests.docs.pages import ROOT

TESTS = yaml.safe_load((ROOT / "tests" / "docs" / "limit_tests.yaml").read_text(encoding="utf-8"))


def row_names():
    """Return the first column of the table, without its head and the names of its sections."""
    names = [line.split(" | ")[0].removeprefix("| ") for line in limits_table().splitlines()[2:]]
    return [name for name in names if not name.startswith("**")]


@cache
def quick_tests(file):
    """Return the names of a file's test functions, without those that are marked as slow. Do not import the file."""
    path = ROOT / file
    body = ast.parse(path.read_text(encoding="utf-8")).body if path.exists() else []
    functions = [each for each in body if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")]
    return {each.name for each in functions if "pytest.mark.slow" not in map(ast.unparse, each.decorator_list)}


def test_limit_of_each_row_has_its_tests():
    names = row_names()
    assert len(names) == len(set(names)) > 100
    assert sorted(TESTS) == sorted(names)
    assert [name for name, tests in TESTS.items() if not tests] == []


def test_limits_name_quick_tests_that_exist():
    found = {test: test.partition("::") for tests in TESTS.values() for test in tests}
    assert [test for test, (file, _, name) in found.items() if name not in quick_tests(file)] == []
