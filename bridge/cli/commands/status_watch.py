"""Option `status --watch`: rates between two snapshots of the bridge, and the time until the backlog is drained."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bridge.cli.output.formatting import duration
from bridge.cli.output.problem_lines import link_lines, problem_lines, verdict_line
from bridge.mapping.rendering import printable
from bridge.terminal import Column, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Rows = list[dict[str, Any]]

_SOON_SECS: Final = 5.0


class StatusPair(NamedTuple):
    """Status of the bridge now, and `before`, `secs` ago. The first status has None, and so no rates."""

    told: dict[str, Any]
    before: dict[str, Any] | None = None
    secs: float = 0.0

    def rate(self, count: Callable[[dict[str, Any]], int]) -> str:
        """Return a counter's rate a second; 0 for a counter that went back, because the bridge was restarted."""
        if self.before is None or self.secs <= 0:
            return "-"
        return f"{max(0.0, (count(self.told) - count(self.before)) / self.secs):,.1f}"

    def rates(self, rows: str, key: tuple[str, ...], count: str) -> list[str]:
        """Return the rate of a counter in each of the `rows`; `key` identifies a row."""
        was = {_key(row, key): row for row in (self.before or {}).get(rows, ())}
        return [
            StatusPair(row, was.get(_key(row, key)), self.secs).rate(lambda each: each[count])
            for row in self.told[rows]
        ]


def watched(look: StatusPair, width: int | None = None) -> Iterator[str]:
    """Yield the lines of one status, at most `width` characters wide; None: no limit."""
    told = look.told
    # A screen has few lines, and the verdict only repeats the first problem.
    yield from problem_lines(told, width) if told["problems"] else verdict_line(told, width)
    session = "subscribed" if told["subscribed"] else "connected" if told["connected"] else "not connected"
    yield printable(f"broker    {told['broker']}, MQTT {told['protocol']}: {session}")
    delivered = look.rate(lambda each: sum(stream["delivered"] for stream in each["streams"]))
    yield f"messages  {look.rate(lambda each: each['received_messages'])}/s received, {delivered}/s delivered"
    yield f"backlog   {_backlog(look)}"
    most = f" of {told['spool_max_bytes'] / 2**20:,.0f}" if told["spool_max_bytes"] else ""
    yield f"spool     {told['spool_bytes'] / 2**20:,.1f}{most} MiB, {told['dead_letter_count']:,} dead letters"
    yield from link_lines(told, width)
    yield from _streams(look, width)
    yield from _workers(look, width)
    yield from _mappings(look, width)
    yield "the books balance" if told["balanced"] else "THE BOOKS DO NOT BALANCE: please report this"


def title(told: dict[str, Any], heard: float, now: float, width: int) -> str:
    """Return the title: the client id, the bridge's uptime at the last response (`heard`), and the time.

    Times are seconds since 1970.
    """
    right = time.strftime("%H:%M:%S", time.localtime(now)) + "  Ctrl-C ends"
    left = printable(f"{told['client_id']}, up {duration(heard - told['started_at'])}")
    room = max(0, width - len(right) - 2)
    return f"{left[:room]:<{room}}  {right}"[:width]


def _backlog(look: StatusPair) -> str:
    count = _spooled(look.told)
    oldest = max((stream["oldest_secs"] for stream in look.told["streams"]), default=0.0)
    if not count:
        return "nothing waits"
    if oldest < _SOON_SECS:
        return f"{count:,} records, sent as they come"
    then = ""
    if look.before is not None and look.secs:
        # The prediction assumes that the backlog shrinks as fast as between the last two snapshots.
        shrinking = (_spooled(look.before) - count) / look.secs
        then = f", drained in {duration(count / shrinking)}" if shrinking > 0 else ", not shrinking"
    return f"{count:,} records, the oldest {duration(oldest)}{then}"


def _streams(look: StatusPair, width: int | None) -> Iterator[str]:
    rows = look.told["streams"]
    columns = [
        Column("state", [row["state"] for row in rows], 9),
        Column("records/s", look.rates("streams", ("stream",), "delivered"), 8),
        _counts(rows, "delivered", 5),
        _ages(rows, 7),
        _counts(rows, "throttled", 6),
        _counts(rows, "retried", 4),
    ]
    yield from table("stream", [printable(row["stream"]) for row in rows], columns, width)


def _mappings(look: StatusPair, width: int | None) -> Iterator[str]:
    rows = look.told["ledger"]
    columns = [
        Column("received/s", look.rates("ledger", ("mapping", "stream"), "received"), 8),
        _counts(rows, "received", 6),
        _counts(rows, "delivered", 4),
        _counts(rows, "filtered", 3),
        _counts(rows, "dead_lettered", 7),
        _counts(rows, "spooled", 9),
    ]
    names = [f"{row['mapping']} → {row['stream']}" if row["mapping"] else "(no mapping)" for row in rows]
    yield from table("mapping", list(map(printable, names)), columns, width)


def _workers(look: StatusPair, width: int | None) -> Iterator[str]:
    rows = look.told["workers"]
    columns = [
        Column("state", [row["state"] for row in rows], 9),
        Column("received/s", look.rates("workers", ("number",), "received_messages"), 8),
        _counts(rows, "spooled", 7),
        _ages(rows, 6),
        Column("dead letters", [f"{row['dead_letter_count']:,}" for row in rows], 3),
        _counts(rows, "restarts", 5),
        Column("up", [duration(row["up_secs"]) if row["up_secs"] else "-" for row in rows], 4),
    ]
    yield from table("worker", [row["name"] for row in rows], columns, width)


def _counts(rows: Rows, name: str, weight: int) -> Column:
    return Column(name, [f"{row[name]:,}" for row in rows], weight)


def _ages(rows: Rows, weight: int) -> Column:
    return Column("oldest", [duration(row["oldest_secs"]) if row["oldest_secs"] else "-" for row in rows], weight)


def _key(row: dict[str, Any], names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def _spooled(told: dict[str, Any]) -> int:
    return sum(row["spooled"] for row in told["ledger"])
