"""Functions for times. A time is a number of milliseconds since 1970 (UTC), or a text.

Kinesis and most PLC gateways use milliseconds since 1970. Zones are IANA names ("Europe/Berlin"). In autumn, when the
clock is set back, a local time can occur twice. The functions then use the earlier time. In spring, when the clock is
set forward, a local time can be skipped. The functions then use the offset before the change. No function reads the
system clock.
"""

from __future__ import annotations

import re
import zoneinfo
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.expressions.functions.function import Binding, Function, Parameter

if TYPE_CHECKING:
    from collections.abc import Callable

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
# Matches one directive of a pattern, or the text between two directives.
_PARTS: Final = re.compile(r"%.|[^%]+|%", re.DOTALL)
# Characters of the directives that contain a year: https://docs.python.org/3/library/datetime.html#format-codes
_YEARS: Final = frozenset("YyGcx")
_NO_YEAR: Final = "'{pattern}' has no year (%Y or %y), so it is no time since 1970"
# Zone names that %Z accepts, in upper or lower case. Unlike other abbreviations, these names have the same meaning
# everywhere.
_UTC_NAMES: Final = ("UTC", "GMT", "Z")
MAX_PATTERN_CHARS: Final = 256
"""Maximum length of a pattern of `parse_time`. The time for compiling a pattern is proportional to its length."""
# Number of steps that a new pattern in a message counts as work. Compiling a pattern takes about 100 µs.
_PATTERN_STEPS: Final = 400
# Number of patterns from messages in the cache. A cached pattern does not count as work again.
_STORED_PATTERNS: Final = 64
# Maximum number of zones in the cache. There are fewer IANA names, so the file of a zone is read only once. Reading the
# file takes about 100 µs.
_STORED_ZONES: Final = 1_000
_TEXT = Parameter("text", ("string",))
_ZONE = Parameter("zone", ("string",))


@lru_cache(_STORED_ZONES)
def _zone(name: str) -> tzinfo:
    """Return the time zone with this IANA name. Raise ValueError if the name is unknown."""
    if name == "UTC":
        return UTC
    try:
        # On some machines, the folder of zones contains a file "localtime" with the zone of the machine. `localtime` is
        # not an IANA name, and would make results depend on the machine.
        return zoneinfo.ZoneInfo(name if name != "localtime" else "")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"'{name[:40]}' is no IANA time zone") from error


