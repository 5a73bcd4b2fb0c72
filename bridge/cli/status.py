"""`status`: how the running bridge stands."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import orjson

from bridge.asking import ask
from bridge.cli.app import FAILED
from bridge.config import load_settings
from bridge.mapping.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
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
    while True:
        told = ask(folder)
        print(orjson.dumps(told).decode() if as_json else "\n".join(in_words(told["status"])), flush=True)
        if not watch:
            return FAILED if told["status"]["problems"] else 0
        threading.Event().wait(WATCH_SECS)
        print()


def in_words(told: dict[str, Any]) -> Iterator[str]:
    """For a person: what is wrong first."""
    yield from (f"problem   {printable(problem)}" for problem in told["problems"])
    session = "subscribed" if told["subscribed"] else "connected" if told["connected"] else "not connected"
    yield f"broker    {told['broker']}, MQTT {told['protocol']}: {session}"
    yield f"spool     {told['spool_bytes'] / 2**20:,.1f} MiB, {told['dead_letter_count']:,} dead letters"
    for stream in told["streams"]:
        waiting = f"oldest {stream['oldest_secs']:.0f} s" if stream["oldest_secs"] else "nothing waits"
        yield f"stream    {stream['stream']}: {stream['state']}, {stream['delivered']:,} delivered, {waiting}"
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
