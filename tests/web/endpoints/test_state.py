"""Endpoints of the state: the status, and the topics that mappings match."""

import os

import pytest

from bridge.ingest.topic_coverage import CoverageReport, MappingActivity, UnmatchedTopic
from bridge.monitoring.snapshot import DeadLetterSummary
from bridge.spool.ledger import LedgerRow
from tests.web.bridges import NOW, snapshot, stream


@pytest.mark.parametrize("path", ["/api/status", "/metrics", "/api/completions"])
def test_state_with_a_file_name_that_is_not_utf8_is_served(site, bridge, caplog, path):
    caplog.set_level("INFO", "bridge")
    (bridge.mappings.folder / os.fsdecode(b"\xff.yaml")).write_text("topic: a\n")
    (bridge.mappings.folder / "tables").mkdir()
    (bridge.mappings.folder / "tables" / os.fsdecode(b"\xfe.csv")).write_text("a,b\n1,2\n")
    (bridge.mappings.folder / "schemas").mkdir()
    (bridge.mappings.folder / "schemas" / os.fsdecode(b"\xfd.avsc")).write_text("{}")
    bridge.mappings.reload()
    assert site().get(path).status_code == 200
    # A log line must be UTF-8 too.
    assert caplog.text.encode()


def test_state_names_a_mapping_file_whose_name_is_not_utf8(site, bridge):
    (bridge.mappings.folder / os.fsdecode(b"\xff.yaml")).write_text("topic: a\n")
    bridge.mappings.reload()
    [problem] = site().get("/api/status").json()["problems"]
    assert problem["summary"] == r"mapping \udcff: not loaded"


def test_state_has_no_dead_letters_but_their_number(site, bridge):
    dead_letter = DeadLetterSummary(1, "press", "a", "decode", "x")
    bridge.now = snapshot(dead_letters=(dead_letter,), dead_letter_count=1)
    value = site().get("/api/status").json()
    assert "dead_letters" not in value
    assert value["dead_letter_count"] == 1


def test_state_has_the_activity_of_each_active_mapping(site, bridge):
    active = MappingActivity("press", "t", 7, 1_000, 0, 250)
    removed = MappingActivity("oven", "t", 9, 2_000, 0, 0)
    bridge.now = snapshot(coverage=CoverageReport(0, 1, (removed, active), (UnmatchedTopic("x", 1, 1),), 0))
    value = site().get("/api/status").json()
    [mapping] = value["mappings"]
    assert (mapping["name"], mapping["messages"], mapping["last_ms"], mapping["silent_ms"]) == ("press", 7, 1_000, 250)
    assert value["unmatched_topics"] == 1


def test_state_reports_the_problems_that_the_rules_find(site, bridge):
    bridge.now = snapshot(started_at=NOW, streams=(stream(hot_key="k"),))
    value = site().get("/api/status").json()
    assert [each["code"] for each in value["problems"]] == ["hot-key"]
    assert (value["state"], value["balanced"]) == ("degraded", True)


def test_coverage_lists_matched_and_unmatched_topics(site, bridge):
    active = MappingActivity("press", "t", 7, 1_000, 0, 250)
    bridge.now = snapshot(coverage=CoverageReport(5, 9, (active,), (UnmatchedTopic("x", 3, 4),), 2))
    assert site().get("/api/coverage").json() == bridge.now.coverage.value()


def test_state_has_all_that_the_page_shows(site, bridge):
    bridge.now = snapshot(
        ledger=(LedgerRow("press", "telemetry", 10, 5, 2, 1, 0, 2),),
        streams=(stream(throttled=3),),
        client_id="press-shop",
    )
    found = site().get("/api/status").json()
    assert found["ledger"][0]["spooled"] == 2
    assert found["streams"][0]["throttled"] == 3
    assert found["client_id"] == "press-shop"
    assert found["mappings"] == [
        {
            "name": "press",
            "topic": "factory/{site}/{machine}/telemetry",
            "streams": ["telemetry"],
            "tests": 1,
            "messages": 0,
            "last_ms": 0,
            "silent_ms": 0,
        }
    ]
    assert found["balanced"] is True
