"""Spans of record numbers, (first, before): from the first of them on, up to `before`, which is not of them."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Span = tuple[int, int]

ENDLESS = 1 << 62
"""No record has so high a number."""


def minus(some: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """What is in `some`, but not in `others`; both in order, and none overlapping another of its kind."""
    kept: list[Span] = []
    cuts = list(others)
    place = 0
    for first, before in some:
        while place < len(cuts) and cuts[place][1] <= first:
            place += 1
        for cut, until in _overlapping(cuts, place, before):
            if first < cut:
                kept.append((first, cut))
            first = max(first, until)  # noqa: PLW2901 - what is still to be looked at
        if first < before:
            kept.append((first, before))
    return kept


def _overlapping(cuts: Sequence[Span], place: int, before: int) -> Iterable[Span]:
    while place < len(cuts) and cuts[place][0] < before:
        yield cuts[place]
        place += 1


def merged(some: Iterable[Span]) -> list[Span]:
    """The same numbers in order, in as few spans as there can be."""
    found: list[Span] = []
    for first, before in sorted(some):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(before, found[-1][1]))
        else:
            found.append((first, before))
    return found


def numbers_in(some: Iterable[Span]) -> int:
    """How many numbers are in them."""
    return sum([before - first for first, before in some])


def runs(some: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Return the first and the last of each run of numbers without a gap."""
    numbers = sorted(some)
    if numbers and numbers[-1] - numbers[0] + 1 == len(numbers):
        yield numbers[0], numbers[-1]
        return
    for _, run in groupby(enumerate(numbers), key=lambda place: place[1] - place[0]):
        members = [number for _, number in run]
        yield members[0], members[-1]
