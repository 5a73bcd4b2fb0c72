"""Command `status`: the state of the running bridge."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from bridge.cli.commands.status_watch import StatusPair, title, watched
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
_BREAKDOWN_TEXTS = {
    "replayed": ("dead letter", "replayed"),
    "deleted": ("dead letter", "deleted"),
    "evicted": ("dead letter", "evicted for newer ones (spool.max_dead_letter_bytes)"),
    "expired": ("record", "dropped because of its age (spool.max_age_secs)"),
    "damaged": ("record", "lost by a damaged disk"),
}
_INKS = {
    **LEDGER_COLOURS,
    r"(?<=: )(ok|subscribed)\b": GOOD,
    r"(?<=: )(retrying|connected)\b": WARN,
    r"(?<=: )(refused|not connected)\b": BAD,
    r"^worker \d+ +(running|drained)": GOOD,
    r"^worker \d+ +(restarting|stopped)": BAD,
}
_NAMES_SHOWN = 5
_LEDGER_NOTE = (
    "A message counts once for each output of each matching mapping; with `each: true`, once for each item.\n"
    "Each one becomes a record (delivered, dropped or still spooled), is filtered, or becomes a dead letter."
)
# How the columns relate: the numbers of messages and of records are not the same.
_OLDEST_NOTE = "oldest: time since the receipt of the oldest record that is not delivered."
_COLUMNS = ("received", "delivered", "filtered", "dead_lettered", "dropped", "spooled")


def status(config: Path, *, as_json: bool, watch: bool) -> int:
    """Return 0 if the state is ok, and 1 if it is degraded or failing; with `watch`, repeat until Ctrl-C.

    Raise BridgeNotRunning, NoPermission, other BridgeErrors, ConfigError.
    """
    folder = load_local_settings(config, os.environ).spool.path
    if watch:
        _watch(folder, as_json=as_json)
    response = request(control_folder(folder))
    if as_json:
        print(*_json(response, None))
    else:
        print_coloured("\n".join(status_lines(response["status"])), _INKS)
    return 0 if response["status"]["state"] == "ok" else FAILED


def _watch(folder: Path, *, as_json: bool) -> NoReturn:
    """Update one screen on a terminal, otherwise print a block each time.

    If the bridge stops responding, wait for it.
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
    """Return the lines of one status. Plain output ends with a blank line, to separate it from the next."""
    if width is None:
        return [*watched(pair), ""]
    return [title(pair.status, now, now, width), *watched(pair, width)]


def _no_response(error: str, last: StatusPair, since: float, width: int | None) -> list[str]:
    """Return the error, and on a screen the last status with its age."""
    if width is None:
        return [*labelled("ERROR", error, None), ""]
    now = time.time()
    age = f"no response for {duration(now - since)}; last status:"
    return [title(last.status, since, now, width), *labelled("ERROR", error, width), age, *watched(last, width)]


def status_lines(status: dict[str, Any]) -> Iterator[str]:
    """Yield the lines for a person: the state or the problems first, then the parts."""
    # The verdict only repeats the first problem.
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
    """Return the number of active mappings, and the names of those whose file does not load."""
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

    The counts are those of the ledger, because they are always consistent. The sender counts from its start, and is
    ahead of the ledger until the next commit.
    """
    delivered, buffered = (sum(row[name] for row in rows) for name in ("delivered", "spooled"))
    age = f" (oldest {duration(stream['oldest_secs'])})" if stream["oldest_secs"] else ""
    buffer = f"{buffered:,} buffered{age}" if buffered else "buffer empty"
    return f"stream    {stream['stream']}: {stream['state']}, {delivered:,} delivered, {buffer}"


def _session(status: dict[str, Any]) -> str:
    """Return the state of the MQTT session. With several workers, some of them may be connected."""
    if status["subscribed"]:
        return "subscribed"
    if status["connected"]:
        return "connected"
    connected = sum(worker["connected"] for worker in status["workers"])
    return (
        f"not connected ({connected} of {len(status['workers'])} workers connected)" if connected else "not connected"
    )


def _worker(worker: dict[str, Any]) -> str:
    away = "not connected" if worker["state"] == "running" and not worker["connected"] else ""
    detail = f" ({worker['detail'] or away})" if worker["detail"] or away else ""
    restarts = pluralize(worker["restarts"], "restart")
    if worker["restarts"] and not worker["detail"]:
        restarts += f" (last: {worker['last_end']})"
    counts = f"{worker['received_messages']:,} received, {worker['spooled']:,} buffered, {restarts}"
    return f"{worker['name']:<10}{worker['state']}{detail}: {counts}, {worker['folder']}"


def ledger_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each mapping and stream, and the result of the accounting."""
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
