"""Salvage: copy the readable rows of a damaged spool into the new spool, and count the lost records.

Salvage works on a copy of the damaged files. The damaged files themselves stay unchanged, so salvage cannot lose
anything. Salvage writes the intact pages of the write-ahead log into the copied database, and then reads every page of
the database, without SQLite (`page_scan`). A row is used only if its hash is correct.

    records        are appended to their queues in order, with new numbers and their old keys
    dead letters   are copied unchanged
    ledger         is copied. Lost records and lost dead letters are counted as `dropped` and `damaged`
    other values   states of mappings, QoS 2 identifiers and subscribed filters are copied unchanged

Salvage works in small transactions. Each transaction also stores the progress, so that salvage can resume after a
crash.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections import Counter
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.durations import pluralize
from bridge.errors import SpoolWriteError
from bridge.spool.database.tables import DEAD_LETTERS
from bridge.spool.database.transaction import Transaction
from bridge.spool.dead_letters import dead_letter_of
from bridge.spool.ledger import LedgerLine
from bridge.spool.recovery.damaged_spool import DamagedSpool
from bridge.spool.recovery.log_copy import apply_log
from bridge.spool.recovery.page_scan import PageScan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.spool.recovery.page_scan import Row
    from bridge.spool.store import Spool

log = logging.getLogger(__name__)

RANGE = 2_000
"""Maximum number of rows that one transaction copies."""
REPORT = "salvage.txt"
"""Name of the file in the folder of the damaged spool that contains the numbers of salvaged and lost records."""


@dataclass(slots=True)
class SalvageResult:
    """Counts of salvaged and lost records and dead letters.

    `lost` is None if no line of the ledger can be read. If `exact` is False, `lost` is only a minimum.
    """

    records: int = 0
    dead_letters: int = 0
    lost: int | None = None
    exact: bool = True

    def __str__(self) -> str:
        if self.lost is None:
            lost = "the number of lost records is unknown"
        elif self.exact:
            lost = f"{self.lost:,} were lost"
        else:
            lost = f"at least {self.lost:,} were lost; the exact number is unknown"
        records, dead_letters = pluralize(self.records, "record"), pluralize(self.dead_letters, "dead letter")
        return f"{records} and {dead_letters} salvaged; {lost}"


def salvage(spool: Spool, aside: Path) -> SalvageResult:
    """Copy everything readable from the damaged spool in `aside` into `spool`, and return the counts.

    Raises SpoolWriteError if the files cannot be copied, and the errors of writing to the new spool. Damaged content
    raises no error.
    """
    salvaged = SalvageResult()
    key = f"salvage {aside.name}"
    with _copied(aside) as copy:
        missing = apply_log(copy / "spool.db")
        with closing(PageScan(copy / "spool.db")) as scan:
            damaged = DamagedSpool(scan)
            salvaged.exact = not missing and damaged.ledger_complete and damaged.pages_in_tree
            _Salvage(spool, damaged, key, salvaged).run()
    # Commit this first. Otherwise, salvage would copy the records again after a crash during the following lines.
    spool.commit(Transaction(meta={key: json.dumps({"done": True})}))
    text = f"damaged spool in {aside}: {salvaged}"
    if missing:
        text += f"; {missing:,} pages of the write-ahead log are damaged or missing"
    log.warning("%s", text)
    with suppress(OSError):  # the text is also in the log
        (aside / REPORT).write_text(f"{text}\n", encoding="utf-8")
    return salvaged


@contextmanager
def _copied(aside: Path) -> Iterator[Path]:
    """Copy the files, yield the folder of the copy, and delete it afterwards. Raises SpoolWriteError."""
    copy = aside / "copy"
    try:
        # Delete the copy of an interrupted salvage, because this copy may be incomplete.
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir(mode=0o700)
        for file in aside.glob("spool.db*"):
            shutil.copyfile(file, copy / file.name)
        # If the database file is missing, create it, because the write-ahead log may still contain records.
        (copy / "spool.db").touch()
        yield copy
    except OSError as error:
        raise SpoolWriteError(f"the damaged spool in {aside} cannot be copied for salvage: {error.strerror}") from error
    finally:
        shutil.rmtree(copy, ignore_errors=True)


class _Salvage:
    """The salvage of one damaged database into one new spool."""

    def __init__(self, spool: Spool, damaged: DamagedSpool, key: str, salvaged: SalvageResult) -> None:
        self._spool = spool
        self._damaged = damaged
        self._key = key
        self._salvaged = salvaged
        noted = spool.get_meta(key)
        self._progress: dict[str, Any] = json.loads(noted) if noted else {}

    def run(self) -> None:
        """Copy the ledger once, and then the records and dead letters, starting at the stored progress."""
        # Copy the ledger only once. A second run would add the same counts again, and the ledger would not balance.
        if not self._progress.get("ledger"):
            self._salvage_ledger()
        self._salvaged.lost = self._progress["lost"]
        for number, name in self._damaged.streams.items():
            if name:
                self._salvage_records(number, name)
        self._salvage_dead_letters()

    def _note(self, transaction: Transaction, **changes: Any) -> None:
        """Change the progress, and add it to the transaction, so that data and progress are committed together."""
        self._progress |= changes
        transaction.meta[self._key] = json.dumps(self._progress)

    # -- ledger and other values -----------------------------------------------------------------------------------

    def _salvage_ledger(self) -> None:
        """Copy the ledger in one transaction, and count every spooled record as lost.

        Later, `_salvage_records` subtracts each record that it finds from the lost records. The same transaction copies
        the states of mappings, the QoS 2 identifiers and the subscribed filters.
        """
        spool, damaged, transaction = self._spool, self._damaged, Transaction()
        lost, left = 0, dict[str, int]()
        stored = self._dead_letters_by_line()
        for (mapping, stream), counts in damaged.ledger.items():
            # In `stored`, dead letters of mappings without a readable name are counted under the number 0.
            source = mapping if mapping in damaged.mappings else 0, stream
            expected = max(0, counts.dead_lettered - counts.deleted - counts.evicted)
            found = min(expected, stored[source])
            stored[source] -= found
            left[f"{mapping} {stream}"] = counts.spooled
            lost += counts.spooled + expected - found
            _drop(counts, "dead_lettered", expected - found)
            _drop(counts, "spooled", counts.spooled)
            # In the new ledger, all mappings without a readable name have one line together.
            transaction.restored_ledger.setdefault(self._numbers_of(mapping, stream), LedgerLine()).add(counts)
        # Store the values in the order in which they were written, because the oldest values are evicted first.
        for space, key, value, _ in sorted(damaged.states, key=lambda state: state[3]):
            spool.state(space).put(key, value)
        for packet in damaged.packets:
            transaction.qos2_ids[packet] = True
            spool.open_qos2_ids.add(packet)
        if "held_filters" in damaged.meta:
            transaction.broker_filters = frozenset(json.loads(damaged.meta["held_filters"]))
        self._note(transaction, ledger=True, left=left, lost=lost if damaged.ledger else None)
        spool.commit(transaction)
        if transaction.broker_filters is not None:
            # Set this only after the commit. If the commit fails, the old value is still correct.
            spool.broker_filters = transaction.broker_filters

    def _dead_letters_by_line(self) -> Counter[tuple[int, int]]:
        """Return the number of readable dead letters for each line of the damaged ledger."""
        mappings = {name: number for number, name in self._damaged.mappings.items()}
        streams = {name: number for number, name in self._damaged.streams.items()}
        found: Counter[tuple[int, int]] = Counter()
        for row in self._damaged.dead_letters(0):
            dead_letter = dead_letter_of(row[: len(DEAD_LETTERS.columns)])
            for stream in dead_letter.streams or ("",):
                found[mappings.get(dead_letter.mapping, 0), streams.get(stream, 0)] += 1
        return found

    def _numbers_of(self, mapping: int, stream: int) -> tuple[int, int]:
        """Return the numbers of a mapping and a stream in the new spool. The arguments are the old numbers."""
        name = self._damaged.streams.get(stream, "")
        queue = self._spool.queue(name).number if name else self._spool.stream_number("")
        return self._spool.mapping_number(self._damaged.mappings.get(mapping, "")), queue

    # -- records and dead letters ----------------------------------------------------------------------------------

    def _salvage_records(self, number: int, name: str) -> None:
        """Copy a queue's readable records in small transactions, beginning after the last copied record."""
        queue = self._spool.queue(name)
        for rows in _in_parts(self._damaged.records(number, self._progress.get(f"queue {number}", 0))):
            transaction = Transaction()
            for _, mapping, key, data, _ in rows:
                ids = self._numbers_of(mapping, number)
                queue.append(ids[0], key, data)
                transaction.salvaged_records[ids] += self._count_found(mapping, number)
            if self._progress["lost"] is not None:
                self._progress["lost"] -= transaction.salvaged_records.total()
            # The progress is the number of the last copied row. After a crash, salvage continues after this row, so no
            # row is copied twice.
            self._note(transaction, **{f"queue {number}": rows[-1][0]})
            self._spool.commit(transaction)
            self._salvaged.records += len(rows)
            self._salvaged.lost = self._progress["lost"]

    def _count_found(self, mapping: int, stream: int) -> int:
        """Return 1 if the next record that was found had been counted as lost in this ledger line, otherwise 0.

        If more records are found than the line counts as spooled, the additional records were not counted as lost.
        """
        left, line = self._progress.get("left", {}), f"{mapping} {stream}"
        if left.get(line, 0) <= 0:
            return 0
        left[line] -= 1
        return 1

    def _salvage_dead_letters(self) -> None:
        """Copy the readable dead letters in small transactions, beginning after the last copied dead letter."""
        for rows in _in_parts(self._damaged.dead_letters(self._progress.get("dead_letters", 0))):
            transaction = Transaction()
            transaction.dead_letters += [dead_letter_of(row[: len(DEAD_LETTERS.columns)]) for row in rows]
            self._note(transaction, dead_letters=rows[-1][-1])
            self._spool.commit(transaction)
            self._salvaged.dead_letters += len(rows)


def _drop(counts: LedgerLine, column: str, count: int) -> None:
    """Subtract `count` from `column`, and add it to `dropped` and `damaged`."""
    setattr(counts, column, getattr(counts, column) - count)
    counts.dropped += count
    counts.damaged += count


def _in_parts(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Yield the rows in lists of at most RANGE, in order."""
    part: list[Row] = []
    for row in rows:
        part.append(row)
        if len(part) >= RANGE:
            yield part
            part = []
    if part:
        yield part
