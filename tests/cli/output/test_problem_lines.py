from dataclasses import replace

from bridge.cli.output.problem_lines import backlog_text, link_lines, problem_lines, verdict_line
from bridge.monitoring.stream_flow import StreamFlow
from bridge.spool.ledger import LedgerRow
from tests.monitoring.test_link_log import THIN
from tests.web.bridges import NOW, problem, snapshot, stream

STALLED = problem(since=NOW - 252, attempts=12, buffered_records=104_085, buffer_hours=5.0)
BUFFERED = (LedgerRow("press", "telemetry", 12_345, 0, 0, 0, 0, 12_345),)


def test_healthy_bridge_is_one_line():
    status = snapshot().summary_json()
    assert verdict_line(status) == ["OK        receiving, spooling and delivering"]
    assert list(problem_lines(status)) == []


def test_problem_lines_begin_with_severity_and_list_known_facts():
    status = snapshot(problems=(STALLED,)).summary_json()
    assert verdict_line(status)[0].startswith("ERROR     Kinesis accepts no records of stream telemetry, since 2027-")
    assert list(problem_lines(status, now=NOW)) == [
        "ERROR     Kinesis accepts no records of stream telemetry",
        "          since: 2027-01-15 07:55:48 UTC, for 4.2 min; 12 failed attempts in a row",
        "          cause: Network: connection refused",
        "          safe: 104,085 records buffered on disk; none lost",
        "          buffer: room for 5.0 h at the present rate",
        "          to do: check the network",
    ]


def test_problems_of_streams_with_one_cause_share_their_details():
    archive = replace(
        STALLED, stream="archive", summary="Kinesis accepts no records of stream archive", attempts=3,
        buffered_records=15, buffer_hours=None, since=NOW - 60,
    )  # fmt: skip
    other = replace(STALLED, stream="other", summary="other", cause="Network: no route")
    status = snapshot(problems=(STALLED, archive, other)).summary_json()
    lines = list(problem_lines(status, now=NOW))
    assert lines[:5] == [
        "ERROR     Kinesis accepts no records of stream telemetry",
        "ERROR     Kinesis accepts no records of stream archive",
        "          since: 2027-01-15 07:55:48 UTC, for 4.2 min; 12 failed attempts in a row",
        "          cause: Network: connection refused",
        "          safe: 104,100 records buffered on disk; none lost",
    ]
    twice = snapshot(problems=(STALLED, replace(STALLED, stream="archive"))).summary_json()
    assert "          safe: 208,170 records buffered on disk; none lost" in list(problem_lines(twice, now=NOW))
    assert lines[7:10:2] == ["ERROR     other", "          cause: Network: no route"]


def test_cause_with_several_lines_stays_so_and_is_escaped():
    failing = problem("mapping-failing", severity="warning", cause="press.yaml:1:2: a\npress.yaml:3:4: \x1b[2J")
    lines = list(problem_lines(snapshot(problems=(failing,)).summary_json(), now=NOW))
    assert lines[2:4] == ["          cause: press.yaml:1:2: a", "            press.yaml:3:4: \\x1b[2J"]


def test_long_text_is_wrapped_and_never_cut():
    long = problem(advice="check the network to the endpoint, its DNS name, firewall and proxy")
    lines = list(problem_lines(snapshot(problems=(long,)).summary_json(), 40, NOW))
    assert max(map(len, lines)) <= 40
    assert "to do: check the network to the endpoint, its DNS name, firewall and proxy" in " ".join(
        " ".join(lines).split()
    )


def test_link_has_a_line():
    [line] = link_lines(snapshot(endpoints=(THIN,)).summary_json())
    assert line.startswith("link      kinesis.eu-west-1.amazonaws.com: 31 kB/s measured, answers after 0.4 s")


def test_backlog_text_has_age_and_time_to_drain():
    flow = StreamFlow("telemetry", 0.0, 0.0, 1.0, 20.0, 617.25)
    status = snapshot(ledger=BUFFERED, streams=(stream(oldest_secs=300.0),), flows=(flow,)).summary_json()
    assert backlog_text(status) == "12,345 records buffered (oldest 5.0 min); drained in 10.3 min at 20 records/s"


def test_backlog_text_without_a_rate_has_no_time_to_drain():
    status = snapshot(
        ledger=BUFFERED, streams=(stream(oldest_secs=300.0),), flows=(StreamFlow("telemetry"),)
    ).summary_json()
    assert backlog_text(status) == "12,345 records buffered (oldest 5.0 min)"
    assert backlog_text(snapshot().summary_json()) == "buffer empty"
