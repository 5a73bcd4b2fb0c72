import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import TransformError
from bridge.mapping.expressions.expression import ExpressionError, compile_expression


def search(text, **scope):
    return compile_expression(text).search(scope)


def failure(text, **scope):
    with pytest.raises(TransformError) as caught:
        search(text, **scope)
    return caught.value.detail


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("iso_time(`0`)", "1970-01-01T00:00:00.000Z"),
        ("iso_time(`-1`)", "1969-12-31T23:59:59.999Z"),
        ("iso_time(`1700000000000.9`)", "2023-11-14T22:13:20.000Z"),
        ("iso_time(`1688212800000`, 'America/New_York')", "2023-07-01T08:00:00.000-04:00"),
        ("iso_time(`1700000000000`, 'Asia/Kolkata')", "2023-11-15T03:43:20.000+05:30"),
        ("epoch_ms('1970-01-01T00:00:00.001Z')", 1),
        ("epoch_ms('2023-11-14T22:13:20.123456789Z')", 1700000000123),
        ("epoch_ms('2023-11-14T23:13:20+01:00')", 1700000000000),
        ("epoch_ms('2023-11-14T23:13:20+01:00', 'Asia/Tokyo')", 1700000000000),
        ("epoch_ms('2023-11-14T23:13:20', 'Europe/Berlin')", 1700000000000),
        ("parse_time('20231114 221320 +0000', '%Y%m%d %H%M%S %z')", 1700000000000),
        ("parse_time('14/11/23 10:13:20 PM', '%d/%m/%y %I:%M:%S %p', 'UTC')", 1700000000000),
    ],
)
def test_times(text, result):
    assert search(text) == result


def test_ambiguous_local_time_is_the_earlier_one():
    assert search("epoch_ms('2023-10-29T02:30:00', 'Europe/Berlin')") == search("epoch_ms('2023-10-29T00:30:00Z')")


def test_skipped_local_time_is_read_with_the_offset_before():
    assert search("epoch_ms('2023-03-26T02:30:00', 'Europe/Berlin')") == search("epoch_ms('2023-03-26T01:30:00Z')")


@given(milliseconds=st.integers(-62_135_596_800_000, 253_402_300_799_999), zone=st.sampled_from(["UTC", "Asia/Tokyo"]))
def test_iso_time_and_parse_time_are_inverse(milliseconds, zone):
    if zone == "UTC" or abs(milliseconds) < 2**47:
        assert search("epoch_ms(iso_time(m, z))", m=milliseconds, z=zone) == milliseconds


@pytest.mark.parametrize("milliseconds", [10**18, -(10**18), 1e300])
def test_years_past_9999_are_an_error(milliseconds):
    assert "outside the years 1 to 9999" in failure("iso_time(m)", m=milliseconds)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("epoch_ms(t)", "'yesterday' is no ISO 8601 time"),
        ("epoch_ms('2023-11-14T23:13:20')", "has no offset"),
        ("parse_time(t, '%d.%m.%Y', 'UTC')", "'yesterday' is not written as '%d.%m.%Y'"),
        ("iso_time(`0`, t)", "'yesterday' is no IANA time zone"),
        ("epoch_ms('2023-11-14', t)", "'yesterday' is no IANA time zone"),
        ("iso_time(`0`, '../etc')", "no IANA time zone"),
    ],
)
def test_time_that_cannot_be_parsed_is_an_error(text, reason):
    if "../" in text:
        with pytest.raises(ExpressionError, match=reason):
            compile_expression(text)
        return
    assert reason in failure(text, t="yesterday")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("parse_time(t, '%d.%m.%Y')", "has no %z"),
        ("parse_time(t, '%Q', 'UTC')", "bad directive"),
        ("parse_time(t, '%Y %Y', 'UTC')", "occurs more than once"),
        ("parse_time(t, '%c %Y', 'UTC')", "occurs more than once"),
        ("iso_time(t, 'localtime')", "no IANA time zone"),
        ("parse_time(t, '%d', 'Nowhere')", "no IANA time zone"),
        ("epoch_ms(t, 'America')", "no IANA time zone"),
    ],
)
def test_wrong_pattern_or_zone_is_an_error_of_the_mapping(text, reason):
    with pytest.raises(ExpressionError, match=reason):
        compile_expression(text)


