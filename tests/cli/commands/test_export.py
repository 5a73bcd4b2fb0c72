"""Commands `dead-letters export` and `spool export`: private files, complete or absent."""

import csv
import json
import stat

import pytest

from bridge.cli.commands import export
from bridge.cli.commands.dead_letters import DeadLetterFilter
from bridge.cli.commands.export import COLUMNS, export_dead_letters, export_records
from bridge.errors import BridgeError
from bridge.spool.database.transaction import Transaction
from tests.cli.builders import set_up
from tests.spool.builders import append, dead_letter, opened


@pytest.fixture
def config(tmp_path):
    """Return the configuration of a spool with two records and four dead letters, one of another mapping."""
    config = set_up(tmp_path)
    spool = opened(tmp_path / "data")
    append(spool, b'{"machine":"press07","t":1}', b"\xff", stream="telemetry", mapping="press", key="press07")
    letters = [
        dead_letter(mapping=mapping, streams=("telemetry",), payload=b'{"t":1}', detail=f"=cmd{number}")
        for number, mapping in enumerate(["press", "press", "press", "oven"])
    ]
    spool.commit(Transaction(dead_letters=letters))
    spool.close()
    return config


def test_export_has_all_fields_and_is_private(config, tmp_path, capsys):
    file = tmp_path / "letters.jsonl"
    assert export_dead_letters(config, file, DeadLetterFilter(mapping="press"), as_csv=False) == 0
    dead_letters = [json.loads(line) for line in file.read_text().splitlines()]
    assert [each["number"] for each in dead_letters] == [1, 2, 3]
    assert dead_letters[0]["payload_text"] == '{"t":1}'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "3 dead letters" in capsys.readouterr().out
    with pytest.raises(BridgeError, match="exists already"):
        export_dead_letters(config, file, DeadLetterFilter(), as_csv=False)


def test_csv_export_contains_no_formulas(config, tmp_path):
    file = tmp_path / "letters.csv"
    assert export_dead_letters(config, file, DeadLetterFilter(), as_csv=True) == 0
    with file.open(newline="") as written:
        rows = list(csv.DictReader(written))
    assert [row["detail"] for row in rows] == [f"'=cmd{number}" for number in range(4)]
    assert rows[0]["payload_text"] == '{"t":1}'
    assert rows[0]["number"] == "1"
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_buffered_records_can_be_exported(config, tmp_path, capsys):
    file = tmp_path / "records.jsonl"
    assert export_records(config, file, None) == 0
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(each["stream"], each["number"], each["mapping"], each["partition_key"]) for each in records] == [
        ("telemetry", 1, "press", "press07"),
        ("telemetry", 2, "press", "press07"),
    ]
    assert json.loads(records[0]["data_text"]) == {"machine": "press07", "t": 1}
    assert records[1]["data_base64"] == "/w=="
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(BridgeError, match="there is no such queue; expected 'telemetry'"):
        export_records(config, tmp_path / "none", "telemetri")


def test_export_that_fails_leaves_nothing(config, tmp_path):
    with pytest.raises(BridgeError, match="cannot be written"):
        export_dead_letters(config, tmp_path / "none" / "letters", DeadLetterFilter(), as_csv=False)
    assert not [file for file in tmp_path.iterdir() if "letters" in file.name]


def test_exports_of_workers_have_the_worker_of_each_row(tmp_path):
    config = set_up(tmp_path)
    for number in (1, 2):
        spool = opened(tmp_path / "data" / f"worker-{number}")
        spool.queue("telemetry" if number == 1 else "archive").append(spool.mapping_number("press"), None, b"{}")
        spool.commit(Transaction(dead_letters=[dead_letter(payload=b"1")]))
        spool.close()
    assert export_records(config, tmp_path / "records.jsonl", None) == 0
    records = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]
    places = [(each["worker"], each["stream"], each["number"]) for each in records]
    assert places == [(1, "telemetry", 1), (2, "archive", 1)]
    assert export_records(config, tmp_path / "archive.jsonl", "archive") == 0
    assert len((tmp_path / "archive.jsonl").read_text().splitlines()) == 1
    with pytest.raises(BridgeError, match="there is no such queue; expected 'archive', 'telemetry'"):
        export_records(config, tmp_path / "none.jsonl", "archiv")
    assert not (tmp_path / "none.jsonl").exists()
    assert export_dead_letters(config, tmp_path / "letters.jsonl", DeadLetterFilter(), as_csv=False) == 0
    dead_letters = [json.loads(line) for line in (tmp_path / "letters.jsonl").read_text().splitlines()]
    assert [(each["worker"], each["number"]) for each in dead_letters] == [(1, 1), (2, 1)]
    assert export_dead_letters(config, tmp_path / "letters.csv", DeadLetterFilter(), as_csv=True) == 0
    assert [line[:4] for line in (tmp_path / "letters.csv").read_text().splitlines()] == ["work", "1,1,", "2,1,"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_export_that_is_interrupted_leaves_no_file(config, tmp_path, monkeypatch, error):
    def interrupted(*_):
        raise error

    monkeypatch.setattr(export, "_json_line", interrupted)
    before = set(tmp_path.iterdir())
    with pytest.raises((BridgeError, KeyboardInterrupt), match=r"No space left on device|^$"):
        export_dead_letters(config, tmp_path / "letters", DeadLetterFilter(), as_csv=False)
    assert set(tmp_path.iterdir()) == before


def test_export_of_an_empty_spool_has_only_the_columns(tmp_path, capsys):
    config = set_up(tmp_path)
    opened(tmp_path / "data").close()
    assert export_dead_letters(config, tmp_path / "letters.csv", DeadLetterFilter(), as_csv=True) == 0
    assert (tmp_path / "letters.csv").read_text().strip() == ",".join(COLUMNS)
    assert "0 dead letters" in capsys.readouterr().out
    with pytest.raises(BridgeError, match="the spool is empty"):
        export_records(config, tmp_path / "records", "telemetry")


def test_export_without_a_spool_writes_no_file(tmp_path):
    config = set_up(tmp_path)
    with pytest.raises(BridgeError):
        export_dead_letters(config, tmp_path / "letters", DeadLetterFilter(), as_csv=False)
    assert not (tmp_path / "letters").exists()
