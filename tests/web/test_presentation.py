"""Messages, records and dead letters as JSON for the page."""

import base64

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.mapping.loading.mapping_loader import compile_text
from bridge.mapping.loading.resources import NO_RESOURCES
from bridge.mapping.router import Router
from bridge.web.presentation import (
    MAX_SHOWN_BYTES,
    MAX_SHOWN_RECORDS,
    bytes_value,
    dead_letter_json,
    dead_letter_summary,
    message_value,
)
from tests.spool.builders import dead_letter
from tests.web.bridges import publish

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)


def routes(text):
    return Router([compile_text(text, "press", NO_RESOURCES, shown_as="press.yaml")])


def shown(text, payload, topic="a/1", **options):
    return message_value(routes(text), publish(topic, payload, **options), 1_800_000_000_000)


@given(st.binary(max_size=40) | TEXTS.map(str.encode), st.integers(1, 40))
@example(b"\x80\0\0\0\0", 4)
def test_bytes_value_is_the_beginning_of_the_data(data, limit):
    value = bytes_value(data, limit)
    found = value["text"].encode() if "text" in value else base64.b64decode(value["base64"])
    assert data.startswith(found)
    assert limit - 4 < len(found) <= limit or len(found) == len(data)
    assert value["cut"] == (len(found) < len(data))


@pytest.mark.parametrize("character", ["ä", "€", "😀"])
def test_bytes_value_that_splits_a_character_stays_text(character):
    data = (character * 3).encode()
    for limit in range(len(character.encode()), len(data)):
        whole = limit // len(character.encode())
        assert bytes_value(data, limit) == {"text": character * whole, "cut": True}


def test_bytes_value_at_the_limit_is_not_cut():
    assert bytes_value(b"x" * MAX_SHOWN_BYTES) == {"text": "x" * MAX_SHOWN_BYTES, "cut": False}
    assert bytes_value(b"x" * (MAX_SHOWN_BYTES + 1))["cut"]
    assert bytes_value(b"") == {"text": "", "cut": False}


def test_message_value_has_qos_retain_time_and_size():
    first, *others = publish("a/1", b"{}", qos=2)
    value = message_value(routes("topic: b\noutputs: [{data_stream: s}]\n"), (first | 1, *others), 1_800_000_000_000)
    assert (value["qos"], value["retain"], value["at"]) == (2, True, "2027-01-15T08:00:00.000Z")
    assert (value["bytes"], value["mappings"]) == (2, [])


def test_message_value_of_a_topic_that_is_not_utf8_is_json():
    first, _, *others = publish("a/1", b"{}")
    value = message_value(routes("topic: a/+\noutputs: [{data_stream: s}]\n"), (first, b"a/\xff", *others), 0)
    assert orjson.loads(orjson.dumps(value))["topic"] == r"a/\xff"
    assert value["mappings"] == []


@pytest.mark.parametrize("count", [0, MAX_SHOWN_RECORDS, MAX_SHOWN_RECORDS + 3])
@pytest.mark.parametrize(("key", "what", "more"), [("k", "records", "more"), ("x", "rejections", "more_rejections")])
def test_mapped_value_counts_the_results_that_are_not_shown(count, key, what, more):
    text = "topic: a/+\neach: true\ntransform: payload\noutputs: [{data_stream: s, partition_key_from: record.k}]\n"
    [mapped] = shown(text, orjson.dumps([{key: "1"}] * count))["mappings"]
    assert len(mapped[what]) == min(count, MAX_SHOWN_RECORDS)
    assert mapped[more] == max(0, count - MAX_SHOWN_RECORDS)
    assert mapped["more"] + mapped["more_rejections"] == mapped[more]


def test_mapped_value_of_a_rejection_names_its_streams():
    [mapped] = shown("topic: a/+\noutputs: [{data_stream: s}, {data_stream: r}]\n", b"{")["mappings"]
    [rejection] = mapped["rejections"]
    assert (rejection["code"], rejection["item"], rejection["streams"]) == ("decode", None, ["r", "s"])


def test_mapped_value_does_not_change_the_state_of_the_mapping():
    text = "topic: a/+\nchanges: {}\noutputs: [{data_stream: s}]\n"
    active = routes(text)
    for _ in range(2):
        value = message_value(active, publish("a/1", b'{"v": 1}'), 0)
        assert (len(value["mappings"][0]["records"]), value["mappings"][0]["remembers"]) == (1, True)


def test_dead_letter_json_has_the_first_part_of_its_payload():
    payload = b"x" * (16 * MAX_SHOWN_BYTES + 1)
    value = dead_letter_json(7, dead_letter(payload=payload, total_bytes=10**6, properties={"a": 1}))
    assert value.items() >= dead_letter_summary(7, dead_letter()).items()
    assert (value["bytes"], value["stored_bytes"]) == (10**6, len(payload))
    assert (len(value["payload"]["text"]), value["payload"]["cut"]) == (16 * MAX_SHOWN_BYTES, True)
