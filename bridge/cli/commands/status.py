"""Command `status`: the state of the running bridge."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

from bridge.cli.commands.status_watch import StatusPair, title, watched
from bridge.cli.output.formatting import duration
from bridge.cli.output.problem_lines import backlog_text, labelled, link_lines, problem_lines, verdict_line
from bridge.cli.output.screen import open_screen
from bridge.config import load_local_settings
from bridge.errors import BridgeError
from bridge.mapping.rendering import printable
from bridge.runtime.control import request
from bridge.runtime.exit_codes import FAILED
from bridge.supervisor.workers import control_folder
from bridge.terminal import BAD, BOOKS, GOOD, WARN, print_coloured, print_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.cli.output.screen import Screen

WATCH_SECS = 2.0
MARKS_IN_WORDS = {
    "replayed": "dead letters were replayed",
    "deleted": "dead letters were deleted",
    "evicted": "dead letters gave way to newer ones (spool.max_dead_letter_bytes)",
    "expired": "records were dropped since they were too old (spool.max_age_secs)",
    "damaged": "records were lost by a damaged disk",
}
_INKS = {
    **BOOKS,
    r"(?<=: )(ok|subscribed)\b": GOOD,
    r"(?<=: )(retrying|connected)\b": WARN,
    r"(?<=: )(refused|not connected)\b": BAD,
    r"^worker \d+ +(running|drained)": GOOD,
    r"^worker \d+ +(restarting|stopped)": BAD,
}
_COLUMNS = ("received", "delivered", "filtered", "dead_lettered", "dropped", "spooled")


def status(config: Path, *, as_json: bool, watch: bool) -> int:
    """Return 0 if the state is ok, and 1 if it is degraded or failing; with `watch`, repeat until Ctrl-C.

    Raise BridgeError, ConfigError.
    """
    folder = load_local_settings(config, os.environ).spool.path
    if watch:
        _watch(folder, as_json=as_json)
    told = request(control_folder(folder))
    if as_json:
        print(orjson.dumps(told).decode())
    else:
        print_coloured("\n".join(in_words(told["status"])), _INKS)
    return 0 if told["status"]["state"] == "ok" else FAILED


def _watch(folder: Path, *, as_json: bool) -> NoReturn:
    """Update one screen on a terminal, else print a block each time. Wait for a bridge that stops responding."""
    before, at, told = None, time.monotonic(), request(control_folder(folder))
    with open_screen(plain=as_json) as screen:
        while True:
            now, look = time.monotonic(), StatusPair(told["status"], before, time.monotonic() - at)
            screen.show(partial(_json, told) if as_json else partial(_block, look, time.time()))
            before, at = told["status"], now
            told = _next_look(folder, screen, look, as_json=as_json)


def _next_look(folder: Path, screen: Screen, last: StatusPair, *, as_json: bool) -> dict[str, Any]:
    since = time.time()
    while True:
        screen.wait(WATCH_SECS)
        try:
            return request(control_folder(folder))
        except BridgeError as error:
            if as_json:
                print_error(f"mqtt-kinesis: {error}")
            else:
                screen.show(partial(_unanswered, str(error), last, since))


def _json(told: dict[str, Any], _width: int | None) -> list[str]:
    return [orjson.dumps(told).decode()]


def _block(look: StatusPair, now: float, width: int | None) -> list[str]:
    """Return the lines of one status. Plain output ends with a blank line, to separate it from the next."""
    if width is None:
        return [*watched(look), ""]
    return [title(look.told, now, now, width), *watched(look, width)]


def _unanswered(error: str, last: StatusPair, since: float, width: int | None) -> list[str]:
    """Return the error, and on a screen the last status with its age."""
    if width is None:
        return [*labelled("ERROR", error, None), ""]
    now = time.time()
    age = f"nothing heard for {duration(now - since)}; this was seen last:"
    return [title(last.told, since, now, width), *labelled("ERROR", error, width), age, *watched(last, width)]


def in_words(told: dict[str, Any]) -> Iterator[str]:
    """Yield the lines for a person: the state first, then the problems, then the parts."""
    yield from verdict_line(told)
    yield from problem_lines(told)
    yield f"broker    {told['broker']}, MQTT {told['protocol']}: {_session(told)}"
    yield f"spool     {told['spool_bytes'] / 2**20:,.1f} MiB, {told['dead_letter_count']:,} dead letters"
    yield f"backlog   {backlog_text(told)}"
    yield from link_lines(told)
    for stream in told["streams"]:
        waiting = f"oldest {stream['oldest_secs']:.0f} s" if stream["oldest_secs"] else "buffer empty"
        yield f"stream    {stream['stream']}: {stream['state']}, {stream['delivered']:,} delivered, {waiting}"
    for worker in told["workers"]:
        yield printable(_worker(worker))
    yield from books_in_words(told["ledger"], balanced=told["balanced"])


def _session(told: dict[str, Any]) -> str:
    """Return the state of the MQTT session. With several workers, some of them may be connected."""
    if told["subscribed"]:
        return "subscribed"
    if told["connected"]:
        return "connected"
    connected = sum(worker["connected"] for worker in told["workers"])
    return f"not connected ({connected} of {len(told['workers'])} workers are)" if connected else "not connected"


def _worker(worker: dict[str, Any]) -> str:
    away = "not connected" if worker["state"] == "running" and not worker["connected"] else ""
    detail = f" ({worker['detail'] or away})" if worker["detail"] or away else ""
    restarts = f"{worker['restarts']} restarts"
    if worker["restarts"] and not worker["detail"]:
        restarts += f" (the last: {worker['last_end']})"
    counts = f"{worker['received_messages']:,} received, {worker['spooled']:,} wait, {restarts}"
    return f"{worker['name']:<10}{worker['state']}{detail}: {counts}, {worker['folder']}"


def books_in_words(rows: list[dict[str, Any]], *, balanced: bool) -> Iterator[str]:
    """Yield a line for each mapping and stream, and whether the ledger is balanced."""
    width = max([len(_place(row)) for row in rows], default=0)
    yield f"{'books':<{width + 10}}" + "".join(f"{name:>15}" for name in _COLUMNS)
    for row in rows:
        yield f"{'':<10}{_place(row):<{width}}" + "".join(f"{row[name]:>15,}" for name in _COLUMNS)
    for mark, words in MARKS_IN_WORDS.items():
        if count := sum(row.get(mark, 0) for row in rows):
            yield f"{count:,} {words}"
    yield "the books balance" if balanced else "THE BOOKS DO NOT BALANCE: please report this"


def _place(row: dict[str, Any]) -> str:
    return f"{row['mapping']} → {row['stream']}" if row["mapping"] else "(no mapping)"
