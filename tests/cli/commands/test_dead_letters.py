import json

import pytest

from bridge.cli.commands.dead_letters import DeadLetterFilter, list_dead_letters, show_dead_letter
from bridge.errors import BridgeError
from bridge.spool.database.transaction import Transaction
from tests.cli.builders import set_up
from tests.spool.builders import dead_letter, opened


@pytest.fixture
def config(tmp_path):
    config = set_up(tmp_path)
    spool = opened(tmp_path / "data")
    transaction = Transaction()
    transaction.dead_letters += [
        dead_letter(mapping="press", code="decode", topic="plant/a", payload=b'{"a":'),
        dead_letter(mapping="press", code="transform", topic="plant/b", payload=b"\xff\x00", streams=("archive",)),
        dead_letter(mapping="oven", code="decode", topic="plant/\x1b[31mred", payload=b"x", total_bytes=99),
    ]
    spool.commit(transaction)
    yield config  # a running bridge has the spool open, too
    spool.close()


def listed(config, capsys, **wanted):
    assert list_dead_letters(config, DeadLetterFilter(**wanted), as_json=True) == 0
    return [json.loads(line)["number"] for line in capsys.readouterr().out.splitlines()]


def test_list_shows_all_dead_letters_and_counts_by_code(config, capsys):
    assert list_dead_letters(config, DeadLetterFilter(), as_json=False) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert last == "3 dead letters: decode 2, transform 1"
    assert "plant/a" in lines[0]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({"code": "decode"}, [1, 3]),
        ({"mapping": "press"}, [1, 2]),
        ({"stream": "archive"}, [2]),
        ({"topic": "lant/b"}, [2]),
        ({"code": "decode", "mapping": "oven"}, [3]),
        ({"code": "none"}, []),
    ],
)
def test_filters_narrow_the_list(config, capsys, wanted, numbers):
    assert listed(config, capsys, **wanted) == numbers


def test_json_has_the_payload_in_the_form_of_a_mapping_test(config, capsys):
    list_dead_letters(config, DeadLetterFilter(), as_json=True)
    first, second, _ = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["payload_text"], second["payload_base64"]) == ('{"a":', "/wA=")


def test_show_prints_one_dead_letter_completely(config, capsys):
    assert show_dead_letter(config, 1) == 0
    out = capsys.readouterr().out
    assert "decode: " in out
    assert out.endswith('{"a":\n')


def test_control_characters_are_escaped(config, capsys):
    show_dead_letter(config, 3)
    list_dead_letters(config, DeadLetterFilter(), as_json=False)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "99 bytes, of which the first 1 are stored" in out


def test_show_of_a_missing_dead_letter_is_reported(config):
    with pytest.raises(BridgeError, match="no dead letter 8"):
        show_dead_letter(config, 8)
