"""Option `status --watch`: returns the lines of one screen, with the rates since the previous status."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bridge.cli.output.formatting import duration, estimate, pluralize, size_text
from bridge.cli.output.problem_lines import labelled, link_lines, problem_lines, verdict_line
from bridge.mapping.rendering import printable
from bridge.spool.ledger import LedgerRow, accounting_mismatch
from bridge.terminal import Column, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Rows = list[dict[str, Any]]

# Minimum age of the oldest record to call the buffered records a backlog. Younger records are normal operation.
_BACKLOG_SECS: Final = 5.0


class StatusPair(NamedTuple):
    """Current status of the bridge, and its status `secs` seconds earlier. The first pair has no earlier status."""

    status: dict[str, Any]
    before: dict[str, Any] | None = None
    secs: float = 0.0

    def rate(self, count: Callable[[dict[str, Any]], int]) -> str:
        """Return the growth of a counter per second, or "-" if it is unknown.

        Return 0 after a restart of the bridge, when the counter is smaller than before.
        """
        if self.before is None or self.secs <= 0:
            return "-"
        return f"{max(0.0, (count(self.status) - count(self.before)) / self.secs):,.1f}"

    def rates(self, rows: str, key: tuple[str, ...], count: str) -> list[str]:
        """Return the rate of the counter `count` for each row of the list `rows`. The fields `key` identify a row."""
        # A stream or mapping without an earlier row is new, and its rate is unknown.
        earlier = {_key(row, key): row for row in (self.before or {}).get(rows, ())}
        return [
            StatusPair(row, earlier.get(_key(row, key)), self.secs).rate(lambda each: each[count])
            for row in self.status[rows]
        ]


def watch_lines(pair: StatusPair, width: int | None = None) -> Iterator[str]:
    """Yield the lines of one status, at most `width` characters wide. If it is None, the width is not limited."""
    status = pair.status
    # Omit the verdict if there are problems, because it would only repeat the first problem.
    yield from problem_lines(status, width) if status["problems"] else verdict_line(status, width)
    session = "subscribed" if status["subscribed"] else "connected" if status["connected"] else "not connected"
    yield printable(f"broker    {status['broker']}, MQTT {status['protocol']}: {session}")
    delivered = pair.rate(lambda each: sum(stream["delivered"] for stream in each["streams"]))
    yield f"messages  {pair.rate(lambda each: each['received_messages'])}/s received, {delivered}/s delivered"
    yield f"backlog   {_backlog(pair)}"
    limit = f" of {size_text(status['spool_max_bytes'])}" if status["spool_max_bytes"] else ""
    dead_letters = pluralize(status["dead_letter_count"], "dead letter")
    yield f"spool     {size_text(status['spool_bytes'])}{limit}, {dead_letters}"
    yield from link_lines(status, width)
    yield from _streams(pair, width)
    yield from _workers(pair, width)
    yield from _mappings(pair, width)
    wrong = [accounting_mismatch(row) for row in (LedgerRow(**each) for each in status["ledger"]) if not row.balanced]
    for text in wrong or ["accounting OK"]:
        yield from labelled("ledger", text, width)


def title_line(status: dict[str, Any], received_at: float, now: float, width: int) -> str:
    """Return the title line: the client ID, the uptime of the bridge, and the current time.

    The uptime is calculated for the time of the last response (`received_at`). Both times are in seconds since 1970.
    """
    right = time.strftime("%H:%M:%S", time.localtime(now)) + "  Ctrl-C to stop"
    left = printable(f"{status['client_id']}, up {duration(received_at - status['started_at'])}")
    room = max(0, width - len(right) - 2)
    return f"{left[:room]:<{room}}  {right}"[:width]


def _backlog(pair: StatusPair) -> str:
    count = _spooled(pair.status)
    oldest = max((stream["oldest_secs"] for stream in pair.status["streams"]), default=0.0)
    if not count:
        return "buffer empty"
    if oldest < _BACKLOG_SECS:
        return f"{pluralize(count, 'record')} buffered, no backlog"
    then = ""
    if pair.before is not None and pair.secs:
        # The prediction assumes that the backlog continues to shrink as fast as since the previous status.
        shrinking = (_spooled(pair.before) - count) / pair.secs
        then = f", drained in {estimate(count / shrinking)}" if shrinking > 0 else ", not shrinking"
    return f"{pluralize(count, 'record')} buffered (oldest {duration(oldest)}){then}"


# The last argument of a column is its weight. On a narrow screen, the columns with the smallest weights are omitted.


def _streams(pair: StatusPair, width: int | None) -> Iterator[str]:
    rows = pair.status["streams"]
    columns = [
        Column("state", [row["state"] for row in rows], 9),
        Column("records/s", pair.rates("streams", ("stream",), "delivered"), 8),
        _counts(rows, "delivered", 5),
        _ages(rows, 7),
        _counts(rows, "throttled", 6),
        _counts(rows, "retried", 4),
    ]
    yield from table("stream", [printable(row["stream"]) for row in rows], columns, width)


def _mappings(pair: StatusPair, width: int | None) -> Iterator[str]:
    rows = pair.status["ledger"]
    columns = [
        Column("received/s", pair.rates("ledger", ("mapping", "stream"), "received"), 8),
        _counts(rows, "received", 6),
        _counts(rows, "delivered", 4),
        _counts(rows, "filtered", 3),
        _counts(rows, "dead_lettered", 7),
        _counts(rows, "spooled", 9),
    ]
    names = [f"{row['mapping']} → {row['stream']}" if row["mapping"] else "(no mapping)" for row in rows]
    yield from table("mapping", list(map(printable, names)), columns, width)


def _workers(pair: StatusPair, width: int | None) -> Iterator[str]:
    rows = pair.status["workers"]
    columns = [
        Column("state", [row["state"] for row in rows], 9),
        Column("received/s", pair.rates("workers", ("number",), "received_messages"), 8),
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


def _spooled(status: dict[str, Any]) -> int:
    return sum(row["spooled"] for row in status["ledger"])
