import json

from bridge.mapping.comparison.differences import lines_of, values_of
from bridge.mapping.comparison.outcomes import compare, outcome
from bridge.mapping.router import Router
from tests.mapping.builders import mapping, message

FAILS = {"transform": "abs(payload.x)"}


def differences(payload, old, new):
    found = [
        outcome(Router([mapping(**options)] if options is not None else []), message(payload)) for options in (old, new)
    ]
    return list(compare(*found))


def lines(*arguments):
    return list(lines_of(differences(*arguments)))


def test_lines_omit_equal_records():
    assert lines(1, {}, {}) == []
    assert values_of(differences(1, {}, {})) == []


def test_lines_of_a_changed_record_are_a_table():
    assert lines({"x": -1}, {}, {"transform": "{x: abs(payload.x)}"}) == [
        "changed       s",
        "            old  new",
        "    data.x  -1   1",
    ]


def test_lines_of_a_record_of_one_side_show_the_record():
    assert lines(1, {}, None) == ["only old      s, spread over all shards, 1 byte: 1"]
    assert lines(1, None, {}) == ["only new      s, spread over all shards, 1 byte: 1"]
    assert lines(1, {}, {"where": "`false`"}) == ["now filtered  s, spread over all shards, 1 byte: 1"]


def test_lines_of_a_rejected_record_show_the_reason_and_the_old_record():
    first, second = lines({"x": ""}, {}, FAILS)
    assert first.startswith("now rejected  transform: abs(): argument 1 (number) must be a number")
    assert second == 'before        s, spread over all shards, 9 bytes: {"x": ""}'


def test_lines_cut_long_records_and_escape_control_characters():
    (line,) = lines(b'"\x1b[2J' + b"x" * 500 + b'"', {"payload": "text"}, None)
    assert "\x1b" not in line
    assert "\\x1b[2Jxxx" in line
    assert line.endswith("x... (506 characters)")
    assert len(line) < 300


def test_values_have_both_results_as_json():
    found = values_of([*differences({"x": ""}, {}, FAILS), *differences(1, None, {})])
    assert json.loads(json.dumps(found)) == found
    (rejected, new) = found
    assert (rejected["what"], rejected["data_stream"]) == ("now rejected", "s")
    assert rejected["old"] == {"partition_key": "spread", "data": {"x": ""}}
    assert rejected["new"]["dead_letter"] == "transform"
    assert new == {
        "what": "only new",
        "data_stream": "s",
        "old": None,
        "new": {"partition_key": "spread", "data": 1},
    }
