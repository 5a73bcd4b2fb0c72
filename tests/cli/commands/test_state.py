import orjson
import pytest

from bridge.cli.commands.state import clear_state, list_states, show_state
from bridge.errors import BridgeError
from bridge.spool.database.transaction import Transaction
from tests.harness.bridge_process import UNREACHABLE, write_configuration
from tests.spool.builders import opened

HELD = {"span": 1, "held": [[[["s", "k", "ZGF0YQ==", False]], 0, 0.0]]}


@pytest.fixture
def config(tmp_path):
    """Write a configuration and a spool with the states of two mappings. Return the path of the configuration."""
    write_configuration(tmp_path, **UNREACHABLE, mappings={"press": {"topic": "t", "outputs": [{"data_stream": "s"}]}})
    spool = opened(tmp_path / "data")
    for number in range(3):
        spool.state("press").put(f"changes machine{number}", orjson.dumps([number, 1_700_000_000_000]))
    spool.state("oven").put("sample machine1", orjson.dumps(HELD))
    spool.commit(Transaction())
    spool.close()
    return tmp_path / "bridge.yaml"


def test_list_states_prints_keys_and_bytes_by_mapping(config, capsys):
    assert list_states(config, None, as_json=False) == 0
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["mapping", "keys"],
        ["oven", "1"],
        ["press", "3"],
    ]
    assert list_states(config, None, as_json=True) == 0
    assert [(row["mapping"], row["keys"]) for row in orjson.loads(capsys.readouterr().out)["states"]] == [
        ("oven", 1),
        ("press", 3),
    ]


def test_show_state_prints_the_rows_written_last_first(config, capsys):
    assert show_state(config, "press", 2, None) == 0
    assert capsys.readouterr().out.splitlines() == [
        "changes machine2\t[2,1700000000000]",
        "changes machine1\t[1,1700000000000]",
    ]
    assert show_state(config, "unknown", 2, None) == 1


def test_clear_state_removes_it_and_spools_held_records(config, capsys):
    assert clear_state(config, "oven", None, yes=True) == 0
    assert clear_state(config, "oven", None, yes=True) == 1
    assert capsys.readouterr().out.splitlines()[0] == "cleared 1 key of mapping 'oven'"
    spool = opened(config.parent / "data")
    assert [record.data for record in spool.queue("s").take_batch(10, 1 << 20)] == [b"data"]
    assert (len(spool.state("oven")), len(spool.state("press"))) == (0, 3)
    spool.close()


def test_clear_state_without_a_terminal_needs_yes(config):
    with pytest.raises(BridgeError, match="refusing to clear without --yes"):
        clear_state(config, "oven", None, yes=False)
