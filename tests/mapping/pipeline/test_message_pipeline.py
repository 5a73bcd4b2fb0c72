"""The part of `where` that does not read the payload: it is evaluated before decompression and decoding."""

import pytest

from bridge.mapping.explain import explain
from bridge.mapping.pipeline.fast_path import FILTERED_FAST
from tests.mapping.builders import applied, mapping, message
from tests.payloads.sparkplug.wire import DOUBLE, INT64, metric, payload


@pytest.mark.parametrize("stateful", [{}, {"changes": {}}, {"sample": {"every_secs": 1}}])
@pytest.mark.parametrize(
    ("where", "topic", "options"),
    [
        ("!ends_with(topic, '/availability')", "z/a/availability", {}),
        ("!retain", "z/a", {"retain": True}),
        ("captures.device != 'a'", "z/a", {}),
        ("!contains(captures.device, 'availability')", "z/availability", {}),
    ],
)
def test_where_without_the_payload_filters_undecodable_messages(where, topic, options, stateful):
    made = mapping(topic="z/{device...}", where=where, **stateful)
    assert applied(made, message(b"online", topic=topic, **options)) == ([], (), None)
    assert [each.code for each in applied(made, message(b"online", topic="z/b")).rejections] == ["decode"]


def test_where_that_does_not_read_the_payload_filters_before_decompression():
    made = mapping(topic="#", compression="gzip", where="topic == 'good'")
    assert applied(made, message(b"no gzip", topic="bad")) == ([], (), None)
    assert [each.code for each in applied(made, message(b"no gzip", topic="good")).rejections] == ["decode"]


def test_where_that_reads_the_payload_rejects_what_cannot_be_decoded():
    made = mapping(where="payload.on || topic == 't'")
    assert [each.code for each in applied(made, message(b"online")).rejections] == ["decode"]


@pytest.mark.parametrize("stateful", [{}, {"changes": {}}, {"sample": {"every_secs": 1}}])
@pytest.mark.parametrize(
    "where",
    [
        "payload.on && !retain",
        "!retain && payload.on && topic == 't'",
        "(payload.on || payload.off) && !retain",
        "!(retain || payload.off)",
        "(payload.on && !retain) || (payload.off && !retain)",
    ],
)
def test_part_of_where_without_the_payload_filters_undecodable_messages(where, stateful):
    made = mapping(where=where, **stateful)
    assert applied(made, message(b"online", retain=True)) == ([], (), None)
    assert [each.code for each in applied(made, message(b"online")).rejections] == ["decode"]


def test_part_of_where_in_the_captures_filters_on_the_fast_path_too():
    made = mapping(topic="z/{device}", where="captures.device != 'bridge' && payload.on")
    assert made.fast_path(b"online", {"device": "bridge"}) is FILTERED_FAST
    assert made.fast_path(b"online", {"device": "lamp"}) is None
    assert made.fast_path(b'{"on": false}', {"device": "lamp"}) is FILTERED_FAST
    assert made.fast_path(b'{"on": true}', {"device": "lamp"}).data == b'{"on": true}'


@pytest.mark.parametrize("order", ["payload.n && {0}", "{0} && payload.n"])
def test_error_of_an_early_part_counts_only_if_all_of_where_fails(order):
    made = mapping(topic="z/{n}", where=order.format("bits(to_number(captures.n), `0`, `1`) == `1`"))
    assert applied(made, message({"n": 1}, topic="z/1")).drafts
    assert applied(made, message({"n": 1}, topic="z/2")) == ([], (), None)
    (rejection,) = applied(made, message({"n": 1}, topic="z/x")).rejections
    assert (rejection.code, "must be a number" in rejection.detail) == ("transform", True)
    guarded = applied(made, message({"n": False}, topic="z/x"))
    assert (guarded.rejections == ()) is order.startswith("payload")


def test_births_that_where_filters_by_their_topic_are_read_all_the_same():
    made = mapping(topic="spBv1.0/{group}/{type}/{node}", payload="sparkplug_b", where="captures.type == 'NDATA'")
    birth = payload(metric("bdSeq", 0, datatype=INT64), metric("a", 1.5, alias=7, datatype=DOUBLE), seq=0)
    assert applied(made, message(birth, topic="spBv1.0/g/NBIRTH/n")).drafts == []
    data = payload(metric(alias=7, value=2.5), seq=1)
    assert applied(made, message(data, topic="spBv1.0/g/NDATA/n")).drafts
    view, _ = made.stateful.read(message(data, topic="spBv1.0/g/NDATA/n"), made.stateful.memory)
    assert view["metrics"]["a"]["value"] == 2.5


def test_try_shows_no_payload_of_a_message_that_was_not_decoded():
    shown = explain([mapping(where="!retain")], message(b"online", retain=True)).render()
    assert "where        !retain -> false" in shown
    assert "payload" not in shown


def test_try_shows_that_a_part_of_where_filters_before_decoding():
    made = mapping(where="payload.on && !retain && topic != 'x'")
    shown = explain([made], message(b"online", retain=True)).render()
    assert "early where  the part that reads retain or topic only -> false" in shown
    assert "payload" not in shown
    shown = explain([made], message({"on": 1})).render()
    assert shown.index("early where") < shown.index("payload") < shown.index("  where")


def test_try_shows_which_exception_excludes_a_topic():
    shown = explain([mapping(topic="z/#", **{"except": ["z/+/b"]})], message(b"online", topic="z/a/b")).render()
    assert "excluded     by except: z/+/b" in shown
    assert shown.endswith("no mapping matches the topic 'z/a/b': it is excluded, and such messages are filtered")
