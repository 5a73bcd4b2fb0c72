"""Command `diff` on small captures: text, JSON and exit code for each kind of change."""

import json

import pytest

from bridge.cli.commands.diff import DiffOptions, diff
from bridge.errors import ConfigError
from bridge.model import Message
from bridge.tools.capture.file_format import to_line

WORDS = DiffOptions(json=False, first=10)
OLD = """
topic: f/{machine}
where: payload.on
transform: "{ m: captures.machine, t: payload.t }"
outputs: [{data_stream: a, partition_key_from: captures.machine}, {data_stream: b}]
"""


def captured(folder, *payloads, topic="f/p1"):
    file = folder / "c.jsonl"
    messages = [Message(topic, json.dumps(payload).encode(), 1, False, 1_700_000_000_000) for payload in payloads]
    file.write_bytes(b"".join(to_line(message, len(message.payload)) for message in messages))
    return file


def compared(folder, capsys, new, *payloads, shown=WORDS, old=OLD, topic="f/p1"):
    (folder / "old.yaml").write_text(old)
    (folder / "new.yaml").write_text(new)
    code = diff(folder / "old.yaml", folder / "new.yaml", captured(folder, *payloads, topic=topic), shown)
    return code, capsys.readouterr().out


def counts(out):
    words = [line.split(maxsplit=1) for line in out.splitlines()]
    kinds = ("same", "changed", "only old", "only new", "now filtered", "now rejected")
    return {what: int(number) for number, what in (each for each in words if len(each) == 2) if what in kinds}


ON = {"on": True, "t": 1}
NONE = {"same": 0, "changed": 0, "only old": 0, "only new": 0, "now filtered": 0, "now rejected": 0}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("", ""), {"same": 2}),
        (("{ m: captures.machine, t: payload.t }", "{ t: payload.t, m: captures.machine }"), {"same": 2}),
        (("t: payload.t", "t: payload.x"), {"changed": 2}),
        (("captures.machine}", "mapping}"), {"changed": 1, "same": 1}),
        (("payload.on", "payload.off"), {"now filtered": 2}),
        (("payload.on", "abs(payload)"), {"now rejected": 2}),
        (("captures.machine}", "payload.k}"), {"now rejected": 1, "same": 1}),
        ((", {data_stream: b}]", "]"), {"only old": 1, "same": 1}),
        (("{data_stream: b}]", "{data_stream: b}, {data_stream: c}]"), {"only new": 1, "same": 2}),
        (("f/{machine}", "g/{machine}"), {"only old": 2}),
    ],
)
def test_diff_counts_each_record_once_by_its_outcome(tmp_path, capsys, change, expected):
    code, out = compared(tmp_path, capsys, OLD.replace(*change), ON)
    assert counts(out) == NONE | expected
    assert code == (0 if expected == {"same": 2} else 1)


def test_records_of_messages_without_records_before_are_new(tmp_path, capsys):
    code, out = compared(tmp_path, capsys, OLD.replace("where: payload.on\n", ""), {"t": 1})
    assert (code, counts(out)) == (1, NONE | {"only new": 2})
    code, out = compared(tmp_path, capsys, OLD, ON, old=OLD.replace("payload.on", "abs(payload)"))
    assert (code, counts(out)) == (1, NONE | {"only new": 2})
    assert "  before        transform: where: abs()" in out


def test_diff_of_rejections_compares_their_reasons(tmp_path, capsys):
    assert counts(compared(tmp_path, capsys, OLD, "x", old=OLD)[1]) == NONE
    rejecting = OLD.replace("payload.on", "abs(payload)")
    assert counts(compared(tmp_path, capsys, rejecting, ON, old=rejecting)[1]) == NONE | {"same": 2}
    other = OLD.replace("payload.on", "ceil(payload)")
    assert counts(compared(tmp_path, capsys, other, ON, old=rejecting)[1]) == NONE | {"changed": 2}


