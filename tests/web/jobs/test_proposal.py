"""Job `propose`: a mapping for a topic that no mapping matches."""

import pytest

from bridge.errors import BridgeError
from bridge.mapping.loading.mapping_loader import compile_text
from bridge.mapping.loading.resources import NO_RESOURCES
from bridge.web.jobs.proposal import propose_mapping


def proposed(*payloads, topic="hall/1/temp", taken=(), others=()):
    messages = [{"topic": topic, "payload": each, "at_ms": 0} for each in payloads]
    more = [{"topic": each, "payload": "{}"} for each in others]
    return propose_mapping({"topic": topic, "messages": messages + more, "stream": "climate", "taken": list(taken)})


def test_proposal_is_a_mapping_that_loads_and_has_the_stream():
    found = proposed('{"t": 21.5}', '{"t": 22}')
    mapping = compile_text(found["text"], found["name"], NO_RESOURCES, shown_as="x")
    assert [each.data_stream for each in mapping.outputs] == ["climate"]


def test_proposal_has_a_name_that_is_not_taken():
    name = proposed("{}")["name"]
    assert proposed("{}", taken=[name.lower()])["name"] != name


def test_proposal_uses_only_the_messages_of_its_topic():
    assert proposed("1", others=["x", "y"])["text"] == proposed("1")["text"]


@pytest.mark.parametrize("others", [[], ["hall/2/temp"]])
def test_proposal_without_a_message_of_the_topic_is_refused(others):
    with pytest.raises(BridgeError, match="for hall/1/temp: no message of this topic was given"):
        proposed(others=others)
