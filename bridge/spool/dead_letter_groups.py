"""Groups of the stored dead letters by mapping, code and reason. A running bridge may use the spool at the same time.

The reason is the detail text with placeholders instead of values (`reason_of`). For example, "found 7" and "found 8"
have the reason "found N", and belong to one group.

The rows are read in pages, each in a separate transaction, because a long read transaction would prevent the bridge
from resetting its write-ahead log. SQLite groups the rows of a page. It does not hold Python's global lock (GIL) during
this work, so the ingest thread can run.

Grouping one million dead letters with 3,000 different details takes 2.1 s of CPU time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.spool.dead_letters import MAX_NUMBER, StoredDeadLetter, read_dead_letters
from bridge.spool.read_only import reading

if TYPE_CHECKING:
    from pathlib import Path

# Number of rows per read transaction, which then takes about 40 ms.
PAGE_ROWS: Final = 20_000
MAX_GROUPS: Final = 500
"""Maximum number of groups. All dead letters of further groups are counted in one sum.

This limit bounds the memory, because there may be very many different details.
"""
# Number of detail texts that a group contains as examples. More examples would not help to recognise the cause.
MAX_EXAMPLES: Final = 3
MAX_REASON_CHARS: Final = 300
_VALUES: Final = re.compile(
    r"""
    (?P<text>'(?![A-Za-z_ ]{1,30}')[^']*'|"(?:[^"\\]|\\.)*")  # quoted text, except short names such as 'speed'
  | (?P<list>\[[^\[\]]*\]|{[^{}]*})                           # JSON list or object
  | (?<![\w$])[-+]?(?:0x[0-9a-fA-F]+|\d[\d_,]*(?:\.\d+)?(?:[eE][-+]?\d+)?)(?!\w)
    """,
    re.VERBOSE,
)


class GroupKey(NamedTuple):
    """The three values that all dead letters of a group share. `mapping` is "" if no mapping processed the message."""

    mapping: str
    code: str
    reason: str


@dataclass(slots=True)
class DeadLetterGroup:
    """The dead letters of one group.

    `dead_letters` is the number of dead letters in the group. `newest` and `oldest` are the numbers that identify the
    newest and the oldest dead letter. Times are milliseconds since 1970.
    """

    mapping: str
    code: str
    reason: str
    dead_letters: int = 0
    first_ms: int = MAX_NUMBER
    last_ms: int = 0
    oldest: int = MAX_NUMBER
    newest: int = 0
    details: list[str] = field(default_factory=list)
    """At most MAX_EXAMPLES different detail texts, without placeholders."""

    def add(self, row: tuple[int, int, int, int, int], detail: str) -> None:
        """Add dead letters with the same detail.

        `row` contains their count, their first and last time, and their lowest and highest number.
        """
        count, first_ms, last_ms, oldest, newest = row
        self.dead_letters += count
        self.first_ms, self.last_ms = min(self.first_ms, first_ms), max(self.last_ms, last_ms)
        self.oldest, self.newest = min(self.oldest, oldest), max(self.newest, newest)
        if len(self.details) < MAX_EXAMPLES and detail not in self.details:
            self.details.append(detail)


@dataclass(frozen=True, slots=True)
class GroupedDeadLetters:
    """The groups, largest first. `others` is the number of dead letters in further groups, beyond MAX_GROUPS."""

    groups: tuple[DeadLetterGroup, ...]
    others: int


@lru_cache(maxsize=8192)
def reason_of(detail: str) -> str:
    """Return a detail text with placeholders for values: N for a number, '…' for a text, […] or {…} for JSON."""
    # Limit the length before the substitution too, because this is faster. Most values are longer than their
    # placeholders, so twice the maximum length is usually enough.
    return _VALUES.sub(_placeholder, detail[: 2 * MAX_REASON_CHARS])[:MAX_REASON_CHARS]


def _placeholder(found: re.Match[str]) -> str:
    if found["text"]:
        return "'…'"
    return f"{found['list'][0]}…{found['list'][-1]}" if found["list"] else "N"


def group_dead_letters(folder: Path) -> GroupedDeadLetters:
    """Return the groups of all dead letters of a spool. Raises BridgeError if the spool cannot be read."""
    groups: dict[GroupKey, DeadLetterGroup] = {}
    others = last = 0
    while True:
        # Each page begins after the highest number of the page before, so no dead letter is counted twice.
        with reading(folder) as database:
            page = database.execute(_PAGE, {"last": last, "rows": PAGE_ROWS}).fetchall()
        if not page:
            return GroupedDeadLetters(tuple(sorted(groups.values(), key=lambda each: -each.dead_letters)), others)
        for mapping, code, detail, *row in page:
            key = GroupKey(mapping, code, reason_of(detail))
            group = groups.get(key)
            if group is None and len(groups) < MAX_GROUPS:
                group = groups[key] = DeadLetterGroup(*key)
            if group is None:
                others += row[0]
            else:
                group.add((row[0], row[1], row[2], row[3], row[4]), detail)
            last = max(last, row[4])


_PAGE: Final = """
select mapping, code, detail, count(*), min(received_at_ms), max(received_at_ms), min(number), max(number)
from (select number, mapping, code, detail, received_at_ms from dead_letters
      where number > :last order by number limit :rows)
group by mapping, code, detail
"""


def numbers_of_group(folder: Path, key: GroupKey, after: int, up_to: int, limit: int) -> list[int]:
    """Return at most `limit` numbers of the group's dead letters, with `after` < number ≤ `up_to`, lowest first.

    Raises BridgeError if the spool cannot be read.
    """
    found: list[int] = []
    # SQLite has no larger integer than MAX_NUMBER. A larger argument would raise OverflowError.
    last, up_to = min(after, MAX_NUMBER), min(up_to, MAX_NUMBER)
    while len(found) < limit:
        with reading(folder) as database:
            page = database.execute(_OLDEST, {**_bound(key), "last": last, "up_to": up_to}).fetchall()
        if not page:
            break
        last = page[-1][0]
        # Filter by the reason here, because `reason_of` is a Python function that SQL cannot use.
        found += [number for number, detail in page if reason_of(detail) == key.reason]
    return found[:limit]


def find_in_group(folder: Path, key: GroupKey, before: int | None, limit: int) -> list[StoredDeadLetter]:
    """Return at most `limit` dead letters of the group with numbers below `before`, newest first.

    Raises BridgeError if the spool cannot be read.
    """
    found: list[StoredDeadLetter] = []
    last = MAX_NUMBER if before is None else min(before, MAX_NUMBER)
    while len(found) < limit:
        with reading(folder) as database:
            page = database.execute(_NEWEST, {**_bound(key), "before": last}).fetchall()
            if not page:
                break
            last = page[-1][0]
            # The query above reads no payloads. Only the few dead letters of the group are read completely.
            numbers = [number for number, detail in page if reason_of(detail) == key.reason][: limit - len(found)]
            found += [stored for number in numbers for stored in read_dead_letters(database, number=number)]
    return found


_MATCHING: Final = "select number, detail from dead_letters where mapping = :mapping and code = :code"
_OLDEST: Final = f"{_MATCHING} and number > :last and number <= :up_to order by number limit :rows"
_NEWEST: Final = f"{_MATCHING} and number < :before order by number desc limit :rows"


def _bound(key: GroupKey) -> dict[str, str | int]:
    return {"mapping": key.mapping, "code": key.code, "rows": PAGE_ROWS}
