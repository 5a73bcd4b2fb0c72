import pytest

from bridge.mapping.expressions.expression import compile_expression
from bridge.mapping.loading.name_checks import name_errors

NAMES = ("payload", "topic", "captures", "properties", "vars")
MEMBERS = {"captures": ("site", "line"), "properties": ("content_type",), "vars": ("total",), "payload": None}


def errors(text, names=NAMES, members=MEMBERS):
    return [(each.offset, each.message) for each in name_errors(compile_expression(text), names, members)]


@pytest.mark.parametrize(
    "text",
    [
        "payload.anything.x",
        "{a: captures.site, b: topic}",
        "payload[].{u: properties.unit, t: @.topic, s: $captures.site}",
        "let $x = payload in $x.y",
        "map(&$index, payload)",
        "payload.a - 1",
        'payload."flow-rate" - payload.b',
        "keys(@)",
        "vars.total || `null`",
    ],
)
def test_names_that_exist_are_no_error(text):
    assert errors(text) == []


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("paylod.a", 0, "unknown name 'paylod'; did you mean 'payload'?"),
        ("{a: temperature}", 4, "unknown name 'temperature'; fields of a message are written `payload.temperature`"),
        ("{status: topic || status}", 18, "unknown name 'status'; fields of a message are written `payload.status`"),
        ("{a: temp, b: temp}", 4, "unknown name 'temp'; fields of a message are written `payload.temp`"),
        ("record.a", 0, "'record' exists only in `partition_key_from`"),
        ("payload.x == True", 13, "unknown name 'True'; true is written in back quotes: `true`"),
    ],
)
def test_names_of_the_scope_that_do_not_exist_are_errors(text, offset, message):
    assert errors(text) == [(offset, message)]


@pytest.mark.parametrize(("name", "part"), [("sample", "`sample: {keep: mean}`"), ("vars", "a section `vars:`")])
def test_names_of_an_absent_section_are_errors_that_name_it(name, part):
    for text in (f"{name}.x", f"payload[].[${name}.x]"):
        ((_, message),) = errors(text, ("payload",), {})
        assert message.startswith(f"'{name}' exists only with")
        assert part in message


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("captures.sit", 9, "there is no 'captures.sit'; did you mean 'site'?"),
        ("captures.x", 9, "there is no 'captures.x'; the topic captures site, line"),
        ('captures."x-y"', 10, "there is no 'captures.x-y'; the topic captures site, line"),
        ("$captures.x", 10, "there is no 'captures.x'; the topic captures site, line"),
        ("vars.x", 5, "there is no 'vars.x' here; `vars` defines total before this expression"),
        ("topic || captures.x", 18, "there is no 'captures.x'; the topic captures site, line"),
    ],
)
def test_members_that_cannot_exist_are_errors_at_their_position(text, offset, message):
    assert errors(text) == [(offset, message)]


def test_members_of_an_empty_section_are_named_as_nothing():
    found = errors("[captures.x, vars.y]", members={"captures": (), "vars": ()})
    assert [message for _, message in found] == [
        "there is no 'captures.x'; the topic captures nothing",
        "there is no 'vars.y' here; `vars` defines nothing before this expression",
    ]


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("payload[].{t: topic}", 14, "'topic' is null here: after"),
        ("topic | payload[?t == topic]", 22, "'topic' is null here: after"),
        ("payload[].{s: captures.site}", 14, "'captures.site' is null here: after"),
        ("payload[].{c: properties.content_type}", 14, "'properties.content_type' is null here: after"),
        ("payload[?on == true]", 15, "true is written in back quotes: `true`"),
    ],
)
def test_names_inside_a_list_are_errors_if_they_mean_the_scope(text, offset, message):
    found = errors(text)
    assert found[0][0] == offset
    assert found[0][1].startswith(message)


def test_names_joined_by_a_hyphen_are_reported_once_and_complete():
    ((offset, message),) = errors("payload.flow-rate")
    assert (offset, message) == (
        8,
        "'flow-rate' subtracts; write spaces around the -, or \"flow-rate\" in double quotes for one name",
    )


def test_names_with_several_errors_are_all_reported():
    messages = [message for _, message in errors("{a: paylod.x, b: captures.x, c: $y, d: payload.a-b}")]
    assert [message.split(";")[0] for message in messages] == [
        "'a-b' subtracts",
        "unknown name 'paylod'",
        "there is no variable '$y'",
        "there is no 'captures.x'",
    ]


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("$paylod", 0, "there is no variable '$paylod'; did you mean '$payload'?"),
        ("[topic, $x, $xy]", 8, "there is no variable '$x'; `let $x = … in …` names a value"),
        ("[$xy, $x]", 6, "there is no variable '$x'; `let $x = … in …` names a value"),
        ("payload[].[$index]", 11, "'$index' exists only in the & expression of map()"),
    ],
)
def test_variables_that_do_not_exist_are_errors_at_their_position(text, offset, message):
    assert (offset, message) in errors(text)


def test_pairs_that_a_step_reads_flattened_are_errors():
    ((offset, message),) = errors("payload | items(@)[].[[0]]")
    assert (offset, message.split(",")[0]) == (10, "after this call")
