import json

import pytest

from bridge.cli.commands.dead_letters import DeadLetterFilter
from bridge.cli.commands.replay import DeadLetterSelection, delete_dead_letters, replay_dead_letters
from bridge.cli.commands.spool import spool_status
from bridge.errors import BridgeError
from bridge.spool.database.transaction import Transaction
from tests.cli.builders import set_up
from tests.spool.builders import dead_letter, opened

ALL = DeadLetterSelection((), DeadLetterFilter(), all=True)
TOPIC = "factory/pdx/press07/telemetry"


@pytest.fixture
def config(tmp_path):
    """Return the configuration of a spool with four dead letters.

    The mapping `press` now accepts two of them, and still rejects one. The mapping of the fourth was removed.
    """
    config = set_up(tmp_path)
    spool = opened(tmp_path / "data")
    transaction = Transaction()
    received = [("press", b'{"t":1}'), ("press", b"{"), ("press", b'{"t":3}'), ("oven", b"1")]
    for number, (mapping, payload) in enumerate(received):
        whole = {"payload": payload, "total_bytes": len(payload), "detail": f"=cmd{number}"}
        transaction.dead_letters.append(dead_letter(mapping=mapping, streams=("telemetry",), topic=TOPIC, **whole))
        transaction.dead_lettered[spool.mapping_number(mapping), spool.queue("telemetry").number] += 1
    spool.commit(transaction)
    spool.close()
    return config


def ledger(config, capsys):
    assert spool_status(config, as_json=True) == 0
    (status,) = json.loads(capsys.readouterr().out)["spools"]
    return status, {row["mapping"]: row for row in status["ledger"]}


def test_replay_without_a_bridge_is_done_by_the_command(config, capsys):
    assert replay_dead_letters(config, ALL) == 1
    out = capsys.readouterr().out
    assert out.startswith("replayed 2, filtered 0, failed again 2\n")
    assert "mapping 'oven' is not active" in out
    status, rows = ledger(config, capsys)
    assert (status["dead_letters"], status["queued"]) == (2, {"telemetry": 2})
    assert (rows["press"]["spooled"], rows["press"]["dead_lettered"], rows["press"]["replayed"]) == (2, 1, 2)


def test_dead_letters_are_selected_by_number_or_by_filter(config, capsys):
    assert replay_dead_letters(config, DeadLetterSelection([3, 3], DeadLetterFilter())) == 0
    assert replay_dead_letters(config, DeadLetterSelection((), DeadLetterFilter(mapping="oven"))) == 1
    assert replay_dead_letters(config, DeadLetterSelection([99], DeadLetterFilter())) == 1
    assert "1 not found" in capsys.readouterr().out


@pytest.mark.parametrize(
    "selection",
    [
        DeadLetterSelection((), DeadLetterFilter()),
        DeadLetterSelection([1], DeadLetterFilter(code="decode")),
        DeadLetterSelection([1], DeadLetterFilter(), all=True),
    ],
)
def test_replay_requires_exactly_one_selection(config, selection):
    with pytest.raises(BridgeError, match="give either NUMBERS, or filters"):
        replay_dead_letters(config, selection)


def test_deleting_prompts_and_is_counted_in_the_ledger(config, capsys):
    with pytest.raises(BridgeError, match="--yes"):
        delete_dead_letters(config, ALL, yes=False)
    assert delete_dead_letters(config, ALL, yes=True) == 0
    assert "deleted 4" in capsys.readouterr().out
    status, rows = ledger(config, capsys)
    assert status["dead_letters"] == 0
    assert (rows["press"]["dead_lettered"], rows["press"]["deleted"]) == (3, 3)
    spool_status(config, as_json=False)
    assert "4 dead letters were deleted" in capsys.readouterr().out


@pytest.mark.parametrize("run", [replay_dead_letters, lambda *given: delete_dead_letters(*given, yes=True)])
def test_filter_that_matches_no_dead_letter_is_an_error(config, run):
    with pytest.raises(BridgeError, match="no dead letter matches"):
        run(config, DeadLetterSelection((), DeadLetterFilter(mapping="nope")))
