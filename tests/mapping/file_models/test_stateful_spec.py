import math

import pytest
from pydantic import ValidationError

from bridge.mapping.file_models.stateful_spec import MAX_EVERY_SECS, ChangesSpec, SampleSpec, SparkplugSpec

VALID_SECS = [0.001, 1, 1.5, MAX_EVERY_SECS]
INVALID_SECS = [0, -1, MAX_EVERY_SECS + 1, math.nan, math.inf, True, "1"]


def fails(match, model, **values):
    with pytest.raises(ValidationError, match=match):
        model.model_validate(values)


@pytest.mark.parametrize("deadband", [0, 0.5, 100, "1%", "0.5%", "0%", "250%", {"a": 1, "b": "2%"}, {}])
def test_deadband_is_a_number_or_percentage_or_one_per_name(deadband):
    assert ChangesSpec.model_validate({"deadband": deadband}).deadband == deadband


@pytest.mark.parametrize(
    ("deadband", "problem"),
    [
        ("1", "neither a number nor a percentage"),
        ("-1%", "neither a number nor a percentage"),
        (".5%", "neither a number nor a percentage"),
        ("1%\n", "neither a number nor a percentage"),
        ("\N{ARABIC-INDIC DIGIT ONE}%", "neither a number nor a percentage"),
        ("9" * 310 + "%", "is not a finite number"),
        (-0.1, "is negative"),
        (math.nan, "is not a finite number"),
        (math.inf, "is not a finite number"),
        (True, "deadband"),
        ([1], "deadband"),
    ],
)
def test_deadband_that_sends_no_change_or_means_nothing_is_an_error(deadband, problem):
    fails(problem, ChangesSpec, deadband=deadband)
    fails(problem, ChangesSpec, deadband={"a": 1, "b": deadband})


@pytest.mark.parametrize("secs", VALID_SECS)
def test_secs_are_positive_and_at_most_a_week(secs):
    assert SampleSpec(every_secs=secs).every_secs == secs
    assert ChangesSpec(at_least_every_secs=secs).at_least_every_secs == secs


@pytest.mark.parametrize("secs", INVALID_SECS)
def test_secs_out_of_range_are_an_error(secs):
    fails("every_secs", SampleSpec, every_secs=secs)
    fails("at_least_every_secs", ChangesSpec, at_least_every_secs=secs)


@pytest.mark.parametrize(
    ("keep", "value"), [("first", None), ("last", None), ("mean", "payload"), ("min_max", "payload")]
)
def test_sample_value_belongs_to_mean_and_min_max(keep, value):
    other = "payload" if value is None else None
    assert SampleSpec(every_secs=1, keep=keep, value=value).keep == keep
    fails("belong together: one of them is missing", SampleSpec, every_secs=1, keep=keep, value=other)


def test_sample_keeps_the_last_message_by_default():
    assert SampleSpec(every_secs=1).keep == "last"
    fails("every_secs", SampleSpec)


@pytest.mark.parametrize("option", ["key", "value"])
def test_changes_with_an_empty_expression_are_an_error(option):
    fails(option, ChangesSpec, **{option: ""})


@pytest.mark.parametrize(
    ("secs", "valid"), [(1, True), (86_400, True), (0, False), (86_401, False), (True, False), (1.5, False)]
)
def test_rebirth_requests_are_at_most_a_day_apart(secs, valid):
    if valid:
        assert SparkplugSpec(rebirth_every_secs=secs).rebirth_every_secs == secs
    else:
        fails("rebirth_every_secs", SparkplugSpec, rebirth_every_secs=secs)
