"""Lines of `status`: problems, streams, the ledger, and workers in several states."""

import pytest

from bridge.cli.commands.status import ledger_lines, spool_text, status_lines, stream_line
from bridge.spool.ledger import LedgerRow
from tests.web.bridges import problem, snapshot

RUNNING = {
    "name": "worker 1",
    "state": "running",
    "detail": "",
    "connected": True,
    "received_messages": 4000,
    "spooled": 12,
    "restarts": 0,
    "last_end": "",
    "folder": "data/worker-1",
}
KILLED = {"restarts": 3, "last_end": "it was killed by SIGKILL"}
AGAIN = {"state": "restarting", "detail": "it was killed by SIGKILL; restart, 3 times by now"}


def lines(*workers, connected=False):
    status = {
        "problems": [],
        "state": "ok",
        "verdict": "OK: receiving, spooling and delivering",
        "endpoints": [],
        "flows": [],
        "subscribed": connected,
        "connected": connected,
        "broker": "mqtt://localhost:1883",
        "protocol": "5",
        "spool_bytes": 15_400_000,
        "spool_max_bytes": 2**24,
        "active_mappings": 6,
        "failing_mappings": ["press"],
        "dead_letter_count": 0,
        "streams": [],
        "workers": workers,
        "ledger": [],
        "balanced": True,
    }
    verdict, *more = status_lines(status)
    assert verdict == "OK        receiving, spooling and delivering"
    return more


def test_status_reports_how_many_workers_are_connected():
    away = RUNNING | KILLED | AGAIN | {"name": "worker 2", "connected": False}
    broker, _, _, _, first, second, *_ = lines(RUNNING, away)
    assert broker == "broker    mqtt://localhost:1883, MQTT 5: not connected (1 of 2 workers connected)"
    assert first == "worker 1  running: 4,000 received, 12 buffered, 0 restarts, data/worker-1"
    assert second.startswith(f"worker 2  restarting ({AGAIN['detail']}): 4,000 received")


def test_status_of_a_restarted_worker_has_the_reason_of_the_restart():
    broker, _, _, _, first, *_ = lines(RUNNING | KILLED, connected=True)
    assert broker.endswith(": subscribed")
    assert "3 restarts (last: it was killed by SIGKILL), data/worker-1" in first


def test_mappings_spool_and_ledger_have_explanations():
    _, mappings, spool, _, *_, note = "\n".join(lines()).splitlines()
    assert mappings == "mappings  6 active, 1 with a file that does not load: press"
    assert spool == "spool     15 MiB of 16 MiB, 0 dead letters"
    assert note.startswith("Everything that was received is in exactly one other column.")


def test_status_counts_no_worker_if_none_is_connected():
    assert lines(RUNNING | {"connected": False})[0].endswith(": not connected")


@pytest.mark.parametrize(
    ("buffered", "oldest_secs", "expected"),
    [
        (0, 0.0, "ok, 1,843 delivered, buffer empty"),
        (61, 0.0, "ok, 1,843 delivered, 61 buffered"),
        (61, 300.0, "ok, 1,843 delivered, 61 buffered (oldest 5.0 min)"),
    ],
)
def test_stream_line_shows_what_is_buffered(buffered, oldest_secs, expected):
    stream = {"stream": "archive", "state": "ok", "delivered": 9, "oldest_secs": oldest_secs}
    rows = [{"delivered": 1_800, "spooled": buffered}, {"delivered": 43, "spooled": 0}]
    assert stream_line(stream, rows) == f"stream    archive: {expected}"


def test_status_with_a_problem_prints_its_first_line_once():
    text = "\n".join(status_lines(snapshot(problems=(problem(),)).summary_json()))
    assert text.startswith("ERROR     Kinesis accepts no records of stream telemetry\n          since: ")
    assert text.count("ERROR") == 1


@pytest.mark.parametrize(("oldest_secs", "is_explained"), [(0.0, False), (4.0, True)])
def test_status_explains_oldest_where_it_shows_it(oldest_secs, is_explained):
    status = snapshot().summary_json()
    for stream in status["streams"]:
        stream["oldest_secs"] = oldest_secs
    assert ("oldest: time since" in "\n".join(status_lines(status))) == is_explained


@pytest.mark.parametrize(
    ("count", "expected"), [(0, "0 dead letters"), (1, "1 dead letter (see 'mqtt-kinesis dead-letters list')")]
)
def test_spool_text_with_dead_letters_names_the_command(count, expected):
    text = spool_text({"spool_bytes": 2**20, "spool_max_bytes": 0, "dead_letter_count": count})
    assert text == f"1 MiB, {expected}"


@pytest.mark.parametrize(
    ("count", "expected"), [(1, "1 dead letter was replayed"), (2, "2 dead letters were replayed")]
)
def test_ledger_lines_count_replayed_dead_letters(count, expected):
    row = LedgerRow("press", "telemetry", 3, 3, 0, 0, 0, 0, replayed=count)
    assert expected in list(ledger_lines([row._asdict()]))
