import pytest
from pydantic import ValidationError

from bridge.mapping.file_models.selftest_spec import ExpectedRecord, PriorMessage, SelfTestSpec

CASE = {"name": "x", "topic": "t", "payload": 1}


def case(**values):
    return SelfTestSpec.model_validate(CASE | values)


def fails(match, model, values):
    with pytest.raises(ValidationError, match=match):
        model.model_validate(values)


@pytest.mark.parametrize("data", [{"data": None}, {"data": [1]}, {"data_text": ""}, {"data_base64": "AA=="}])
def test_expected_record_has_its_data_in_one_form(data):
    record = ExpectedRecord.model_validate({"data_stream": "s"} | data)
    assert record.partition_key is None
    fails("exactly one of", ExpectedRecord, {"data_stream": "s"} | data | {"data": 1, "data_text": "x"})


def test_expected_record_without_data_or_with_invalid_data_is_an_error():
    fails("none of them is given", ExpectedRecord, {"data_stream": "s"})
    fails("is not base64", ExpectedRecord, {"data_stream": "s", "data_base64": "A"})
    fails("data_text", ExpectedRecord, {"data_stream": "s", "data_text": 1})


@pytest.mark.parametrize("payload", [{"payload": None}, {"payload_text": ""}, {"payload_base64": ""}])
def test_prior_message_has_its_payload_in_one_form(payload):
    assert PriorMessage.model_validate({"topic": "t"} | payload).qos is None
    fails("exactly one of", PriorMessage, {"topic": "t"})
    fails("exactly one of", PriorMessage, {"topic": "t", "payload": 1, "payload_text": "1"} | payload)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2024-01-01T00:00:00.0015Z", 1_704_067_200_002),
        ("2024-01-01T01:00:00+01:00", 1_704_067_200_000),
        ("1969-12-31T23:59:59.999Z", -1),
    ],
)
def test_prior_message_has_its_receive_time_in_milliseconds(text, milliseconds):
    assert PriorMessage(topic="t", payload=1, received_at=text).received_at_ms == milliseconds


def test_prior_message_has_a_fixed_receive_time_and_is_not_retained():
    message = PriorMessage(topic="t", payload=1)
    assert (message.received_at_ms, message.retain, message.properties) == (1_704_067_200_000, False, {})


@pytest.mark.parametrize("code", ["decode", "transform", "partition_key", "too_large", "internal"])
def test_expectation_of_a_dead_letter_has_a_code_of_a_mapping(code):
    assert case(expect={"dead_letter": code}).expect.dead_letter == code


@pytest.mark.parametrize(
    "expect",
    [None, "sent", {"dead_letter": "poison"}, {}, {"data_stream": "s", "data": 1}, [{"dead_letter": "decode"}], 5],
)
def test_expectation_of_another_form_is_an_error(expect):
    fails("expect", SelfTestSpec, CASE | {"expect": expect})


def test_expectation_may_be_filtered_or_a_list_of_records():
    assert case(expect="filtered").expect == "filtered"
    assert [each.data for each in case(expect=[{"data_stream": "s", "data": n} for n in (1, 2)]).expect] == [1, 2]


def test_selftest_has_its_earlier_messages_in_order():
    before = ({"topic": "t", "payload": 2}, {"topic": "t", "payload_text": "3"})
    assert [each.payload for each in case(before=before, expect="filtered").before] == [2, None]
    fails("before", SelfTestSpec, CASE | {"before": (CASE | {"expect": "filtered"},), "expect": "filtered"})


@pytest.mark.parametrize("wrong", [{"name": ""}, {"topic": "t/+"}, {"qos": 3}, {"retain": 1}, {"received_at": "noon"}])
def test_selftest_with_an_invalid_option_is_an_error(wrong):
    fails(next(iter(wrong)), SelfTestSpec, CASE | {"expect": "filtered"} | wrong)
