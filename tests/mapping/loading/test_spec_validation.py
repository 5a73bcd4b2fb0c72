import pytest

from bridge.errors import ConfigError
from bridge.mapping.loading.spec_validation import read_specification
from tests.mapping.builders import document

OUTPUTS = "outputs: [{data_stream: s}]"


def problems(text):
    with pytest.raises(ConfigError) as caught:
        read_specification(document(text))
    return caught.value.problems


def first(text):
    (problem,) = problems(text)
    return problem.line, problem.column, problem.path, problem.message


def test_broken_expression_is_shown_with_a_caret():
    line, column, path, message = first(f"topic: t\nwhere: payload.a ==== `1`\n{OUTPUTS}")
    assert (line, path) == (2, "where")
    assert column >= 8
    assert "^" in message
    assert "payload.a ==== `1`" in message


def test_place_in_a_block_is_exact():
    text = f"topic: t\ntransform: |\n  {{ a: payload.a,\n    b: paylod.b }}\n{OUTPUTS}"
    line, column, path, message = first(text)
    assert (line, column, path) == (4, 8, "transform")
    assert "unknown name 'paylod'; did you mean 'payload'?" in message


def test_place_in_one_line_is_exact():
    assert first(f"topic: t\nwhere: 'payload.a && capture.b'\n{OUTPUTS}")[:3] == (2, 22, "where")


def test_place_in_an_output_is_exact():
    text = "topic: t\noutputs:\n  - data_stream: s\n    partition_key_from: recrd.a"
    line, column, path, message = first(text)
    assert (line, column, path) == (4, 25, "outputs[0].partition_key_from")
    assert "did you mean 'record'?" in message


def test_record_is_not_there_before_it_is_made():
    assert "exists only in `partition_key_from`" in first(f"topic: t\ntransform: record.a\n{OUTPUTS}")[3]


def test_field_of_the_message_is_not_a_name():
    message = first(f"topic: t\nwhere: temperature\n{OUTPUTS}")[3]
    assert "fields of a message are written `payload.temperature`" in message


def test_problems_of_form_and_of_expressions_come_together():
    found = problems(
        "topic: a#\nwhere: '['\ntransform: ')'\nnonsense: 1\noutputs: [{data_stream: s, partition_key_from: '&'}]"
    )
    assert {problem.path for problem in found} == {
        "topic",
        "where",
        "transform",
        "nonsense",
        "outputs[0].partition_key_from",
    }


@pytest.mark.parametrize(
    "text", ["5", "[]", "topic: t\noutputs: x", "topic: t\noutputs: [x]", "topic: t\nwhere: {a: 1}"]
)
def test_file_of_any_form_gives_problems_and_no_crash(text):
    assert problems(text)


def test_option_each_without_a_transform_is_refused():
    assert first(f"topic: t\neach: true\n{OUTPUTS}")[:3] == (2, 1, "each")


def test_test_whose_topic_does_not_match_is_named():
    text = f"topic: t/+\n{OUTPUTS}\ntests:\n  - name: x\n    topic: u/1\n    payload: 1\n    expect: filtered"
    assert first(text) == (5, 5, "tests[0].topic", "the mapping's topic 't/+' does not match this topic")


def test_test_whose_payload_is_none_of_the_format_is_named():
    case = "  - name: x\n    topic: t\n    payload: [1]\n    expect: filtered"
    text = f"topic: t\npayload: number\n{OUTPUTS}\ntests:\n{case}"
    assert first(text)[:3] == (7, 5, "tests[0].payload")


@pytest.mark.parametrize(
    ("transform", "name"),
    [
        ("payload.items[].{v: value, t: payload.ts}", "payload"),
        ("payload.items[].{v: value, t: received_at}", "received_at"),
        ("payload.items[*].[value, topic]", "topic"),
        ("map(&{v: @, m: mapping}, payload)", "mapping"),
        ("payload.items[?level > levels]", "levels"),
        ("payload | {q: qos}", "qos"),
        ("payload.{r: retain}", "retain"),
        ("payload.items[].add(value, received_at_ms)", "received_at_ms"),
        ("payload.*.{t: topic}", "topic"),
    ],
)
def test_name_of_the_scope_inside_a_list_is_an_error(transform, name):
    line, _, path, message = first(f"topic: t\ntransform: '{transform}'\neach: true\n{OUTPUTS}")
    assert (line, path) == (2, "transform")
    assert f"'{name}' is null here" in message
    assert f"write ${name}, or @.{name}" in message


