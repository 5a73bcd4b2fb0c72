"""Snapshot of the bridge: conversion to JSON and back, and the values that follow from its fields."""

from dataclasses import fields

import orjson
import pytest

from bridge.monitoring.snapshot import RECORD_OVERHEAD_BYTES, DeadLettersByCode, MappingError, Snapshot, WorkerStatus
from bridge.monitoring.stream_flow import StreamFlow
from bridge.spool.ledger import LedgerRow
from bridge.spool.mapping_state import StateUsage
from tests.web.bridges import problem, snapshot, stream

ROW = LedgerRow("press", "telemetry", 10, 6, 1, 1, 0, 2)
WORKER = WorkerStatus(1, "w", "c", "f", "running", "", 5, 1.0, 0, "", True, 1, 1, 0, 0.0, 0)


def test_snapshot_from_json_equals_the_original():
    codes = (DeadLettersByCode("decode", 2),)
    merged = snapshot(
        ledger=(ROW,), problems=(problem(),), client_id="bridge-1", stalled=("it hangs",), dead_letters_by_code=codes
    )
    assert Snapshot.from_json(orjson.loads(orjson.dumps(merged.to_json()))) == merged


def complete():
    """Return a snapshot in which each field with a default has another value."""
    return snapshot(
        ledger=(ROW,), streams=(stream(max_record_bytes=7),), dead_letters=(), problems=(problem(buffer_hours=2.5),),
        client_id="b", payload_bytes=1, blocked_reason="full", client_id_conflict="c", session_unstable="u",
        lost_guarantees=(("qos-lowered", "x"),), spool_max_bytes=2, disk_free_bytes=3, damaged_spools=4,
        failing_mappings=("oven",), reloads=5, reloaded_at=6.0, mappings_fingerprint="m", settings_fingerprint="s",
        started_at=7.0, stalled=("it hangs",), dead_letter_bytes=8, dead_letter_max_bytes=9, poison_dead_letters=1,
        dead_letters_by_code=(DeadLettersByCode("decode", 2),), mapping_states=(StateUsage("press", 1, 2, 3),),
        credentials_expire_at=10.0, workers=(WORKER,), endpoints=(),
        flows=(StreamFlow("telemetry", 1.0, 2.0, 3.0, None, 4.0),), session_problem="p", draining=True,
        session_attempts=11, mapping_errors=(MappingError("a.yaml", "x"),), spool_full=True, spool_min_free_bytes=12,
        unsendable=(("x", "y"),), page_problem="z", cpu_secs=13.0, memory_bytes=14, max_bytes_per_sec=15,
    )  # fmt: skip


def test_snapshot_of_any_value_in_each_field_comes_back_from_json():
    made = complete()
    defaults = {each.name: each.default for each in fields(Snapshot)}
    assert [name for name, default in defaults.items() if getattr(made, name) == default] == ["endpoints"]
    assert Snapshot.from_json(orjson.loads(orjson.dumps(made.to_json()))) == made


@pytest.mark.parametrize(
    "change", [{"ledger": [{"x": 1}]}, {"coverage": []}, {"dead_letters": 5}, {"spool_to_delivered": [1]}]
)
def test_snapshot_from_json_of_another_form_raises_an_error(change):
    value = orjson.loads(orjson.dumps(complete().to_json()))
    with pytest.raises((KeyError, TypeError, ValueError)):
        Snapshot.from_json(value | change)


@pytest.mark.parametrize("name", [each.name for each in fields(Snapshot)])
def test_snapshot_from_json_without_a_field_raises_an_error(name):
    value = orjson.loads(orjson.dumps(complete().to_json()))
    del value[name]
    with pytest.raises(KeyError):
        Snapshot.from_json(value)


def test_to_json_leaves_the_safe_text_to_the_supervisor():
    made = snapshot(problems=(problem(buffered_records=5),))
    assert [each["safe"] for each in made.to_json()["problems"]] == [""]
    assert [each["safe"] for each in made.summary_json()["problems"]] == ["5 records buffered on disk; none lost"]


def test_summary_json_has_the_calculated_values():
    summary = snapshot(ledger=(ROW, ROW), problems=(problem(),)).summary_json()
    assert (summary["balanced"], summary["state"], summary["backlog_bytes"]) == (
        True,
        "failing",
        4 * RECORD_OVERHEAD_BYTES,
    )
    assert summary["verdict"].startswith("ERROR: ")
    assert not {"coverage", "request_latency", "receive_to_spool"} & summary.keys()


def test_balanced_is_false_if_one_row_is_off():
    assert not snapshot(ledger=(ROW, ROW._replace(received=11))).balanced
    assert snapshot(ledger=()).balanced
