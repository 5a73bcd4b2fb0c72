"""Tables of the demo. Numbers are never cut: on a narrow terminal, names are cut first, and then columns are omitted.

rich would shrink all columns alike, and the narrow ones to zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.monitoring.snapshot import Snapshot
    from bridge.spool.ledger import LedgerRow
    from bridge.tools.demo.scene import ConsumedCounts, SceneRates

COUNTS = ("received", "delivered", "filtered", "dead_lettered", "spooled")
_STYLES = {"dead_lettered": "red", "spooled": "yellow", "delivered": "green"}
_GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """Column of a table. A number is right-aligned and never cut; text has `least` to `most` characters.

    If there is no room, the column with the highest `drop` is omitted first; 0 is never omitted.
    """

    heading: str
    least: int = 0
    most: int = 1000
    drop: int = 0

    @property
    def is_number(self) -> bool:
        """True if the column is never cut."""
        return not self.least


def fitted(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int, title: str = "") -> Table:
    """Return a table of these rows, at most `width` characters wide if omitting columns makes that possible."""
    kept = list(range(len(columns)))
    while least_width([columns[n] for n in kept], [[row[n] for n in kept] for row in rows]) > width:
        last = max(kept, key=lambda n: columns[n].drop)
        if not columns[last].drop:
            break
        kept.remove(last)
    shown, cells = [columns[n] for n in kept], [[row[n] for n in kept] for row in rows]
    table = Table(
        box=None, pad_edge=False, header_style="bold", title=title or None, title_justify="left", title_style="bold"
    )
    for column, its_width in zip(shown, _widths(shown, cells, width), strict=True):
        table.add_column(
            column.heading,
            width=its_width,
            justify="right" if column.is_number else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    for row in cells:
        table.add_row(*row)
    return table


def least_width(columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> int:
    """Return the minimum width of a table of these columns, in characters."""
    natural = _natural(columns, rows)
    least = [n if column.is_number else min(n, column.least) for column, n in zip(columns, natural, strict=True)]
    return sum(least) + _GAP * (len(columns) - 1)


def _natural(columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> list[int]:
    return [
        max(len(column.heading), *(min(row[n].cell_len, column.most) for row in rows), 0)
        for n, column in enumerate(columns)
    ]


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int) -> list[int]:
    natural = _natural(columns, rows)
    widths = [n if column.is_number else min(n, column.least) for column, n in zip(columns, natural, strict=True)]
    spare = width - sum(widths) - _GAP * (len(columns) - 1)
    while spare > 0 and (short := [n for n in range(len(widths)) if widths[n] < natural[n]]):
        for n in short[:spare]:
            widths[n] += 1
        spare -= len(short[:spare])
    return widths


def outside(text: str) -> Text:
    """Return external data as text without markup, and without control characters, which could move the cursor."""
    return Text("".join(char if char.isprintable() else "·" for char in text))


def counts(row: LedgerRow, *names: str) -> list[Text]:
    """Return counts of a ledger row; zeros are dimmed."""
    return [
        Text(f"{getattr(row, name):,}", style=_STYLES.get(name, "") if getattr(row, name) else "dim") for name in names
    ]


def books(snapshot: Snapshot, rates: SceneRates, width: int) -> Table:
    """Return the ledger: a row for each mapping and stream."""
    columns = (
        Column("mapping", least=12),
        Column("stream", least=12, drop=3),
        Column("/s", drop=1),
        Column("received"),
        Column("delivered"),
        Column("filtered", drop=4),
        Column("dead"),
        Column("spooled", drop=5),
    )
    rows = [
        [
            outside(row.mapping or "(none)"),
            outside(row.stream),
            Text(f"{rates.records.get((row.mapping, row.stream), 0):,.0f}"),
            *counts(row, *COUNTS),
        ]
        for row in snapshot.ledger
    ]
    return fitted(columns, rows, width)


def streams(snapshot: Snapshot, rates: SceneRates, read_back: ConsumedCounts, width: int) -> Table:
    """Return the streams: a row for each of them."""
    columns = (
        Column("stream", least=12),
        Column("state", least=8),
        Column("/s", drop=1),
        Column("delivered"),
        Column("read back"),
        Column("requests", drop=4),
        Column("throttled", drop=3),
        Column("latency", drop=5),
    )
    rows = [
        [
            outside(each.stream),
            Text(each.state, style="green" if each.state == "ok" else "red"),
            Text(f"{rates.delivered.get(each.stream, 0):,.0f}"),
            Text(f"{each.delivered:,}", style="green"),
            Text(f"{read_back.counts[each.stream]:,}"),
            Text(f"{each.requests:,}"),
            Text(f"{each.throttled:,}"),
            Text(f"{each.last_latency_ms:.0f} ms"),
        ]
        for each in snapshot.streams
    ]
    return fitted(columns, rows, width)


def records(read_back: ConsumedCounts, limit: int, width: int) -> Table:
    """Return the newest records that were read back, with their shard and key."""
    columns = (
        Column("stream", least=12, drop=1),
        Column("shard"),
        Column("key", least=10, most=16),
        Column("data", least=12),
    )
    rows = [
        [
            outside(record.stream),
            Text(record.shard.removeprefix("shardId-").lstrip("0") or "0"),
            outside(record.key),
            outside(record.data.decode(errors="replace")),
        ]
        for record in read_back.newest(limit)
    ]
    return fitted(columns, rows, width, "read back from Kinesis")


def dead_letters(snapshot: Snapshot, limit: int, width: int) -> Table:
    """Return the newest dead letters, each with its reason."""
    columns = (
        Column("no"),
        Column("mapping", least=12, drop=1),
        Column("code", least=13),
        Column("reason", least=16),
    )
    rows = [
        [Text(str(letter.number)), outside(letter.mapping), Text(letter.code, style="red"), outside(letter.detail)]
        for letter in snapshot.dead_letters[:limit]
    ]
    return fitted(columns, rows, width, f"dead letters: {snapshot.dead_letter_count:,}")
