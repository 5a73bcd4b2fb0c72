"""Formats of `check` for CI systems: valid for every file name and every message."""

import json
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from bridge.cli.output.problem_formats import FORMATS, CheckResult, as_github, as_json, as_junit, as_sarif
from bridge.errors import Problem

NOTE = Problem("mappings/b.yaml", 0, 0, "", "the mapping has no tests", "no-tests")
# Names of files may contain bytes that are not UTF-8, which Python stores as halves of surrogate pairs.
TEXT = st.text(st.characters(codec=None, exclude_characters="\0"), min_size=1)


def result(*problems, notes=(), tests=None):
    return CheckResult(problems, notes, tests or {})


@given(TEXT, TEXT, st.integers(0, 9), st.integers(0, 9), TEXT)
def test_format_of_any_problem_is_valid(file, path, line, column, message):
    checked = result(Problem(f"m/{file}", line, column, path, message), tests={"a": ["t"], "b": []})
    assert len(json.loads(as_json(checked).encode())["problems"]) == 1
    assert len(json.loads(as_sarif(checked).encode())["runs"][0]["results"]) == 1
    assert len(ET.fromstring(as_junit(checked))) == 3
    annotation = as_github(checked)
    assert "\n" not in annotation
    assert "\r" not in annotation
    # The properties end at the first "::", and commas separate them.
    properties = annotation.removeprefix("::error ").partition("::")[0].split(",")
    assert [each.partition("=")[0] for each in properties] == ["file", *["line", "col"] * bool(line), "title"]


def test_format_of_an_empty_result_is_valid():
    texts = {name: FORMATS[name](result()) for name in FORMATS}
    assert json.loads(texts["json"])["ok"] is True
    assert texts["github"] == ""
    assert json.loads(texts["sarif"])["runs"][0]["results"] == []
    assert ET.fromstring(texts["junit"]).get("tests") == "0"


def test_sarif_location_is_a_uri_with_lines_from_1():
    log = json.loads(as_sarif(result(Problem("m/a b%25#\u00e4.yaml", 3, 0, "", "x"), notes=[NOTE])))
    places = [each["locations"][0]["physicalLocation"] for each in log["runs"][0]["results"]]
    assert places[0]["artifactLocation"]["uri"] == "m/a%20b%2525%23%C3%A4.yaml"
    assert unquote(places[0]["artifactLocation"]["uri"]) == "m/a b%25#\u00e4.yaml"
    assert places[0]["region"] == {"startLine": 3, "startColumn": 1}
    assert "region" not in places[1]


def test_sarif_rules_include_the_rule_of_each_result():
    [run] = json.loads(as_sarif(result(Problem("a", 1, 1, "", "x"), notes=[NOTE])))["runs"]
    rules = {each["id"] for each in run["tool"]["driver"]["rules"]}
    assert [(each["ruleId"] in rules, each["level"]) for each in run["results"]] == [(True, "error"), (True, "note")]


def test_github_annotation_escapes_percent_signs_and_separators():
    annotation = as_github(result(Problem("m/a,b:c%.yaml", 2, 1, "p", "50%\nnext"), notes=[NOTE])).splitlines()
    assert annotation[0] == "::error file=m/a%2Cb%3Ac%25.yaml,line=2,col=1,title=mqtt-kinesis check::p: 50%25%0Anext"
    assert annotation[1].startswith("::notice file=mappings/b.yaml,title=")


def test_file_outside_of_the_folder_has_its_path_unchanged(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    for file, shown in ((tmp_path / "in/a.yaml", "a.yaml"), (tmp_path / "b.yaml", str(tmp_path / "b.yaml"))):
        assert f"file={shown},title" in as_github(result(Problem(str(file), 0, 0, "", "x")))


def test_junit_report_counts_cases_and_failures():
    suite = ET.fromstring(as_junit(result(Problem("m/c.yaml", 1, 2, "", "a\x00b"), tests={"a": ["t", "u"], "b": []})))
    assert (suite.get("tests"), suite.get("failures")) == ("4", "1")
    assert [(each.get("classname"), each.get("name")) for each in suite] == [
        ("a", "t"),
        ("a", "u"),
        ("b", "loads"),
        ("c", "loads"),
    ]
    assert suite[3].find("failure").text.endswith("a\ufffdb")