def _iso(epoch_ms: Any, zone: tzinfo) -> str:
    """Return a time as RFC 3339 text with milliseconds. Raise ValueError outside the years 1 to 9999."""
    try:
        # Adding to the epoch is exact. `fromtimestamp` would round, because its argument is a float, and its range
        # depends on the platform.
        moment = (_EPOCH + timedelta(milliseconds=epoch_ms // 1)).astimezone(zone)
    except (OverflowError, ValueError) as error:
        raise ValueError("the time is outside the years 1 to 9999") from error
    # In UTC, the text ends in +00:00. Replace this by Z, the usual form.
    text = moment.isoformat(timespec="milliseconds")
    return text[:-6] + "Z" if zone is UTC else text


def _iso_time(epoch_ms: Any, zone: str = "UTC") -> str:
    return _iso(epoch_ms, _zone(zone))


def _bind_iso_time(binding: Binding) -> Callable[..., Any]:
    """Return `iso_time` for a literal zone, which is looked up only once. Raise ValueError for an unknown zone."""
    name = binding.literal(1, "UTC")
    if type(name) is not str:
        return _iso_time
    zone = _zone(name)
    return lambda epoch_ms, *_: _iso(epoch_ms, zone)


# Matches a time in a leap second, which has the second 60. In UTC, a leap second is always at the end of minute 59. In
# zones such as +05:30 or +05:45, this is the end of minute 29, 44 or 14.
_LEAP_SECOND: Final = re.compile(r"(.{8,10}[T ]\d\d:?(?:14|29|44|59):?)60(.*)", re.ASCII)
# Matches the time 24:00.
_END_OF_DAY: Final = re.compile(r"(.{8,10}[T ])24(:?00(?::?00)?(?:[.,]0+)?(?:[^\d:.,].*)?)\Z", re.ASCII)


def _milliseconds(moment: datetime, zone: tzinfo | None) -> int:
    """Return a time in milliseconds since 1970. If the time has no offset, it is a local time of `zone`.

    Raise ValueError if the time has no offset and `zone` is None.
    """
    if moment.tzinfo is None:
        if zone is None:
            raise ValueError("the time has no offset (Z, +01:00); give a zone")
        # `fold` is 0 here. So if a time occurs twice, Python uses the earlier one. For a skipped time, it uses the
        # offset before the change.
        moment = moment.replace(tzinfo=zone)
    return (moment - _EPOCH) // _MILLISECOND


def _epoch_ms(text: str, zone: str | None = None) -> int:
    return _milliseconds(_from_iso(text), _zone(zone) if zone is not None else None)


def _from_iso(text: str) -> datetime:
    """Return the time in an ISO 8601 text. Raise ValueError for any other text."""
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        with suppress(ValueError):
            return _unusual(text.upper())
        raise ValueError(f"'{text[:40]}' is no ISO 8601 time") from error


def _unusual(text: str) -> datetime:
    """Parse a time in a form that some versions of Python's `datetime` do not support. Raise ValueError.

    RFC 3339 allows a lower-case t and z, and the second 60 for a leap second (sections 5.6 and 5.7). ISO 8601 allows
    24:00 for the end of a day.
    """
    leap = _LEAP_SECOND.match(text)
    if leap:
        # `datetime` has no second 60. In Unix time, a leap second has the same number as the next second.
        return datetime.fromisoformat(f"{leap[1]}59{leap[2]}") + timedelta(seconds=1)
    midnight = _END_OF_DAY.match(text)
    if midnight:
        return datetime.fromisoformat(f"{midnight[1]}00{midnight[2]}") + timedelta(days=1)
    return datetime.fromisoformat(text)


def _bind_epoch_ms(binding: Binding) -> Callable[..., Any]:
    """Return `epoch_ms` for a literal zone, which is looked up only once. Raise ValueError for an unknown zone."""
    name = binding.literal(1, None)
    if name is None:
        return lambda text: _milliseconds(_from_iso(text), None)
    if type(name) is not str:
        return _epoch_ms
    zone = _zone(name)
    return lambda text, _: _milliseconds(_from_iso(text), zone)


def _parse_time(text: str, pattern: str, zone: str | None = None) -> int:
    if len(pattern) > MAX_PATTERN_CHARS:
        raise ValueError(f"the pattern is longer than {MAX_PATTERN_CHARS} characters")
    if not _YEARS.intersection(_directives(pattern)):
        raise ValueError(_NO_YEAR.format(pattern=pattern[:40]))
    # Without %z, the time has no offset. `_milliseconds` then uses `zone`, or raises ValueError if `zone` is None.
    moment = _parsed_in_utc(text, pattern) if "Z" in _directives(pattern) else _parsed(text, pattern)
    if moment is None:
        raise ValueError(f"'{text[:40]}' is not written as '{pattern[:40]}'")
    return _milliseconds(moment, _zone(zone) if zone is not None else None)


def _parsed(text: str, pattern: str) -> datetime | None:
    """Return the time in a text, or None if the text does not match the pattern."""
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007 - `_milliseconds` adds the zone
    except (ValueError, re.error):
        return None


def _parsed_in_utc(text: str, pattern: str) -> datetime | None:
    """Return the time in a text for a pattern with %Z, or None if the text does not match.

    Only the zone names in _UTC_NAMES are accepted, because other names are ambiguous: CST is -6 or +8 hours. `strptime`
    also accepts the names of this machine's zone, but does not apply the zone.
    """
    for name in _UTC_NAMES:
        spelled = "".join(name if part == "%Z" else part for part in _PARTS.findall(pattern))
        moment = _parsed(text, spelled)
        if moment is not None:
            return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return None


@lru_cache(maxsize=64)
def _directives(pattern: str) -> frozenset[str]:
    """Return the characters of all directives in a pattern, without the %: Y for %Y."""
    return frozenset(part[1:] for part in _PARTS.findall(pattern) if part.startswith("%"))


def _bind_parse_time(binding: Binding) -> Callable[..., Any]:
    """Return `parse_time`. Raise ValueError if a literal pattern or a literal zone is invalid."""
    name = binding.literal(2, None)
    pattern = binding.literal(1)
    # Call `_zone` only to detect an unknown zone. `_parse_time` reads the zone from the cache for each message.
    if type(name) is str:
        _zone(name)
    if type(pattern) is str and pattern:
        _checked(pattern)
        directives = _directives(pattern)
        if not _YEARS.intersection(directives):
            raise ValueError(_NO_YEAR.format(pattern=pattern))
        if name is None and not directives.intersection("zZ"):
            raise ValueError(f"'{pattern}' has no %z (offset): give a zone as third argument")
        return _parse_time
    # A message could contain many different patterns. Compiling takes time, so each new pattern counts as work.
    charge = binding.charging()
    counted = lru_cache(_STORED_PATTERNS)(lambda _pattern: charge(_PATTERN_STEPS))

    def parse(text: str, pattern: str, zone: str | None = None) -> int:
        counted(pattern)
        return _parse_time(text, pattern, zone)

    return parse


def _checked(pattern: str) -> None:
    """Raise ValueError if the pattern is invalid for `strptime`."""
    # The empty text matches no pattern, so the error "does not match format" is expected. Any other error means that
    # the pattern is invalid.
    try:
        datetime.strptime("", pattern)  # noqa: DTZ007 - only checks the pattern
    except ValueError as error:
        if "does not match format" not in str(error):
            raise ValueError(f"'{pattern}': {error}") from error
    except re.error as error:
        # `strptime` converts the pattern to a regular expression with one named group per directive. A regular
        # expression cannot have two groups with the same name.
        raise ValueError(f"'{pattern}': a directive occurs more than once") from error


TIME: Final[tuple[Function, ...]] = (
    Function(
        "iso_time",
        (Parameter("epoch_ms", ("number",)), _ZONE),
        _iso_time,
        "Converts milliseconds since 1970 to RFC 3339 text, in UTC or with the offset of the zone. Fractions of a "
        "millisecond are cut off.",
        (
            ("iso_time(`1700000000000`)", "2023-11-14T22:13:20.000Z"),
            ("iso_time(`1700000000000`, 'Europe/Berlin')", "2023-11-14T23:13:20.000+01:00"),
        ),
        optional=1,
        bind=_bind_iso_time,
        cost=10,
    ),
    Function(
        "epoch_ms",
        (_TEXT, _ZONE),
        _epoch_ms,
        "Converts ISO 8601 text to milliseconds since 1970 (Unix time). The zone is for text without an offset.",
        (
            ("epoch_ms('2023-11-14T22:13:20Z')", 1700000000000),
            ("epoch_ms('2023-11-14 23:13:20', 'Europe/Berlin')", 1700000000000),
        ),
        optional=1,
        bind=_bind_epoch_ms,
        cost=10,
    ),
    Function(
        "parse_time",
        (_TEXT, Parameter("pattern", ("string",)), _ZONE),
        _parse_time,
        "Converts text to milliseconds since 1970. The pattern describes the text (%d.%m.%Y %H:%M:%S …), and must have "
        "a year. The zone is for a pattern without %z. %Z accepts only UTC, GMT and Z.",
        (("parse_time('14.11.2023 23:13:20', '%d.%m.%Y %H:%M:%S', 'Europe/Berlin')", 1700000000000),),
        optional=1,
        bind=_bind_parse_time,
        cost=50,
    ),
)
