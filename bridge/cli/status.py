"""`status`: how the running bridge stands."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

from bridge.asking import ask
from bridge.cli.app import FAILED
from bridge.cli.watching import watched
from bridge.config import load_settings
from bridge.errors import BridgeError
from bridge.mapping.wording import printable
from bridge.supervision.members import asked_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WATCH_SECS = 2.0
MARKS_IN_WORDS = {
    "replayed": "dead letters were replayed",
    "deleted": "dead letters were deleted",
    "evicted": "dead letters gave way to newer ones (spool.max_dead_letter_bytes)",
    "expired": "records were dropped since they were too old (spool.max_age_secs)",
    "damaged": "records were lost by a damaged disk",
}
_COLUMNS = ("received", "delivered", "filtered", "dead_lettered", "dropped", "spooled")


def status(config: Path, *, as_json: bool, watch: bool) -> int:
    """0 if nothing is wrong, else 1. With `watch` again and again, until Ctrl-C. Raises BridgeError, ConfigError."""
    folder = load_settings(config, os.environ).spool.path
    if watch:
        _watch(folder, as_json=as_json)
    told = ask(asked_folder(folder))
    print(orjson.dumps(told).decode() if as_json else "\n".join(in_words(told["status"])))
    return FAILED if told["status"]["problems"] else 0


def _watch(folder: Path, *, as_json: bool) -> NoReturn:
    """One screen on a terminal, else a block each time; a bridge that stops answering is waited for."""
    before, at, told = None, time.monotonic(), ask(asked_folder(folder))
    with _screen(plain=as_json) as show:
        while True:
            now = time.monotonic()
            if as_json:
                show(orjson.dumps(told).decode())
            else:
                show("\n".join(watched(told["status"], before, now - at)) + "\n")
            before, at = told["status"], now
            told = _next_look(folder, show)


def _next_look(folder: Path, show: Callable[[str], None]) -> dict[str, Any]:
    while True:
        threading.Event().wait(WATCH_SECS)
        try:
            return ask(asked_folder(folder))
        except BridgeError as error:
            show(f"problem   {printable(str(error))}\n")


@contextmanager
def _screen(*, plain: bool) -> Iterator[Callable[[str], None]]:
    """Gives what shows a text: in the place of the one before on a terminal, else below it."""
    if plain or not sys.stdout.isatty():
        yield lambda text: print(text, flush=True)
        return
    from rich.live import Live  # noqa: PLC0415 - only a terminal needs it
    from rich.text import Text  # noqa: PLC0415 - as above

    def shown(text: str) -> Text:
        made = Text(text, no_wrap=True, overflow="ellipsis")
        made.highlight_regex(r"(?m)^(problem .*|THE BOOKS DO NOT .*)$", "bold red")
        return made

    with Live(screen=True, auto_refresh=False) as live:
        yield lambda text: live.update(shown(text), refresh=True)


def in_words(told: dict[str, Any]) -> Iterator[str]:
    """For a person: what is wrong first."""
    yield from (f"problem   {printable(problem)}" for problem in told["problems"])
    session = "subscribed" if told["subscribed"] else "connected" if told["connected"] else "not connected"
    yield f"broker    {told['broker']}, MQTT {told['protocol']}: {session}"
    yield f"spool     {told['spool_bytes'] / 2**20:,.1f} MiB, {told['dead_letter_count']:,} dead letters"
    for stream in told["streams"]:
        waiting = f"oldest {stream['oldest_secs']:.0f} s" if stream["oldest_secs"] else "nothing waits"
        yield f"stream    {stream['stream']}: {stream['state']}, {stream['delivered']:,} delivered, {waiting}"
    for worker in told["workers"]:
        away = "not connected" if worker["state"] == "running" and not worker["connected"] else ""
        detail = f" ({worker['detail'] or away})" if worker["detail"] or away else ""
        counts = f"{worker['received_messages']:,} received, {worker['spooled']:,} wait, {worker['restarts']} restarts"
        yield printable(f"{worker['name']:<10}{worker['state']}{detail}: {counts}, {worker['folder']}")
    yield from books_in_words(told["ledger"], balanced=told["balanced"])


def books_in_words(rows: list[dict[str, Any]], *, balanced: bool) -> Iterator[str]:
    """A line for each mapping and stream, and whether they balance."""
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
