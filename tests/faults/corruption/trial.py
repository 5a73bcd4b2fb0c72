"""Trial with one damaged spool: it must start quickly, return only received records, and report all losses."""

import logging
import random
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bridge.errors import BridgeError, SpoolCorrupt
from bridge.spool.database.transaction import Transaction
from tests.faults.corruption.damage import hurt
from tests.faults.corruption.specimen import Specimen
from tests.spool.builders import opened

MOST_STARTS = 3
MAX_START_SECS = 10.0
UNKNOWN = ("number is unknown", "number of lost records is unknown", "unknown number of records")


@dataclass(frozen=True)
class Verdict:
    """Result of one damaged spool. `lost` and `declared` are numbers of records and dead letters."""

    what: str
    start_secs: float
    lost: int
    declared: int
    unknown: bool
    duplicates: int
    problems: tuple[str, ...]


class _Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage() + "\n"


def try_damage(specimen: Specimen, folder: Path, seed: int) -> Verdict:
    """Damage a copy of the specimen, open it as the spool of a bridge, deliver everything, and compare."""
    shutil.copytree(specimen.folder, folder)
    what = hurt(folder, random.Random(seed))
    log = _Log()
    logger = logging.getLogger("bridge.spool")
    logger.addHandler(log)
    try:
        return _judged(specimen, folder, f"seed {seed}, {what}", log)
    finally:
        logger.removeHandler(log)


def _judged(specimen: Specimen, folder: Path, what: str, log: _Log) -> Verdict:
    problems: list[str] = []
    sent: Counter[tuple[str, str, bytes]] = Counter()
    letters: set[bytes] = set()
    declared, slowest, ended = 0, 0.0, False
    for _ in range(MOST_STARTS):
        began = time.monotonic()
        try:
            spool = opened(folder)
        except BridgeError as error:
            problems.append(f"it does not start: {error}")
            break
        slowest = max(slowest, time.monotonic() - began)
        try:
            _deliver_all(spool, sent)
            letters |= {stored.dead_letter.payload for stored in spool.newest_dead_letters(10_000)}
            problems += _wrong_states(spool, specimen)
            declared = sum(row.damaged for row in spool.ledger_rows())
            problems += [f"not balanced: {row}" for row in spool.ledger_rows() if not row.balanced]
            ended = True
        except SpoolCorrupt:
            continue  # in a real bridge, the process ends here, and the next start sets the spool aside
        finally:
            spool.close()
        if ended:
            break
    if not ended and not problems:
        problems.append(f"damaged after {MOST_STARTS} starts")
    if slowest > MAX_START_SECS:
        problems.append(f"started after {slowest:.1f} s")
    if garbled := set(sent) - specimen.ever:
        problems.append(f"{len(garbled)} garbled records sent, such as {next(iter(garbled))}")
    if garbled_letters := letters - specimen.dead_letters_ever:
        problems.append(f"{len(garbled_letters)} garbled dead letters")
    lost = len(specimen.waiting - set(sent)) + len(specimen.dead_letters - letters)
    unknown = any(words in log.text for words in UNKNOWN)
    if lost > declared and not unknown:
        problems.append(f"{lost} lost, {declared} declared")
    again = sum(sent.values()) - len(set(sent) & specimen.waiting)
    return Verdict(what, slowest, lost, declared, unknown, again, tuple(problems))


def _deliver_all(spool, sent: Counter) -> None:
    for stream, queue in list(spool.queues.items()):
        while records := queue.take_batch(500, 1 << 20):
            sent.update((stream, record.key, record.data) for record in records)
            queue.settle(records, [])
            spool.commit(Transaction())


def _wrong_states(spool, specimen: Specimen) -> list[str]:
    found = {(space, key, value) for space, state in spool.states.by_name.items() for key, value in state.items()}
    return [f"garbled states: {found - specimen.states}"] if found - specimen.states else []
