"""Spans of record numbers. The span (first, before) contains all numbers with first ≤ number < before."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Span = tuple[int, int]

ENDLESS = 1 << 62
"""Upper end of a span without end. It is higher than any record number, and low enough for an SQLite integer."""


def minus(some: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """Return the parts of the spans `some` that are not in `others`: [(1, 9)] minus [(3, 5)] is [(1, 3), (5, 9)].

    Both lists must be sorted and without overlaps.
    """
    kept: list[Span] = []
    # Both lists are sorted, so `index` only increases.
    cuts = list(others)
    index = 0
    for first, before in some:
        while index < len(cuts) and cuts[index][1] <= first:
            index += 1
        for cut, until in _overlapping(cuts, index, before):
            if first < cut:
                kept.append((first, cut))
            first = max(first, until)  # noqa: PLW2901 - the rest of this span
        if first < before:
            kept.append((first, before))
    return kept


def _overlapping(cuts: Sequence[Span], index: int, before: int) -> Iterable[Span]:
    while index < len(cuts) and cuts[index][0] < before:
        yield cuts[index]
        index += 1


def merged(some: Iterable[Span]) -> list[Span]:
    """Return sorted spans without overlaps that contain the same numbers: [(4, 6), (1, 4)] becomes [(1, 6)]."""
    found: list[Span] = []
    for first, before in sorted(some):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(before, found[-1][1]))
        else:
            found.append((first, before))
    return found


def numbers_in(some: Iterable[Span]) -> int:
    """Return how many numbers the spans contain in total. The spans must not overlap."""
    return sum([before - first for first, before in some])


def runs(some: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last number of each run of consecutive numbers: 1, 2, 3, 7 → (1, 3), (7, 7)."""
    numbers = sorted(some)
    # Usually, all numbers are one run. Then no grouping is needed.
    if numbers and numbers[-1] - numbers[0] + 1 == len(numbers):
        yield numbers[0], numbers[-1]
        return
    # In a run, the difference between number and index is constant, so group by this difference.
    for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        yield members[0], members[-1]
