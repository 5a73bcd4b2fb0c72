import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.errors import ConfigError
from bridge.mapping.explain import explain
from bridge.mapping.selftest.runner import run_cases
from bridge.mapping.stateful.overlay_state import OverlayState
from tests.mapping.builders import NOW_MS, applied, mapping, message, specification
from tests.payloads.sparkplug.wire import DOUBLE, INT64, metric, payload

BIRTH = payload(metric("Load", 0.5, alias=1, datatype=DOUBLE), metric("bdSeq", 0, datatype=INT64), seq=0)


def sparkplug(**options):
    return mapping(topic="spBv1.0/{group...}", payload="sparkplug_b", **options)


def told(made, path, data):
    return applied(made, message(data, topic=f"spBv1.0/{path}"))


def test_mapping_without_memory_has_no_stages():
    assert mapping().stateful is None


def test_births_give_aliases_their_names():
    made = sparkplug(transform="payload.metrics.Load.value")
    told(made, "g/NBIRTH/n", BIRTH)
    (draft,) = told(made, "g/NDATA/n", payload(metric(alias=1, value=0.75), seq=1)).drafts
    assert draft.data == b"0.75"


def test_rebirth_is_requested_even_if_the_message_is_rejected():
    made = sparkplug(transform="payload.metrics.Load.value")
    mapped = told(made, "g/NDATA/n", payload(metric(alias=9, value=1.0), seq=1))
    assert [each.code for each in mapped.rejections] == ["transform"]
    assert [command.topic for command in mapped.effects.commands] == ["spBv1.0/g/NCMD/n"]
    assert mapped.effects.filtered == 0


def test_message_filtered_by_where_is_counted_once_with_its_commands():
    mapped = told(sparkplug(where="payload.seq == `99`"), "g/NDATA/n", payload(seq=1))
    assert (mapped.drafts, mapped.effects.filtered, len(mapped.effects.commands)) == ([], 1, 1)


def test_rebirths_can_be_turned_off():
    assert told(sparkplug(sparkplug={"rebirth": False}), "g/NDATA/n", payload(seq=1)).effects is None


def test_births_are_remembered_when_the_transform_fails():
    made = sparkplug(transform="payload.metrics.Load.value", where="payload.type == 'NDATA'")
    told(made, "g/NBIRTH/n", BIRTH)
    assert told(made, "g/NDATA/n", payload(metric(alias=1, value=0.75), seq=1)).drafts


def test_replay_sees_the_births_and_follows_no_sequence():
    made = sparkplug(transform="payload.metrics.Load.value")
    told(made, "g/NBIRTH/n", BIRTH)
    data = message(payload(metric(alias=1, value=0.25), seq=200), topic="spBv1.0/g/NDATA/n")
    (draft,) = made.replay(data, ("s",), None).drafts
    assert draft.data == b"0.25"
    assert told(made, "g/NDATA/n", payload(metric(alias=1, value=1.0), seq=1)).effects is None


def test_payload_without_a_transform_is_the_record():
    (draft,) = told(sparkplug(), "g/NBIRTH/n", BIRTH).drafts
    assert draft.data == BIRTH


def test_changes_and_sample_together():
    made = mapping(changes={}, sample={"every_secs": 10, "keep": "first"})
    drafts = [applied(made, message(value, received_at_ms=NOW_MS)).drafts for value in (1, 1, 2)]
    assert [len(each) for each in drafts] == [1, 0, 0]


def test_retained_messages_that_are_skipped_are_not_remembered():
    made = mapping(changes={}, retained="skip")
    applied(made, message(1, retain=True))
    assert applied(made, message(1)).drafts


CASES = {
    "changes": {"deadband": 1},
    "tests": [
        {
            "name": "near",
            "topic": "t",
            "before": [{"topic": "t", "payload": 1}],
            "payload": 1.5,
            "expect": "filtered",
        },
        {"name": "alone", "topic": "t", "payload": 1.5, "expect": [{"data_stream": "s", "data": 1.5}]},
    ],
}


