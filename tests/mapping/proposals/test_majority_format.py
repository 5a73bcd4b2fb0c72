"""A single different message does not cause a separate mapping for its topic."""

import json

from bridge.mapping.proposals.majority_format import by_majority
from bridge.mapping.proposals.payload_detection import kind_of
from bridge.mapping.proposals.proposals import ObservedMessages
from bridge.model import Message
from bridge.tools.demo.factory import Factory
from tests.mapping.proposals.checking import checked, observed

COUNTERS = [(f"factory/pdx/line{n % 3}/press{n % 12}/count", str(n).encode()) for n in range(56)]


def kinds_of(**payloads):
    topics = {tuple(topic.split("_")): told for topic, told in payloads.items()}
    kinds = {topic: kind_of("/".join(topic), told) for topic, told in topics.items()}
    return {"_".join(topic): kind.payload for topic, kind in by_majority(topics, kinds).items()}


def test_odd_message_of_many_leaves_one_mapping_and_is_reported():
    (found,), left, _ = checked(observed(*COUNTERS, ("factory/pdx/line0/press0/count", b"ERR 17")))
    assert left == []
    assert (found.topic, found.kind.payload) == ("factory/pdx/{line}/{machine}/count", "number")
    assert found.odd == "1 of 57 is not a number and would be a dead letter"
    assert found.odd in found.text


def test_odd_only_message_of_its_topic_belongs_to_the_others():
    (found,), _, _ = checked(observed(*COUNTERS, ("factory/pdx/line2/press99/count", b"ERR 17")))
    assert (found.kind.payload, found.topics, found.odd[:7]) == ("number", 13, "1 of 57")


def test_odd_messages_are_counted():
    errors = [("factory/pdx/line0/press0/count", b"ERR %d" % n) for n in range(3)]
    (found,), _, _ = checked(observed(*COUNTERS, *errors))
    assert found.odd == "3 of 59 are not a number and would be dead letters"


def test_note_on_odd_messages_of_a_sample_names_its_size():
    readings = [("a/b/count", b"%d" % n) for n in range(30)]
    (found,), _, _ = checked(observed(("a/b/count", b"ERR 17"), *readings))
    assert (found.messages, found.odd) == (31, "1 of the 20 examined is not a number and would be a dead letter")
    assert found.text.startswith("# Seen: 31 messages on 1 topic, such as a/b/count. 1 of the 20 examined")


def test_topic_whose_messages_are_all_different_keeps_its_kind():
    kinds = kinds_of(press1_state=[b"1"] * 20, press2_state=[b"RUN", b"OFF", b"RUN"])
    assert kinds == {"press1_state": "number", "press2_state": "text"}


def test_messages_that_are_of_several_kinds_stay_text():
    assert kinds_of(press1_state=[b"RUN", b"1", b"OFF", b"2"]) == {"press1_state": "text"}


def test_json_among_which_one_message_is_cut_short_stays_json():
    payloads = [json.dumps({"t": n}).encode() for n in range(9)]
    assert kinds_of(a_telemetry=[*payloads, b'{"t": 1']) == {"a_telemetry": "json"}


def test_factory_with_malformed_messages_has_a_mapping_for_each_signal():
    factory, seen = Factory(), ObservedMessages()
    for tenth in range(81):
        for event in factory.events(tenth / 10):
            seen.add(Message(event.topic, event.payload, 1, False, 1_700_000_000_000))
    found, left, routes = checked(seen)
    assert left == []
    signals = {each.topic.rpartition("/")[2]: each.odd for each in found}
    assert list(signals) == ["telemetry", "count", "vibration", "state", "info", "{signal}"]
    assert signals["count"].endswith("is not a number and would be a dead letter")
    later = ["line4/press401/telemetry", "line4/press401/count", "line1/press199/state", "energy/hall2"]
    assert all(len(routes.match(f"factory/pdx/{topic}".encode()).targets) == 1 for topic in later)