def test_milliseconds_are_those_of_the_calendar():
    moment = datetime(2026, 2, 28, 23, 59, 59, 999000, tzinfo=UTC)
    assert search("iso_time(m)", m=round(moment.timestamp() * 1000)) == "2026-02-28T23:59:59.999Z"


@pytest.fixture(params=["UTC", "America/Chicago", "Asia/Shanghai"])
def _host_zone(request, monkeypatch):
    """Set the zone of this machine, which must not matter."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_host_zone")
@pytest.mark.parametrize("name", ["UTC", "GMT", "Z", "utc"])
def test_zone_name_in_a_text_is_read_and_not_ignored(name):
    call = f"parse_time('2020-06-08 14:38:22 {name}', '%Y-%m-%d %H:%M:%S %Z', 'Europe/Berlin')"
    assert compile_expression(call).search({}) == 1_591_627_102_000
    assert compile_expression(call.replace(", 'Europe/Berlin'", "")).search({}) == 1_591_627_102_000


@pytest.mark.usefixtures("_host_zone")
@pytest.mark.parametrize("name", ["CST", "CDT", "CET", "EST"])
def test_zone_name_that_means_several_zones_is_an_error(name):
    with pytest.raises(TransformError, match="is not written as"):
        compile_expression("parse_time(t, '%Y-%m-%d %Z', 'UTC')").search({"t": f"2020-06-08 {name}"})


def test_percent_sign_before_a_z_is_no_zone_name():
    assert compile_expression("parse_time('2020 %Z', '%Y %%Z', 'UTC')").search({}) == 1_577_836_800_000


@pytest.mark.parametrize("pattern", ["%H:%M", "%d.%m. %H:%M:%S", "%j"])
def test_pattern_without_a_year_is_an_error_of_the_mapping(pattern):
    with pytest.raises(ExpressionError, match="has no year"):
        compile_expression(f"parse_time(payload, '{pattern}', 'UTC')")
    with pytest.raises(TransformError, match="has no year"):
        compile_expression("parse_time(t, p, 'UTC')").search({"t": "1", "p": pattern})


@pytest.mark.parametrize("text", ["2023-11-14t22:13:20z", "2023-11-14T22:13:20z", "2023-11-14t22:13:20.000+00:00"])
def test_lower_case_characters_of_rfc_3339_are_read(text):
    assert compile_expression("epoch_ms(t)").search({"t": text}) == 1_700_000_000_000


@pytest.mark.parametrize(
    ("pattern", "reason"), [("%Y%Y", "is not written as"), ("%Y" + "x" * 255, "longer than 256 characters")]
)
def test_pattern_of_a_message_that_cannot_be_used_is_reported(pattern, reason):
    with pytest.raises(TransformError, match=reason):
        compile_expression("parse_time(t, p, 'UTC')").search({"t": "2020", "p": pattern})


def test_patterns_of_one_message_are_bounded():
    parse = compile_expression("p[*].parse_time(t, f, 'UTC')").search

    def payload(patterns, times=1):
        return {"p": [{"t": f"2020 {number}", "f": f"%Y {number}"} for number in range(patterns)] * times}

    assert len(parse(payload(10, times=1_000))) == 10_000  # each is compiled once
    assert len(parse(payload(1_000))) == 1_000
    with pytest.raises(TransformError, match="for this message"):
        parse(payload(6_000))
    assert len(parse(payload(1_000))) == 1_000  # the work of a message ends with it


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2016-12-31t23:59:60.5z", "2017-01-01T00:00:00.5Z"),
        ("20170101T005960+0100", "2017-01-01T00:00:00Z"),
        ("2017-01-01T05:29:60+05:30", "2017-01-01T00:00:00Z"),
        ("2024-01-31T24:00:00Z", "2024-02-01T00:00:00Z"),
        ("2024-01-31 24:00:00.000+02:00", "2024-02-01T00:00:00+02:00"),
        ("20240131T2400Z", "2024-02-01T00:00:00Z"),
    ],
)
def test_leap_second_and_end_of_a_day_are_the_time_that_follows(text, same):
    assert search(f"epoch_ms('{text}')") == search(f"epoch_ms('{same}')")


@pytest.mark.parametrize(
    "text", ["2016-12-31T23:58:60Z", "2016-12-31T23:59:61Z", "2024-01-31T24:00:01Z", "2024-01-31T24:30Z"]
)
def test_second_60_and_hour_24_elsewhere_are_no_time(text):
    assert "is no ISO 8601 time" in failure(f"epoch_ms('{text}', 'UTC')")
