import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import ConfigError
from bridge.model import Message
from bridge.tools.capture.file_format import read_capture, to_line

NOW_MS = 1_700_000_000_123
GOOD = {"received_at": "2023-11-14T22:13:20.123Z", "topic": "a/b", "qos": 1, "retain": False, "payload": "x"}


def written(tmp_path, *lines, name="c.jsonl"):
    file = tmp_path / name
    file.write_bytes(b"".join(lines))
    return file


def line(**changes):
    return json.dumps({key: value for key, value in (GOOD | changes).items() if value is not ...}).encode() + b"\n"


def test_line_is_as_documented():
    made = json.loads(to_line(Message("a/b", b"x", 1, False, NOW_MS), 1))
    assert made == GOOD
    made = json.loads(to_line(Message("a/b", b"\xff", 2, True, NOW_MS, {"content_type": "t"}), 9))
    assert made == {
        "received_at": "2023-11-14T22:13:20.123Z",
        "topic": "a/b",
        "qos": 2,
        "retain": True,
        "properties": {"content_type": "t"},
        "payload_base64": "/w==",
        "total_bytes": 9,
    }


MESSAGES = st.builds(
    Message,
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.binary() | st.text().map(lambda text: text.encode("utf-8", "replace")),
    st.sampled_from([0, 1, 2]),
    st.booleans(),
    st.integers(0, 253_402_300_799_999),
    st.dictionaries(st.sampled_from(["content_type", "response_topic"]), st.sampled_from(["", "é", "a\nb"])),
)


@given(st.lists(st.tuples(MESSAGES, st.integers(0, 1))))
def test_captured_message_is_read_as_it_was_written(tmp_path_factory, sent):
    file = tmp_path_factory.mktemp("capture") / "c.jsonl"
    lines = [to_line(message, len(message.payload) + cut) for message, cut in sent]
    file.write_bytes(b"".join(lines))
    found = list(read_capture(file))
    assert [each.message for each in found] == [message for message, _ in sent]
    assert [each.whole for each in found] == [cut == 0 for _, cut in sent]
    assert [each.line for each in found] == list(range(1, len(sent) + 1))
    assert [each.end for each in found] == [sum(map(len, lines[: count + 1])) for count in range(len(sent))]


def test_empty_lines_and_a_missing_line_break_at_the_end_do_no_harm(tmp_path):
    file = written(tmp_path, line(), b"\n", line(topic="c").rstrip())
    assert [(each.line, each.message.topic) for each in read_capture(file)] == [(1, "a/b"), (3, "c")]


@pytest.mark.parametrize(("text", "why"), [
    (b"{\n", "the line is not JSON"), (b'{"topic": "a', "the line is not JSON; the last line is incomplete"),
    (b"[]\n", "expected an object"), (line(extra=1), "unknown key 'extra'"),
    (line(topic=...), "'topic' is missing"), (line(topic=1), "'topic': expected text"),
    (line(qos=3), "'qos': expected 0, 1 or 2"), (line(qos=True), "'qos': expected 0, 1 or 2"),
    (line(qos=[]), "'qos': expected 0, 1 or 2"), (line(retain=0), "'retain': expected true or false"),
    (line(payload=...), "expected either 'payload' or 'payload_base64'"),
    (line(payload_base64="eA=="), "expected either 'payload' or 'payload_base64'"),
    (line(payload=..., payload_base64="?"), "'payload_base64': not base64"),
    (line(payload=1), "'payload': expected text"), (line(properties=[]), "'properties': expected an object"),
    (line(received_at="yesterday"), "'received_at': expected a time with its zone"),
    (line(received_at="2026-01-31T12:00:00"), "'received_at': expected a time with its zone"),
    (line(received_at=...), "'received_at' is missing"),
])  # fmt: skip
def test_line_that_is_no_message_is_reported_with_its_place(tmp_path, text, why):
    file = written(tmp_path, line(), text)
    with pytest.raises(ConfigError) as error:
        list(read_capture(file))
    assert str(error.value).startswith(f"{file}:2:1: not a captured message: {why}")


def test_file_that_is_not_there_is_reported_to_be(tmp_path):
    with pytest.raises(ConfigError, match=r"none.jsonl: cannot be read: No such file or directory"):
        list(read_capture(tmp_path / "none.jsonl"))
