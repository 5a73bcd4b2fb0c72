"""Job `try`: apply a mapping to one message, and explain each step."""

import base64

import pytest

from bridge.web.jobs.trial import message_of, try_message

MAPPING = "topic: a/{machine}\noutputs: [{data_stream: s}]\n"


def tried(mapping=MAPPING, **asked):
    return try_message({"folder": "nowhere", "mapping": mapping, "name": "press", **asked})


def test_trial_of_a_message_has_its_record_and_steps():
    result = tried(topic="a/1", payload='{"t": 1}')
    assert result["made"]["records"][0]["data"] == {"text": '{"t": 1}', "cut": False}
    assert result["matched"]
    assert all(len(step) == 2 for step in result["steps"])


def test_trial_of_another_topic_does_not_match():
    result = tried(topic="b", payload="{}")
    assert (result["matched"], result["made"]) == (False, None)


@pytest.mark.parametrize("topic", ["a/#", "a/+", "a/\0", "a" * 70_000])
def test_trial_of_an_invalid_topic_says_why(topic):
    result = tried(topic=topic, payload="{}")
    [[step, why]] = result["steps"]
    assert (step, result["matched"]) == ("topic", False)
    assert why


@pytest.mark.parametrize("asked", [{}, {"topic": ""}])
def test_trial_without_a_topic_runs_only_the_tests(asked):
    tests = "tests:\n  - {name: one, topic: a/1, payload: 1, expect: filtered}\n"
    result = tried(MAPPING + tests, **asked)
    assert [each["passed"] for each in result["tests"]] == [False]
    assert (result["steps"], result["made"]) == ([], None)


def test_trial_of_a_mapping_with_an_error_has_only_its_problems():
    result = tried("topic: [\n", topic="a/1", payload="{}")
    assert list(result) == ["problems"]
    assert result["problems"][0]["line"] > 0


def test_message_of_a_request_has_the_defaults_of_mqtt():
    message = message_of({"topic": "a", "at_ms": 5})
    assert message == ("a", b"", 1, False, 5, {})


def test_message_of_a_request_prefers_bytes_to_text():
    payload = base64.b64encode(b"\xff").decode()
    asked = {"topic": "a", "payload": "x", "payload_base64": payload, "qos": 0, "retain": True, "at_ms": 0}
    assert message_of(asked)[:5] == ("a", b"\xff", 0, True, 0)
