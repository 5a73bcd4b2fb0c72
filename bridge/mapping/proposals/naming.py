"""Names for captures and mappings.

The name of a capture is taken from the values of its level (`line` for line3 and line4). If this is not possible, the
name is taken from the level before (`line` after the level `lines`). If this is not possible either, the name depends
on the position of the level (`site`, `machine`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bridge.mapping.proposals.topic_clusters import TopicCluster

SIGNAL: Final = "signal"
"""Name of the capture for a last level with quantities, such as temperature and pressure."""
# Nouns that can name a capture. Other words before a number, such as `v` in v2, would be bad names.
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
# Levels of a plant from top to bottom, as in ISA-95. A capture gets one of these names if only its position is known.
# https://www.isa.org/standards-and-publications/isa-standards/isa-95-standard
_PLACES: Final = ("enterprise", "site", "area", "line", "machine")
# Names for exactly two and for exactly three captures. They are more usual than the names in _PLACES.
_SHORT: Final = {2: ("site", "machine"), 3: ("site", "line", "machine")}
_PREFIX: Final = re.compile(r"([A-Za-z]+)[-_]?[0-9]+")
_MAX_NAME_CHARS: Final = 60


def capture_names(shape: TopicCluster, *, scalar: bool) -> dict[int, str]:
    """Return the names of the captures, by the index of their level.

    `scalar` means that the payload is a single value. A last level that consists of words then probably names the
    quantity, so it gets the name SIGNAL.
    """
    free = [at for at, captured in enumerate(shape.captured) if captured]
    names = {at: name for at in free if (name := _descriptive_name(shape, at))}
    last = len(shape.captured) - 1
    if scalar and last in free and last not in names and all(topic[last].isalpha() for topic in shape.topics):
        names[last] = SIGNAL
    rest = [at for at in free if at not in names]
    names |= dict(zip(rest, _by_position(rest, names), strict=True))
    return _unique({at: names[at] for at in free})


def mapping_name(shape: TopicCluster, taken: Collection[str]) -> str:
    """Return a name that consists of the constant levels, such as factory-telemetry.

    The name is in lower case, because two names that differ only in case would be one file on some file systems.
    """
    words = [level for level, free in zip(shape.topics[0], shape.captured, strict=True) if not free]
    return free_name("-".join(words), taken)


def free_name(wanted: str, taken: Collection[str]) -> str:
    """Return a valid mapping name that is similar to `wanted` and not in `taken`."""
    base = re.sub(r"[^a-z0-9_]+", "-", wanted.lower())[:_MAX_NAME_CHARS].strip("-") or "messages"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def _descriptive_name(shape: TopicCluster, at: int) -> str:
    """Return a name from the values of a level, or from the level before. Return "" if both contain no known noun."""
    prefixes = {found[1].lower() if (found := _PREFIX.fullmatch(topic[at])) else "" for topic in shape.topics}
    if len(prefixes) == 1 and (prefix := min(prefixes)) in _NOUNS:
        return prefix
    before = shape.topics[0][at - 1].lower() if at and not shape.captured[at - 1] else ""
    return next((word for word in (before, before.removesuffix("s")) if word in _NOUNS), "")


def _by_position(levels: Sequence[int], named: dict[int, str]) -> list[str]:
    """Return names for the levels that have no name yet. `named` are the names of the other levels."""
    # A level before the line is a part of the plant above lines: an area, a site or an enterprise.
    line = next((at for at, name in named.items() if name == "line"), None)
    before = [at for at in levels if line is not None and at < line]
    if before:
        return [*_ending(_PLACES[:3], len(before))[-len(before) :], *_by_position(levels[len(before) :], {})]
    return list(_SHORT.get(len(levels), ())) or _ending(_PLACES, len(levels))


def _ending(places: Sequence[str], count: int) -> list[str]:
    """Return the last `count` of the places. If there are fewer places, put level1, level2 and so on before them."""
    # For a single level above a line, `site` is the more usual name than `area`.
    if count == 1 and places[-1] == "area":
        return ["site"]
    return (
        [*(f"level{number}" for number in range(1, count - len(places) + 1)), *places[-count:]][:count] if count else []
    )


def _unique(names: dict[int, str]) -> dict[int, str]:
    """Return the names with a number after each repeated name: line, line_2."""
    given: dict[int, str] = {}
    for at, name in names.items():
        number = sum(each == name or each.startswith(f"{name}_") for each in given.values())
        given[at] = f"{name}_{number + 1}" if number else name
    return given
