"""Texts of durations, sizes and estimates for people."""

import pytest

from bridge.durations import approximate, duration, estimate, pluralize, size_text


@pytest.mark.parametrize(
    ("secs", "text"), [(0, "0 s"), (59, "59 s"), (252, "4.2 min"), (7_200, "2.0 h"), (500_601_600, "5794.0 d")]
)
def test_duration_has_the_largest_unit_that_it_reaches(secs, text):
    assert duration(secs) == text


@pytest.mark.parametrize(
    ("secs", "text"), [(7_200, "2.0 h"), (31_449_600, "364.0 d"), (500_601_600, "more than a year")]
)
def test_estimate_of_years_has_no_figure(secs, text):
    assert estimate(secs) == text


@pytest.mark.parametrize(("number", "text"), [(7_950_595, "8,000,000"), (3_975, "4,000"), (41.2, "41"), (0.374, "0.4")])
def test_approximate_number_has_the_digits_that_matter(number, text):
    assert approximate(number) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1_023, "1,023 bytes"), (1_023.9, "1.0 KiB"), (1_300_000, "1.2 MiB"), (15_400_000, "15 MiB")],
)
def test_size_text_is_rounded_as_on_the_page(size, text):
    assert size_text(size) == text


def test_pluralize_knows_one():
    assert [pluralize(number, "dead letter") for number in (0, 1, 1_000)] == [
        "0 dead letters",
        "1 dead letter",
        "1,000 dead letters",
    ]