def test_differences_are_shown_record_by_record(tmp_path, capsys):
    new = OLD.replace("t: payload.t", "t: payload.x").replace(", {data_stream: b}", "")
    _, out = compared(tmp_path, capsys, new, {"on": True, "t": 1, "x": 2}, {"on": False})
    assert out.splitlines() == [
        "line 1: f/p1, 2023-11-14T22:13:20.000Z",
        "  changed       a",
        "              old  new",
        "      data.t  1    2",
        """  only old      b, spread over all shards, 16 bytes: {"m":"p1","t":1}""",
        "",
        "2 messages, 1 differ",
        "0 same",
        "1 changed",
        "1 only old",
        "0 only new",
        "0 now filtered",
        "0 now rejected",
        "changed values:",
        "  1 x data.t",
    ]


def test_reason_of_a_rejection_is_shown_with_the_payload(tmp_path, capsys):
    _, out = compared(tmp_path, capsys, OLD.replace("captures.machine}", "payload.k}"), ON)
    assert out.splitlines()[1:3] == [
        "  now rejected  partition_key: partition_key_from: returned null; a key is text or a number (nothing for a)",
        """  before        a, key 'p1', 16 bytes: {"m":"p1","t":1}""",
    ]


EACH = "topic: f\ntransform: 'payload[].{ v: @ }'\neach: true\noutputs: [{data_stream: s}]"


def test_diff_of_one_missing_record_is_one_difference(tmp_path, capsys):
    new = EACH.replace("payload[]", "payload[?@ != `2`]")
    _, out = compared(tmp_path, capsys, new, [1, 2, 3, 4], old=EACH, topic="f")
    assert counts(out) == NONE | {"same": 3, "only old": 1}


def test_items_of_a_list_count_as_one_value_in_the_sums(tmp_path, capsys):
    old = "topic: f\ntransform: '{ r: payload[].{ v: @ } }'\noutputs: [{data_stream: s}]"
    _, out = compared(tmp_path, capsys, old.replace("v: @", "v: to_string(@)"), [1, 2], [3], old=old, topic="f")
    assert out.splitlines()[-1] == "  2 x data.r[].v"


def test_json_has_all_differences_and_the_sums_last(tmp_path, capsys):
    new = OLD.replace("captures.machine}", "payload.k}")
    payloads = [ON, {"on": True, "t": 1, "k": "x"}, {"on": False}]
    code, out = compared(tmp_path, capsys, new, *payloads, shown=DiffOptions(json=True, first=0))
    first, second, last = map(json.loads, out.splitlines())
    assert code == 1
    assert first["differences"] == [{
        "what": "now rejected",
        "data_stream": "a",
        "old": {"partition_key": "p1", "data": {"m": "p1", "t": 1}},
        "new": {"dead_letter": "partition_key",
                "detail": "partition_key_from: returned null; a key is text or a number"},
    }]  # fmt: skip
    assert (second["line"], second["topic"], second["differences"][0]["what"]) == (2, "f/p1", "changed")
    assert last["summary"] == {
        "messages": 3,
        "differing_messages": 2,
        "unmatched_messages": 0,
        "cut_messages": 0,
        "records": NONE | {"same": 2, "changed": 1, "now rejected": 1},
        "changed_values": {"partition_key": 1},
    }


def test_diff_shows_the_first_differences_and_counts_the_others(tmp_path, capsys):
    new = OLD.replace("t: payload.t", "t: payload.x")
    _, out = compared(tmp_path, capsys, new, *[ON] * 5, shown=DiffOptions(json=False, first=2))
    assert out.count("line ") == 2
    assert "... and 3 messages more that differ (--show, --json)\n" in out
    assert "line " not in compared(tmp_path, capsys, new, *[ON] * 5, shown=DiffOptions(json=False, first=0))[1]


