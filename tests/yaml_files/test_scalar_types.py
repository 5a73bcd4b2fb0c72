import math

import pytest

from bridge.yaml_files.scalar_types import resolve


@pytest.mark.parametrize("text", ["yes", "no", "on", "off", "On", "NO", "y", "n", "tRue"])
def test_booleans_are_only_true_and_false(text):
    assert resolve(text) == text


@pytest.mark.parametrize(
    "text",
    ["12:30", "1:30:00", "012", "00", "-07", "1_000", "2024-01-01", "2024-01-01T00:00:00Z", "0b1", "1.2.3", "1e", "."],
)
def test_text_that_other_readers_convert_stays_text(text):
    assert resolve(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("FALSE", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("0", 0),
        ("-17", -17),
        ("+3", 3),
        ("18446744073709551615", 2**64 - 1),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("-2.5e-3", -0.0025),
        ("0.1", 0.1),
        ("-.inf", -math.inf),
    ],
)
def test_numbers_booleans_and_null_are_those_of_yaml_1_2(text, value):
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_nan_is_a_number():
    assert math.isnan(resolve(".nan"))


def test_digits_without_end_do_not_stop_the_reader():
    assert resolve("9" * 1_000_000) == math.inf
