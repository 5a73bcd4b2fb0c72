from bridge.mapping.pipeline.scope import PROPERTY_NAMES, SCOPE_NAMES, scope_builder
from bridge.mqtt.properties import parse_properties
from tests.mapping.builders import message


def test_scope_builds_only_the_requested_names():
    build = scope_builder("m", frozenset({"payload", "received_at_ms", "mapping"}))
    sent = message(received_at_ms=5)
    assert build(sent, {"a": 1}, {"c": "x"}, ["t"]) == {
        "payload": {"a": 1},
        "captures": {"c": "x"},
        "received_at_ms": 5,
        "mapping": "m",
    }


def test_scope_contains_every_name_if_all_are_requested():
    assert tuple(scope_builder("m", None)(message(), 1, {}, ["t"])) == SCOPE_NAMES


def test_properties_of_a_publish_all_have_names():
    integers = b"\x01\x01" + b"\x02\0\0\0\x05"
    texts = b"\x03\0\x01t" + b"\x08\0\x01r" + b"\x09\0\x01c" + b"\x26\0\x01a\0\x01b"
    assert {*parse_properties(integers + texts), "unreadable"} == set(PROPERTY_NAMES)
