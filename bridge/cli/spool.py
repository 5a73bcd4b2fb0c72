"""`spool`: the books, and whether the spool is whole; also while the bridge runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import orjson

from bridge.cli.app import FAILED
from bridge.cli.counting import counted
from bridge.cli.status import books_in_words
from bridge.config import load_settings
from bridge.spool.inspection import damage, read_books

if TYPE_CHECKING:
    from pathlib import Path


def spool_status(config: Path, *, as_json: bool) -> int:
    """0 if the books balance, else 1. Raises ConfigError, BridgeError."""
    folder = load_settings(config, os.environ).spool.path
    books = read_books(folder)
    size = sum(file.stat().st_size for file in folder.glob("spool.db*"))
    rows = [row._asdict() for row in books.rows]
    balanced = not list(books.faults())
    if as_json:
        told = {"bytes": size, "dead_letters": books.letters, "queued": books.queued, "ledger": rows}
        print(orjson.dumps({**told, "balanced": balanced}).decode())
    else:
        print(f"spool     {folder}: {size / 2**20:,.1f} MiB, {counted(books.letters, 'dead letter')}")
        for stream, count in books.queued.items():
            print(f"stream    {stream}: {counted(count, 'record')} to be sent")
        print("\n".join(books_in_words(rows, balanced=balanced)))
    return 0 if balanced else FAILED


def verify_spool(config: Path) -> int:
    """0 if the database is whole and the books agree with what is in it, else 1. Raises ConfigError, BridgeError."""
    folder = load_settings(config, os.environ).spool.path
    found = [*damage(folder), *read_books(folder).faults()]
    for fault in found:
        print(fault)
    if not found:
        print(f"{folder}: whole, and the books balance with what is in it")
    return FAILED if found else 0
