"""Time functions for milliseconds since 1970 (UTC), the unit of Kinesis and most PLC gateways, and RFC 3339 text.

Zones are IANA names ("Europe/Berlin"). If a clock change makes a local time ambiguous, the earlier time counts. If a
clock change skips a local time, the offset before the change applies. None of these functions reads the system clock.
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
_PARTS: Final = re.compile(r"%.|[^%]+|%", re.DOTALL)
# Directives with a year: https://docs.python.org/3/library/datetime.html#format-codes
_YEARS: Final = frozenset("YyGcx")
_NO_YEAR: Final = "'{pattern}' has no year (%Y or %y), so it is no time since 1970"
# Zone names that %Z accepts, in any case: they are the same everywhere.
_UTC_NAMES: Final = ("UTC", "GMT", "Z")
MAX_PATTERN_CHARS: Final = 256
"""Maximum length of a pattern of `parse_time`.

The standard library compiles it in a time proportional to its length.
"""
# Work that a new pattern in a message counts: compiling it takes about 100 µs.
_PATTERN_STEPS: Final = 400
_STORED_PATTERNS: Final = 64
# Number of zones in the cache, more than there are IANA names. Reading the file of a zone takes about 100 µs.
_STORED_ZONES: Final = 1_000
_TEXT = Parameter("text", ("string",))
_ZONE = Parameter("zone", ("string",))


@lru_cache(_STORED_ZONES)
def _zone(name: str) -> tzinfo:
    """Return the time zone of an IANA name. Raises ValueError if it is unknown."""
    if name == "UTC":
        return UTC
    try:
        # On some machines, the folder of zones has a file "localtime". It is the zone of the machine, not a zone name.
        return zoneinfo.ZoneInfo(name if name != "localtime" else "")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"'{name[:40]}' is no IANA time zone") from error


def _iso(epoch_ms: Any, zone: tzinfo) -> str:
    """Return RFC 3339 text with milliseconds. Raises ValueError outside the years 1 to 9999."""
    try:
        # Adding to the epoch is exact. `fromtimestamp` takes a float, which loses microseconds, and depends on the
        # platform.
        moment = (_EPOCH + timedelta(milliseconds=epoch_ms // 1)).astimezone(zone)
    except (OverflowError, ValueError) as error:
        raise ValueError("the time is outside the years 1 to 9999") from error
    # In UTC, the text ends in +00:00, which becomes Z.
    text = moment.isoformat(timespec="milliseconds")
    return text[:-6] + "Z" if zone is UTC else text


def _iso_time(epoch_ms: Any, zone: str = "UTC") -> str:
    return _iso(epoch_ms, _zone(zone))


def _bind_iso_time(binding: Binding) -> Callable[..., Any]:
    name = binding.literal(1, "UTC")
    if type(name) is not str:
        return _iso_time
    zone = _zone(name)
    return lambda epoch_ms, *_: _iso(epoch_ms, zone)


# The last minute of an hour in UTC ends at another minute in zones such as +05:30.
_LEAP_SECOND: Final = re.compile(r"(.{8,10}[T ]\d\d:?(?:14|29|44|59):?)60(.*)", re.ASCII)
_END_OF_DAY: Final = re.compile(r"(.{8,10}[T ])24(:?00(?::?00)?(?:[.,]0+)?(?:[^\d:.,].*)?)\Z", re.ASCII)


def _milliseconds(moment: datetime, zone: tzinfo | None) -> int:
    """Return milliseconds since 1970. A time without an offset is in `zone`. Raises ValueError if both are missing."""
    if moment.tzinfo is None:
        if zone is None:
            raise ValueError("the time has no offset (Z, +01:00); give a zone")
        # With `fold` 0, Python uses the earlier of two ambiguous times, and the old offset for a skipped time.
        moment = moment.replace(tzinfo=zone)
    return (moment - _EPOCH) // _MILLISECOND


def _epoch_ms(text: str, zone: str | None = None) -> int:
    return _milliseconds(_from_iso(text), _zone(zone) if zone is not None else None)


def _from_iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        with suppress(ValueError):
            return _unusual(text.upper())
        raise ValueError(f"'{text[:40]}' is no ISO 8601 time") from error


def _unusual(text: str) -> datetime:
    """Return a time in a form that only some versions of the standard library read. Raise ValueError.

    RFC 3339 allows a lower-case t and z, and the second 60 of a leap second (sections 5.6 and 5.7); ISO 8601 allows
    24:00 for the end of a day.
    """
    leap = _LEAP_SECOND.match(text)
    if leap:
        # `datetime` has no second 60. Unix time counts a leap second as the first second of the next minute.
        return datetime.fromisoformat(f"{leap[1]}59{leap[2]}") + timedelta(seconds=1)
    midnight = _END_OF_DAY.match(text)
    if midnight:
        return datetime.fromisoformat(f"{midnight[1]}00{midnight[2]}") + timedelta(days=1)
    return datetime.fromisoformat(text)


def _bind_epoch_ms(binding: Binding) -> Callable[..., Any]:
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
    # Without %z, the time has no offset. `_milliseconds` then applies the zone, or raises ValueError without one.
    moment = _parsed_in_utc(text, pattern) if "Z" in _directives(pattern) else _parsed(text, pattern)
    if moment is None:
        raise ValueError(f"'{text[:40]}' is not written as '{pattern[:40]}'")
    return _milliseconds(moment, _zone(zone) if zone is not None else None)


def _parsed(text: str, pattern: str) -> datetime | None:
    """Return the time in a text, or None if the text does not match the pattern."""
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007 - the callers add the zone
    except (ValueError, re.error):
        return None


def _parsed_in_utc(text: str, pattern: str) -> datetime | None:
    """Return the time in a text for a pattern with %Z.

    Only the zone names in _UTC_NAMES are accepted. `strptime` also accepts, and ignores, the names of this machine's
    zone. All other names are ambiguous: CST is -6 or +8 hours.
    """
    for name in _UTC_NAMES:
        spelled = "".join(name if part == "%Z" else part for part in _PARTS.findall(pattern))
        moment = _parsed(text, spelled)
        if moment is not None:
            return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return None


@lru_cache(maxsize=64)
def _directives(pattern: str) -> frozenset[str]:
    """Return the characters after a % in a pattern."""
    return frozenset(part[1:] for part in _PARTS.findall(pattern) if part.startswith("%"))


def _bind_parse_time(binding: Binding) -> Callable[..., Any]:
    """Return `parse_time` after a check of the literal pattern and zone. Raises ValueError if one is invalid."""
    name = binding.literal(2, None)
    pattern = binding.literal(1)
    # This only detects an unknown name. `parse_time` itself looks up the zone again for each message.
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
    # A pattern from a message must be compiled by `strptime`, which takes as long as thousands of other steps.
    charge = binding.charging()
    counted = lru_cache(_STORED_PATTERNS)(lambda _pattern: charge(_PATTERN_STEPS))

    def parse(text: str, pattern: str, zone: str | None = None) -> int:
        counted(pattern)
        return _parse_time(text, pattern, zone)

    return parse


def _checked(pattern: str) -> None:
    """Raise ValueError if `strptime` does not know the pattern."""
    # The empty text matches no pattern, so this error is expected. All other errors are errors in the pattern.
    try:
        datetime.strptime("", pattern)  # noqa: DTZ007 - only checks the pattern
    except ValueError as error:
        if "does not match format" not in str(error):
            raise ValueError(f"'{pattern}': {error}") from error
    except re.error as error:  # `strptime` makes a regular expression of the pattern, with a group for each directive
        raise ValueError(f"'{pattern}': a directive occurs more than once") from error


TIME: Final[tuple[Function, ...]] = (
    Function(
        "iso_time",
        (Parameter("epoch_ms", ("number",)), _ZONE),
        _iso_time,
        "Time as RFC 3339 text, of milliseconds since 1970, in UTC or with a zone's offset; microseconds are cut.",
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
        "Time as milliseconds since 1970 (Unix time), of ISO 8601 text; the zone is for text without an offset.",
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
        "Milliseconds since 1970 of text written as the pattern says (%d.%m.%Y %H:%M:%S …); the zone is for a "
        "pattern without %z. %Z reads UTC, GMT and Z only. The pattern must have a year.",
        (("parse_time('14.11.2023 23:13:20', '%d.%m.%Y %H:%M:%S', 'Europe/Berlin')", 1700000000000),),
        optional=1,
        bind=_bind_parse_time,
        cost=50,
    ),
)
