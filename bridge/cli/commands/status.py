"""Command `status`: shows the state of the running bridge, once or every two seconds."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from bridge.cli.commands.status_watch import StatusPair, title_line, watch_lines
from bridge.cli.output.formatting import duration, pluralize, size_text
from bridge.cli.output.json_document import document
from bridge.cli.output.problem_lines import backlog_text, labelled, link_lines, problem_lines, verdict_line
from bridge.cli.output.screen import open_screen
from bridge.config import load_local_settings
from bridge.errors import BridgeError
from bridge.mapping.rendering import printable
from bridge.runtime.control_channel import request
from bridge.runtime.exit_codes import FAILED
from bridge.spool.ledger import LedgerRow, accounting_lines
from bridge.supervisor.workers import control_folder
from bridge.terminal import BAD, GOOD, LEDGER_COLOURS, WARN, print_coloured, print_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.cli.output.screen import Screen

WATCH_SECS = 2.0
"""Seconds between two requests to the bridge with --watch."""
# Columns of the ledger that are printed below the table if their sum is not 0, with the noun and the text to print.
_BREAKDOWN_TEXTS = {
    "replayed": ("dead letter", "replayed"),
    "deleted": ("dead letter", "deleted"),
    "evicted": ("dead letter", "evicted for newer ones (spool.max_dead_letter_bytes)"),
    "expired": ("record", "dropped because of its age (spool.max_age_secs)"),
    "damaged": ("record", "lost by a damaged disk"),
}
_COLOURS = {
    **LEDGER_COLOURS,
    r"(?<=: )(ok|subscribed)\b": GOOD,
    r"(?<=: )(retrying|connected)\b": WARN,
    r"(?<=: )(refused|not connected)\b": BAD,
    r"^worker \d+ +(running|drained)": GOOD,
    r"^worker \d+ +(restarting|stopped)": BAD,
}
# Maximum number of mappings with invalid files whose names are printed.
_NAMES_SHOWN = 5
# Note below the ledger. Without it, users would expect that the ledger shows the number of MQTT messages.
_LEDGER_NOTE = (
    "A message counts once for each output of each matching mapping; with `each: true`, once for each item.\n"
    "Everything that was received is in exactly one other column. A record is delivered, dropped or still spooled."
)
_OLDEST_NOTE = "oldest: time since the bridge received the oldest record that is not delivered yet."
_COLUMNS = ("received", "delivered", "filtered", "dead_lettered", "dropped", "spooled")


def status(config: Path, *, as_json: bool, watch: bool) -> int:
    """Print the status. Return 0 if the state is ok, 1 if it is degraded or failing.

    If `watch` is true, print the status every WATCH_SECS until Ctrl-C. Raise BridgeNotRunning, NoPermission, another
    BridgeError, or ConfigError.
    """
    folder = load_local_settings(config, os.environ).spool.path
    if watch:
        _watch(folder, as_json=as_json)
    response = request(control_folder(folder))
    if as_json:
        print(*_json(response, None))
    else:
        print_coloured("\n".join(status_lines(response["status"])), _COLOURS)
    return 0 if response["status"]["state"] == "ok" else FAILED


def _watch(folder: Path, *, as_json: bool) -> NoReturn:
    """Show the status repeatedly, on one screen of a terminal or as one text after another.

    The first request must succeed. Later, the command waits while the bridge does not respond.
    """
    before, at, response = None, time.monotonic(), request(control_folder(folder))
    with open_screen(plain=as_json) as screen:
        while True:
            now, pair = time.monotonic(), StatusPair(response["status"], before, time.monotonic() - at)
            screen.show(partial(_json, response) if as_json else partial(_block, pair, time.time()))
            before, at = response["status"], now
            response = _next_status(folder, screen, pair, as_json=as_json)


def _next_status(folder: Path, screen: Screen, last: StatusPair, *, as_json: bool) -> dict[str, Any]:
    since = time.time()
    while True:
        screen.wait(WATCH_SECS)
        try:
            return request(control_folder(folder))
        except BridgeError as error:
            if as_json:
                print_error(f"mqtt-kinesis: {error}")
            else:
                screen.show(partial(_no_response, str(error), last, since))


def _json(response: dict[str, Any], _width: int | None) -> list[str]:
    return [document(**response)]


def _block(pair: StatusPair, now: float, width: int | None) -> list[str]:
    """Return the lines of one status. On a screen, they begin with a title. Otherwise, they end with a blank line."""
    if width is None:
        return [*watch_lines(pair), ""]
    return [title_line(pair.status, now, now, width), *watch_lines(pair, width)]


def _no_response(error: str, last: StatusPair, since: float, width: int | None) -> list[str]:
    """Return the lines for a bridge that does not respond: the error, and on a screen also the last known status."""
    if width is None:
        return [*labelled("ERROR", error, None), ""]
    now = time.time()
    age = f"no response for {duration(now - since)}; last status:"
    return [
        title_line(last.status, since, now, width),
        *labelled("ERROR", error, width),
        age,
        *watch_lines(last, width),
    ]


def status_lines(status: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of `status` without --watch: the state or the problems, then each part of the bridge."""
    # Omit the verdict if there are problems, because it would only repeat the first problem.
    yield from problem_lines(status) if status["problems"] else verdict_line(status)
    yield f"broker    {status['broker']}, MQTT {status['protocol']}: {_session(status)}"
    yield f"mappings  {mappings_text(status)}"
    yield f"spool     {spool_text(status)}"
    yield f"backlog   {backlog_text(status)}"
    yield from link_lines(status)
    for stream in status["streams"]:
        yield stream_line(stream, [row for row in status["ledger"] if row["stream"] == stream["stream"]])
    for worker in status["workers"]:
        yield printable(_worker(worker))
    yield from ledger_lines(status["ledger"])
    yield _LEDGER_NOTE
    if any(stream["oldest_secs"] for stream in status["streams"]):
        yield _OLDEST_NOTE


