import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.pipeline import message_pipeline
from bridge.mapping.pipeline.message_pipeline import FILTERED
from bridge.mapping.pipeline.scope import SCOPE_NAMES
from bridge.model import MappingResult, NewRecord, Rejection
from tests.mapping.builders import NOW_MS, applied, mapping, message


def data(mapped):
    assert mapped.rejections == ()
    return [json.loads(draft.data) for draft in mapped.drafts]


def test_message_becomes_one_record():
    made = mapping(
        topic="f/{site}/{machine}",
        transform="{site: captures.site, t: payload.t}",
        outputs=[{"data_stream": "s", "partition_key_from": "captures.machine"}],
    )
    mapped = applied(made, message({"t": 1.5, "x": 2}, topic="f/pdx/press1"))
    assert mapped == MappingResult([NewRecord(0, "press1", b'{"site":"pdx","t":1.5}')], ())


def test_payload_without_a_transform_is_the_record_byte_for_byte():
    payload = b' {"b": 1.0, "a" : 1e2}\n'
    assert applied(mapping(), message(payload)).drafts == [NewRecord(0, None, payload)]


@pytest.mark.parametrize(
    ("payload", "sent", "code"),
    [
        ("json", b"{", "decode"),
        ("json", b"", "decode"),
        ("json", b"\xff", "decode"),
        ("number", b"x", "decode"),
        ("text", b"\xff", "decode"),
    ],
)
def test_payload_of_another_format_is_rejected_for_all_outputs(payload, sent, code):
    made = mapping(payload=payload, outputs=[{"data_stream": "a"}, {"data_stream": "b"}])
    (rejection,) = applied(made, message(sent)).rejections
    assert (rejection.outputs, rejection.item, rejection.code) == ((0, 1), None, code)


@pytest.mark.parametrize(
    ("payload", "sent"),
    [("bytes", b"\x00\xff"), ("bytes", b""), ("text", b""), ("text", "ü".encode()), ("number", b" 1 ")],
)
def test_payload_of_any_format_is_the_record_without_a_transform(payload, sent):
    assert applied(mapping(payload=payload), message(sent)).drafts == [NewRecord(0, None, sent)]


@pytest.mark.parametrize(
    ("payload", "sent", "transform", "wanted"),
    [
        ("bytes", b"\x01\x02\xff", "{first: payload[0], rest: payload[1:]}", {"first": 1, "rest": [2, 255]}),
        ("number", b"21.5", "{v: payload}", {"v": 21.5}),
        ("text", b"on", "{v: payload}", {"v": "on"}),
        ("json", b"[1,2]", "payload[1]", 2),
        ("json", b"18446744073709551615", "payload", 2**64 - 1),
        ("json", b"-9223372036854775808", "{v: payload}", {"v": -(2**63)}),
    ],
)
def test_transform_sees_the_decoded_payload(payload, sent, transform, wanted):
    assert data(applied(mapping(payload=payload, transform=transform), message(sent))) == [wanted]


def test_expression_sees_all_of_the_message():
    made = mapping(
        name="press",
        topic="a/{x}/{y...}",
        transform="{a: topic, b: levels, c: captures, d: received_at, e: received_at_ms, f: qos, g: retain, "
        "h: properties.content_type, i: mapping, j: payload}",
    )
    mapped = applied(made, message(1, "a/b/c/d", qos=2, retain=True, properties={"content_type": "x"}))
    assert data(mapped) == [
        {
            "a": "a/b/c/d",
            "b": ["a", "b", "c", "d"],
            "c": {"x": "b", "y": "c/d"},
            "d": "2023-11-14T22:13:20.123Z",
            "e": NOW_MS,
            "f": 2,
            "g": True,
            "h": "x",
            "i": "press",
            "j": 1,
        }
    ]


def test_complete_scope_is_seen_by_an_expression_that_requests_it():
    mapped = applied(mapping(transform="keys(@)"), message(1))
    assert set(data(mapped)[0]) == set(SCOPE_NAMES)


@pytest.mark.parametrize("value", [False, None, "", [], {}])
def test_where_with_a_falsy_value_filters_the_message(value):
    assert applied(mapping(where="payload.v", transform="payload"), message({"v": value})) is FILTERED


@pytest.mark.parametrize("value", [True, 0, "x", [0], {"a": None}])
def test_where_with_a_truthy_value_maps_the_message(value):
    assert len(applied(mapping(where="payload.v"), message({"v": value})).drafts) == 1


def test_retained_messages_are_taken_unless_the_mapping_reports_skip():
    assert len(applied(mapping(), message(1, retain=True)).drafts) == 1
    assert applied(mapping(retained="skip"), message(1, retain=True)) is FILTERED
    assert len(applied(mapping(retained="skip"), message(1)).drafts) == 1


@pytest.mark.parametrize(("option", "detail"), [("where", "where: abs(): "), ("transform", "abs(): ")])
def test_expression_that_fails_is_rejected_with_its_option_beside_the_code(option, detail):
    made = mapping(**{option: "abs(payload)"})
    (rejection,) = applied(made, message("text")).rejections
    assert (rejection.outputs, rejection.code) == ((0,), "transform")
    assert rejection.detail.startswith(detail)