def test_folders_are_compared_as_sets(tmp_path, capsys):
    for side, names in {"old": "abc", "new": "acd"}.items():
        (tmp_path / side).mkdir()
        for name in names:
            (tmp_path / side / f"{name}.yaml").write_text(f"topic: f/{name}\noutputs: [{{data_stream: {name}}}]")
    file = tmp_path / "c.jsonl"
    file.write_bytes(b"".join(to_line(Message(f"f/{name}", b"1", 1, False, 0), 1) for name in "abcdx"))
    assert diff(tmp_path / "old", tmp_path / "new", file, WORDS) == 1
    out = capsys.readouterr().out
    assert counts(out) == NONE | {"same": 2, "only old": 1, "only new": 1}
    assert "note: no mapping, old or new, matches 1 message (see" in out


def test_records_compared_with_an_empty_folder_are_all_new(tmp_path, capsys):
    for name in ("none", "new"):
        (tmp_path / name).mkdir()
    (tmp_path / "new" / "press.yaml").write_text(OLD)
    assert diff(tmp_path / "none", tmp_path / "new", captured(tmp_path, ON), WORDS) == 1
    assert counts(capsys.readouterr().out) == NONE | {"only new": 2}


def test_mapping_that_moved_to_another_file_makes_the_same_records(tmp_path, capsys):
    for side, name in (("old", "a"), ("new", "b")):
        (tmp_path / side).mkdir()
        (tmp_path / side / f"{name}.yaml").write_text(OLD)
    assert diff(tmp_path / "old", tmp_path / "new", captured(tmp_path, ON), WORDS) == 0


def test_mapping_whose_own_tests_fail_can_be_compared(tmp_path, capsys):
    failing = OLD + "tests: [{name: n, topic: f/x, payload: 1, expect: {dead_letter: decode}}]"
    assert compared(tmp_path, capsys, failing, ON)[0] == 0


def test_lookup_tables_beside_the_new_file_apply_to_the_old_file(tmp_path, capsys):
    (tmp_path / "mappings" / "tables").mkdir(parents=True)
    (tmp_path / "mappings" / "tables" / "units.yaml").write_text("t: degC")
    looked_up = OLD.replace("t: payload.t", "t: lookup('units', 't')")
    (tmp_path / "before.yaml").write_text(looked_up)
    (tmp_path / "mappings" / "press.yaml").write_text(looked_up)
    assert diff(tmp_path / "before.yaml", tmp_path / "mappings" / "press.yaml", captured(tmp_path, ON), WORDS) == 0


def test_diff_of_invalid_input_is_an_error(tmp_path):
    file = captured(tmp_path, ON)
    (tmp_path / "a.yaml").write_text(OLD)
    (tmp_path / "broken.yaml").write_text(OLD + "each: 1")
    with pytest.raises(ConfigError, match=r"broken.yaml:6:1: each: expected true or false, found 1"):
        diff(tmp_path / "a.yaml", tmp_path / "broken.yaml", file, WORDS)
    with pytest.raises(ConfigError, match="expected two files or two folders"):
        diff(tmp_path / "a.yaml", tmp_path, file, WORDS)
    with pytest.raises(ConfigError, match=r"nowhere.yaml: no such file"):
        diff(tmp_path / "nowhere.yaml", tmp_path / "a.yaml", file, WORDS)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="no mapping in this folder"):
        diff(tmp_path / "empty", tmp_path / "empty", file, WORDS)


def test_messages_with_cut_payloads_are_skipped_and_counted(tmp_path, capsys):
    file = captured(tmp_path, ON)
    file.write_bytes(file.read_bytes() + to_line(Message("f/p1", b"{", 1, False, 0), 99))
    (tmp_path / "a.yaml").write_text(OLD)
    assert diff(tmp_path / "a.yaml", tmp_path / "a.yaml", file, WORDS) == 0
    assert "note: not compared: 1 message of which the capture contains only the beginning" in capsys.readouterr().out
