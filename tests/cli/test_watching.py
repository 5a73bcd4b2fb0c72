"""What `status --watch` shows of two looks at the bridge."""

from bridge.cli.watching import duration, watched


def look(received=0, delivered=0, spooled=0, oldest=0.0, problems=()):
    row = {"mapping": "press", "stream": "telemetry", "received": received, "delivered": delivered, "spooled": spooled}
    return {
        "problems": problems, "broker": "mqtt://b:1883", "protocol": "5", "connected": True, "subscribed": True,
        "received_messages": received, "spool_bytes": 2**20, "dead_letter_count": 3, "balanced": True,
        "streams": [{"stream": "telemetry", "state": "ok", "delivered": delivered, "oldest_secs": oldest,
                     "throttled": 4, "retried": 5}],
        "ledger": [{**row, "filtered": 0, "dead_lettered": 0}],
    }  # fmt: skip


def test_rates_are_what_came_between_two_looks():
    lines = list(watched(look(300, 250), look(100, 150), 2.0))
    assert "messages  100.0/s received, 50.0/s delivered" in lines
    assert [line.split()[:3] for line in lines if line.startswith("telemetry")] == [["telemetry", "ok", "50.0"]]
    assert [line.split()[3] for line in lines if line.startswith("press")] == ["100.0"]


def test_the_first_look_has_no_rates():
    assert "messages  -/s received, -/s delivered" in watched(look(300), None, 0.0)


def test_a_backlog_that_shrinks_says_when_it_is_drained():
    lines = watched(look(spooled=600, oldest=90), look(spooled=620, oldest=90), 2.0)
    assert "backlog   600 records, the oldest 1.5 min, drained in 1.0 min" in lines


def test_a_backlog_that_grows_has_no_end_to_tell():
    lines = watched(look(spooled=600, oldest=90), look(spooled=500, oldest=88), 2.0)
    assert "backlog   600 records, the oldest 1.5 min, not shrinking" in lines


def test_a_bridge_started_anew_has_no_negative_rates():
    assert "messages  0.0/s received, 0.0/s delivered" in watched(look(1, 1), look(100, 100), 2.0)


def test_what_is_wrong_comes_first_and_cannot_act_upon_the_terminal():
    assert next(watched(look(problems=["bad \x1b[2J"]), None, 0.0)) == "problem   bad \\x1b[2J"


def test_durations_have_the_largest_unit_there_is_one_of():
    assert [duration(secs) for secs in (3, 90, 7_200, 172_800)] == ["3 s", "1.5 min", "2.0 h", "2.0 d"]