@pytest.mark.parametrize(
    "transform",
    [
        "payload.topic",
        "payload[].topic",
        "payload.items[*].payload.received_at",
        "payload[].{t: @.topic, p: properties.unit}",
        "sort_by(payload, &received_at)",
        "{t: topic, p: payload.items[].value}",
        "payload.items[*].merge({t: $topic}, @)",
        "payload.items[?value > `1`] | [0].topic",
    ],
)
def test_member_with_a_name_of_the_scope_is_read_where_it_is_meant(transform):
    read_specification(document(f"topic: t\ntransform: '{transform}'\n{OUTPUTS}"))


@pytest.mark.parametrize(
    ("transform", "column"),
    [
        ("items(payload)[].{n: [0]}", 13),
        ("payload.o | items(@)[].[[1]]", 25),
        ("map(&zip(t, v)[].{t: [0]}, payload)", 18),
    ],
)
def test_pairs_that_are_flattened_before_they_are_read_are_an_error(transform, column):
    line, found, path, message = first(f"topic: t\ntransform: '{transform}'\n{OUTPUTS}")
    assert (line, found, path) == (2, column, "transform")
    assert "[] flattens its pairs, so that [0] and [1] are null; write [*]" in message


@pytest.mark.parametrize("transform", ["items(payload)[]", "items(payload)[*].{n: [0]}", "keys(payload)[].a"])
def test_pairs_that_are_not_read_may_be_flattened(transform):
    read_specification(document(f"topic: t\ntransform: '{transform}'\n{OUTPUTS}"))


@pytest.mark.parametrize(
    ("transform", "column", "said"),
    [
        ("payload.flow-rate", 21, "'flow-rate' subtracts"),
        ("payload[].{n: sensor-1}", 27, "'sensor-1' subtracts"),
        ("$paylod.x", 13, "there is no variable '$paylod'; did you mean '$payload'?"),
        ("payload[].{t: $t}", 27, "there is no variable '$t'; `let $t = … in …` names a value"),
        ("payload[].{i: $index}", 27, "'$index' exists only in the & expression of map()"),
        ("payload[?on == true].n", 28, "true is written in back quotes: `true`"),
        ("payload[].{n: null}", 27, "null is written in back quotes: `null`"),
        ("{r: $record}", 17, "'record' exists only in `partition_key_from`"),
        ("payload[].{s: $captures.site}", 37, "there is no 'captures.site'; the topic captures nothing"),
    ],
)
def test_variable_or_hyphen_that_cannot_be_meant_is_an_error(transform, column, said):
    line, found, path, message = first(f"topic: t\ntransform: '{transform}'\n{OUTPUTS}")
    assert (line, found, path) == (2, column, "transform")
    assert message.startswith(said)


@pytest.mark.parametrize("transform", ["payload.a - 1", "payload.a -1", "$payload.a-$payload.b", 'payload."a-b" - 2'])
def test_subtraction_with_spaces_or_variables_is_no_error(transform):
    read_specification(document(f"topic: t\ntransform: '{transform}'\n{OUTPUTS}"))


@pytest.mark.parametrize(
    "key", ["where", "transform", "csv", "changes", "sample", "sparkplug", "compression", "qos", "each"]
)
def test_key_with_nothing_after_it_is_an_error(key):
    found = problems(f"topic: t\n{key}:\n{OUTPUTS}")
    assert (2, "this key has no value; add one, or remove the key") in [(each.line, each.message) for each in found]


@pytest.mark.parametrize(("section", "key"), [("changes", "value"), ("sample", "key"), ("outputs", "partition_key")])
def test_option_with_nothing_after_it_is_an_error(section, key):
    text = f"topic: t\n{OUTPUTS}\n{section}:\n  {key}:\n  every_secs: 1\n"
    if section == "outputs":
        text = f"topic: t\noutputs:\n  - data_stream: s\n    {key}:\n"
    assert any("this key has no value" in each.message for each in problems(text))


def test_name_inside_a_list_is_an_error_beside_its_variable_too():
    text = f"topic: a/{{site}}\ntransform: 'payload[].{{a: captures.site, b: $captures.site}}'\n{OUTPUTS}"
    assert first(text)[3].startswith("'captures.site' is null here")
