"""Test of the fault suite: it must detect a loss."""

from contextlib import contextmanager

import orjson

from tests.fakes.kinesis import KinesisStandIn, b64
from tests.faults import broker_scenarios
from tests.faults.registry import SCENARIOS
from tests.faults.scenario import Outcome, Scenario, play
from tests.faults.scenario_setup import Setup
from tests.faults.sink import Sink
from tests.faults.soak import LIMITS, MEMORY, Story, Trouble, gained, report, soak, verdicts
from tests.faults.table import rows_of, with_rows

PLACE = "before <!-- faults -->\n<!-- end --> after"


def test_scenario_names_are_unique():
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names)


def test_table_keeps_the_rows_of_what_was_not_played_again():
    first = with_rows(PLACE, [Outcome("a", 1000.4, 5000, 0, 2, 0.26), Outcome("b", 1, 1, 0, 0, None)], ["a", "b"])
    assert "| a | 1,000 | 5,000 | 0 | 2 | 0.3 s |\n| b | 1 | 1 | 0 | 0 | never |" in first
    second = with_rows(first, [Outcome("b", 2, 2, 0, 0, 1)], ["b", "a"])
    assert list(rows_of(second)) == ["b", "a"]
    assert "| b | 2 | 2 | 0 | 0 | 1.0 s |\n| a | 1,000 |" in second


def put(kinesis, *numbers, key="press"):
    entries = [{"PartitionKey": key, "Data": b64(orjson.dumps({"count": number}))} for number in numbers]
    kinesis.streams["telemetry"].put(entries, kinesis.script)


def test_sink_detects_missing_duplicate_and_reordered_records():
    with KinesisStandIn({"telemetry": 2}) as kinesis:
        sink = Sink(kinesis, ordered="telemetry")
        put(kinesis, 0, 1, 1, 4, 3)
        put(kinesis, 0, key="another machine")
        assert (sink.lost(5), sink.reached, sink.duplicates, sink.disordered, sink.beyond) == (1, 2, 2, 1, 5)
        put(kinesis, 2, key="a third")
        assert (sink.lost(5), sink.reached, sink.disordered) == (0, 5, 1)
        assert sink.lost(7) == 2


def test_message_that_kinesis_swallows_fails_a_scenario(tmp_path):
    @contextmanager
    def swallows(stage):
        """Stream that reports a record as stored without storing it."""
        take_all, left = stage.kinesis.streams["archive"].take, [1]

        def take():
            taken = take_all()
            if taken and left:
                left.pop()
                del taken[0]
            return taken

        stage.kinesis.streams["archive"].take = take
        yield

    swallowed = Scenario("swallowed", swallows, Setup(rate=200), hold_secs=0.1)
    outcome = play(swallowed, tmp_path, drain_secs=3)
    assert outcome.lost == 1
    assert any("have not arrived" in problem for problem in outcome.problems)


def test_soak_reports_what_grows_from_what_only_goes_up_and_down():
    assert gained([(0, 5.0), (10, 9.0), (20, 5.0), (30, 9.0), (40, 5.0)]) == 0
    assert gained([(0, 5.0), (10, 6.0), (20, 7.1), (30, 8.0), (40, 90.0)]) > 3
    assert gained([(0, 5.0)]) == 0


def test_soak_memory_that_rises_at_first_only_is_flat():
    story = Story(samples=[(second, dict.fromkeys(LIMITS, min(float(second), 50.0))) for second in range(100)])
    assert [name for name, (*_, flat) in verdicts(story).items() if flat] == [MEMORY]


def test_soak_ends_with_its_measurements_and_a_verdict(tmp_path):
    troubles = (Trouble("connections reset", broker_scenarios.resets, (0, 0)),)
    outcome, story = soak(tmp_path, secs=0, seed=1, rate=300, troubles=troubles)
    assert outcome.problems == ()
    assert "| connections reset | 1 |" in report(outcome, story)
    assert verdicts(story).keys() == LIMITS.keys()
    assert all(flat for *_, flat in verdicts(story).values())
    growing = Story(samples=[(second, dict.fromkeys(LIMITS, float(second))) for second in range(20)])
    assert not any(flat for *_, flat in verdicts(growing).values())
