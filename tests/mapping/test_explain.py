import pytest

from bridge.mapping.explain import explain
from tests.mapping.builders import applied, mapping, message

PRESS = {
    "topic": "f/{site}/{machine}/t",
    "where": "payload.on",
    "transform": "{ m: captures.machine,\n  v: payload.v }",
    "outputs": [
        {"data_stream": "a", "partition_key": "k"},
        {"data_stream": "b"},
        {"data_stream": "c", "partition_key_from": "payload.key"},
    ],
}


def lines(sent, **options):
    return explain([mapping("press", **options)], sent).render().splitlines()


def test_message_is_followed_to_its_records():
    assert lines(message({"on": True, "v": 1, "key": "x"}, "f/pdx/p1/t"), **PRESS) == [
        "press:",
        "  topic        f/{site}/{machine}/t (subscribed as f/+/+/t, QoS 1)",
        "  captures     site = pdx, machine = p1",
        '  payload      (json) {"on":true,"v":1,"key":"x"}',
        "  where        payload.on -> true",
        '  transform    { m: captures.machine, v: payload.v } -> {"m":"p1","v":1}',
        '  record       a, key \'k\', 16 bytes: {"m":"p1","v":1}',
        '  record       b, spread over all shards, 16 bytes: {"m":"p1","v":1}',
        '  key          payload.key -> "x"',
        '  record       c, key \'x\', 16 bytes: {"m":"p1","v":1}',
    ]


def test_filtered_message_shows_what_where_gave():
    assert lines(message({"v": 1}, "f/pdx/p1/t"), **PRESS)[-2:] == [
        "  where        payload.on -> null",
        "  filtered     nothing is sent",
    ]


def test_retained_message_that_is_skipped_reports_it():
    assert lines(message(1, retain=True), retained="skip")[-2:] == [
        "  retained     skip: the message was retained by the broker",
        "  filtered     nothing is sent",
    ]


def test_partial_failure_shows_records_and_the_reason():
    found = lines(message({"on": True, "v": 1}, "f/pdx/p1/t"), **PRESS)
    assert [line.split()[0] for line in found[-3:]] == ["record", "record", "dead"]
    assert found[-1] == (
        "  dead letter  partition_key: partition_key_from: returned null; a key is text or a number (nothing for c)"
    )


def test_payload_that_cannot_be_read_shows_why():
    found = lines(message(b"{", "f/pdx/p1/t"), **PRESS)
    assert found[-1].startswith("  dead letter  decode: not JSON: ")
    assert found[-1].endswith("(nothing for a, b, c)")


def test_expression_that_fails_shows_why():
    found = lines(message("x"), transform="abs(payload)")
    assert found[-1].startswith("  dead letter  transform: abs()")


def test_failed_item_is_numbered():
    found = lines(message([1, None]), transform="payload", each=True)
    assert found[-2] == "  record       s, spread over all shards, 1 byte: 1"
    assert found[-1].endswith("(nothing for s, item 1)")


@pytest.mark.parametrize(
    ("pattern", "topic", "why"),
    [
        ("f/{site}/t", "f/pdx/s", "level 3 is 's'; the pattern has 't'"),
        ("f/{site}/t", "f/pdx", "the topic ends after level 2; the pattern continues with 't'"),
        ("f/{site}", "f/pdx/t", "the pattern ends after level 2; the topic continues with 't'"),
        ("{all...}", "$SYS/x", "wildcards at the beginning do not match '$SYS': topics with $ are the broker's own"),
    ],
)
def test_topic_that_does_not_match_shows_the_level_that_differs(pattern, topic, why):
    found = lines(message(1, topic), topic=pattern)
    assert found[:3] == ["press:", f"  topic        {pattern}", f"  no match     {why}"]
    assert found[-1] == f"no mapping matches the topic '{topic}': the bridge does not receive such messages"


def test_mappings_that_do_not_match_are_only_named_if_another_does():
    explanation = explain([mapping("a", topic="x"), mapping("b", topic="y"), mapping("c", topic="z")], message(1, "y"))
    assert explanation.matched
    assert [each.name for each in explanation.mappings] == ["b", "a", "c"]
    assert explanation.mappings[1].mapped is None
    assert explanation.render().splitlines()[-1] == "the topic does not match: a, c"


def test_explain_without_a_match_lists_the_nearest_mapping_first():
    topics = {"a": "q/w/e", "b": "f/pdx/p1/s", "c": "f/x"}
    explanation = explain([mapping(name, topic=topic) for name, topic in topics.items()], message(1, "f/pdx/p1/t"))
    assert [each.name for each in explanation.mappings] == ["b", "c", "a"]
    assert explanation.render().startswith(
        "b:\n  topic        f/pdx/p1/s\n  no match     level 4 is 't'; the pattern has"
    )


def test_long_values_are_cut():
    found = lines(message(b"\xff" * 5000), payload="bytes")
    assert found[2].startswith("  payload      (bytes) [255,255,")
    assert found[2].endswith("characters)")
    assert found[3].startswith("  record       s, spread over all shards, 5,000 bytes: \\xff\\xff")
    assert len(found[3]) < 4_200


def test_explanation_escapes_control_characters():
    text = explain([mapping(topic="{t}", payload="bytes")], message(b"\x1b[31m\r\n", "a\x1b[2J")).render()
    assert "\\x1b[31m\\r\\n" in text
    assert "t = a\\x1b[2J" in text
    assert all(line.isprintable() for line in text.splitlines())


EXPLAINED = [
    {},
    {"where": "payload.a > `1`"},
    {"transform": "payload.a", "outputs": [{"data_stream": "s", "partition_key_from": "payload.k"}]},
    {"transform": "payload.a", "outputs": [{"data_stream": "s"}, {"data_stream": "t", "envelope": True}]},
    {"transform": "payload.a", "each": True},
    {"payload": "bytes"},
    {"compression": "auto", "transform": "{b: payload.b, at: received_at}"},
    {"changes": {"value": "payload.a"}, "where": "payload"},
    {"sample": {"every_secs": 10, "keep": "mean", "value": "payload.a"}, "transform": "{mean: sample.mean}"},
]
PAYLOADS = [b"", b"{", b"null", b"[]", b'{"a":1}', b'{"a":[1,null],"k":5}', b'{"a":2,"b":"x","k":""}']


@pytest.mark.parametrize("options", EXPLAINED)
def test_explanation_of_a_message_has_the_result_of_apply(options):
    one, other = mapping(**options), mapping(**options)
    for sent in map(message, PAYLOADS * 2):
        [explained] = explain([one], sent).mappings
        assert explained.mapped == applied(other, sent)


def test_explanation_of_a_mapping_with_state_changes_it_like_apply():
    made = mapping(changes={}, transform="payload")
    first, second = (explain([made], message(1)).render() for _ in range(2))
    assert "  changes      sent, and stored as 'changes t'" in first
    assert second.splitlines()[-2:] == [
        "  changes      the value has not changed enough since the last message sent",
        "  filtered     nothing is sent",
    ]
