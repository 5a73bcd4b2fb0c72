"""Output of `status --watch` after the first and after the second response of the bridge."""

from bridge.cli.commands.status_watch import StatusPair, title_line
from bridge.cli.commands.status_watch import watch_lines as lines_of
from bridge.cli.output.formatting import duration
from bridge.monitoring.problem_text import verdict
from bridge.monitoring.problems import state_of
from tests.web.bridges import problem


def watched(status, before=None, secs=0.0, width=None):
    return lines_of(StatusPair(status, before, secs), width)


def look(received=0, delivered=0, spooled=0, oldest=0.0, problems=(), workers=()):
    row = {"mapping": "press", "stream": "telemetry", "received": received, "delivered": delivered, "spooled": spooled}
    return {
        "problems": [each.to_json() for each in problems], "verdict": verdict(problems), "state": state_of(problems),
        "endpoints": [], "flows": [], "broker": "mqtt://b:1883", "protocol": "5", "connected": True, "subscribed": True,
        "received_messages": received, "spool_bytes": 2**20, "spool_max_bytes": 2**30, "dead_letter_count": 3,
        "balanced": True, "client_id": "press-shop", "started_at": 1_000.0, "workers": list(workers),
        "streams": [{"stream": "telemetry", "state": "ok", "delivered": delivered, "oldest_secs": oldest,
                     "throttled": 4, "retried": 5}],
        "ledger": [{**row, "filtered": 0, "dead_lettered": 0, "dropped": 0}],
    }  # fmt: skip


def test_rates_are_those_between_two_statuses():
    lines = list(watched(look(300, 250), look(100, 150), 2.0))
    assert "messages  100.0/s received, 50.0/s delivered" in lines
    assert [line.split()[:3] for line in lines if line.startswith("telemetry")] == [["telemetry", "ok", "50.0"]]
    assert [line.split()[3] for line in lines if line.startswith("press")] == ["100.0"]


def test_first_status_has_no_rates():
    assert "messages  -/s received, -/s delivered" in watched(look(300), None, 0.0)


def test_backlog_that_shrinks_has_a_time_to_drain():
    lines = watched(look(spooled=600, oldest=90), look(spooled=620, oldest=90), 2.0)
    assert "backlog   600 records buffered (oldest 1.5 min), drained in 1.0 min" in lines


def test_backlog_that_grows_has_no_time_to_drain():
    lines = watched(look(spooled=600, oldest=90), look(spooled=500, oldest=88), 2.0)
    assert "backlog   600 records buffered (oldest 1.5 min), not shrinking" in lines


def test_restarted_bridge_has_no_negative_rates():
    assert "messages  0.0/s received, 0.0/s delivered" in watched(look(1, 1), look(100, 100), 2.0)


def test_problem_comes_first_with_control_characters_escaped():
    first, *_ = watched(look(problems=[problem(summary="bad \x1b[2J", cause="")]), None, 0.0)
    assert first == "ERROR     bad \\x1b[2J"


def test_durations_have_the_largest_unit_that_they_reach():
    assert [duration(secs) for secs in (3, 90, 7_200, 172_800)] == ["3 s", "1.5 min", "2.0 h", "2.0 d"]


def worker(number, received, **changes):
    return {
        "number": number, "name": f"worker {number}", "state": "running", "received_messages": received, "spooled": 4,
        "oldest_secs": 90.0, "dead_letter_count": 0, "restarts": 2, "up_secs": 7_200.0, **changes,
    }  # fmt: skip


def test_workers_have_one_row_each():
    now = look(workers=[worker(1, 100), worker(2, 50, state="restarting", up_secs=0.0)])
    lines = list(watched(now, look(workers=[worker(1, 80), worker(2, 50)]), 2.0))
    [head] = [line for line in lines if line.startswith("worker  ")]
    assert head.split() == ["worker", "state", "received/s", "spooled", "oldest", "dead", "letters", "restarts", "up"]
    assert "worker 1 running 10.0 4 1.5 min 0 2 2.0 h" in [" ".join(line.split()) for line in lines]
    assert "worker 2 restarting 0.0 4 1.5 min 0 2 -" in [" ".join(line.split()) for line in lines]


def test_bridge_of_one_process_has_no_table_of_workers():
    assert not any(line.startswith("worker") for line in watched(look()))


def test_watch_in_eighty_columns_still_shows_the_backlog():
    status = look(received=10**9, delivered=10**9, spooled=12_345, oldest=90)
    status["ledger"][0]["mapping"] = "a-mapping-of-the-press-shop-with-a-long-name"
    lines = list(watched(status, look(), 2.0, 80))
    assert max(map(len, lines)) <= 80
    [head] = [line for line in lines if line.startswith("mapping")]
    assert "spooled" in head
    assert "filtered" not in head
    assert any("12,345" in line and "…" in line for line in lines)


def test_problem_is_shown_in_full():
    advice = "create stream telemetry in us-east-1, or fix data_stream in the mapping, or kinesis.region"
    lines = [each for each in watched(look(problems=[problem(advice=advice)]), width=50) if each.startswith(" ")]
    lines = lines[lines.index(next(each for each in lines if "to do: " in each)) :]
    assert all(line.startswith(" " * 10) for line in lines[1:])
    assert max(map(len, lines)) <= 50
    assert " ".join(" ".join(lines).split()) == f"to do: {advice}"


def test_title_has_the_client_id_and_the_uptime():
    line = title_line(look(), 4_600.0, 4_700.0, 60)
    assert line.startswith("press-shop, up 1.0 h  ")
    assert line.endswith("Ctrl-C to stop")
    assert len(line) == 60