def test_tests_of_a_mapping_begin_with_an_empty_state():
    assert [result.difference for result in run_cases(mapping(**CASES))] == ["", ""]


def test_test_sees_what_a_message_releases():
    made = mapping(
        sample={"every_secs": 10},
        tests=[
            {
                "name": "the span has ended",
                "topic": "t",
                "before": [{"topic": "t", "payload": 1, "received_at": "2024-01-01T00:00:01Z"}],
                "payload": 2,
                "received_at": "2024-01-01T00:00:11Z",
                "expect": [{"data_stream": "s", "data": 1}],
            }
        ],
    )
    assert [result.difference for result in run_cases(made)] == [""]


def test_sparkplug_test_is_written_as_metrics():
    birth = {"seq": 0, "metrics": [{"name": "Load", "alias": 1, "type": "Double", "value": 0.5}]}
    made = sparkplug(
        transform="payload.metrics.Load.{value: value, type: type}",
        tests=[
            {
                "name": "an alias",
                "topic": "spBv1.0/g/NDATA/n",
                "before": [{"topic": "spBv1.0/g/NBIRTH/n", "payload": birth}],
                "payload": {"seq": 1, "metrics": [{"alias": 1, "value": 0.75}]},
                "expect": [{"data_stream": "s", "data": {"value": 0.75, "type": "Double"}}],
            }
        ],
    )
    assert [result.difference for result in run_cases(made)] == [""]


def test_try_shows_the_stages_and_changes_nothing_by_looking_twice():
    made = mapping(changes={"value": "payload"}, sample={"every_secs": 10})
    text = explain([made], message(1)).render()
    assert "changes" in text
    assert "sample" in text
    assert "held" in text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"changes": {"deadband": "1 percent"}}, "changes.deadband"),
        ({"changes": {"deadband": -1}}, "changes.deadband"),
        ({"changes": {"key": "payload["}}, "changes.key"),
        ({"changes": {"value": "paylod.x"}}, "changes.value: unknown name 'paylod'"),
        ({"sample": {}}, "sample.every_secs"),
        ({"sample": {"every_secs": 0}}, "sample.every_secs"),
        ({"sample": {"every_secs": 1, "keep": "mean"}}, "`value`"),
        ({"sample": {"every_secs": 1, "value": "payload"}}, "`value`"),
        ({"sample": {"every_secs": 1, "keep": "mean", "value": "payload"}}, "sample.mean"),
        ({"transform": "sample.mean"}, "'sample' exists only with"),
        ({"sparkplug": {}}, "`sparkplug` is for"),
        ({"tests": [{"name": "n", "topic": "t", "payload": 1, "expect": [], "before": [{"topic": "u", "payload": 1}]}]},
         "tests[0].before[0].topic"),
    ],
)  # fmt: skip
def test_stage_with_invalid_options_is_refused_at_load(options, told):
    with pytest.raises(ConfigError) as caught:
        specification(**options)
    assert told in str(caught.value)


def test_scratch_covers_a_memory_and_leaves_it():
    beneath = OverlayState()
    beneath.put("a", b"1")
    beneath.put("b", b"2")
    above = OverlayState(beneath)
    above.put("c", b"3")
    above.forget("a")
    assert dict(above.items()) == {"b": b"2", "c": b"3"}
    assert (above.get("a"), above.get("b"), len(above)) == (None, b"2", 2)
    assert dict(beneath.items()) == {"a": b"1", "b": b"2"}


@pytest.mark.parametrize("section", ["changes: {at_least_every_secs", "sample: {every_secs"])
@given(secs=st.floats(0.001, 2_000_000))
@example(secs=604_800)
@example(secs=604_801)
def test_span_of_a_stage_has_up_to_seven_days(section, secs):
    option, name = section.split(": {")
    if secs <= 604_800:
        assert specification(**{option: {name: secs}})
    else:
        with pytest.raises(ConfigError, match=f"{option}.{name}"):
            specification(**{option: {name: secs}})