@pytest.mark.parametrize("outputs", [1, 2])
def test_transform_that_gives_null_is_rejected(outputs):
    made = mapping(transform="payload.missing", outputs=[{"data_stream": "s"}] * outputs)
    (rejection,) = applied(made, message({})).rejections
    assert rejection.outputs == tuple(range(outputs))
    assert (rejection.code, "leave it out with `where`" in rejection.detail) == ("transform", True)


def test_result_that_json_cannot_hold_is_rejected():
    made = mapping(transform="properties.user_properties")
    for broken in (object(), 2**70, {1: 2}):
        (rejection,) = applied(made, message(1, properties={"user_properties": broken})).rejections
        assert rejection.code == "transform"


@pytest.mark.parametrize("error", [RuntimeError("boom"), RecursionError("deep"), MemoryError()])
def test_bug_in_a_step_stops_one_message_and_not_the_bridge(error):
    class Broken(dict):
        def __getitem__(self, name):
            raise error

        get = __getitem__

    made = mapping(where="captures.x", topic="{x}")
    (rejection,) = made.apply(message(1), Broken(x="y"), ["y"]).rejections
    assert (rejection.outputs, rejection.code) == ((0,), "internal")
    assert type(error).__name__ in rejection.detail


def test_result_nested_too_deep_for_json_is_rejected():
    deep = b"[" * 1000 + b"]" * 1000
    (rejection,) = applied(mapping(transform="payload"), message(deep)).rejections
    assert rejection.code == "transform"


def test_reason_is_bounded():
    made = mapping(outputs=[{"data_stream": "s", "partition_key_from": "payload.k"}], transform="abs(payload.k)")
    (rejection,) = applied(made, message({"k": "x" * 100_000})).rejections
    assert len(rejection.detail) <= 500


@given(st.integers(0, 40), st.integers(1, 60))
def test_reason_is_cut_at_the_limit(characters, limit):
    made = mapping(transform="abs(payload)")
    complete = applied(made, message("x" * characters)).rejections[0].detail
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(message_pipeline, "MAX_DETAIL_CHARS", limit)
        assert applied(made, message("x" * characters)).rejections[0].detail == complete[:limit]


@given(st.binary(max_size=40), st.sampled_from(["json", "text", "number", "bytes"]))
def test_mapping_of_any_payload_gives_a_record_or_a_rejection(payload, kind):
    mapped = applied(mapping(payload=kind, transform="{v: payload}"), message(payload))
    assert len(mapped.drafts) + len(mapped.rejections) == 1


def test_replay_gives_only_the_outputs_that_got_nothing():
    made = mapping(outputs=[{"data_stream": "a"}, {"data_stream": "b"}, {"data_stream": "a", "partition_key": "k"}])
    mapped = made.replay(message(b"1"), ("a",), None)
    assert mapped == MappingResult([NewRecord(0, None, b"1"), NewRecord(2, "k", b"1")], ())


def test_replay_gives_only_the_item_that_failed():
    made = mapping(transform="payload", each=True, outputs=[{"data_stream": "a"}, {"data_stream": "b"}])
    assert made.replay(message([10, 11, 12]), ("b",), 1) == MappingResult([NewRecord(1, None, b"11")], ())


def test_replay_keeps_rejections_of_the_outputs_requested_only():
    made = mapping(
        outputs=[{"data_stream": "a", "partition_key_from": "payload.k"}, {"data_stream": "b"}, {"data_stream": "c"}]
    )
    assert made.replay(message({}), ("b",), None).rejections == ()
    assert [each.outputs for each in made.replay(message({}), ("a", "b"), None).rejections] == [(0,)]
    assert [each.outputs for each in made.replay(message(b"{"), ("b", "c"), None).rejections] == [(1, 2)]


@pytest.mark.parametrize(
    ("streams", "item", "sent", "code"),
    [
        (("gone",), None, message([1], "t/x"), "no_output"),
        (("s", "gone"), None, message([1], "t/x"), "no_output"),
        (("s",), None, message([1], "u/x"), "no_match"),
        (("s",), 5, message([1], "t/x"), "transform"),
        (("s",), 0, message([None], "t/x"), "transform"),
    ],
)
def test_replay_never_loses_what_the_mapping_does_not_do_any_more(streams, item, sent, code):
    made = mapping(topic="t/+", transform="payload", each=True)
    mapped = made.replay(sent, streams, item)
    assert mapped.drafts == []
    assert [(type(each), each.code) for each in mapped.rejections] == [(Rejection, code)]


def test_replay_of_a_topic_that_is_excluded_now_says_by_what():
    made = mapping(topic="z/{d...}", **{"except": "z/+/availability"})
    (rejection,) = made.replay(message({}, topic="z/a/availability"), ["s"], None).rejections
    assert (rejection.code, rejection.detail) == (
        "no_match",
        "`except: z/+/availability` excludes 'z/a/availability' now",
    )


def test_replay_of_an_item_needs_a_mapping_that_makes_items():
    mapped = mapping(transform="payload").replay(message([1, 2]), ("s",), 1)
    assert [each.code for each in mapped.rejections] == ["no_item"]


def test_replay_with_a_fixed_mapping_filters_as_the_mapping_does():
    assert mapping(where="`false`").replay(message(1), ("s",), None) == FILTERED


def test_dead_letter_of_a_changed_destination_goes_to_its_stream():
    assert mapping().replay(message(1), ("s packing=kpl",), None).drafts
