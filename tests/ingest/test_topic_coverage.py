import json
import threading

import pytest

from bridge.ingest.topic_coverage import MAX_TOPIC_CHARS, MAX_TOPICS, CoverageReport, MessageCounter, TopicCoverage
from tests.mapping.builders import mapping

MAPPINGS = [mapping("press", topic="p/+"), mapping("oven", topic="o/+")]


def test_topics_that_no_mapping_matches_are_listed_with_their_messages():
    coverage = TopicCoverage(1_000)
    for topic, at_ms in (("a", 1_000), ("b", 2_000), ("b", 3_000)):
        coverage.unmatched(topic, at_ms)
    report = coverage.report(MAPPINGS, 3_000)
    assert report.topics == (("b", 2, 3_000), ("a", 1, 1_000))
    assert not report.complete


def test_topics_beyond_the_limit_are_counted_without_their_names():
    coverage = TopicCoverage(0)
    for number in range(MAX_TOPICS + 50):
        coverage.unmatched(f"t/{number}", 0)
    coverage.unmatched("t/0", 0)
    report = coverage.report((), 0)
    assert (len(report.topics), report.other_messages) == (MAX_TOPICS, 50)
    assert report.topics[0] == ("t/0", 2, 0)


def test_long_topic_is_remembered_by_its_beginning():
    coverage = TopicCoverage(0)
    coverage.unmatched("x" * 65_535, 0)
    assert coverage.report((), 0).topics == (("x" * MAX_TOPIC_CHARS, 1, 0),)


def test_mappings_that_never_matched_are_reported():
    coverage = TopicCoverage(0)
    coverage.tally("press").count(5)
    assert [each.name for each in coverage.report(MAPPINGS, 10).never] == ["oven"]


def test_mapping_that_is_removed_is_not_reported_of():
    coverage = TopicCoverage(0)
    coverage.tally("removed").count(5)
    assert [each.name for each in coverage.report(MAPPINGS, 10).mappings] == ["press", "oven"]


@pytest.mark.parametrize(("times", "at_ms", "silent_ms"), [
    ([0, 1_000, 2_000], 50_000, 0),            # not even a minute
    ([0, 1_000, 2_000], 63_000, 61_000),
    ([1_000, 101_000], 300_000, 0),            # it has paused for 100 s before: 200 s are no news
    ([1_000, 101_000], 402_000, 301_000),
    ([5_000], 60_000, 0), ([5_000], 70_000, 65_000), ([], 10**9, 0),
])  # fmt: skip
def test_mapping_is_silent_after_three_longest_pauses_and_a_minute(times, at_ms, silent_ms):
    coverage = TopicCoverage(0)
    for time_ms in times:
        coverage.tally("press").count(time_ms)
    press = coverage.report(MAPPINGS, at_ms).mappings[0]
    assert press.silent_ms == silent_ms
    assert press.messages == len(times)


def test_messages_at_one_time_are_no_pause():
    tally = MessageCounter()
    for time_ms in (1_000, 1_000, 1_000, 4_000, 4_000):
        tally.count(time_ms)
    assert (tally.messages, tally.last_ms, tally.longest_pause_ms) == (5, 4_000, 3_000)


def test_report_comes_back_from_json_as_it_went():
    coverage = TopicCoverage(1)
    coverage.tally("press").count(5)
    coverage.unmatched("x", 6)
    report = coverage.report(MAPPINGS, 9)
    assert CoverageReport.of(json.loads(json.dumps(report.value()))) == report


def test_reports_are_made_while_messages_come():
    coverage, stopped = TopicCoverage(0), threading.Event()

    def count():
        number = 0
        while not stopped.is_set():
            number += 1
            coverage.tally(f"m{number % 5_000}").count(number)
            coverage.unmatched(f"t/{number}", number)

    counting = threading.Thread(target=count)
    counting.start()
    try:
        reports = [coverage.report(MAPPINGS, 0) for _ in range(200)]
    finally:
        stopped.set()
        counting.join()
    assert all(len(report.topics) <= MAX_TOPICS for report in reports)


@pytest.mark.parametrize("step_ms", [10**9, -(10**9)], ids=["forward", "back"])
def test_pauses_while_the_clock_is_set_stay(step_ms):
    coverage = TopicCoverage(10**12)
    for at_ms in (0, 1_000, 2_000):
        coverage.tally("press").count(10**12 + at_ms)
    coverage.unmatched("a", 10**12 + 2_000)
    coverage.clock_set(step_ms)
    now_ms = 10**12 + step_ms
    assert coverage.report(MAPPINGS, now_ms + 50_000).silent == ()
    report = coverage.report(MAPPINGS, now_ms + 63_000)
    assert (report.since_ms, report.topics[0].last_ms) == (now_ms, now_ms + 2_000)
    assert [(each.name, each.silent_ms) for each in report.silent] == [("press", 61_000)]
    coverage.tally("press").count(now_ms + 63_000)
    assert coverage.report(MAPPINGS, now_ms + 63_000).mappings[0].longest_pause_ms == 61_000
    assert coverage.report(MAPPINGS, now_ms).mappings[1].last_ms == 0