def mappings_text(status: dict[str, Any]) -> str:
    """Return the number of active mappings, and the names of mappings with an invalid file."""
    failing = status["failing_mappings"]
    names = ", ".join(failing[:_NAMES_SHOWN]) + (" …" if len(failing) > _NAMES_SHOWN else "")
    more = f", {len(failing):,} with a file that does not load: {names}" if failing else ""
    return printable(f"{status['active_mappings']:,} active{more}")


def spool_text(status: dict[str, Any]) -> str:
    """Return the size of the spool, its limit, and the number of dead letters."""
    limit = f" of {size_text(status['spool_max_bytes'])}" if status["spool_max_bytes"] else ""
    advice = " (see 'mqtt-kinesis dead-letters list')" if status["dead_letter_count"] else ""
    dead_letters = pluralize(status["dead_letter_count"], "dead letter")
    return f"{size_text(status['spool_bytes'])}{limit}, {dead_letters}{advice}"


def stream_line(stream: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """Return the line of one stream. `rows` are the rows of this stream in the ledger.

    The line shows the counts of the ledger, because they are always consistent. The counts in `stream` start at 0 when
    the bridge starts, and include records whose delivery is not committed yet.
    """
    delivered, buffered = (sum(row[name] for row in rows) for name in ("delivered", "spooled"))
    age = f" (oldest {duration(stream['oldest_secs'])})" if stream["oldest_secs"] else ""
    buffer = f"{buffered:,} buffered{age}" if buffered else "buffer empty"
    return f"stream    {stream['stream']}: {stream['state']}, {delivered:,} delivered, {buffer}"


def _session(status: dict[str, Any]) -> str:
    """Return the state of the MQTT session. If only some workers are connected, the text contains their number."""
    if status["subscribed"]:
        return "subscribed"
    if status["connected"]:
        return "connected"
    connected = sum(worker["connected"] for worker in status["workers"])
    return (
        f"not connected ({connected} of {len(status['workers'])} workers connected)" if connected else "not connected"
    )


def _worker(worker: dict[str, Any]) -> str:
    # If the state is not "running", it already explains why the worker is not connected.
    remark = "not connected" if worker["state"] == "running" and not worker["connected"] else ""
    detail = f" ({worker['detail'] or remark})" if worker["detail"] or remark else ""
    restarts = pluralize(worker["restarts"], "restart")
    if worker["restarts"] and not worker["detail"]:
        restarts += f" (last: {worker['last_end']})"
    counts = f"{worker['received_messages']:,} received, {worker['spooled']:,} buffered, {restarts}"
    return f"{worker['name']:<10}{worker['state']}{detail}: {counts}, {worker['folder']}"


def ledger_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the ledger as a table with a line for each mapping and stream, then the result of the accounting."""
    width = max([len(_ledger_key(row)) for row in rows], default=0)
    columns = {name: max(len(name), *(len(f"{row[name]:,}") for row in rows), 0) + 2 for name in _COLUMNS}
    yield f"{'ledger':<{width + 10}}" + "".join(f"{name:>{chars}}" for name, chars in columns.items())
    for row in rows:
        counts = "".join(f"{row[name]:>{chars},}" for name, chars in columns.items())
        yield f"{'':<10}{_ledger_key(row):<{width}}{counts}"
    for column, (noun, what) in _BREAKDOWN_TEXTS.items():
        if count := sum(row.get(column, 0) for row in rows):
            yield f"{pluralize(count, noun)} {'was' if count == 1 else 'were'} {what}"
    yield from accounting_lines(LedgerRow(**row) for row in rows)


def _ledger_key(row: dict[str, Any]) -> str:
    return f"{row['mapping']} → {row['stream']}" if row["mapping"] else "(no mapping)"
