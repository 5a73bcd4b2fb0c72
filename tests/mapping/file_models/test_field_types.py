import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from bridge.mapping.file_models.field_types import (
    DEFAULT_RECEIVED_AT,
    Base64,
    Qos,
    SpecSection,
    Text,
    Time,
    TopicName,
    exactly_one,
    one_of,
)


class Section(SpecSection):
    a: int | None = None
    b: str | None = None


def accepted(kind, value):
    try:
        return TypeAdapter(kind).validate_python(value) == value
    except ValidationError:
        return False


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"a": 1, "c": 2}, "Extra inputs"),
        ({"a": "1"}, "valid integer"),
        ({"a": True}, "valid integer"),
        ({"b": 1}, "valid string"),
    ],
)
def test_section_with_an_unknown_option_or_wrong_type_is_an_error(values, problem):
    with pytest.raises(ValidationError, match=problem):
        Section.model_validate(values)


def test_section_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Section(a=1).a = 2


@pytest.mark.parametrize("values", [{"a": 1}, {"b": "x"}, {"a": None}])
def test_exactly_one_option_may_be_null(values):
    exactly_one(Section.model_validate(values), "a", "b")


@pytest.mark.parametrize(
    ("values", "found"), [({}, "none of them is given"), ({"a": 1, "b": None}, "a and b are given")]
)
def test_exactly_one_option_is_required(values, found):
    with pytest.raises(ValueError, match=f"exactly one of 'a', 'b' is needed; {found}"):
        exactly_one(Section.model_validate(values), "a", "b")


def test_schema_rule_of_one_option_requires_each_alone():
    assert one_of("a", "b") == {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}


@given(st.binary())
def test_base64_of_any_bytes_is_accepted(data):
    assert accepted(Base64, base64.b64encode(data).decode())


@pytest.mark.parametrize("text", ["a", "abc", "YQ=", "YQ===", "Y Q=", "YQ==\n", "-_-_", "é", "=", "YQ==YQ=="])
def test_base64_with_other_characters_or_padding_is_an_error(text):
    assert not accepted(Base64, text)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (DEFAULT_RECEIVED_AT, True),
        ("2024-02-29T23:59:59.999+05:30", True),
        ("0001-01-01T00:00:00Z", True),
        ("9999-12-31T23:59:59Z", True),
        ("2024-01-01T00:00:00", False),
        ("2024-01-01", False),
        ("2023-02-29T00:00:00Z", False),
        ("2024-01-01T00:00:00 Europe/Vienna", False),
        ("1704067200", False),
        ("", False),
        ("0001-01-01T00:00:00+23:59", False),
        ("9999-12-31T23:59:59-00:01", False),
    ],
)
def test_time_needs_a_zone_and_a_year_from_1_to_9999_in_utc(text, valid):
    assert accepted(Time, text) is valid


@pytest.mark.parametrize(("value", "valid"), [("a", True), (" ", True), ("", False), (1, False), (None, False)])
def test_text_has_at_least_one_character(value, valid):
    assert accepted(Text, value) is valid


@pytest.mark.parametrize("value", [0, 1, 2])
def test_qos_from_0_to_2_is_accepted(value):
    assert accepted(Qos, value)


@pytest.mark.parametrize("value", [3, -1, True, False, "1", None, 1.5])
def test_qos_of_another_value_is_an_error(value):
    assert not accepted(Qos, value)


@pytest.mark.parametrize(
    ("topic", "valid"),
    [("a/b", True), ("/", True), ("$SYS/x", True), ("a/+", False), ("#", False), ("", False), ("a\0", False)],
)
def test_topic_name_of_a_message_has_no_wildcards(topic, valid):
    assert accepted(TopicName, topic) is valid
