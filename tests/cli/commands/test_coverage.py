import json

from bridge.cli.commands.coverage import coverage
from bridge.model import Message
from bridge.tools.capture.file_format import to_line
from tests.cli.builders import set_up

BEGIN_MS = 1_700_000_000_000


def captured(folder, *messages):
    """Write a capture. Each of `messages` is (topic, seconds after BEGIN_MS)."""
    file = folder / "c.jsonl"
    made = [Message(topic, b"{}", 1, False, BEGIN_MS + int(secs * 1000)) for topic, secs in messages]
    file.write_bytes(b"".join(to_line(message, 2) for message in made))
    return file


def covered(folder, capsys, *messages, as_json=False, **mappings):
    code = coverage(set_up(folder, **mappings), captured(folder, *messages), as_json=as_json)
    return code, capsys.readouterr().out


PRESS = "factory/pdx/press07/telemetry"


def test_covered_traffic_is_ok(tmp_path, capsys):
    code, out = covered(tmp_path, capsys, (PRESS, 0), (PRESS, 1))
    assert code == 0
    assert out.splitlines() == [
        "OK: all topics matched, all mappings active",
        "messages by mapping, 2023-11-14T22:13:20.000Z to 2023-11-14T22:13:21.000Z:",
        "          2  press: factory/{site}/{machine}/telemetry",
    ]


def test_coverage_lists_unmatched_topics_and_silent_mappings(tmp_path, capsys):
    other = "topic: o/+\noutputs: [{data_stream: s}]"
    traffic = [(PRESS, 0), (PRESS, 2), ("x/y", 3), ("x/y", 4), ("x/\x1b", 5), ("x/y", 400)]
    code, out = covered(tmp_path, capsys, *traffic, other=other)
    assert code == 1
    assert out.splitlines() == [
        "topics that no mapping matches (4 messages):",
        "          3  x/y, last at 2023-11-14T22:20:00.000Z",
        "          1  x/\\x1b, last at 2023-11-14T22:13:25.000Z",
        "mappings that never matched:",
        "  other: o/+",
        "silent mappings:",
        "  press: no message for 6.6 min; longest pause before: 2.0 s",
        "messages by mapping, 2023-11-14T22:13:20.000Z to 2023-11-14T22:20:00.000Z:",
        "          0  other: o/+",
        "          2  press: factory/{site}/{machine}/telemetry",
    ]


def test_coverage_of_many_topics_shows_the_most_frequent(tmp_path, capsys):
    _, out = covered(tmp_path, capsys, (PRESS, 0), *((f"x/{number}", 1) for number in range(1_100)))
    assert "  ... and 970 topics more (--json lists all)" in out
    assert "        100  on further topics, which are not listed" in out


def test_json_has_everything(tmp_path, capsys):
    code, out = covered(tmp_path, capsys, ("x/y", 3), as_json=True)
    report = json.loads(out)
    assert code == 1
    assert report["unmatched_topics"] == [{"topic": "x/y", "messages": 1, "last_ms": BEGIN_MS + 3_000}]
    assert report["mappings"][0]["messages"] == 0


def test_empty_capture_matches_nothing(tmp_path, capsys):
    code, out = covered(tmp_path, capsys)
    assert code == 1
    assert out.startswith("mappings that never matched:\n  press: ")
