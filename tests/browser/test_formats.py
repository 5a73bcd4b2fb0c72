"""Formats of numbers and times on the page."""

import pytest

FORMATTED = {
    "seconds": {
        0: "0 s",
        0.0004: "0.40 ms",
        0.2: "200 ms",
        0.0205: "20.5 ms",
        1: "1.00 s",
        23: "23.0 s",
        77.2: "77.2 s",
    }
    | {0.9996: "1.00 s", 89.96: "90.0 s", 360: "6 min"},
    "rate": {0: "0", 0.003: "< 0.01", 0.033: "0.03", 0.5: "0.5", 9.96: "10", 100: "100", 1234: "1,234"},
    "bytes": {1: "1 byte", 200: "200 bytes", 1024: "1 KiB", 1536: "1.5 KiB", 1048500: "1.0 MiB", 10485760: "10 MiB"},
    "percent": {0: "0 %", 0.04: "0.0 %", 9.96: "10 %", 100: "100 %"},
    "duration": {0.2: "under 1 s", 100: "2 min", 7200: "2.0 h", 200_000: "2 days"},
    "short": {100: "100", 1200: "1.2K", 200_000: "200K"},
}


@pytest.fixture(scope="module")
def formatted(browser, plant):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{plant.url}static/icon.svg")
    yield lambda call, *values: page.evaluate(
        f"async (values) => {{ const format = await import('/static/format.js'); return {call}; }}", values
    )
    context.close()


def test_formats_keep_the_zeros_of_whole_numbers(formatted):
    for name, expected in FORMATTED.items():
        assert formatted(f"values.map(format.{name})", *expected) == list(expected.values()), name


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 20, 40, 60], ["0 s", "20 s", "40 s", "60 s"]),
        ([0, 0.5, 1], ["0 s", "500 ms", "1 s"]),
        ([0, 1.5, 3], ["0 s", "1.50 s", "3.00 s"]),
        ([0, 0.1, 0.2], ["0 s", "100 ms", "200 ms"]),
    ],
)
def test_ticks_of_an_axis_have_decimals_only_where_one_needs_them(formatted, values, expected):
    assert formatted("format.ticks(values, format.seconds)", *values) == expected
