from tests.faults.thin_links import link_run, trial
from tests.faults.thin_links.group import LinkGroup, outcome_of
from tests.faults.thin_links.link_run import LinkRun, Phase
from tests.faults.thin_links.verdict import LinkResult, PhaseResult

SHORT = (Phase(measure_secs=1.0, settle_secs=1.0),)


def test_group_measures_a_bridge_and_a_calibrated_sender_side_by_side(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(link_run, "BACKLOG", 500)
    runs = (
        LinkRun(500_000, packing="kpl", phases=SHORT, sender="calibrated"),
        LinkRun(500_000, tls=True, streams=2, phases=SHORT, load="live", policy="live_first"),
    )
    outcome = LinkGroup("two links", runs).play(tmp_path)
    table = capsys.readouterr().out
    assert table.count("| 500 kB/s (proxy, +40 ms) |") == 2
    assert "| TLS | none | 200 B | backlog and live, live_first, 2 streams |" in table
    # The number of bytes that arrive in two seconds depends more on this machine than on the bridge.
    by_speed = ("of what the link can carry", "latency", "full speed")
    assert [each for each in outcome.problems if not any(words in each for words in by_speed)] == []
    assert outcome.sent >= 1_000
    assert (outcome.lost, outcome.duplicates) == (0, 0)


def test_link_that_cannot_be_tried_is_a_problem_of_its_own(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(trial, "FILL_SECS", 0.0)
    outcome = LinkGroup("wrong", (LinkRun(500_000, phases=SHORT),)).play(tmp_path)
    assert any("could not be tried: the backlog could not be published" in each for each in outcome.problems)
    assert outcome.recovery_secs is None


def test_outcome_of_a_group_sums_its_bridges_and_has_the_slowest_recovery():
    calibrated, bridge = LinkRun(8_000, sender="calibrated"), LinkRun(8_000)
    phases = (PhaseResult(4_000.0, 4_000.0),)
    results = [
        LinkResult(calibrated, phases, messages=50, recovery_secs=1.0),
        LinkResult(bridge, phases, messages=101, duplicates=1, published=100, recovery_secs=4.0),
        LinkResult(bridge, phases, messages=100, published=100, lost=2, recovery_secs=3.0),
    ]
    outcome = outcome_of("a group", results)
    assert (outcome.held, outcome.sent, outcome.lost, outcome.duplicates) == (40.0, 200, 2, 1)
    assert outcome.recovery_secs == 4.0
    assert outcome.problems == ("8 kB/s (proxy, +40 ms): 2 of 100 records lost",)
