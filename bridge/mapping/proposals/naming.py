"""Names for captured levels and for mappings, derived from neighbouring words, values or positions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bridge.mapping.proposals.topic_clusters import TopicCluster

SIGNAL: Final = "signal"
_NOUNS: Final = frozenset(
    (
        *(
            "site",
            "area",
            "hall",
            "building",
            "floor",
            "room",
            "zone",
            "line",
            "cell",
            "station",
            "unit",
            "machine",
            "robot",
        ),
        *("device", "sensor", "meter", "gateway", "node", "channel", "tag", "group", "host", "module", "slot", "axis"),
    )
)
# Levels of an enterprise, from the top: https://www.isa.org/standards-and-publications/isa-standards/isa-95-standard
_PLACES: Final = ("enterprise", "site", "area", "line", "machine")
_SHORT: Final = {2: ("site", "machine"), 3: ("site", "line", "machine")}
_PREFIX: Final = re.compile(r"([A-Za-z]+)[-_]?[0-9]+")
_MAX_NAME_CHARS: Final = 60


def capture_names(shape: TopicCluster, *, scalar: bool) -> dict[int, str]:
    """Return names by level. If `scalar`, the payload is one value, so a last level of words names the quantity."""
    free = [at for at, captured in enumerate(shape.captured) if captured]
    names = {at: name for at in free if (name := _descriptive_name(shape, at))}
    last = len(shape.captured) - 1
    if scalar and last in free and last not in names and all(topic[last].isalpha() for topic in shape.topics):
        names[last] = SIGNAL
    rest = [at for at in free if at not in names]
    names |= dict(zip(rest, _by_position(rest, names), strict=True))
    return _unique({at: names[at] for at in free})


def mapping_name(shape: TopicCluster, taken: Collection[str]) -> str:
    """Return a name from the constant levels, such as factory-telemetry.

    It is in lower case for file systems that ignore case.
    """
    words = [level for level, free in zip(shape.topics[0], shape.captured, strict=True) if not free]
    return free_name("-".join(words), taken)


def free_name(wanted: str, taken: Collection[str]) -> str:
    """Return a valid file name that resembles `wanted` and is not in `taken`."""
    base = re.sub(r"[^a-z0-9_]+", "-", wanted.lower())[:_MAX_NAME_CHARS].strip("-") or "messages"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def _descriptive_name(shape: TopicCluster, at: int) -> str:
    """Return a name from the values (`line` for line3 and line4) or from the level before (`line` after `lines`)."""
    prefixes = {found[1].lower() if (found := _PREFIX.fullmatch(topic[at])) else "" for topic in shape.topics}
    if len(prefixes) == 1 and (prefix := min(prefixes)) in _NOUNS:
        return prefix
    before = shape.topics[0][at - 1].lower() if at and not shape.captured[at - 1] else ""
    return next((word for word in (before, before.removesuffix("s")) if word in _NOUNS), "")


def _by_position(levels: Sequence[int], named: dict[int, str]) -> list[str]:
    line = next((at for at, name in named.items() if name == "line"), None)
    before = [at for at in levels if line is not None and at < line]
    if before:
        return [*_ending(_PLACES[:3], len(before))[-len(before) :], *_by_position(levels[len(before) :], {})]
    return list(_SHORT.get(len(levels), ())) or _ending(_PLACES, len(levels))


def _ending(places: Sequence[str], count: int) -> list[str]:
    if count == 1 and places[-1] == "area":
        return ["site"]
    return (
        [*(f"level{number}" for number in range(1, count - len(places) + 1)), *places[-count:]][:count] if count else []
    )


def _unique(names: dict[int, str]) -> dict[int, str]:
    given: dict[int, str] = {}
    for at, name in names.items():
        number = sum(each == name or each.startswith(f"{name}_") for each in given.values())
        given[at] = f"{name}_{number + 1}" if number else name
    return given
