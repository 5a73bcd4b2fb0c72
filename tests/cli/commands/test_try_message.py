import io
import json
import sys

import pytest

from bridge.cli.commands.try_message import TryOptions, try_dead_letter, try_message
from bridge.errors import BridgeError
from bridge.spool.database.transaction import Transaction
from tests.cli.builders import set_up
from tests.spool.builders import dead_letter, opened

TOPIC = "factory/pdx/press07/telemetry"


def tried(config, capsys, topic=TOPIC, payload='{"t": 1}', **options):
    code = try_message(config, TryOptions(topic, payload, **options))
    return code, capsys.readouterr().out


def test_message_is_explained_up_to_its_record(tmp_path, capsys):
    code, out = tried(set_up(tmp_path), capsys)
    assert code == 0
    assert out.splitlines() == [
        "press:",
        "  topic        factory/{site}/{machine}/telemetry (subscribed as factory/+/+/telemetry, QoS 1)",
        "  captures     site = pdx, machine = press07",
        '  payload      (json) {"t":1}',
        "  where        payload.status != 'OFF' -> true",
        '  transform    { machine: captures.machine, t: payload.t } -> {"machine":"press07","t":1}',
        '  key          captures.machine -> "press07"',
        '  record       telemetry, key \'press07\', 27 bytes: {"machine":"press07","t":1}',
    ]


@pytest.mark.parametrize(("payload", "last"), [
    ('{"status": "OFF"}', "  filtered     nothing is sent"),
    ("{", ("  dead letter  decode: not JSON: unexpected end of data, at byte 1 (line 1, column 2): found the end "
           "(nothing for telemetry)")),
])  # fmt: skip
def test_try_without_a_record_ends_with_the_reason_and_exit_code_1(tmp_path, capsys, payload, last):
    code, out = tried(set_up(tmp_path), capsys, payload=payload)
    assert (code, out.splitlines()[-1]) == (1, last)


def test_standard_input_is_read_as_bytes(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"t": "\xc3\xa9"}')))
    code, out = tried(set_up(tmp_path), capsys, payload="-")
    assert code == 0
    assert '{"t":"é"}' in out


def test_topic_with_a_wildcard_is_refused(tmp_path):
    with pytest.raises(BridgeError, match="--topic: a message's topic has no wildcards"):
        try_message(set_up(tmp_path), TryOptions("factory/+", ""))


def test_mapping_that_does_not_load_is_reported_and_the_others_are_tried(tmp_path, capsys):
    assert try_message(set_up(tmp_path, bad="topic: t"), TryOptions(TOPIC, '{"t": 1}')) == 0
    assert "bad.yaml:1:1: outputs: missing" in capsys.readouterr().err


def test_try_without_a_valid_mapping_for_the_topic_names_the_errors(tmp_path, capsys):
    assert try_message(set_up(tmp_path, bad="topic: z"), TryOptions("z", "{}")) == 1
    assert capsys.readouterr().out.endswith(
        "no valid mapping matches the topic 'z'; a mapping with errors is not used\n"
    )


@pytest.fixture
def dead_letters(tmp_path):
    config = set_up(tmp_path)
    spool = opened(tmp_path / "data")
    transaction = Transaction()
    transaction.dead_letters += [
        dead_letter(mapping="press", topic=TOPIC, payload=b'{"t": 5}', total_bytes=8, detail="not JSON: oops"),
        dead_letter(
            mapping="press", topic=TOPIC, payload=b'{"t"', total_bytes=9000, code="too_large", detail="9000 bytes"
        ),
        dead_letter(kind="record", mapping="press", topic="", code="too_large", detail="2 MiB"),
    ]
    spool.commit(transaction)
    yield config
    spool.close()


def test_dead_letter_is_tried_as_it_was_received(dead_letters, capsys):
    assert try_dead_letter(dead_letters, 1) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        f"dead letter 1 of mapping 'press', received 2023-11-14T22:13:20.123Z on {TOPIC}",
        "  decode: not JSON: oops",
        "",
    ]
    assert lines[-1] == '  record       telemetry, key \'press07\', 27 bytes: {"machine":"press07","t":5}'


def test_dead_letter_with_a_cut_payload_reports_it(dead_letters, capsys):
    assert try_dead_letter(dead_letters, 2) == 1
    out = capsys.readouterr().out
    assert "  only the first 4 of its 9000 bytes are stored\n" in out
    assert "dead letter  decode:" in out


def test_dead_letter_that_is_a_record_cannot_be_mapped(dead_letters):
    with pytest.raises(BridgeError, match=r"dead letter 3 is a record that Kinesis rejected, .*too_large: 2 MiB"):
        try_dead_letter(dead_letters, 3)


def test_json_has_the_steps_and_records_of_each_mapping(tmp_path, capsys):
    config = set_up(tmp_path, other="topic: t\noutputs: [{data_stream: s}]")
    assert try_message(config, TryOptions(TOPIC, '{"t": 1}'), as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    press, other = document["mappings"]
    assert (document["schema_version"], document["topic"]) == (1, TOPIC)
    assert (press["mapping"], press["matched"], press["rejections"]) == ("press", True, [])
    assert press["records"] == [
        {
            "stream": "telemetry",
            "key": "press07",
            "bytes": 27,
            "data": {"text": '{"machine":"press07","t":1}', "cut": False},
        }
    ]
    assert press["steps"][0]["step"] == "topic"
    assert (other["mapping"], other["matched"], "records" in other) == ("other", False, False)
