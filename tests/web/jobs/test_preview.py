"""Job `preview`: the results of a mapping's current file and of an edited text, for the same messages."""

import orjson
import pytest

from bridge.web.jobs import preview as module
from bridge.web.jobs.preview import preview

PRESENT = "topic: a/+\noutputs: [{data_stream: s}]\n"
LISTS = "topic: a/+\neach: true\ntransform: payload\noutputs: [{data_stream: s, partition_key_from: record.k}]\n"


def shown(mapping, *messages, present=PRESENT):
    asked = {"folder": "nowhere", "name": "press", "mapping": mapping, "present": present}
    return preview({**asked, "messages": [{"topic": "a/1", "payload": "1", "at_ms": 0, **each} for each in messages]})


def test_preview_of_the_same_text_has_no_change():
    result = shown(PRESENT, {}, {"payload": "{"}, {"topic": "b"})
    assert (result["changed"], result["problems"]) == (0, [])
    assert [each["differences"] for each in result["messages"]] == [[], [], []]
    assert [each["after"]["matched"] for each in result["messages"]] == [True, True, False]


def test_preview_job_counts_the_messages_that_change():
    result = shown(f"{PRESENT}where: payload > `1`\n", {}, {"payload": "2"})
    assert [each["changed"] for each in result["messages"]] == [True, False]
    assert result["changed"] == 1


def test_preview_of_a_new_topic_filter_is_a_change():
    [message] = shown(PRESENT.replace("a/+", "b/+"), {})["messages"]
    assert (message["changed"], message["before"]["matched"], message["after"]["matched"]) == (True, True, False)


def test_preview_of_a_topic_filter_of_filtered_messages_is_a_change():
    text = f"{PRESENT}where: payload > `9`\n"
    [message] = shown(text.replace("a/+", "b/+"), {}, present=text)["messages"]
    assert (message["changed"], message["differences"]) == (True, [])


@pytest.mark.parametrize("present", ["", "topic: [\n"])
def test_preview_without_a_file_that_loads_has_only_new_records(present):
    [message] = shown(PRESENT, {}, present=present)["messages"]
    assert (message["before"]["matched"], len(message["after"]["records"]), message["changed"]) == (False, 1, True)


def test_preview_of_a_text_with_an_error_has_no_message():
    result = shown("topic: [\n", {})
    assert (result["messages"], result["changed"]) == ([], 0)
    assert result["problems"]


def test_preview_of_an_invalid_topic_says_why():
    [message] = shown(PRESENT, {"topic": "a/#"})["messages"]
    assert (message["changed"], len(message["differences"])) == (False, 1)


@pytest.mark.parametrize("count", [5, 6])
@pytest.mark.parametrize("key", ["k", "x"])
def test_preview_counts_the_results_beyond_its_limit(count, key):
    [message] = shown(LISTS, {"payload": orjson.dumps([{key: "1"}] * count).decode()})["messages"]
    after = message["after"]
    assert (len(after["records"]) + len(after["rejections"]), after["more"]) == (5, count - 5)


def test_preview_limits_the_lines_of_the_differences(monkeypatch):
    monkeypatch.setattr(module, "_MAX_LINES", 3)
    [message] = shown(LISTS, {"payload": orjson.dumps([{"k": "1"}] * 9).decode()}, present="")["messages"]
    assert len(message["differences"]) == 3
